"""Every user-facing parameter, once: the plug-in's arguments, client's flags and daemon's checks come from here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pastiche.errors import ErrorCode, PasticheError

METHODS = ("fast",)
MAX_STYLES = 4


@dataclass(frozen=True)
class Option:
    """One parameter of a job. `kind` is "float", "int" or "choice"; ranges include both ends."""

    name: str
    kind: str
    default: float | int | str
    label: str
    help: str
    minimum: float = 0
    maximum: float = 0
    unit: str = ""
    choices: tuple[str, ...] = ()

    @property
    def range_text(self) -> str:
        """The allowed values, for help and refusals: "0..100", "style|keep|match"."""
        if self.choices:
            return "|".join(self.choices)
        return f"{self.minimum:.0f}..{self.maximum:.0f}"

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def check(self, value: object) -> float | int | str:
        """`value` in the option's own type. Raises PasticheError(BAD_OPTION) naming the allowed values."""
        if self.kind == "choice":
            if value in self.choices:
                return str(value)
            raise self._refusal(value, "one of " + ", ".join(self.choices))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._refusal(value, "a number")
        if self.kind == "int" and value != int(value):
            raise self._refusal(value, "a whole number")
        if not self.minimum <= value <= self.maximum:
            raise self._refusal(value, f"between {self.minimum:.0f} and {self.maximum:.0f} {self.unit}".rstrip())
        return int(value) if self.kind == "int" else float(value)

    def _refusal(self, value: object, wanted: str) -> PasticheError:
        return PasticheError(ErrorCode.BAD_OPTION, f"{self.flag} must be {wanted}, not {str(value)[:40]!r}.")


OPTIONS: tuple[Option, ...] = (
    Option(
        "method", "choice", "fast", "_Method", "How the pastiche is made: fast is one pass of a network.",
        choices=METHODS,
    ),
    Option(
        "strength", "float", 100.0, "S_trength",
        "How much of the style is taken on; 0 gives the photograph back.", 0, 100, "%",
    ),
    Option(
        "brush_size", "float", 100.0, "_Brush size",
        "Size of the strokes, in proportion to the picture; a larger brush also works faster.", 25, 400, "%",
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
