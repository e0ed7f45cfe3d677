"""What can be used while the full picture is painted: Cancel, Help, the comparison, and the button that ends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gi.repository import Gtk

from pastiche_gimp.words import _

KEEP = 70
"""The response of the button; small numbers are GIMP's own."""
AT_WORK = (Gtk.ResponseType.CANCEL, Gtk.ResponseType.HELP, KEEP)


class WorkMode:
    """`settings` are the widgets with styles and options, `presets` GIMP's own row of buttons, if it has one."""

    def __init__(self, dialog: Any, settings: Sequence[Any], presets: Any | None) -> None:
        self._dialog, self._settings, self._presets = dialog, settings, presets
        self._resting: list[Any] = []
        self._keep = dialog.add_button(_("Stop and _Keep"), KEEP)
        self._keep.set_tooltip_text(_("Ends the painting now, and keeps the picture as it is"))
        self._keep.set_no_show_all(True)
        self._keep.hide()
        area = dialog.get_action_area()
        cancel = dialog.get_widget_for_response(Gtk.ResponseType.CANCEL)
        area.reorder_child(self._keep, area.get_children().index(cancel))

    def begin(self, keepable: bool) -> None:
        """`keepable`: it can be ended early, as soon as there is something to keep."""
        buttons = [
            *self._dialog.get_action_area().get_children(),
            *(self._presets.get_children() if self._presets else ()),
        ]
        others = [button for button in buttons if self._dialog.get_response_for_widget(button) not in AT_WORK]
        self._resting = [widget for widget in (*self._settings, *others) if widget.get_sensitive()]
        for widget in self._resting:
            widget.set_sensitive(False)
        self._keep.set_sensitive(False)
        self._keep.set_visible(keepable)

    def end(self) -> None:
        for widget in self._resting:
            widget.set_sensitive(True)
        self._resting = []
        self._keep.hide()
