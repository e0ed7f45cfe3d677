"""Runs in GIMP: calls of the plug-in that cannot be carried out."""

from __future__ import annotations

import os
from typing import Any

from gi.repository import Gimp, Gio
from studio import Facts, add_layer, call, case, every_layer, file_of, new_image, run_cases, state


def refused(image: Any, layer: Any, drawables: list[Any] | None = None, **arguments: Any) -> Facts:
    before = state(image, layer)
    said = call(image, [layer] if drawables is None else drawables, **arguments)
    came = said.pop("layer")
    return said | {"layer": came and came.get_name(), "untouched": state(image, layer) == before}


def on_a_picture(**arguments: Any) -> Facts:
    image = new_image()
    return refused(image, add_layer(image), **arguments)


@case
def unknown_style() -> Facts:
    return on_a_picture(styles="no-such-style")


@case
def style_with_a_path() -> Facts:
    return on_a_picture(styles="../../etc/passwd")


@case
def forgotten_kept_style() -> Facts:
    return on_a_picture(styles="kept:0123456789abcdef")


@case
def kept_style_with_a_path() -> Facts:
    return on_a_picture(styles="kept:../../secret")


@case
def no_style() -> Facts:
    return on_a_picture(styles="")


@case
def too_many_styles() -> Facts:
    return on_a_picture(styles=";".join(["rose-window"] * 9))


@case
def weight_below_zero() -> Facts:
    return on_a_picture(styles="rose-window=-1")


@case
def style_file_that_is_missing() -> Facts:
    return on_a_picture(style_file=file_of(os.environ["FACTS"] + "/nothing.png"))


@case
def style_file_that_is_no_picture() -> Facts:
    return on_a_picture(style_file=file_of(os.environ["BAD_FILE"]))


@case
def style_file_that_is_cut_off() -> Facts:
    return on_a_picture(style_file=file_of(os.environ["CUT_FILE"]))


@case
def style_file_that_is_a_folder() -> Facts:
    return on_a_picture(style_file=file_of(os.environ["FACTS"]))


@case
def style_file_in_the_network() -> Facts:
    return on_a_picture(style_file=Gio.File.new_for_uri("https://localhost:9/picture.png"))


@case
def two_layers() -> Facts:
    image = new_image()
    layers = [add_layer(image), add_layer(image)]
    return refused(image, layers[0], layers)


@case
def no_layer() -> Facts:
    image = new_image()
    return refused(image, add_layer(image), [])


@case
def channel() -> Facts:
    image = new_image()
    layer = add_layer(image)
    return refused(image, layer, [Gimp.Selection.save(image)])


@case
def selection_beside_the_layer() -> Facts:
    image = new_image()
    layer = add_layer(image, 40, 40)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 80, 80, 20, 20)
    return refused(image, layer)


@case
def layer_of_another_image() -> Facts:
    image, other = new_image(), new_image()
    return refused(image, add_layer(image), [add_layer(other)])


@case
def indexed_image() -> Facts:
    image = new_image()
    layer = add_layer(image)
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 8, False, False, "")
    return refused(image, layer)


@case
def floating_selection() -> Facts:
    image = new_image()
    layer = add_layer(image)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 20, 40, 40)
    Gimp.Selection.float(image, [layer], 5, 5)
    return refused(image, layer)


@case
def afterwards() -> Facts:
    """That nothing of the above got in the way of the next call."""
    image = new_image()
    said = call(image, [add_layer(image)])
    said.pop("layer")
    return said | {"layers": len(every_layer(image))}


run_cases()
