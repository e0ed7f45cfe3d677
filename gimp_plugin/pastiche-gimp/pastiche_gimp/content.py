"""The content: what is painted, read from a layer as the user sees it."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gi.repository import Gegl, Gimp

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche_gimp.words import _

STRIP_ROWS = 512
PRODUCTS = bytes((product + 127) // 255 for product in range(255 * 255 + 1))
"""The product of two bytes where 255 is 1."""
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

    def moved(self, x: int, y: int) -> Box:
        return Box(self.x + x, self.y + y, self.width, self.height)

    def within(self, width: int, height: int) -> bool:
        """Whether it is a part, not an empty one, of a layer of these sides."""
        inside = self.x >= 0 and self.y >= 0 and self.x + self.width <= width and self.y + self.height <= height
        return inside and self.width > 0 and self.height > 0

    def grown(self, margin: int, width: int, height: int) -> Box:
        """This box with a margin, within a layer of these sides."""
        left, top = max(0, self.x - margin), max(0, self.y - margin)
        right = min(width, self.x + self.width + margin)
        return Box(left, top, right - left, min(height, self.y + self.height + margin) - top)


@dataclass(frozen=True)
class Content:
    """A layer, or the part of it that is selected, at the moment when the filter was called.

    `box` is what is sent, `inner` what the pastiche will cover; `mask` has a number of `depth` bits for each pixel of
    `inner` (the selection, and the layer's own mask), None where everything is covered.
    """

    image: Any
    drawable: Any
    whole: Box
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
        layer = layer_of(drawable)
        _check(image, layer)
        whole = Box(0, 0, layer.get_width(), layer.get_height())
        depth = depth_of(image)
        _ok, *offsets = layer.get_offsets()
        if inner is None:
            inner, mask = _selected(image, layer, whole, offsets, depth)
        margin = max(SMALLEST_CONTEXT, max(inner.width, inner.height) // CONTEXT)
        box = inner if inner == whole else inner.grown(margin, whole.width, whole.height)
        grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
        return cls(image, layer, whole, box, inner, mask, (offsets[0], offsets[1]), depth, grey, layer.has_alpha())

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
        with seen(self._existing()) as (drawable, shift):
            box = self.box.moved(*shift)
            buffer = drawable.get_buffer()
            for row in range(0, self.height, STRIP_ROWS):
                rows = min(STRIP_ROWS, self.height - row)
                strip = Gegl.Rectangle.new(box.x, box.y + row, self.width, rows)
                start = row * shape.row_bytes
                data[start : start + rows * shape.row_bytes] = buffer.get(strip, 1.0, babl, Gegl.AbyssPolicy.NONE)
        return PixelBuffer(shape, data)

    def reduced(self, longest: int) -> PixelBuffer:
        """What is sent, reduced to a longer side of at most `longest` pixels, with 8 bits. Raises PasticheError."""
        with seen(self._existing()) as (drawable, shift):
            return reduced(drawable, self.box.moved(*shift), longest, "content")

    def _existing(self) -> Any:
        if not self.is_open or not self.drawable.is_valid():
            raise PasticheError(ErrorCode.BAD_PICTURE, _("The layer is not there any more."), _("Select another one."))
        if (self.drawable.get_width(), self.drawable.get_height()) != (self.whole.width, self.whole.height):
            raise PasticheError(ErrorCode.BAD_PICTURE, _("The layer has changed its size meanwhile."), _("Try again."))
        return self.drawable


def layer_of(drawable: Any) -> Any:
    """The layer itself where the user edits its mask. Raises PasticheError(BAD_PICTURE) for a channel."""
    layer = Gimp.Layer.from_mask(drawable) if drawable.is_layer_mask() else drawable
    if layer is not None and layer.is_layer():
        return layer
    raise PasticheError(
        ErrorCode.BAD_PICTURE, _("Pastiche paints layers, not channels."), _("Select a layer and try again.")
    )


def depth_of(image: Any) -> str:
    """Bits of what is exchanged: 8, or 16 for images of a higher precision."""
    return "8" if image.get_precision() in EIGHT_BITS else "16"


def _check(image: Any, layer: Any) -> None:
    """Raises PasticheError(BAD_PICTURE) for what the menu does not offer but a script, or a mask, may ask for."""
    if layer.get_image() != image:
        raise PasticheError(
            ErrorCode.BAD_PICTURE, _("The layer belongs to another image."), _("Select a layer and try again.")
        )
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise PasticheError(
            ErrorCode.BAD_PICTURE, _("An indexed image cannot hold a pastiche."), _("Choose Image > Mode > RGB first.")
        )
    if image.get_floating_sel() is not None:
        raise PasticheError(
            ErrorCode.BAD_PICTURE,
            _("There is a floating selection."),
            _("Anchor it or make it a layer, then try again."),
        )


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
def seen(drawable: Any) -> Iterator[tuple[Any, tuple[int, int]]]:
    """The drawable with its non-destructive filters applied, which its own buffer is without, and the way from its
    coordinates to those of the original: a filter such as a drop shadow makes a layer grow, to the left as well."""
    if drawable.is_group() and _filtered(drawable):
        with _merged_group(drawable) as merged:
            yield merged, _shift(drawable, merged)
    elif drawable.get_filters():
        copy = drawable.copy()
        try:
            copy.merge_filters()
            yield copy, _shift(drawable, copy)
        finally:
            copy.delete()
    else:
        yield drawable, (0, 0)


def _shift(original: Any, copy: Any) -> tuple[int, int]:
    _ok, x, y = original.get_offsets()
    _ok, copied_x, copied_y = copy.get_offsets()
    return x - copied_x, y - copied_y


def _filtered(item: Any) -> bool:
    """Whether a layer or anything in it has filters. GIMP ends a plug-in that reads a group which one of its layers'
    filters has made grow."""
    return bool(item.get_filters()) or (item.is_group() and any(_filtered(child) for child in item.get_children()))


@contextmanager
def _merged_group(group: Any) -> Iterator[Any]:
    """A group becomes one layer only in an image, so in a copy of it; its own opacity, mode and mask are left out."""
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
        twin = children[positions.pop()]
        twin.set_mode(Gimp.LayerMode.NORMAL)
        twin.set_opacity(100.0)
        if twin.get_mask() is not None:
            twin.set_apply_mask(False)
        yield twin.merge()
    finally:
        copy.delete()


def _selected(image: Any, drawable: Any, whole: Box, offsets: list[int], depth: str) -> tuple[Box, bytes | None]:
    """The selected part of a layer and its mask. Raises PasticheError where the selection lies beside the layer."""
    inner, mask = whole, None
    if not Gimp.Selection.is_empty(image):
        there, x, y, width, height = drawable.mask_intersect()
        if not there or not width or not height:
            raise PasticheError(
                ErrorCode.BAD_PICTURE, _("The selection does not touch the layer."), _("Select a part of the layer.")
            )
        inner = Box(x, y, width, height)
        mask = _read_mask(image.get_selection(), inner.moved(*offsets), depth)
    own = read_layer_mask(drawable, inner, depth)
    if mask is None or own is None:
        return inner, own if mask is None else mask
    return inner, _product(mask, own, inner.width, depth)


def _product(one: bytes, other: bytes, width: int, depth: str) -> bytes:
    """Two masks multiplied. Rows that are even in one of them, most of a large picture, cost nothing."""
    row_bytes = width * int(depth) // 8
    full, empty = b"\xff" * row_bytes, bytes(row_bytes)
    rows = []
    for start in range(0, len(one), row_bytes):
        a, b = one[start : start + row_bytes], other[start : start + row_bytes]
        if a in (full, empty):
            a, b = b, a
        if b == full:
            rows.append(a)
        elif b == empty:
            rows.append(empty)
        elif depth == "8":
            rows.append(bytes(map(PRODUCTS.__getitem__, map(operator.mul, a, b))))
        else:
            numbers = zip(memoryview(a).cast("H"), memoryview(b).cast("H"), strict=True)
            rows.append(array("H", [(x * y + 32767) // 65535 for x, y in numbers]).tobytes())
    return b"".join(rows)


def mask_type(depth: str) -> str:
    """The babl format of a mask."""
    return f"Y u{depth}"


def _read_mask(channel: Any, box: Box, depth: str) -> bytes:
    area = Gegl.Rectangle.new(box.x, box.y, box.width, box.height)
    return bytes(channel.get_buffer().get(area, 1.0, mask_type(depth), Gegl.AbyssPolicy.NONE))


def read_layer_mask(layer: Any, box: Box, depth: str) -> bytes | None:
    """A part of a layer's mask, a number of `depth` bits a pixel; None where it has none that is applied."""
    mask = layer.get_mask()
    return None if mask is None or not layer.get_apply_mask() else _read_mask(mask, box, depth)
