"""One mark stamped over and over: what repeats in the pastiche and neither in the photograph nor in the style."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.evaluation.passes import high_pass

BLOCK, STEP = 128, 32
SHORTEST, LONGEST = 6, 48
BROAD = 8.0
"""Deviation in pixels of the Gaussian whose high-pass takes away shading."""
PALE = (2 / 255) ** 2
"""Detail of less variance than this may repeat: nobody sees it."""
PEAK = 3
"""A lag is a peak where no other within this many pixels is more alike."""
RAY = 12


def repetition(own: Tensor | None, photograph: Tensor | None, style: Tensor | None) -> float | None:
    """How much a pastiche repeats itself beyond photograph and style: 0 = not at all, 1 = stamped.

    All three are what `self_likeness` gives. Of each block counts what is above the same block of the photograph and
    above the median of the style's blocks, which may be hatched or tiled; the figure is the mean of the quarter of the
    blocks with the most, since a stamped sky rarely fills more. None where the pastiche is smaller than a block.
    """
    if own is None or photograph is None:
        return None
    allowed = photograph if style is None else photograph.clamp(min=float(style.median()))
    beyond = (own - allowed).clamp(min=0).sort(descending=True).values
    return float(beyond[: max(1, len(beyond) // 4)].mean())


def self_likeness(field: Tensor) -> Tensor | None:
    """Of 1 x 1 x H x W: for overlapping blocks of 128 pixels (every 32), how alike the block is to itself moved by some
    6 to 48 pixels. None where the field is smaller than a block.

    The autocorrelation of the high-passed luminance, of which only separate peaks count: how far a peak rises above the
    least (but not below 0) that lies between it and the centre. A long stroke is alike to itself moved along, but has
    no peak; a row of equal marks has one.
    """
    detail = high_pass(field, BROAD)[0, 0]
    if min(detail.shape) < BLOCK:
        return None
    rows = detail.unfold(0, BLOCK, STEP).unfold(1, BLOCK, STEP)
    return torch.cat([_likeness_of_blocks(blocks) for blocks in rows])


def _likeness_of_blocks(blocks: Tensor) -> Tensor:
    """Of N x BLOCK x BLOCK: N."""
    blocks = blocks - blocks.mean((1, 2), keepdim=True)
    reach = LONGEST + PEAK
    size = BLOCK + reach + 1
    spectrum = torch.fft.rfft2(blocks, s=(size, size))
    products = torch.fft.irfft2(spectrum.abs().square(), s=(size, size)).roll((reach, reach), (1, 2))
    overlap = BLOCK - (torch.arange(2 * reach + 1) - reach).abs()
    pairs = (overlap[:, None] * overlap).to(blocks.device)
    variance = blocks.square().mean((1, 2), keepdim=True)
    likeness = products[:, : 2 * reach + 1, : 2 * reach + 1] / pairs / (variance + PALE)
    near = F.max_pool2d(likeness[:, None], 2 * PEAK + 1, 1, PEAK)[:, 0]
    lags, rays = _lags(reach)
    flat = likeness.flatten(1)
    between = flat[:, rays].amin(2).clamp(min=0)
    peaks = torch.where((likeness >= near).flatten(1)[:, lags], flat[:, lags] - between, 0.0)
    return peaks.amax(1)


@lru_cache(maxsize=1)
def _lags(reach: int) -> tuple[Tensor, Tensor]:
    """Flat indices of the lags that count (half a disc: the other half is the same), L, and of what lies between each
    and the centre, L x RAY."""
    y, x = torch.meshgrid(*2 * [torch.arange(-reach, reach + 1)], indexing="ij")
    distance = (x * x + y * y).sqrt()
    counted = (distance >= SHORTEST) & (distance <= LONGEST) & ((y > 0) | ((y == 0) & (x > 0)))
    lags = torch.stack([y[counted], x[counted]])
    way = torch.arange(RAY) / RAY
    between = (lags[:, :, None] * way).round().long() + reach
    side = 2 * reach + 1
    return (lags[0] + reach) * side + lags[1] + reach, between[0] * side + between[1]
