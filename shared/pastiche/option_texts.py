"""Values of options as people write them on a command line."""

from __future__ import annotations

from typing import Any

from pastiche.options import Option


def option_value(option: Option, text: str) -> Any:
    """The value in the option's own kind; a number that is none stays text, which `Option.check` refuses by name."""
    if option.kind in ("choice", "text"):
        return text
    try:
        return float(text)
    except ValueError:
        return text
