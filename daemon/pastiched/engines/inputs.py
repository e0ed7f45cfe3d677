"""What an engine gets, as tensors: the photograph at working size and the style pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pastiche.picture_reading import read_picture
from pastiche.pixels import PixelBuffer
from pastiched.engines.base import StyleInput
from pastiched.imaging.alpha import fill_premultiplied, fill_transparent
from pastiched.imaging.scale import Enlargement, WorkingSize, resize
from pastiched.imaging.tensors import PictureView

STYLE_SIDE = 512
"""Style pictures are read at this short side at most: the scale the network was trained on."""
LONGEST_STYLE = 4
SMALLEST_STYLE_SIDE = 64


@dataclass(frozen=True)
class Photograph:
    """The content at the size the network works at, and its full-size rows with transparency filled."""

    view: PictureView
    small: Tensor
    size: WorkingSize
    fill: Enlargement | None

    def rows(self, first: int, count: int) -> Tensor:
        """1 x 3 x count x width in [0, 1]."""
        rows = self.view.rows(first, count)
        if self.fill is None:
            return rows[:, :3]
        return torch.where(rows[:, 3:] > 0, rows[:, :3], self.fill.rows(first, count))


def read_photograph(
    content: PixelBuffer, size: WorkingSize, wrap: tuple[bool, bool], check: Callable[[], None]
) -> Photograph:
    """Raises PasticheError(BAD_PICTURE) for values that are not numbers; calls `check` now and then."""
    view = PictureView(content)
    view.check_finite()
    if view.opaque():
        return Photograph(view, view.reduced(size.width, size.height, wrap, check), size, None)
    height, width = view.shape
    # Where the network works on an enlarged picture, holes are filled before it is enlarged.
    sides = (width, height) if size.width * size.height > width * height else (size.width, size.height)
    filled = fill_premultiplied(view.reduced_premultiplied(*sides, check))
    return Photograph(view, resize(filled, size.width, size.height), size, Enlargement(filled, width, height, wrap))


def read_style(style: StyleInput, multiple: int, largest: int = STYLE_SIDE) -> Tensor:
    """1 x 3 x H x W: short side at most `largest`, sides multiples of `multiple`, no transparency.

    Raises PasticheError.
    """
    view = PictureView(_style_pixels(style))
    view.check_finite()
    x = view.rows()
    height, width = x.shape[-2:]
    factor = min(largest / min(height, width), largest * LONGEST_STYLE / max(height, width), 1.0)
    sides = [max(SMALLEST_STYLE_SIDE, round(s * factor / multiple) * multiple) for s in (width, height)]
    return resize(fill_transparent(x) if view.has_alpha else x, *sides)


def _style_pixels(style: StyleInput) -> PixelBuffer:
    """What the client sent; a library picture is read as the client would read it."""
    if style.pixels is not None:
        return style.pixels
    assert style.path is not None
    return read_picture(style.path, "style").pixels


def content_hash(style: StyleInput) -> str:
    """The same for the same file of the library, and for the same pixels."""
    if style.pixels is None:
        assert style.path is not None
        return hashlib.sha256(style.path.read_bytes()).hexdigest()
    return pixels_hash(style.pixels)


def pixels_hash(pixels: PixelBuffer) -> str:
    """The same for the same pixels of the same form."""
    digest = hashlib.sha256(repr(pixels.format).encode())
    digest.update(pixels.data)
    return digest.hexdigest()
