"""Every user-facing parameter, once: the plug-in's arguments, client's flags and daemon's checks come from here."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pastiche.errors import ErrorCode, PasticheError

METHODS = ("fast", "fine", "trained")
MAX_STYLES = 4
FINE = ("fine",)
TRAINED = ("trained",)
AT_ONCE = ("fast", "trained")
LAYER = r"(relu[1-5]_[1-4])(:[0-9]{1,6}(\.[0-9]{1,6})?)?"


@dataclass(frozen=True)
class Option:
    """One parameter of a job. `kind` is "float", "int", "choice" or "text"; ranges include both ends.

    `methods` heed it (empty: all), an `expert` one is rarely needed, `digits` are shown after the point, and a text
    matches `pattern` as a whole or is empty; `form` names what it may be.
    """

    name: str
    kind: str
    default: float | int | str
    label: str
    help: str
    minimum: float = 0
    maximum: float = 0
    unit: str = ""
    choices: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    expert: bool = False
    digits: int = 0
    pattern: str = ""
    form: str = ""

    @property
    def range_text(self) -> str:
        """The allowed values, for help and refusals: "0..100", "style|keep|match"."""
        if self.choices:
            return "|".join(self.choices)
        if self.kind == "text":
            return self.form
        return f"{self.minimum:g}..{self._most}"

    @property
    def _most(self) -> str:
        return f"{self.maximum:.0f}" if self.maximum == int(self.maximum) else f"{self.maximum:g}"

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def check(self, value: object) -> float | int | str:
        """`value` in the option's own type. Raises PasticheError(BAD_OPTION) naming the allowed values."""
        if self.kind == "choice":
            if value in self.choices:
                return str(value)
            raise self._refusal(value, "one of " + ", ".join(self.choices))
        if self.kind == "text":
            if isinstance(value, str) and (not value or re.fullmatch(self.pattern, value)):
                return value
            raise self._refusal(value, self.form)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._refusal(value, "a number")
        if self.kind == "int" and value != int(value):
            raise self._refusal(value, "a whole number")
        if not self.minimum <= value <= self.maximum:
            raise self._refusal(value, f"between {self.minimum:g} and {self._most} {self.unit}".rstrip())
        return int(value) if self.kind == "int" else float(value)

    def _refusal(self, value: object, wanted: str) -> PasticheError:
        return PasticheError(ErrorCode.BAD_OPTION, f"{self.flag} must be {wanted}, not {str(value)[:40]!r}.")


