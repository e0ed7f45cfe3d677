"""A loss against one mark stamped over and over where the photograph is even, at whatever distances.

The statistics of a style can be met by a single mark that has a little of everything; only the likeness of patches
tells it from brush strokes, of which no two are the same.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.training.detail import detail

BROADEST = 17
"""What is broader than this is no mark, px."""
PATCH = 12
"""Side of a patch at half size: 24 pixels, about one mark."""
APART = 10
"""Patches less than this apart at half size are the same mark."""
EVEN_SHARE, TRIED, QUERIES, NEAREST = 0.4, 256, 64, 4
PALE = 0.01
"""Patches of less deviation than this are like nothing: nobody sees them."""


def stamp_loss(y: Tensor, photograph: Tensor, style: Tensor) -> Tensor:
    """How much more alike patches of y are than patches of the style picture, mean over queries and pictures.

    All B x 3 x S x S in [0, 1], S at least 64. Only the most even two fifths of the photograph count. 0 where strokes
    differ as much as in the style, towards 1 where one mark is stamped.
    """
    liveliness = F.avg_pool2d(F.avg_pool2d(detail(photograph, BROADEST), 2).square(), PATCH, 1).flatten(1)
    places = liveliness.topk(int(EVEN_SHARE * liveliness.shape[1]), 1, largest=False).indices
    with torch.no_grad():
        patches = _patches(style)
        anywhere = torch.rand(patches.shape[0], patches.shape[2], device=y.device).argsort(1)[:, : places.shape[1]]
        wanted = _likeness(patches, anywhere).mean(1, keepdim=True)
    return F.relu(_likeness(_patches(y), places) - wanted).mean()


def _patches(x: Tensor) -> Tensor:
    """Every patch of the detail at half size, without its mean: B x 144 x places."""
    patches = F.unfold(F.avg_pool2d(detail(x, BROADEST), 2), PATCH)
    return patches - patches.mean(1, keepdim=True)


def _likeness(patches: Tensor, places: Tensor) -> Tensor:
    """B x 144 x N and the places that count, B x M -> B x 64: of strong patches, how like their nearest ones are."""
    side = round(patches.shape[2] ** 0.5)
    chosen = patches.gather(2, places[:, None].expand(-1, patches.shape[1], -1))
    strength = chosen.square().mean(1)
    tried = torch.rand(strength.shape, device=strength.device).topk(min(TRIED, strength.shape[1]), 1).indices
    strongest = strength.gather(1, tried).topk(min(QUERIES, tried.shape[1]), 1).indices
    queries = tried.gather(1, strongest)
    asked = chosen.gather(2, queries[:, None].expand(-1, patches.shape[1], -1))
    floor = 0.1 * strength.mean(1)[:, None, None] + PALE**2
    norms = strength.gather(1, queries)[:, :, None].sqrt() * strength[:, None].sqrt() + floor
    alike = asked.transpose(1, 2) @ chosen / patches.shape[1] / norms
    rows, columns = places // side, places % side
    near = torch.ones_like(alike, dtype=torch.bool)
    for at in (rows, columns):
        near &= (at.gather(1, queries)[:, :, None] - at[:, None]).abs() <= APART
    return alike.masked_fill(near, -1).topk(min(NEAREST, alike.shape[2]), 2).values.mean(2)
