"""The content: what is painted, read from a layer as the user sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gi.repository import Gegl, Gimp

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche_gimp.words import _

STRIP_ROWS = 512
CONTEXT = 8
"""Around a selection this part of its longer side (1/8) is sent along, so that strokes do not end at its edge."""
SMALLEST_CONTEXT = 32
EIGHT_BITS = (Gimp.Precision.U8_LINEAR, Gimp.Precision.U8_NON_LINEAR, Gimp.Precision.U8_PERCEPTUAL)


@dataclass(frozen=True)
class Box:
    """A rectangle in a layer's own coordinates, in pixels."""

    x: int
    y: int
    width: int
    height: int

    def grown(self, margin: int, width: int, height: int) -> Box:
        """This box with a margin, within a layer of these sides."""
        left, top = max(0, self.x - margin), max(0, self.y - margin)
        right = min(width, self.x + self.width + margin)
        return Box(left, top, right - left, min(height, self.y + self.height + margin) - top)


@dataclass(frozen=True)
class Content:
    """A layer, or the part of it that is selected, at the moment when the filter was called.

    `box` is what is sent, `inner` what the pastiche will cover; `mask` has one byte for each pixel of `inner` (the
    selection, and the layer's own mask), None where everything is covered.
    """

    image: Any
    drawable: Any
    box: Box
    inner: Box
    mask: bytes | None
    offsets: tuple[int, int]
    depth: str
    grey: bool
    has_alpha: bool

    @classmethod
    def of(cls, image: Any, drawable: Any, inner: Box | None = None, mask: bytes | None = None) -> Content:
        """Of the layer, or of the layer whose mask this is; with `inner` of that part, else of what is selected.

        Raises PasticheError(BAD_PICTURE) where there is nothing to paint.
        """
        if drawable.is_layer_mask():
            drawable = Gimp.Layer.from_mask(drawable)
        if not drawable.is_layer():
            raise PasticheError(
                ErrorCode.BAD_PICTURE, _("Pastiche paints layers, not channels."), _("Select a layer and try again.")
            )
        whole = Box(0, 0, drawable.get_width(), drawable.get_height())
        _ok, *offsets = drawable.get_offsets()
        if inner is None:
            inner, mask = _selected(image, drawable, whole, offsets)
        margin = max(SMALLEST_CONTEXT, max(inner.width, inner.height) // CONTEXT)
        box = inner if inner == whole else inner.grown(margin, whole.width, whole.height)
        return cls(
            image,
            drawable,
            box,
            inner,
            mask,
            (offsets[0], offsets[1]),
            "8" if image.get_precision() in EIGHT_BITS else "16",
            image.get_base_type() == Gimp.ImageBaseType.GRAY,
            drawable.has_alpha(),
        )

    @property
    def width(self) -> int:
        """Of what is sent."""
        return self.box.width

    @property
    def height(self) -> int:
        return self.box.height

    @property
    def megapixels(self) -> float:
        return self.box.width * self.box.height / 1e6

    @property
    def is_open(self) -> bool:
        """Whether the image is still there."""
        return bool(self.image.is_valid())

    def pixels(self) -> PixelBuffer:
        """What is sent, in sRGB: RGB or RGBA, 8 bits, or 16 for images of a higher precision. Raises PasticheError."""
        channels = 4 if self.has_alpha else 3
        shape = PixelFormat("content", self.width, self.height, channels, "u8" if self.depth == "8" else "u16")
        babl = pixel_type(channels, self.depth)
        data = bytearray(shape.nbytes)
        with seen(self._existing()) as drawable:
            buffer = drawable.get_buffer()
            for row in range(0, self.height, STRIP_ROWS):
                rows = min(STRIP_ROWS, self.height - row)
                strip = Gegl.Rectangle.new(self.box.x, self.box.y + row, self.width, rows)
                start = row * shape.row_bytes
                data[start : start + rows * shape.row_bytes] = buffer.get(strip, 1.0, babl, Gegl.AbyssPolicy.NONE)
        return PixelBuffer(shape, data)

    def reduced(self, longest: int) -> PixelBuffer:
        """What is sent, reduced to a longer side of at most `longest` pixels, with 8 bits. Raises PasticheError."""
        with seen(self._existing()) as drawable:
            return reduced(drawable, self.box, longest, "content")

    def _existing(self) -> Any:
        if not self.is_open or not self.drawable.is_valid():
            raise PasticheError(ErrorCode.BAD_PICTURE, _("The layer is not there any more."), _("Select another one."))
        return self.drawable


def pixel_type(channels: int, depth: str) -> str:
    """The babl format of what is exchanged. Without a named space babl converts from and to sRGB by itself."""
    return f"R'G'B'{'A' if channels == 4 else ''} u{depth}"


def reduced(drawable: Any, box: Box, longest: int, role: str) -> PixelBuffer:
    """A part of a drawable in 8-bit sRGB, reduced in one scaled read; RGBA where it has alpha."""
    scale = min(1.0, longest / max(box.width, box.height))
    width, height = max(1, round(box.width * scale)), max(1, round(box.height * scale))
    channels = 4 if drawable.has_alpha() else 3
    area = Gegl.Rectangle.new(round(box.x * scale), round(box.y * scale), width, height)
    data = drawable.get_buffer().get(area, scale, pixel_type(channels, "8"), Gegl.AbyssPolicy.CLAMP)
    return PixelBuffer(PixelFormat(role, width, height, channels, "u8"), data)


@contextmanager
def seen(drawable: Any) -> Iterator[Any]:
    """The drawable with its non-destructive filters applied, which its own buffer is without: merged on a copy."""
    if not drawable.get_filters():
        yield drawable
        return
    if drawable.is_group():
        with _merged_group(drawable) as merged:
            yield merged
        return
    copy = drawable.copy()
    try:
        copy.merge_filters()
        yield copy
    finally:
        copy.delete()


@contextmanager
def _merged_group(group: Any) -> Iterator[Any]:
    """A group becomes one layer only in an image, so in a copy of it."""
    positions = []
    image, item = group.get_image(), group
    while item is not None:
        positions.append(image.get_item_position(item))
        item = item.get_parent()
    copy = image.duplicate()
    try:
        children = copy.get_layers()
        while len(positions) > 1:
            children = children[positions.pop()].get_children()
        yield children[positions.pop()].merge()
    finally:
        copy.delete()


def _selected(image: Any, drawable: Any, whole: Box, offsets: list[int]) -> tuple[Box, bytes | None]:
    """The selected part of a layer and its mask. Raises PasticheError where the selection lies beside the layer."""
    inner, mask = whole, None
    if not Gimp.Selection.is_empty(image):
        there, x, y, width, height = drawable.mask_intersect()
        if not there or not width or not height:
            raise PasticheError(
                ErrorCode.BAD_PICTURE, _("The selection does not touch the layer."), _("Select a part of the layer.")
            )
        inner = Box(x, y, width, height)
        mask = _read_mask(image.get_selection(), Box(offsets[0] + x, offsets[1] + y, width, height))
    own = drawable.get_mask()
    if own is None or not drawable.get_apply_mask():
        return inner, mask
    layers = _read_mask(own, inner)
    if mask is None:
        return inner, layers
    return inner, _product(mask, layers, inner.width)


def _product(one: bytes, other: bytes, width: int) -> bytes:
    """Two masks multiplied, 255 = 1. Rows that are even in one of them, most of a large picture, cost nothing."""
    full, empty = b"\xff" * width, bytes(width)
    rows = []
    for start in range(0, len(one), width):
        a, b = one[start : start + width], other[start : start + width]
        if a in (full, empty):
            a, b = b, a
        if b == full:
            rows.append(a)
        elif b == empty:
            rows.append(empty)
        else:
            rows.append(bytes((x * y + 127) // 255 for x, y in zip(a, b, strict=True)))
    return b"".join(rows)


def _read_mask(channel: Any, box: Box) -> bytes:
    area = Gegl.Rectangle.new(box.x, box.y, box.width, box.height)
    return bytes(channel.get_buffer().get(area, 1.0, "Y u8", Gegl.AbyssPolicy.NONE))


def read_layer_mask(layer: Any) -> bytes | None:
    """A layer's mask, one byte a pixel; None where it has none."""
    mask = layer.get_mask()
    return None if mask is None else _read_mask(mask, Box(0, 0, layer.get_width(), layer.get_height()))
