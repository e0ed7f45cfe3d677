"""Runs in GIMP: pictures that are painted step by step, as quickly as such a thing goes."""

from __future__ import annotations

from typing import Any

from studio import Facts, add_layer, call, case, every_layer, new_image, parasite_of, pastiche_of, run_cases

QUICK = {"method": "fine", "effort": "draft", "iterations": 4, "scales": 1}


@case
def draft() -> Facts:
    image = new_image(96, 64)
    layer = add_layer(image, alpha=True)
    return pastiche_of(image, layer, **QUICK, style_layers="relu1_1:2,relu3_1:1", averaging=50.0)


def called(**arguments: Any) -> Facts:
    image = new_image(96, 64)
    said = call(image, [add_layer(image)], styles="rose-window", **arguments)
    new = said.pop("layer")
    return said | {"layers": len(every_layer(image)), "parasite": parasite_of(new) if new else ""}


@case
def nonsense() -> Facts:
    return called(**QUICK, content_layers="relu9_9")


@case
def nonsense_that_fast_does_not_heed() -> Facts:
    return called(method="fast", content_layers="relu9_9", iterations=7)


@case
def astray() -> Facts:
    return called(**QUICK | {"iterations": 60}, optimizer="adam", step_size=10.0, content_weight=1e6)


run_cases()
