"""Noise where there is nothing to paint: in the even parts of the photograph."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.evaluation.passes import high_pass, low_pass, slopes

EVEN_BLUR = 2.0
EVEN_SLOPE = 2 / 255
"""A pixel is even where the blurred luminance changes by less than this a pixel, also 4 pixels around."""
AROUND = 4
EVENEST, SMALLEST_SHARE = 0.25, 0.02
FINE = 1.0
"""Deviation in pixels of the Gaussian whose high-pass keeps what is finer than about 3 pixels."""


def flat_area(photograph: Tensor) -> Tensor | None:
    """Where a photograph (luminance 1 x 1 x H x W) is even: boolean of its shape.

    The slope of its luminance behind a Gaussian of 2 pixels, the steepest within 4 pixels, is among the lowest quarter
    of the picture and below 2/255 a pixel. None where that is less than a fiftieth of the picture.
    """
    right, down = slopes(low_pass(photograph, EVEN_BLUR))
    steep = F.max_pool2d((right.square() + down.square()).sqrt(), 2 * AROUND + 1, 1, AROUND)
    limit = min(float(torch.quantile(steep.flatten()[::4], EVENEST)), EVEN_SLOPE)
    even = steep <= limit
    return even if float(even.float().mean()) >= SMALLEST_SHARE else None


def noise(pastiche: Tensor, flat: Tensor | None) -> float | None:
    """Standard deviation, x 255, of what is finer than about 3 pixels in the luminance of the pastiche
    (1 x 1 x H x W) where the photograph is flat. None without such an area."""
    if flat is None:
        return None
    return 255 * float(high_pass(pastiche, FINE)[flat].std())
