"""Runs in GIMP: the plug-in on every kind of layer."""

from __future__ import annotations

import os
from typing import Any

from gi.repository import Gimp
from studio import (
    FLOAT,
    GRAY,
    U16_LINEAR,
    add_layer,
    also_plain,
    case,
    file_of,
    new_image,
    pastiche_of,
    run_cases,
)


@also_plain
@case
def rgb(**given: Any) -> dict[str, Any]:
    image = new_image()
    return pastiche_of(image, add_layer(image), **given)


@case
def between_others(**given: Any) -> dict[str, Any]:
    image = new_image()
    add_layer(image, name="Below")
    layer = add_layer(image)
    add_layer(image, name="Above")
    return pastiche_of(image, layer, **given)


@also_plain
@case
def rgba_with_offsets(**given: Any) -> dict[str, Any]:
    image = new_image()
    return pastiche_of(image, add_layer(image, 200, 90, alpha=True, offsets=(-30, 17)), **given)


@case
def grey(**given: Any) -> dict[str, Any]:
    image = new_image(base=GRAY)
    return pastiche_of(image, add_layer(image), **given)


@case
def grey_kept(**given: Any) -> dict[str, Any]:
    image = new_image(base=GRAY)
    return pastiche_of(image, add_layer(image), convert_to_rgb=False, **given)


@case
def grey_with_alpha(**given: Any) -> dict[str, Any]:
    image = new_image(base=GRAY)
    return pastiche_of(image, add_layer(image, alpha=True), **given)


@also_plain
@case
def linear_16_bit(**given: Any) -> dict[str, Any]:
    image = new_image(precision=U16_LINEAR)
    return pastiche_of(image, add_layer(image), **given)


@also_plain
@case
def floating_point(**given: Any) -> dict[str, Any]:
    image = new_image(precision=FLOAT)
    return pastiche_of(image, add_layer(image, alpha=True), **given)


@also_plain
@case
def adobe_rgb(**given: Any) -> dict[str, Any]:
    image = new_image()
    layer = add_layer(image)
    image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
    return pastiche_of(image, layer, **given)


@also_plain
@case
def text(**given: Any) -> dict[str, Any]:
    image = new_image()
    add_layer(image)
    layer = Gimp.TextLayer.new(image, "Pastiche 画", Gimp.context_get_font(), 40.0, Gimp.Unit.pixel())
    image.insert_layer(layer, None, 0)
    layer.set_offsets(11, 22)
    return pastiche_of(image, layer, **given)


def with_group() -> tuple[Any, Any, Any]:
    image = new_image()
    add_layer(image, name="Below")
    group = Gimp.GroupLayer.new(image, "Group")
    image.insert_layer(group, None, 0)
    add_layer(image, 60, 50, offsets=(20, 10), parent=group, name="Member")
    member = add_layer(image, 50, 60, alpha=True, offsets=(60, 40), parent=group, name="Other member")
    return image, group, member


@also_plain
@case
def group(**given: Any) -> dict[str, Any]:
    image, layer, _ = with_group()
    return pastiche_of(image, layer, **given)


@case
def in_a_group(**given: Any) -> dict[str, Any]:
    image, _, member = with_group()
    return pastiche_of(image, member, **given)


def with_mask() -> tuple[Any, Any, Any]:
    image = new_image()
    layer = add_layer(image)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 20, 20, 100, 60)
    mask = layer.create_mask(Gimp.AddMaskType.SELECTION)
    layer.add_mask(mask)
    Gimp.Selection.none(image)
    return image, layer, mask


@case
def mask_being_edited(**given: Any) -> dict[str, Any]:
    image, layer, mask = with_mask()
    layer.set_edit_mask(True)
    return pastiche_of(image, layer, mask, **given)


@also_plain
@case
def masked(**given: Any) -> dict[str, Any]:
    image, layer, _ = with_mask()
    layer.set_edit_mask(False)
    return pastiche_of(image, layer, **given)


@also_plain
@case
def filtered(**given: Any) -> dict[str, Any]:
    image = new_image()
    layer = add_layer(image)
    layer.append_filter(Gimp.DrawableFilter.new(layer, "gegl:invert-gamma", "Invert"))
    return pastiche_of(image, layer, **given)


@also_plain
@case
def hard_selection(**given: Any) -> dict[str, Any]:
    image = new_image(240, 180)
    layer = add_layer(image)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 100, 60, 50, 40)
    return pastiche_of(image, layer, **given)


@also_plain
@case
def feathered_selection(**given: Any) -> dict[str, Any]:
    image = new_image(240, 180)
    layer = add_layer(image, 260, 200, offsets=(-10, -5))
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 80, 50, 60, 50)
    Gimp.Selection.feather(image, 12.0)
    return pastiche_of(image, layer, **given)


@also_plain
@case
def selection_over_the_edge(**given: Any) -> dict[str, Any]:
    image = new_image(240, 180)
    layer = add_layer(image, 100, 80, alpha=True, offsets=(90, 60))
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 120, 100)
    return pastiche_of(image, layer, **given)


@case
def selected_and_masked(**given: Any) -> dict[str, Any]:
    image, layer, _ = with_mask()
    layer.set_edit_mask(False)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 40, 10, 70, 60)
    return pastiche_of(image, layer, **given)


@also_plain
@case
def one_pixel(**given: Any) -> dict[str, Any]:
    image = new_image()
    return pastiche_of(image, add_layer(image, 1, 1, offsets=(3, 4)), **given)


@case
def new_image_of_it(**given: Any) -> dict[str, Any]:
    image = new_image(precision=U16_LINEAR)
    image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
    return pastiche_of(image, add_layer(image), output="image", **given)


@case
def every_argument(**given: Any) -> dict[str, Any]:
    image = new_image()
    arguments = {"strength": 60.0, "brush_size": 150.0, "colour": "keep", "seed": 7, "wrap": "both", "method": "fast"}
    return pastiche_of(image, add_layer(image), styles="indigo-wave=2;ink-mountains", **arguments, **given)


@case
def style_file(**given: Any) -> dict[str, Any]:
    image = new_image()
    return pastiche_of(image, add_layer(image), style_file=file_of(os.environ["STYLE_FILE"]), **given)


run_cases()
