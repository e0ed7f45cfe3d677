"""Before and after: the user's picture and the pastiche in one frame, with a split that can be moved."""

from __future__ import annotations

from typing import Any

from gi.repository import Gdk, GLib, Gtk

from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.pictures import BILINEAR, fitting_size, side_by_side
from pastiche_gimp.words import _

SMALLEST_WIDTH, SMALLEST_HEIGHT = 420, 320
FIRST_SPLIT = 0.33
HOLD_KEYS = (Gdk.KEY_space, Gdk.KEY_Return, Gdk.KEY_KP_Enter)


class Comparison:
    """The widget is `widget`: the picture, and under it the split and the button that shows the original."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._before: Any | None = None
        self._after: Any | None = None
        self._scaled: tuple[Any, Any] | None = None
        """Both in the size of the screen."""
        self._room = (0, 0)
        self._held = False
        self._redraw = 0
        self._image = Gtk.Image()
        self._badge = Gtk.Label()
        self._split = Gtk.Scale.new_with_range(Gtk.Orientation.HORIZONTAL, 0, 100, 1)
        self._hold = Gtk.Button.new_with_mnemonic(_("Hold to See the Or_iginal"))
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.widget.pack_start(self._build_picture(), True, True, 0)
        self.widget.pack_start(self._build_tools(), False, False, 0)

    def set_before(self, picture: Any) -> None:
        """The user's picture; a pastiche of another one is forgotten."""
        self._before, self._after, self._scaled = picture, None, None
        self.set_badge("")
        self._draw()

    def set_after(self, picture: Any, badge: str = "") -> None:
        """The pastiche, in any size with the same proportions."""
        self._after, self._scaled = picture, None
        self.set_badge(badge)
        self._draw()

    def set_badge(self, text: str) -> None:
        """A word in the corner about the pastiche that is shown; "" for none."""
        self._badge.set_text(text)
        self._badge.set_visible(bool(text))

    def close(self) -> None:
        if self._redraw:
            GLib.source_remove(self._redraw)
            self._redraw = 0

    def _build_picture(self) -> Any:
        box = Gtk.EventBox()
        box.set_halign(Gtk.Align.CENTER)
        box.set_valign(Gtk.Align.CENTER)
        masks = Gdk.EventMask
        box.add_events(masks.BUTTON_PRESS_MASK | masks.BUTTON_RELEASE_MASK | masks.BUTTON1_MOTION_MASK)
        box.add(self._image)
        box.connect("button-press-event", self._guard(self._pressed))
        box.connect("motion-notify-event", self._guard(self._dragged))
        box.connect("realize", self._guard(self._set_cursor))
        box.set_tooltip_text(_("Drag to compare: the original on the left, the pastiche on the right"))
        box.get_accessible().set_name(_("Preview"))
        # A window without scroll bars, so that the picture's size is never a demand on the dialog's.
        frame = Gtk.ScrolledWindow()
        frame.set_policy(Gtk.PolicyType.EXTERNAL, Gtk.PolicyType.EXTERNAL)
        frame.set_shadow_type(Gtk.ShadowType.IN)
        frame.set_size_request(SMALLEST_WIDTH, SMALLEST_HEIGHT)
        frame.get_style_context().add_class("pastiche-preview")
        frame.add(box)
        frame.connect("size-allocate", self._guard(self._resized))
        self._badge.set_halign(Gtk.Align.END)
        self._badge.set_valign(Gtk.Align.START)
        self._badge.set_no_show_all(True)
        self._badge.get_style_context().add_class("pastiche-badge")
        overlay = Gtk.Overlay()
        overlay.add(frame)
        overlay.add_overlay(self._badge)
        overlay.set_overlay_pass_through(self._badge, True)
        return overlay

    def _build_tools(self) -> Any:
        self._split.set_draw_value(False)
        self._split.set_value(FIRST_SPLIT * 100)
        self._split.set_tooltip_text(_("How much of the original is shown beside the pastiche"))
        self._split.get_accessible().set_name(_("Split between original and pastiche"))
        self._split.connect("value-changed", self._guard(lambda _scale: self._draw()))
        label = Gtk.Label.new_with_mnemonic(_("Be_fore / After"))
        label.set_mnemonic_widget(self._split)
        self._hold.set_tooltip_text(_("While this is pressed, the picture is shown as it is now"))
        self._hold.connect("pressed", self._guard(lambda _button: self._set_held(True)))
        self._hold.connect("released", self._guard(lambda _button: self._set_held(False)))
        self._hold.connect("key-press-event", self._guard(self._key, False), True)
        self._hold.connect("key-release-event", self._guard(self._key, False), False)
        # Alt and its letter bring the keyboard there; what is held is then the space bar.
        self._hold.connect("mnemonic-activate", self._guard(lambda button, _cycling: button.grab_focus() or True))
        self._hold.connect("focus-out-event", self._guard(lambda *_: self._set_held(False)))
        tools = Gtk.Box(spacing=6)
        tools.pack_start(label, False, False, 0)
        tools.pack_start(self._split, True, True, 0)
        tools.pack_start(self._hold, False, False, 0)
        return tools

    def _set_cursor(self, box: Any) -> None:
        cursor = Gdk.Cursor.new_from_name(box.get_display(), "col-resize")
        if cursor:
            box.get_window().set_cursor(cursor)

    def _pressed(self, _box: Any, event: Any) -> bool:
        if event.button == Gdk.BUTTON_PRIMARY:
            self._split_at(event.x)
        return True

    def _dragged(self, _box: Any, event: Any) -> bool:
        self._split_at(event.x)
        return True

    def _split_at(self, x: float) -> None:
        width = self._image.get_allocated_width()
        self._split.set_value(100 * min(1.0, max(0.0, x / max(1, width))))

    def _key(self, _button: Any, event: Any, down: bool) -> bool:
        if event.keyval not in HOLD_KEYS:
            return False
        self._set_held(down)
        return True

    def _set_held(self, held: bool) -> bool:
        if held != self._held:
            self._held = held
            self._draw()
        return False

    def _resized(self, _frame: Any, room: Any) -> None:
        if (room.width, room.height) == self._room:
            return
        self._room = (room.width, room.height)
        self._scaled = None
        # Not within the allocation: a new picture asks for another one.
        if not self._redraw:
            self._redraw = GLib.idle_add(self._guard(self._drawn_later))

    def _drawn_later(self) -> bool:
        self._redraw = 0
        self._draw()
        return False

    def _draw(self) -> None:
        if self._before is None or min(self._room) < 2:
            return
        before, after = self._scale_both()
        shown = (
            before if self._held or self._after is None else side_by_side(before, after, self._split.get_value() / 100)
        )
        self._image.set_from_pixbuf(shown)

    def _scale_both(self) -> tuple[Any, Any]:
        if self._scaled is None and self._before is not None:
            proportions = self._before.get_width(), self._before.get_height()
            size = fitting_size(*proportions, self._room[0] - 2, self._room[1] - 2)
            before = self._before.scale_simple(*size, BILINEAR)
            after = before if self._after is None else self._after.scale_simple(*size, BILINEAR)
            self._scaled = (before, after)
        assert self._scaled
        return self._scaled
