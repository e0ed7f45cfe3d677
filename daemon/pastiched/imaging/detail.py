"""What is fine in a picture: left out, made crisp, or taken from the photograph. Any values."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.imaging.doubling import CUBIC, LINEAR, doubled
from pastiched.imaging.scale import pad_wrapped, strips

GUIDE_RADIUS = 4
GUIDE_EPSILON = 5e-3
"""Squared contrast, of luminance in [0, 1], below which the photograph's detail is left to the paint."""
LARGEST_GAIN = 1.25
HALF_BAND = (-1 / 32, 0.0, 9 / 32, 1 / 2, 9 / 32, 0.0, -1 / 32)
CRISPNESS = 1.5
CRISP_RADIUS = 4
"""How many pixels away others may lie on which a crisp one depends."""
STRIP_NUMBERS = 360_000


def half_band(x: Tensor, wrap: tuple[bool, bool] = (False, False)) -> Tensor:
    """1 x C x H x W without what is finer than four pixels a period (Deslauriers & Dubuc 1989, 7 taps); any values."""
    margin = len(HALF_BAND) // 2
    for axis, pad, wrapped in ((3, (margin, margin, 0, 0), wrap[0]), (2, (0, 0, margin, margin), wrap[1])):
        padded, length = F.pad(x, pad, "circular" if wrapped else "replicate"), x.shape[axis]
        x = padded.narrow(axis, margin, length) * HALF_BAND[margin]
        for place, tap in enumerate(HALF_BAND):
            if tap and place != margin:
                x.add_(padded.narrow(axis, place, length), alpha=tap)
    return x


def crisp(x: Tensor, factor: int, wrap: tuple[bool, bool] = (False, False)) -> Tensor:
    """1 x C x H x W enlarged by 1 or 2, with steep edges and without halos; any values.

    What unsharp masking overshoots is cut off at the least and the greatest of the 3 x 3 pixels that lie there.
    """

    def sharpened(x: Tensor) -> Tensor:
        blurred = local_mean(local_mean(x, 1), 1)
        least, greatest = _of_neighbours(x, torch.minimum), _of_neighbours(x, torch.maximum)
        out = torch.lerp(x, blurred, -CRISPNESS)
        if factor == 2:
            out, least, greatest = doubled(out, CUBIC), doubled(least, LINEAR), doubled(greatest, LINEAR)
        return out.clamp_(least, greatest)

    return _in_strips(sharpened, x, CRISP_RADIUS, wrap, factor)


def _of_neighbours(x: Tensor, pick: Callable[..., Tensor]) -> Tensor:
    """The least or the greatest of the 3 x 3 pixels around each, of those that there are.

    Many times as fast as max_pool2d, like `local_mean`.
    """
    for axis in (3, 2):
        out, length = x.clone(), x.shape[axis] - 1
        for here, there in ((0, 1), (1, 0)):
            place = out.narrow(axis, here, length)
            pick(place, x.narrow(axis, there, length), out=place)
        x = out
    return x


def local_mean(x: Tensor, radius: int) -> Tensor:
    """1 x C x H x W -> the mean of the (2 radius + 1)^2 pixels around each, of those that there are.

    Sums of shifted rows and columns: many times as fast as avg_pool2d of one channel.
    """
    counts = []
    for axis in (3, 2):
        total, length = x.clone(), x.shape[axis]
        for shift in range(1, min(radius, length - 1) + 1):
            for here, there in ((0, shift), (shift, 0)):
                total.narrow(axis, here, length - shift).add_(x.narrow(axis, there, length - shift))
        place = torch.arange(length, device=x.device)
        counts.append((place + radius).clamp_max(length - 1) - (place - radius).clamp_min(0) + 1)
        x = total
    across, down = counts
    return x.div_(across * down[:, None])


def detail_gain(pastiche: Tensor, photograph: Tensor, wrap: tuple[bool, bool] = (False, False)) -> Tensor:
    """How much of the photograph's fine detail belongs on the pastiche, 1 x 1 x H x W in [0, 1.25].

    The slope of the local linear model between both luminances, as in the guided filter (He et al. 2010): 1 at edges
    that the pastiche kept, 0 on even areas, where the photograph has only grain.
    """

    def slope(both: Tensor) -> Tensor:
        p, c = both[:, :1], both[:, 1:]
        mean_p, mean_c, mean_pc, mean_cc = (local_mean(x, GUIDE_RADIUS) for x in (p, c, p * c, c * c))
        covariance, variance = mean_pc - mean_p * mean_c, mean_cc - mean_c.square()
        return (covariance / (variance + GUIDE_EPSILON)).clamp_(0, LARGEST_GAIN)

    luminances = torch.cat([x.mean(1, keepdim=True) for x in (pastiche, photograph)], 1)
    return _in_strips(slope, luminances, GUIDE_RADIUS, wrap)


def _in_strips(
    compute: Callable[[Tensor], Tensor], x: Tensor, radius: int, wrap: tuple[bool, bool], factor: int = 1
) -> Tensor:
    """What `compute` makes of x, 1 x C x H x W, `factor` times as large, where it looks `radius` pixels far.

    Large tensors would be asked for from the system, and given back, at each step.
    """
    height, width = x.shape[-2:]
    padded, (left, above) = pad_wrapped(x, radius, wrap), (radius * wrapped for wrapped in wrap)
    out: Tensor | None = None
    for first, count in strips(height, width, STRIP_NUMBERS // x.shape[1]):
        begin = max(0, above + first - radius)
        part = compute(padded[:, :, begin : above + first + count + radius])
        part = part.narrow(2, factor * (above + first - begin), factor * count)
        part = part.narrow(3, factor * left, factor * width)
        if out is None:
            out = part.new_empty(1, part.shape[1], factor * height, factor * width)
        out.narrow(2, factor * first, factor * count).copy_(part)
    assert out is not None
    return out
