"""What an engine gets, as tensors: the photograph at working size and the style pictures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pastiche.picture_reading import read_picture
from pastiche.pixels import PixelBuffer
from pastiched.engines.base import StyleInput
from pastiched.imaging.alpha import fill_premultiplied, fill_transparent
from pastiched.imaging.scale import Enlargement, WorkingSize, resize
from pastiched.imaging.tensors import PictureView, resize_wrapped

WRAPS = {"none": (False, False), "horizontal": (True, False), "both": (True, True)}
"""Which opposite edges meet (horizontally, vertically) by the value of the option `wrap`."""
STYLE_SIDE = 512
"""Style pictures are read at this short side at most: the scale the network was trained on."""
LONGEST_STYLE = 4
WHOLE_PIXELS = 4_000_000
"""Pictures of more are not turned into floats as a whole where that can be avoided."""
SAMPLE_PIXELS = 1_000_000
"""Enough to know a picture's colours."""
SMALLEST_STYLE_SIDE = 64


@dataclass(frozen=True)
class Photograph:
    """The content: its full-size rows with transparency filled, and what it is at the size the network works at."""

    view: PictureView
    size: WorkingSize
    wrap: tuple[bool, bool]
    filled: Tensor | None
    """Of a picture that lets something through: reduced, with its holes filled."""
    fill: Enlargement | None
    """The same at full size."""
    check: Callable[[], None]

    @property
    def own_size(self) -> bool:
        """Whether the network works at the picture's own size."""
        return (self.size.height, self.size.width) == self.view.shape

    @property
    def streamed(self) -> bool:
        """Whether it is so large that it should never be there as one tensor; only at its own size."""
        return self.own_size and self.size.area > WHOLE_PIXELS

    @cached_property
    def small(self) -> Tensor:
        """1 x 3 x H x W at the size the network works at."""
        if self.own_size:
            return self.rows(0, self.size.height)
        return self.reduced(self.size)

    @property
    def colours(self) -> Tensor:
        """1 x 3 x H x W at any size, for what concerns its colours as a whole."""
        if not self.streamed:
            return self.small
        factor = math.sqrt(SAMPLE_PIXELS / self.size.area)
        return self.reduced(WorkingSize(round(self.size.width * factor), round(self.size.height * factor)))

    def working_rows(self, first: int, count: int) -> Tensor:
        """1 x 3 x count x width in [0, 1] at the size the network works at."""
        return self.rows(first, count) if self.streamed else self.small[:, :, first : first + count]

    def reduced(self, size: WorkingSize) -> Tensor:
        """1 x 3 x H x W of that size."""
        made = "small" in self.__dict__
        if made and size == self.size:
            return self.small
        as_bytes = self.own_size and self.filled is None and self.view.format.depth == "u8"
        if made and not as_bytes:
            return resize_wrapped(self.small, size.width, size.height, self.wrap).clamp_(0, 1)
        if self.filled is None:
            return self.view.reduced(size.width, size.height, self.wrap, self.check)
        return resize(self.filled, size.width, size.height)

    def size_notes(self, brush: WorkingSize) -> list[str]:
        """For the report: at which sizes it was painted, where that is not its own; `brush`: the first of them."""
        height, width = self.view.shape
        if (brush.height, brush.width) == (height, width):
            return []
        painted = f"strokes were painted at {brush.width} x {brush.height}"
        if self.own_size:
            return [f"{painted}, fine ones at {width} x {height}"]
        fine = f", fine ones at {self.size.width} x {self.size.height}," if brush != self.size else ""
        return [f"{painted}{fine} and brought to {width} x {height}"]

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
        return Photograph(view, size, wrap, None, None, check)
    height, width = view.shape
    # Where the network works on an enlarged picture, holes are filled before it is enlarged; what fills them is smooth.
    factor = min(1.0, math.sqrt(size.area / (width * height)), math.sqrt(WHOLE_PIXELS / (width * height)))
    sides = (width, height) if factor == 1 else (max(1, round(width * factor)), max(1, round(height * factor)))
    filled = fill_premultiplied(view.reduced_premultiplied(*sides, check))
    return Photograph(view, size, wrap, filled, Enlargement(filled, width, height, wrap), check)


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
