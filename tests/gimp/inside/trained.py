"""Runs in GIMP: pictures that a trained model paints, and calls that it cannot follow."""

from __future__ import annotations

import os
from typing import Any

from studio import Facts, add_layer, call, case, every_layer, file_of, new_image, parasite_of, pastiche_of, run_cases

MODEL = os.environ.get("MODEL", "")


@case
def named() -> Facts:
    image = new_image()
    return pastiche_of(image, add_layer(image, alpha=True), method="trained", model=MODEL, strength=80.0)


def called(**arguments: Any) -> Facts:
    image = new_image()
    said = call(image, [add_layer(image)], **arguments)
    new = said.pop("layer")
    return said | {"layers": len(every_layer(image)), "parasite": parasite_of(new) if new else ""}


@case
def unnamed() -> Facts:
    return called(method="trained")


@case
def unknown() -> Facts:
    return called(method="trained", model="no-such-model")


@case
def no_name_at_all() -> Facts:
    return called(method="trained", model="../../etc/passwd")


@case
def with_a_style_picture() -> Facts:
    return called(method="trained", model=MODEL, style_file=file_of(os.environ["STYLE_FILE"]))


@case
def model_that_fast_does_not_heed() -> Facts:
    return called(method="fast", model="no-such-model")


run_cases()
