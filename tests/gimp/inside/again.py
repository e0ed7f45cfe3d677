"""Runs in GIMP: pastiches that are made once more."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp
from studio import Facts, add_layer, call, case, every_layer, new_image, run_cases, save

AGAIN = "plug-in-pastiche-again"


def look(image: Any, said: Facts) -> Facts:
    said.pop("layer")
    layers = every_layer(image)
    seen = [{"name": item.get_name(), "visible": item.get_visible()} for item in layers]
    return said | {"layers": seen, "pictures": [save(f"layer{i}", item, "R'G'B' u8") for i, item in enumerate(layers)]}


@case
def again_on_a_photograph() -> Facts:
    image = new_image()
    return look(image, call(image, [add_layer(image)], AGAIN))


@case
def again_on_a_pastiche() -> Facts:
    """It is made of its original once more, not of itself."""
    image = new_image()
    first = call(image, [add_layer(image)], styles="rose-window")["layer"]
    return look(image, call(image, [first], AGAIN))


@case
def again_after_the_original_is_gone() -> Facts:
    image = new_image()
    source = add_layer(image)
    first = call(image, [source], styles="rose-window")["layer"]
    image.remove_layer(source)
    return look(image, call(image, [first], AGAIN))


@case
def settings_without_a_window() -> Facts:
    image = new_image()
    layer = add_layer(image)
    found = Gimp.get_pdb().lookup_procedure("plug-in-pastiche-settings")
    config = found.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    return {"status": found.run(config).index(0).value_nick}


run_cases()