OPTIONS: tuple[Option, ...] = (
    Option(
        "method", "choice", "fast", "_Method",
        "How the pastiche is made: fast lets a network paint it at once, fine paints it step by step, trained takes a "
        "model that has learned one look.",
        choices=METHODS,
    ),
    Option(
        "strength", "float", 100.0, "S_trength",
        "How much of the style is taken on; 0 gives the photograph back.", 0, 100, "%",
    ),
    Option(
        "brush_size", "float", 100.0, "Brush si_ze",
        "Size of the strokes, in proportion to the picture; a fine brush takes longer.", 5, 400, "%",
    ),
    Option(
        "colour", "choice", "style", "C_olour",
        "style: the style's colours; keep: the photograph's colours; match: the style recoloured like the photograph.",
        choices=("style", "keep", "match"),
    ),
    Option("seed", "int", 0, "See_d", "Another number gives another variation of the same pastiche.", 0, 2**31 - 1),
    Option(
        "wrap", "choice", "none", "_Wrap",
        "Which opposite edges meet: horizontal for 360-degree panoramas, both for seamless textures.",
        choices=("none", "horizontal", "both"),
    ),
    Option(
        "depth", "choice", "8", "Bit de_pth", "Bits per channel of the result; 32 is floating point.",
        choices=("8", "16", "32"), unit="bit",
    ),
    Option(
        "model", "text", "", "Mode_l", "The trained model that paints; `pastiche styles` lists them.",
        methods=TRAINED, pattern=r"[A-Za-z0-9-]{1,40}", form="NAME",
    ),
    Option(
        "effort", "choice", "normal", "_Effort", "How long it paints: draft in seconds, best in many minutes.",
        choices=("draft", "normal", "best"), methods=FINE,
    ),
    Option(
        "megapixels", "float", 0.0, "Painted at",
        "How many megapixels are painted, beyond which the pastiche is enlarged; 0 goes by the effort.",
        0, 400, "MP", methods=FINE, digits=2,
    ),
    Option(
        "style_scale", "float", 100.0, "Style scale",
        "Size of the style picture beside the photograph, and so of its marks.", 25, 400, "%", methods=FINE,
    ),
    Option(
        "features", "choice", "auto", "Feature network",
        "What tells content and style: auto takes VGG-19 where it was fetched, else the compact network that ships.",
        choices=("auto", "compact", "vgg19"), methods=FINE, expert=True,
    ),
    Option(
        "loss", "choice", "wasserstein", "Style loss",
        "How styles are compared: by Gaussian Wasserstein-2 distance, Gram matrices, or means and deviations.",
        choices=("wasserstein", "gram", "moments"), methods=FINE, expert=True,
    ),
    Option(
        "content_weight", "float", 1.0, "Content weight", "How much the photograph counts.",
        0, 1e6, methods=FINE, expert=True, digits=3,
    ),
    Option(
        "style_weight", "float", 1.0, "Style weight", "How much the style counts.",
        0, 1e6, methods=FINE, expert=True, digits=3,
    ),
    Option(
        "tv_weight", "float", 1.0, "Smoothness", "How much even areas are smoothed (total variation).",
        0, 1e6, methods=FINE, expert=True, digits=3,
    ),
    Option(
        "content_layers", "text", "", "Content layers",
        "Layers that hold the content, with weights: relu4_2:1; empty takes those of the network.",
        methods=FINE, expert=True, pattern=f"{LAYER}(,{LAYER}){{0,15}}", form="LAYER:W,LAYER:W",
    ),
    Option(
        "style_layers", "text", "", "Style layers",
        "Layers that hold the style, with weights: relu1_1:2,relu3_1:1; empty takes relu1_1 to relu5_1.",
        methods=FINE, expert=True, pattern=f"{LAYER}(,{LAYER}){{0,15}}", form="LAYER:W,LAYER:W",
    ),
    Option(
        "pooling", "choice", "max", "Pooling", "How the feature network makes its maps smaller.",
        choices=("max", "average", "l2"), methods=FINE, expert=True,
    ),
    Option(
        "optimizer", "choice", "auto", "Optimizer",
        "How each step is found: auto takes L-BFGS, and Adam, which needs less memory, above 4 megapixels.",
        choices=("auto", "lbfgs", "adam"), methods=FINE, expert=True,
    ),
    Option(
        "step_size", "float", 0.0, "Step size", "Length of a step, of values 0 to 1; 0 takes that of the optimizer.",
        0, 10, methods=FINE, expert=True, digits=3,
    ),
    Option(
        "iterations", "int", 0, "Iterations", "Steps at the full painted size; 0 goes by the effort.",
        0, 100_000, methods=FINE, expert=True,
    ),
    Option(
        "scales", "int", 0, "Scales", "Sizes painted one after the other, each half the next; 0 takes all that fit.",
        0, 12, methods=FINE, expert=True,
    ),
    Option(
        "start", "choice", "content", "Start from", "The picture that the first step changes.",
        choices=("content", "noise", "fast"), methods=FINE, expert=True,
    ),
    Option(
        "averaging", "float", 90.0, "Averaging", "How much of the mean of earlier steps stays in the result.",
        0, 99.9, "%", methods=FINE, expert=True, digits=1,
    ),
    Option(
        "tile", "int", 0, "Tile size",
        "Side of the pieces in which it is painted; the result is the same. 0 takes as much as fits into memory.",
        0, 16_384, "px", methods=AT_ONCE, expert=True,
    ),
)  # fmt: skip

BY_NAME = {option.name: option for option in OPTIONS}


def defaults() -> dict[str, float | int | str]:
    """Every option with its default value."""
    return {option.name: option.default for option in OPTIONS}


def check_options(values: Mapping[str, Any]) -> dict[str, float | int | str]:
    """All options with defaults filled in. Raises PasticheError(BAD_OPTION) for an unknown name or a bad value."""
    for name in values:
        if name not in BY_NAME:
            raise PasticheError(ErrorCode.BAD_OPTION, f"There is no option {str(name)[:40]!r}.")
    return defaults() | {name: BY_NAME[name].check(value) for name, value in values.items()}
