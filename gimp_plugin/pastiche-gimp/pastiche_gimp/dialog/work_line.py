"""The line under the preview: a text about what is going on, or a progress bar while the full picture is painted."""

from __future__ import annotations

from gi.repository import Gtk, Pango

from pastiche.protocol import Progress
from pastiche_gimp.dialog.estimates import left
from pastiche_gimp.painting import stage_text
from pastiche_gimp.steps import Steps


class WorkLine:
    """The widget is `widget`."""

    def __init__(self) -> None:
        self._label = Gtk.Label()
        self._label.set_xalign(0)
        self._label.set_ellipsize(Pango.EllipsizeMode.END)
        self._label.get_style_context().add_class("dim-label")
        self._steps = Steps()
        self._bar = Gtk.ProgressBar()
        self._bar.set_show_text(True)
        self._bar.set_ellipsize(Pango.EllipsizeMode.END)
        self._bar.set_valign(Gtk.Align.CENTER)
        self.widget = Gtk.Stack()
        self.widget.add_named(self._label, "text")
        self.widget.add_named(self._bar, "bar")

    def say(self, text: str) -> None:
        self._label.set_text(text)
        self._label.set_tooltip_text(text)

    def begin(self, text: str) -> None:
        """From now on the bar is shown."""
        self._steps = Steps()
        self._bar.set_fraction(0.0)
        self._bar.set_text(text)
        self.widget.set_visible_child_name("bar")

    def progress(self, progress: Progress) -> None:
        text = stage_text(progress.stage)
        if place := self._steps.place(progress):
            text = f"{text}  \N{MIDDLE DOT}  {place}"
        if progress.seconds_left is not None and progress.seconds_left >= 1:
            text = f"{text}  \N{MIDDLE DOT}  {left(progress.seconds_left)}"
        self._bar.set_fraction(min(1.0, max(0.0, progress.fraction)))
        self._bar.set_text(text)

    def waiting(self, text: str) -> None:
        """Something whose length is not known."""
        self._bar.pulse()
        self._bar.set_text(text)

    def end(self) -> None:
        self.widget.set_visible_child_name("text")


def elapsed(text: str, seconds: float) -> str:
    """A stage that takes a while, with its seconds."""
    return f"{text}\N{HORIZONTAL ELLIPSIS} {seconds:.0f} s" if seconds >= 1 else f"{text}\N{HORIZONTAL ELLIPSIS}"
