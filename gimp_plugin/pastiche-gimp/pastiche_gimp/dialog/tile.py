"""A tile of the gallery: a style or a trained model, shown on the user's own picture as soon as that is painted."""

from __future__ import annotations

from typing import Any

from gi.repository import Gtk, Pango

from pastiche_gimp.dialog.pictures import cropped
from pastiche_gimp.dialog.shelf import ShelfStyle
from pastiche_gimp.words import _

WIDTH, HEIGHT = 116, 87
INSET_WIDTH, INSET_HEIGHT = 38, 28


class Tile:
    """The widget is `child`, for a FlowBox. `tick` is visible while several styles are mixed."""

    def __init__(self, style: ShelfStyle) -> None:
        self.style = style
        self.painted = False
        self._picture, self._inset, self.tick = Gtk.Image(), Gtk.Image(), Gtk.CheckButton()
        self._picture.set_size_request(WIDTH, HEIGHT)
        self._inset.set_halign(Gtk.Align.END)
        self._inset.set_valign(Gtk.Align.END)
        self._inset.set_no_show_all(True)
        self._inset.get_style_context().add_class("pastiche-inset")
        self.tick.set_halign(Gtk.Align.START)
        self.tick.set_valign(Gtk.Align.START)
        self.tick.set_no_show_all(True)
        self.tick.get_style_context().add_class("pastiche-tick")
        self.tick.set_tooltip_text(_("Part of the mixture"))
        self.tick.get_accessible().set_name(_("{style}: part of the mixture").format(style=style.title))
        overlay = Gtk.Overlay()
        overlay.add(self._picture)
        overlay.add_overlay(self._inset)
        overlay.add_overlay(self.tick)
        if style.trained:
            overlay.add_overlay(_mark())
        overlay.get_style_context().add_class("pastiche-picture")
        label = Gtk.Label(label=style.title)
        label.set_ellipsize(Pango.EllipsizeMode.END)
        label.set_max_width_chars(14)
        label.get_style_context().add_class("pastiche-title")
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        box.pack_start(overlay, False, False, 0)
        box.pack_start(label, False, False, 0)
        self.child = Gtk.FlowBoxChild()
        self.child.add(box)
        self.child.set_halign(Gtk.Align.CENTER)
        self.child.set_valign(Gtk.Align.START)
        self.child.get_style_context().add_class("pastiche-tile")
        name = _("Trained: {title}").format(title=style.title) if style.trained else style.title
        self.child.set_tooltip_text(f"{name}\n{style.description}" if style.description else name)
        self.child.get_accessible().set_name(name)
        self.child.get_accessible().set_description(style.description)
        self.child.show_all()
        self.show_style()

    def show_style(self) -> None:
        """The style's own picture, until there is one of the user's."""
        if self.painted or self.style.picture is None:
            return
        self._picture.set_from_pixbuf(cropped(self.style.picture, WIDTH, HEIGHT))

    def show_painted(self, pastiche: Any) -> None:
        """The user's picture in this style, with the style's own small in its corner."""
        self.painted = True
        self._picture.set_from_pixbuf(cropped(pastiche, WIDTH, HEIGHT))
        if self.style.picture is not None:
            self._inset.set_from_pixbuf(cropped(self.style.picture, INSET_WIDTH, INSET_HEIGHT))
            self._inset.show()

    def forget_painted(self) -> None:
        """Another picture of the user's is about to be painted."""
        self.painted = False

    def mark(self, chosen: bool, mixing: bool) -> None:
        """Shows whether the style is chosen, and the tick while several may be."""
        if chosen:
            self.child.set_state_flags(Gtk.StateFlags.SELECTED, False)
        else:
            self.child.unset_state_flags(Gtk.StateFlags.SELECTED)
        self.tick.set_visible(mixing and not self.style.trained)
        if self.tick.get_active() != chosen:
            self.tick.set_active(chosen)


def _mark() -> Any:
    """What tells a trained model from a style picture."""
    label = Gtk.Label(label=_("Trained"))
    label.set_halign(Gtk.Align.START)
    label.set_valign(Gtk.Align.START)
    label.get_style_context().add_class("pastiche-mark")
    return label
