"""The gallery: the shelf's styles and trained models as tiles. One click chooses one, Ctrl and a click (or a tick)
adds one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from gi.repository import Gdk, Gtk

from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.shelf import OWN, Key, ShelfStyle
from pastiche_gimp.dialog.tile import Tile
from pastiche_gimp.words import _

SMALLEST_HEIGHT = 120
STEPS = {Gdk.KEY_Left: -1, Gdk.KEY_KP_Left: -1, Gdk.KEY_Right: 1, Gdk.KEY_KP_Right: 1}


class Gallery:
    """The widget is `widget`. `on_chosen`: only this style or model; `on_toggled`: in or out of the mixture."""

    def __init__(
        self, guard: Guard, on_chosen: Callable[[ShelfStyle], None], on_toggled: Callable[[ShelfStyle], None]
    ) -> None:
        self._guard = guard
        self._on_chosen, self._on_toggled = on_chosen, on_toggled
        self._tiles: dict[Key, Tile] = {}
        self._marking = False
        self.mixing = False
        self.flow = Gtk.FlowBox()
        self.flow.set_selection_mode(Gtk.SelectionMode.NONE)
        self.flow.set_homogeneous(True)
        self.flow.set_min_children_per_line(3)
        self.flow.set_max_children_per_line(8)
        self.flow.set_valign(Gtk.Align.START)
        self.flow.set_row_spacing(2)
        self.flow.set_column_spacing(2)
        self.flow.connect("child-activated", guard(self._activated))
        self.flow.connect("mnemonic-activate", guard(self._focus))
        self.flow.connect("key-press-event", guard(self._pressed))
        self.flow.get_accessible().set_name(_("Styles"))
        self._empty = Gtk.Label(label="")
        self._empty.set_line_wrap(True)
        self._empty.get_style_context().add_class("dim-label")
        self._stack = Gtk.Stack()
        self._stack.add_named(self._empty, "empty")
        self._stack.add_named(self.flow, "styles")
        self.widget = Gtk.ScrolledWindow()
        self.widget.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
        self.widget.set_shadow_type(Gtk.ShadowType.IN)
        self.widget.set_min_content_height(SMALLEST_HEIGHT)
        self.widget.add(self._stack)

    @property
    def tiles(self) -> list[Tile]:
        """In the order in which they are seen."""
        return sorted(self._tiles.values(), key=lambda tile: int(tile.child.get_index()))

    def say(self, text: str) -> None:
        """What is shown while there is no style."""
        self._empty.set_text(text)

    def add(self, style: ShelfStyle) -> None:
        tile = Tile(style)
        tile.tick.connect("toggled", self._guard(self._ticked), style)
        self.flow.insert(tile.child, self._place_of(style))
        self._tiles[style.key] = tile
        self._stack.set_visible_child_name("styles")

    def remove(self, style: ShelfStyle) -> None:
        tile = self._tiles.pop(style.key, None)
        if tile:
            self.flow.remove(tile.child)

    def _place_of(self, style: ShelfStyle) -> int:
        """What the user has brought comes first, then the trained models."""
        if style.source == OWN:
            return 0
        before = [tile.style for tile in self.tiles if tile.style.trained or tile.style.source == OWN]
        return len(before) if style.trained else -1

    def picture_came(self, style: ShelfStyle) -> None:
        tile = self._tiles.get(style.key)
        if tile:
            tile.show_style()

    def mark(self, chosen: Collection[Key]) -> None:
        """Shows which styles are chosen."""
        self._marking = True
        for key, tile in self._tiles.items():
            tile.mark(key in chosen, self.mixing)
        self._marking = False

    def show(self, style: ShelfStyle) -> None:
        """Scrolls to a style and gives it the focus."""
        tile = self._tiles.get(style.key)
        if tile:
            tile.child.grab_focus()

    def reveal(self, key: Key) -> None:
        """Scrolls to a style, and leaves the focus where it is."""
        tile = self._tiles.get(key)
        place = tile.child.translate_coordinates(self._stack, 0, 0) if tile else None
        if tile and place:
            height = tile.child.get_allocated_height()
            self.widget.get_vadjustment().clamp_page(place[1], place[1] + height)

    def _focus(self, *_cycling: Any) -> bool:
        """The keyboard goes to the chosen style."""
        chosen = (tile for tile in self.tiles if tile.child.get_state_flags() & Gtk.StateFlags.SELECTED)
        tile = next(chosen, None) or next(iter(self.tiles), None)
        if tile:
            tile.child.grab_focus()
        return True

    def _pressed(self, flow: Any, event: Any) -> bool:
        """What a FlowBox does not do with the focused style: on to the next line, and Ctrl and the space bar."""
        focused = flow.get_focus_child()
        if focused is None:
            return False
        if event.keyval == Gdk.KEY_space and event.state & Gdk.ModifierType.CONTROL_MASK:
            self._toggle_child(focused)
            return True
        step = STEPS.get(event.keyval, 0)
        if not step:
            return False
        index = focused.get_index() + step
        child = flow.get_child_at_index(index) if index >= 0 else None
        if child:
            child.grab_focus()
        return True

    def _toggle_child(self, child: Any) -> None:
        tile = next((tile for tile in self._tiles.values() if tile.child is child), None)
        if tile:
            self._on_toggled(tile.style)

    def _activated(self, _flow: Any, child: Any) -> None:
        tile = next((tile for tile in self._tiles.values() if tile.child is child), None)
        if tile is None:
            return
        known, state = Gtk.get_current_event_state()
        mixing = self.mixing and not tile.style.trained
        if mixing or (known and state & Gdk.ModifierType.CONTROL_MASK):
            self._on_toggled(tile.style)
        else:
            self._on_chosen(tile.style)

    def _ticked(self, _tick: Any, style: ShelfStyle) -> None:
        if not self._marking:
            self._on_toggled(style)
