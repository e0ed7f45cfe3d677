"""Notices on top of the dialog: one sentence each, with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gtk

from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.words import _

AGAIN = 1


class Notice:
    """A bar that is out of sight until there is something to say. The widget is `widget`."""

    def __init__(self, guard: Guard) -> None:
        self._retry: Callable[[], None] | None = None
        self.widget = Gtk.InfoBar()
        self.widget.set_no_show_all(True)
        self.widget.set_show_close_button(True)
        self._label = Gtk.Label()
        self._label.set_line_wrap(True)
        self._label.set_xalign(0)
        self._label.set_selectable(True)
        self._label.set_can_focus(False)
        self._label.show()
        self._again = self.widget.add_button(_("Try Agai_n"), AGAIN)
        self.widget.get_content_area().pack_start(self._label, True, True, 0)
        self.widget.connect("response", guard(self._answered))

    def tell(self, sentence: str, retry: Callable[[], None] | None = None, error: bool = True) -> None:
        """Shows a sentence in place of the one before; with `retry` there is a button for another attempt."""
        self._retry = retry
        self._label.set_text(sentence)
        self._again.set_visible(retry is not None)
        self.widget.set_message_type(Gtk.MessageType.ERROR if error else Gtk.MessageType.INFO)
        self.widget.get_accessible().set_name(sentence)
        self.widget.show()

    def clear(self) -> None:
        self._retry = None
        self.widget.hide()

    def _answered(self, _bar: Any, response: int) -> None:
        retry = self._retry
        self.clear()
        if response == AGAIN and retry:
            retry()


class RemakeBar:
    """For a layer that is a pastiche itself: is it to be made anew from its original, or painted as it is?"""

    def __init__(self, guard: Guard, source: str, on_choice: Callable[[bool], None]) -> None:
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        sentence = Gtk.Label(label=_("This layer is a pastiche of “{layer}”.").format(layer=source))
        sentence.set_xalign(0)
        sentence.set_line_wrap(True)
        remake = Gtk.RadioButton.new_with_mnemonic(None, _("Rema_ke it from its original, with other settings"))
        remake.set_tooltip_text(_("The pastiche is made anew; the old one is hidden, not deleted"))
        over = Gtk.RadioButton.new_with_mnemonic_from_widget(remake, _("_Just paint this layer as it is"))
        over.set_tooltip_text(_("A pastiche of the pastiche"))
        remake.connect("toggled", guard(lambda button: on_choice(button.get_active())))
        choices = Gtk.Box(spacing=18)
        choices.pack_start(remake, False, False, 0)
        choices.pack_start(over, False, False, 0)
        box.pack_start(sentence, False, False, 0)
        box.pack_start(choices, False, False, 0)
        self.widget = Gtk.InfoBar()
        self.widget.set_message_type(Gtk.MessageType.INFO)
        self.widget.get_content_area().pack_start(box, True, True, 0)
