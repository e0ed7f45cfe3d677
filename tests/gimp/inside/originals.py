"""Runs in GIMP: pastiches that are made again after the image, or their original, has changed."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp
from studio import STYLE, Facts, add_layer, call, case, new_image, run_cases


def pastiche(image: Any, layer: Any, **arguments: Any) -> Any:
    said = call(image, [layer], styles=STYLE, **arguments)
    assert said["status"] == "success", said
    return said["layer"]


def of_a_selected_part() -> tuple[Any, Any]:
    image = new_image()
    layer = add_layer(image)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 40, 30, 60, 50)
    made = pastiche(image, layer)
    Gimp.Selection.none(image)
    return image, made


def again(image: Any, drawable: Any) -> Facts:
    said = call(image, [drawable], procedure="plug-in-pastiche-again")
    del said["layer"]
    layers = image.get_layers()
    return said | {
        "visible": [layer.get_visible() for layer in layers],
        "sizes": [[layer.get_width(), layer.get_height()] for layer in layers],
        "masked": [layer.get_mask() is not None for layer in layers],
    }


@case
def in_a_copy_of_the_image() -> Facts:
    image = new_image()
    pastiche(image, add_layer(image))
    copy = image.duplicate()
    return again(copy, copy.get_layers()[0])


@case
def image_scaled() -> Facts:
    image = new_image()
    made = pastiche(image, add_layer(image))
    image.scale(320, 240)
    return again(image, made)


@case
def mask_selected() -> Facts:
    image, made = of_a_selected_part()
    return again(image, made.get_mask())


@case
def selected_part_after_scaling() -> Facts:
    image, made = of_a_selected_part()
    image.scale(320, 240)
    return again(image, made)


@case
def in_a_new_image() -> Facts:
    image = new_image()
    made = pastiche(image, add_layer(image), output="image")
    return again(made.get_image(), made)


@case
def copied_into_another_image() -> Facts:
    image, other = new_image(), new_image()
    made = pastiche(image, add_layer(image))
    add_layer(other)
    copy = Gimp.Layer.new_from_drawable(made, other)
    other.insert_layer(copy, None, 0)
    return again(other, copy)


run_cases()
