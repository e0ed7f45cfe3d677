"""The rows of options: generated from the table; what they show and change are the procedure's arguments."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from typing import Any

from gi.repository import GObject, Gtk

from pastiche.options import BY_NAME, Option
from pastiche_gimp.arguments import OUTPUTS, choice_label, option_rows, property_name
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.words import _

ADVANCED = ("seed", "wrap")
BOTH_WAYS = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE


class OptionRows:
    """The widget is `widget`. The method's row shows only what the daemon offers, with the time that it takes."""

    def __init__(self, dialog: Any, config: Any, guard: Guard, grey: bool) -> None:
        self._dialog, self._config, self._guard = dialog, config, guard
        self._methods = Gtk.ListStore(str, str, bool)
        self._grid = _grid()
        self._advanced = _grid()
        self._rows = {id(self._grid): 0, id(self._advanced): 0}
        for option in option_rows():
            self._add_option(self._advanced if option.name in ADVANCED else self._grid, option)
        self._add_choice(self._grid, "output", {name: _(label) for name, (label, _help) in OUTPUTS.items()})
        if grey:
            self._add_check(self._grid, "convert-to-rgb")
        expander = Gtk.Expander.new_with_mnemonic(_("Advanc_ed"))
        expander.set_tooltip_text(_("Settings that are rarely needed"))
        self._advanced.set_margin_top(6)
        self._advanced.set_margin_start(12)
        expander.add(self._advanced)
        expander.set_expanded(not self._all_at_default())
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.widget.pack_start(self._grid, False, False, 0)
        self.widget.pack_start(expander, False, False, 0)

    def show_methods(self, offered: Collection[str], time_of: Callable[[str], str]) -> None:
        """Which methods can be chosen, and how long each will take ("" = not known)."""
        chosen = self._config.get_property("method")
        if offered and chosen not in offered:
            chosen = next(iter(offered))
            self._config.set_property("method", chosen)
        for row in self._methods:
            text = time_of(row[0])
            label = choice_label("method", row[0])
            row[1] = f"{label}  \N{MIDDLE DOT}  {text}" if text else label
            row[2] = not offered or row[0] in offered

    def _all_at_default(self) -> bool:
        return all(self._config.get_property(name.replace("_", "-")) == BY_NAME[name].default for name in ADVANCED)

    def _add_option(self, grid: Any, option: Option) -> None:
        name = property_name(option)
        if option.kind == "choice":
            store = self._methods if option.name == "method" else None
            self._add_choice(grid, name, {c: choice_label(option.name, c) for c in option.choices}, store)
        elif option.kind == "float":
            scale = self._dialog.get_spin_scale(name, 1.0)
            scale.set_digits(0)
            scale.set_increments(1, 10)
            self._attach(grid, None, scale)
        else:
            self._add_number(grid, name, option)

    def _add_choice(self, grid: Any, name: str, labels: dict[str, str], store: Any | None = None) -> None:
        store = store or Gtk.ListStore(str, str, bool)
        for choice, text in labels.items():
            store.append((choice, text, True))
        combo = Gtk.ComboBox.new_with_model(store)
        cell = Gtk.CellRendererText()
        combo.pack_start(cell, True)
        combo.add_attribute(cell, "text", 1)
        combo.add_attribute(cell, "sensitive", 2)
        combo.set_id_column(0)
        self._config.bind_property(name, combo, "active-id", BOTH_WAYS)
        self._attach(grid, name, combo)

    def _add_number(self, grid: Any, name: str, option: Option) -> None:
        adjustment = Gtk.Adjustment(
            lower=option.minimum, upper=option.maximum, step_increment=1, page_increment=10, value=option.default
        )
        self._config.bind_property(name, adjustment, "value", BOTH_WAYS)
        number = Gtk.SpinButton(adjustment=adjustment, digits=0, numeric=True)
        number.set_width_chars(6)
        box = Gtk.Box(spacing=6)
        box.pack_start(number, True, True, 0)
        if name == "seed":
            dice = Gtk.Button.new_with_mnemonic(_("_New Seed"))
            dice.set_tooltip_text(_("Another variation of the same pastiche"))
            dice.connect("clicked", self._guard(lambda _button: number.set_value(secrets.randbelow(1_000_000))))
            box.pack_start(dice, False, False, 0)
        self._attach(grid, name, box, number)

    def _add_check(self, grid: Any, name: str) -> None:
        pspec = self._config.find_property(name)
        check = Gtk.CheckButton.new_with_mnemonic(pspec.get_nick())
        check.set_tooltip_text(pspec.get_blurb())
        self._config.bind_property(name, check, "active", BOTH_WAYS)
        self._attach(grid, None, check)

    def _attach(self, grid: Any, name: str | None, widget: Any, focused: Any | None = None) -> None:
        row = self._rows[id(grid)]
        self._rows[id(grid)] = row + 1
        widget.set_hexpand(True)
        if name is None:
            grid.attach(widget, 0, row, 2, 1)
            return
        pspec = self._config.find_property(name)
        label = Gtk.Label.new_with_mnemonic(pspec.get_nick())
        label.set_xalign(0)
        label.set_mnemonic_widget(focused or widget)
        widget.set_tooltip_text(pspec.get_blurb())
        label.set_tooltip_text(pspec.get_blurb())
        grid.attach(label, 0, row, 1, 1)
        grid.attach(widget, 1, row, 1, 1)


def _grid() -> Any:
    grid = Gtk.Grid()
    grid.set_row_spacing(4)
    grid.set_column_spacing(9)
    return grid
