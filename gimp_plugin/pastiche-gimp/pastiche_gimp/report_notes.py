"""What the daemon's report says that the user should know: a picture that did not become what it should have."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from pastiche_gimp.words import N_, _

NOTES = {
    "the steps went astray": N_(
        "The steps went astray, so this is the picture before they did. A smaller step size or less weight helps."
    ),
    "memory ran out, so": N_("Memory ran out, so this is the picture so far. Painting fewer megapixels needs less."),
    "memory ran out: painted with less precision": N_(
        "Memory ran out, so it was painted with less precision. A larger brush needs less."
    ),
}
"""By the beginnings of the daemon's notes."""


def tell_notes(report: dict[str, Any]) -> None:
    """Says them as GIMP says such things."""
    notes = report.get("notes")
    for note in notes if isinstance(notes, list) else []:
        for beginning, sentence in NOTES.items():
            if str(note).startswith(beginning):
                Gimp.message(_(sentence))
