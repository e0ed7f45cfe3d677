"""Losses against marks where the photograph is even: of a foreign colour (poppies in a clear sky), of light and shade.

The statistics of a style are those of the whole picture. Met alike everywhere, they carry the colours of its liveliest
places into the calmest ones of the photograph.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.imaging.colour import luminance

POOL = 4
"""Colours are compared at this scale: what is finer is texture."""
BROADEST = 17
"""What is broader than this at that scale (68 px) is no mark (odd)."""
PLACE, STEP = 8, 2
"""Side and distance of the places, at that scale."""
EVEN_SHARE = 0.5
ALLOWED = 0.4
"""Of the deviation that the style has at its places of the same rank."""


def calm_loss(y: Tensor, photograph: Tensor, style: Tensor) -> Tensor:
    """Deviation of the colours of y in the more even half of the photograph, beyond what is allowed there.

    All B x 3 x S x S in [0, 1]. Allowed is what the photograph has itself, or two fifths of what the style has at its
    places of the same rank, whatever is more. Mean over places and pictures.
    """
    with torch.no_grad():
        given, wanted = colour_deviation(photograph), colour_deviation(style).sort(1).values
        places = given.argsort(1)[:, : int(EVEN_SHARE * given.shape[1])]
        allowed = torch.maximum(given.gather(1, places), ALLOWED * wanted[:, : places.shape[1]])
    return F.relu(colour_deviation(y).gather(1, places) - allowed).mean()


def colour_deviation(x: Tensor) -> Tensor:
    """B x 3 x H x W -> B x places: how much the colours, light apart, differ around each place."""
    colours = F.avg_pool2d(x.float(), POOL)
    colours = colours - colours.mean(1, keepdim=True)
    padded = F.pad(colours, (BROADEST // 2,) * 4, "reflect")
    marks = (colours - F.avg_pool2d(padded, BROADEST, 1)).square().mean(1, keepdim=True)
    return (F.avg_pool2d(marks, PLACE, STEP).flatten(1) + 1e-6).sqrt()


LIGHT_POOL = 8
"""Light is compared at this scale: hatching, whose lines are closer, is texture."""
LIGHT_BROADEST, LIGHT_PLACE = 9, 4
GAIN, FREE = 1.25, 0.015
"""Light may differ as much more than the photograph's as a style's contrast does, and by a little that nobody sees."""


def light_loss(y: Tensor, photograph: Tensor) -> Tensor:
    """Deviation of the light of y in the more even half of the photograph, beyond the photograph's own.

    Both B x 3 x S x S in [0, 1], S at least 72. Otherwise the light and shade of a style, which its statistics ask of
    every picture, become clouds on every wall.
    """
    with torch.no_grad():
        given = light_deviation(photograph)
        places = given.argsort(1)[:, : max(1, int(EVEN_SHARE * given.shape[1]))]
        allowed = GAIN * given.gather(1, places) + FREE
    return F.relu(light_deviation(y).gather(1, places) - allowed).mean()


def light_deviation(x: Tensor) -> Tensor:
    """B x 3 x H x W -> B x places: how much the luma differs around each place of 32 pixels."""
    light = F.avg_pool2d(luminance(x.float()), LIGHT_POOL)
    padded = F.pad(light, (LIGHT_BROADEST // 2,) * 4, "reflect")
    marks = (light - F.avg_pool2d(padded, LIGHT_BROADEST, 1)).square()
    return (F.avg_pool2d(marks, LIGHT_PLACE, 1).flatten(1) + 1e-6).sqrt()
