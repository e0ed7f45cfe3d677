"""The three phases of generator training."""

from __future__ import annotations

RECONSTRUCTION, STYLE, ADVERSARIAL = "reconstruction", "style", "adversarial"
RECONSTRUCTION_END, STYLE_END = 0.06, 0.35
"""Shares of the run by which the phases are over at the latest."""
RECONSTRUCTION_STEPS, STYLE_STEPS = 600, 3000
"""Steps after which they are over in long runs. The adversary has the rest."""


ORDER = ("", RECONSTRUCTION, STYLE, ADVERSARIAL)


def later(first: str, second: str) -> str:
    """A run that is given more time does not go back to a phase that is over."""
    return max(first, second, key=ORDER.index)


def phase(step: int, done: float, begun: bool) -> str:
    """At `step`, where the share `done` (0..1) of the run is behind us; `begun` from a trained generator or not.

    The first phase is never left out of a new network: one that goes straight to the style may end in a single colour
    (White-box Cartoonization, issue 97).
    """
    if not begun and step < RECONSTRUCTION_STEPS and done < RECONSTRUCTION_END:
        return RECONSTRUCTION
    first = 0 if begun else RECONSTRUCTION_STEPS
    return STYLE if step < first + STYLE_STEPS and done < STYLE_END else ADVERSARIAL
