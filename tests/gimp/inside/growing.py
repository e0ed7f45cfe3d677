"""Runs in GIMP: layers that their filters make larger, and groups of such layers."""

from __future__ import annotations

from typing import Any

from gi.repository import Gegl, Gimp
from studio import Facts, add_layer, call, case, every_layer, new_image, run_cases


def with_shadow() -> tuple[Any, Any]:
    image = new_image(240, 180)
    layer = add_layer(image, 100, 80, offsets=(70, 50))
    layer.append_filter(Gimp.DrawableFilter.new(layer, "gegl:dropshadow", "Shadow"))
    return image, layer


def in_group(image: Any, layer: Any) -> Any:
    group = Gimp.GroupLayer.new(image, "Group")
    image.insert_layer(group, None, 0)
    image.reorder_item(layer, group, 0)
    return group


def shown(image: Any, layer: Any) -> bytes:
    """What is seen where the layer is, of it alone, by way of a picture of the whole image."""
    _ok, x, y = layer.get_offsets()
    copy = image.duplicate()
    merged = copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
    _ok, left, top = merged.get_offsets()
    area = Gegl.Rectangle.new(x - left, y - top, layer.get_width(), layer.get_height())
    pixels = bytes(merged.get_buffer().get(area, 1.0, "R'G'B' u8", Gegl.AbyssPolicy.NONE))
    copy.delete()
    return pixels


def unpainted(image: Any, layer: Any, expected: bytes) -> Facts:
    """At strength 0 the pastiche is what is seen: how far it is from that, and where it lies."""
    said = call(image, [layer], strength=0.0)
    new = said.pop("layer")
    if new is None:
        return said
    area = Gegl.Rectangle.new(0, 0, new.get_width(), new.get_height())
    pixels = bytes(new.get_buffer().get(area, 1.0, "R'G'B' u8", Gegl.AbyssPolicy.NONE))
    same_size = len(pixels) == len(expected)
    return said | {
        "difference": max(abs(a - b) for a, b in zip(pixels, expected, strict=False)) if same_size else 255,
        "moved": list(new.get_offsets())[1:] != list(layer.get_offsets())[1:],
    }


@case
def layer_with_a_shadow() -> Facts:
    image, layer = with_shadow()
    return unpainted(image, layer, shown(image, layer))


@case
def group_of_a_layer_with_a_shadow() -> Facts:
    image, layer = with_shadow()
    group = in_group(image, layer)
    return unpainted(image, group, shown(image, group))


@case
def filtered_group_inside_a_group() -> Facts:
    image = new_image()
    inner = in_group(image, add_layer(image))
    inner.append_filter(Gimp.DrawableFilter.new(inner, "gegl:invert-gamma", "Invert"))
    in_group(image, inner)
    return unpainted(image, inner, shown(image, inner))


@case
def filtered_group_that_is_half_transparent() -> Facts:
    image = new_image()
    group = in_group(image, add_layer(image))
    group.append_filter(Gimp.DrawableFilter.new(group, "gegl:invert-gamma", "Invert"))
    expected = shown(image, group)
    group.set_mode(Gimp.LayerMode.PASS_THROUGH)
    group.set_opacity(50.0)
    facts = unpainted(image, group, expected)
    new = every_layer(image)[0]
    pixel = new.get_buffer().get(Gegl.Rectangle.new(5, 5, 1, 1), 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE)
    return facts | {"alpha": bytes(pixel)[3]}


run_cases()
