"""Runs in GIMP: what a saved picture has in it."""

from __future__ import annotations

import os

from gi.repository import Gimp
from studio import Facts, case, every_layer, file_of, parasite_of, run_cases


@case
def saved() -> Facts:
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file_of(os.environ["PICTURE"]))
    layers = [
        {"name": item.get_name(), "visible": item.get_visible(), "parasite": parasite_of(item)}
        for item in every_layer(image)
    ]
    return {"layers": layers, "parasites": list(image.get_parasite_list())}


run_cases()
