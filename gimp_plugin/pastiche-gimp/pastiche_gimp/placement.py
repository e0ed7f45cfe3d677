"""The pastiche as a layer: just above the one it was made of, in one undo step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gi.repository import Gegl, Gimp

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer
from pastiche_gimp.content import STRIP_ROWS, Content, mask_type, pixel_type
from pastiche_gimp.recipe import Recipe, remember
from pastiche_gimp.words import _


def place(
    content: Content,
    recipe: Recipe,
    pixels: PixelBuffer,
    report: dict[str, Any],
    titles: Mapping[str, str],
    replaces: Any | None = None,
) -> Any:
    """The new layer. `replaces`, an older pastiche of the same content, is hidden in the same undo step.

    `titles`: what the styles, or the model, are called, by their names. Raises PasticheError where the image was
    closed meanwhile.
    """
    if not content.is_open:
        raise PasticheError(
            ErrorCode.BAD_PICTURE, _("The image was closed before the pastiche was ready."), _("Open it again.")
        )
    if recipe.output == "image":
        return _place_in_new_image(content, recipe, pixels, report, titles)
    image = content.image
    with one_undo_step(image):
        if image.get_base_type() == Gimp.ImageBaseType.GRAY and recipe.convert_to_rgb:
            image.convert_rgb()
        layer = _new_layer(image, content, recipe, pixels, report, titles)
        parent, position = _where(image, content, replaces)
        image.insert_layer(layer, parent, position)
        _add_mask(layer, content)
        if replaces is not None and replaces.is_valid():
            replaces.set_visible(False)
    Gimp.displays_flush()
    return layer


@contextmanager
def one_undo_step(image: Any) -> Iterator[None]:
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()


def _where(image: Any, content: Content, replaces: Any | None) -> tuple[Any | None, int]:
    """Parent and position: above the pastiche that is replaced, else above the source, else on top of everything."""
    for below in (replaces, content.drawable):
        if below is not None and below.is_valid():
            return below.get_parent(), image.get_item_position(below)
    return None, 0


def _offsets(content: Content) -> tuple[int, int]:
    """Where the layer is now; it may have been moved since."""
    if not content.drawable.is_valid():
        return content.offsets
    _ok, x, y = content.drawable.get_offsets()
    return x, y


def _new_layer(
    image: Any,
    content: Content,
    recipe: Recipe,
    pixels: PixelBuffer,
    report: dict[str, Any],
    titles: Mapping[str, str],
) -> Any:
    """A layer with the pixels, not in the image yet, so that no half-written layer is ever drawn."""
    shape = pixels.format
    grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kinds = Gimp.ImageType
    alpha = shape.channels == 4
    kind = (
        (kinds.GRAYA_IMAGE if alpha else kinds.GRAY_IMAGE) if grey else (kinds.RGBA_IMAGE if alpha else kinds.RGB_IMAGE)
    )
    name = f"{_title(recipe, titles)} (Pastiche)"
    inner, box = content.inner, content.box
    layer = Gimp.Layer.new(image, name, inner.width, inner.height, kind, 100.0, Gimp.LayerMode.NORMAL)
    write(layer, pixels, inner.x - box.x, inner.y - box.y)
    x, y = _offsets(content)
    layer.set_offsets(x + inner.x, y + inner.y)
    remember(layer, image, recipe, content, titles, report)
    return layer


def _title(recipe: Recipe, titles: Mapping[str, str]) -> str:
    if recipe.model:
        return _("Trained: {title}").format(title=titles.get(recipe.model, recipe.model))
    return " + ".join(titles.get(style.name, style.name) for style in recipe.styles) or _("Neural Style")


def write(layer: Any, pixels: PixelBuffer, left: int, top: int) -> None:
    """Fills a layer from sRGB, with the part of the picture that begins at (`left`, `top`)."""
    shape, width, height = pixels.format, layer.get_width(), layer.get_height()
    kind = pixel_type(shape.channels, "8" if shape.depth == "u8" else "16")
    bytes_of_pixel = shape.row_bytes // shape.width
    buffer = layer.get_buffer()
    for row in range(0, height, STRIP_ROWS):
        rows = min(STRIP_ROWS, height - row)
        strip = bytes(pixels.rows(top + row, rows))
        if width != shape.width:
            # Never leave that to a rectangle beyond the layer: GIMP 3.0 and 3.2 end the plug-in for it.
            strip = _columns(strip, shape.row_bytes, left * bytes_of_pixel, width * bytes_of_pixel)
        buffer.set(Gegl.Rectangle.new(0, row, width, rows), kind, strip)
    buffer.flush()
    layer.update(0, 0, width, height)


def _columns(strip: bytes, row_bytes: int, first: int, count: int) -> bytes:
    """The same bytes of every row."""
    return b"".join(strip[start : start + count] for start in range(first, len(strip), row_bytes))


def _add_mask(layer: Any, content: Content) -> None:
    if content.mask is None:
        return
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    width, height = content.inner.width, content.inner.height
    buffer = mask.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), mask_type(content.depth), content.mask)
    buffer.flush()
    mask.update(0, 0, width, height)
    layer.set_edit_mask(False)


def _place_in_new_image(
    content: Content, recipe: Recipe, pixels: PixelBuffer, report: dict[str, Any], titles: Mapping[str, str]
) -> Any:
    """An image of the pastiche's size with the same precision, resolution and profile."""
    old, inner = content.image, content.inner
    image = Gimp.Image.new_with_precision(inner.width, inner.height, Gimp.ImageBaseType.RGB, old.get_precision())
    try:
        image.undo_disable()
        if not content.grey and (profile := old.get_color_profile()):
            image.set_color_profile(profile)
        _ok, x, y = old.get_resolution()
        image.set_resolution(x, y)
        layer = _new_layer(image, content, recipe, pixels, report, titles)
        layer.set_offsets(0, 0)
        image.insert_layer(layer, None, 0)
        _add_mask(layer, content)
        image.undo_enable()
    except BaseException:
        image.delete()
        raise
    return layer
