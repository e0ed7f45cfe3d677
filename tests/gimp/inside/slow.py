"""Runs in GIMP: a pastiche that takes long enough for something to happen meanwhile; then, on demand, a quick one."""

from __future__ import annotations

import os
import time

from studio import Facts, add_layer, call, case, every_layer, new_image, run_cases


@case
def slow() -> Facts:
    image = new_image()
    layer = add_layer(image)
    image.scale(3200, 2400)
    said = call(image, [layer], styles="rose-window", brush_size=25.0)
    said.pop("layer")
    return said | {"layers": len(every_layer(image)), "ended": time.time()}


@case
def quick() -> Facts:
    image = new_image()
    began = time.time()
    said = call(image, [add_layer(image)], styles="rose-window")
    said.pop("layer")
    return said | {"layers": len(every_layer(image)), "seconds": time.time() - began}


@case
def large() -> Facts:
    image = new_image(160, 120)
    layer = add_layer(image)
    width, height = (int(side) for side in os.environ.get("SIDES", "8200 6150").split())
    image.scale(width, height)
    began = time.time()
    said = call(image, [layer], styles="rose-window", brush_size=400.0)
    new = said.pop("layer")
    facts = said | {"seconds": time.time() - began, "layers": len(every_layer(image))}
    if new is None:
        return facts
    from gi.repository import Gegl

    area = Gegl.Rectangle.new(0, 0, width // 16, height // 16)
    reduced = bytes(new.get_buffer().get(area, 1 / 16, "Y' u8", Gegl.AbyssPolicy.CLAMP))
    return facts | {"size": [new.get_width(), new.get_height()], "values": len(set(reduced))}


run_cases()
