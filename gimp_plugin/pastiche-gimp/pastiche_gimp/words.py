"""The user's language: GIMP binds the catalogue in `locale/` as the plug-in's own domain before anything runs."""

from __future__ import annotations

from gi.repository import GLib


def _(text: str) -> str:
    """`text` in the user's language."""
    return str(GLib.dgettext(None, text)) if text else ""


def N_(text: str) -> str:
    """Marks `text` for the catalogues; it is translated where it is shown."""
    return text
