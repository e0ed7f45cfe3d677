"""Pictures on the screen: pixbufs made of pixels, fitted into a space, laid beside each other."""

from __future__ import annotations

from typing import Any

from gi.repository import GdkPixbuf

from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche_gimp.style_pictures import from_pixbuf, to_pixbuf

BILINEAR = GdkPixbuf.InterpType.BILINEAR
CHECK_SIZE = 8
LIGHT_CHECK, DARK_CHECK = 0x999999, 0x666666
LINE = 0xFFFFFFFF
LINE_SHADE = 0x404040FF


def pixbuf_of(pixels: PixelBuffer, grey: bool = False) -> Any:
    """An 8-bit picture as a pixbuf, without its colours if `grey`; transparent parts over GIMP's checks."""
    picture = to_pixbuf(pixels)
    if grey:
        picture.saturate_and_pixelate(picture, 0.0, False)
    if not picture.get_has_alpha():
        return picture
    width, height = picture.get_width(), picture.get_height()
    return picture.composite_color_simple(width, height, BILINEAR, 255, CHECK_SIZE, LIGHT_CHECK, DARK_CHECK)


def reduced(pixels: PixelBuffer, longest: int) -> PixelBuffer:
    """The 8-bit picture with a longer side of at most `longest` pixels."""
    shape = pixels.format
    scale = longest / max(shape.width, shape.height)
    if scale >= 1:
        return pixels
    width, height = max(1, round(shape.width * scale)), max(1, round(shape.height * scale))
    data = from_pixbuf(to_pixbuf(pixels).scale_simple(width, height, BILINEAR)).data
    return PixelBuffer(PixelFormat(shape.role, width, height, shape.channels, "u8"), data)


def fitting_size(width: int, height: int, room_width: int, room_height: int) -> tuple[int, int]:
    """The largest size with the same proportions in a space."""
    scale = min(room_width / width, room_height / height)
    return max(1, int(width * scale)), max(1, int(height * scale))


def cropped(picture: Any, width: int, height: int) -> Any:
    """The picture's middle in exactly this size, nothing of it stretched."""
    scale = max(width / picture.get_width(), height / picture.get_height())
    full_width = max(width, round(picture.get_width() * scale))
    full_height = max(height, round(picture.get_height() * scale))
    scaled = picture.scale_simple(full_width, full_height, BILINEAR)
    part = scaled.new_subpixbuf((full_width - width) // 2, (full_height - height) // 2, width, height)
    return part.copy()


def side_by_side(before: Any, after: Any, split: float) -> Any:
    """`before` left of the split (0..1) and `after` right of it, both of the same size, a thin line between."""
    width, height = after.get_width(), after.get_height()
    at = round(width * split)
    if at <= 0:
        return after
    if at >= width:
        return before
    both = after.copy()
    before.copy_area(0, 0, at, height, both, 0, 0)
    for x, colour in ((at - 2, LINE_SHADE), (at - 1, LINE), (at, LINE), (at + 1, LINE_SHADE)):
        if 0 <= x < width:
            both.new_subpixbuf(x, 0, 1, height).fill(colour)
    return both
