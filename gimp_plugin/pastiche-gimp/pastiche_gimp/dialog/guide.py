"""The user's guide and folders, opened in the programs that the desktop has for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import Gdk, Gio, GLib, Gtk

from pastiche.liveness import in_sandbox
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.failures import log
from pastiche_gimp.installation import Installation
from pastiche_gimp.words import _

PAGE, FOLDER = "text/html", "inode/directory"


def open_outside(window: Any, path: Path, kind: str, tell: Callable[[str], None]) -> None:
    """Opens a file or folder; where nothing can, `tell` is told where it lies."""
    # With a window GTK asks in the background and keeps a failure to itself. In a sandbox the desktop knows, not we.
    can = in_sandbox() or Gio.AppInfo.get_default_for_type(kind, False) is not None
    try:
        if can:
            Gtk.show_uri_on_window(window, path.as_uri(), Gdk.CURRENT_TIME)
    except GLib.Error as error:
        log(error)
        can = False
    if not can:
        tell(_("There is no program here that opens it: {path}").format(path=path))


def offer_guide(dialog: Any, installation: Installation, guard: Guard, tell: Callable[[str], None]) -> None:
    """The dialog's Help button and F1 open the guide on this computer."""

    def open_guide() -> None:
        if installation.guide.is_file():
            open_outside(dialog, installation.guide, PAGE, tell)
        else:
            tell(_("The guide is not installed. Run the installer again."))

    def answered(_dialog: Any, response: int) -> None:
        if response == Gtk.ResponseType.HELP:
            dialog.stop_emission_by_name("response")
            open_guide()

    def pressed(_dialog: Any, event: Any) -> bool:
        if event.keyval != Gdk.KEY_F1:
            return False
        open_guide()
        return True

    dialog.connect("response", guard(answered))
    dialog.connect("key-press-event", guard(pressed))
