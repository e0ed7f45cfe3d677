"""What the options of the Fine method mean for the painter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiched.engines.inputs import WRAPS
from pastiched.imaging.scale import WorkingSize
from pastiched.networks.features import MULTIPLE, TAPS, read_layers
from pastiched.optimization.objective import Weights
from pastiched.optimization.painter import Recipe
from pastiched.optimization.schedule import schedule

SMALLEST_SIDE = 32
LARGEST_BRUSH_STEP = 4.0


@dataclass(frozen=True)
class Effort:
    """`megapixels` that are painted at most, steps at the last scale, and how many times as many each before it has."""

    megapixels: float
    iterations: int
    growth: float


EFFORTS = {"draft": Effort(0.2625, 16, 2.0), "normal": Effort(1.05, 50, 2.0), "best": Effort(4.2, 120, 1.5)}
CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 1.0, 7.0, 0.1
"""What the options' 1 stands for, so that content and style balance."""
CONTENT_LAYERS = {"relu4_1": 1.0}
STYLE_LAYERS = dict.fromkeys(TAPS, 1.0)


def painted_size(width: int, height: int, options: dict[str, Any]) -> WorkingSize:
    """At which the picture is painted: its own size, or fewer pixels by effort, `megapixels` and a broad brush."""
    most = (options["megapixels"] or EFFORTS[options["effort"]].megapixels) * 1e6
    factor = min(1.0, math.sqrt(most / (width * height)))
    factor /= min(LARGEST_BRUSH_STEP, max(1.0, options["brush_size"] / 100))
    sides = []
    for side, wrapped in zip((width, height), WRAPS[options["wrap"]], strict=True):
        wanted = max(SMALLEST_SIDE, round(side * factor))
        sides.append(round(wanted / MULTIPLE) * MULTIPLE if wrapped else wanted)
    return WorkingSize(*sides)


def read_recipe(size: WorkingSize, options: dict[str, Any], layers: tuple[str, ...]) -> Recipe:
    """`layers` are those that the feature network has. Raises PasticheError(BAD_OPTION)."""
    effort = EFFORTS[options["effort"]]
    content = _layers(options["content_layers"], "--content-layers", CONTENT_LAYERS, layers)
    style = _layers(options["style_layers"], "--style-layers", STYLE_LAYERS, layers)
    weights = Weights(
        CONTENT_WEIGHT * options["content_weight"],
        STYLE_WEIGHT * options["style_weight"],
        TV_WEIGHT * options["tv_weight"],
        content,
        style,
    )
    if not weights.content and not weights.style:
        raise PasticheError(ErrorCode.BAD_OPTION, "--content-weight and --style-weight must not both be 0.")
    iterations = options["iterations"] or effort.iterations
    wrap = WRAPS[options["wrap"]]
    return Recipe(
        scales=schedule(size.width, size.height, iterations, options["scales"], effort.growth, wrap, MULTIPLE),
        weights=weights,
        loss=options["loss"],
        optimizer=options["optimizer"],
        step_size=options["step_size"],
        averaging=options["averaging"] / 100,
        start=options["start"],
        seed=options["seed"],
        strength=options["strength"] / 100,
        style_side=options["style_scale"] / 100 * min(1.0, options["brush_size"] / 100),
    )


def _layers(text: str, flag: str, default: dict[str, float], known: tuple[str, ...]) -> dict[str, float]:
    chosen = read_layers(text) if text else default
    for layer in chosen:
        if layer not in known:
            raise PasticheError(
                ErrorCode.BAD_OPTION, f"{flag}: this feature network has no {layer}; it has {known[0]} to {known[-1]}."
            )
    if not any(chosen.values()):
        raise PasticheError(ErrorCode.BAD_OPTION, f"{flag}: one layer at least must have a weight above 0.")
    return {layer: weight for layer, weight in chosen.items() if weight}
