"""The rows of options: generated from the table; what they show and change are the procedure's arguments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from gi.repository import Gtk

from pastiche.errors import PasticheError
from pastiche.options import BY_NAME, Option
from pastiche_gimp.arguments import OUTPUTS, choice_label, heeds, option_rows, option_value, option_values
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.option_widgets import (
    complaint,
    new_check,
    new_combo,
    new_entry,
    new_number,
    new_scale,
    new_store,
)
from pastiche_gimp.words import _

ADVANCED = ("seed", "wrap")
IN_THE_GALLERY = ("model",)
TIMED = ("method", "effort")
"""Options whose choices are shown with the time that they take."""
SHARE = "%"
TALLEST_ADVANCED, LOWEST_ADVANCED = 210, 76
"""Pixels: the rest is scrolled to, so that the dialog stays within a laptop's screen."""


class OptionRows:
    """The widget is `widget`. Only the rows that the chosen method heeds are shown."""

    def __init__(self, dialog: Any, config: Any, guard: Guard, grey: bool) -> None:
        self._dialog, self._config, self._guard = dialog, config, guard
        self._timed: dict[str, Any] = {}
        self._widgets: dict[str, list[Any]] = {}
        self._grid, self._advanced, self._expert = _grid(), _grid(), _grid()
        self._rows = {id(grid): 0 for grid in (self._grid, self._advanced, self._expert)}
        for option in option_rows():
            if option.name not in IN_THE_GALLERY:
                self._add_option(self._grid_of(option), option)
        outputs = {name: _(label) for name, (label, _help) in OUTPUTS.items()}
        self._attach(self._grid, "output", new_combo(config, "output", new_store(outputs)))
        if grey:
            self._attach(self._grid, None, new_check(config, "convert-to-rgb"))
        self._heading = Gtk.Label()
        self._heading.set_xalign(0)
        self._heading.set_margin_top(6)
        self._heading.set_no_show_all(True)
        self._heading.get_style_context().add_class("pastiche-heading")
        expander = Gtk.Expander.new_with_mnemonic(_("Ad_vanced"))
        expander.set_tooltip_text(_("Settings that are rarely needed"))
        expander.add(self._build_advanced())
        expander.set_expanded(not self._all_at_default())
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.widget.pack_start(self._grid, False, False, 0)
        self.widget.pack_start(expander, False, False, 0)
        self.follow()

    def follow(self) -> None:
        """Shows what the chosen method heeds."""
        method = self._config.get_property("method")
        shown = {option.name for option in option_rows() if heeds(method, option)}
        for name, widgets in self._widgets.items():
            for widget in widgets:
                widget.set_visible(name in shown)
        experts = any(option.expert and option.name in shown for option in option_rows())
        sentence = _("{method}, for experts").format(method=choice_label("method", method))
        self._heading.set_text(sentence)
        self._heading.set_visible(experts)

    def complaint(self) -> str:
        """What is wrong with a text that the chosen method heeds; "" where all are right."""
        for option, value in ((BY_NAME[name], value) for name, value in option_values(self._config).items()):
            if option.kind != "text":
                continue
            try:
                option.check(value)
            except PasticheError:
                return complaint(option)
        return ""

    def show_times(self, offered: Collection[str], time_of: Callable[[Mapping[str, str]], str]) -> None:
        """Which methods can be chosen, and how long each choice will take ("" = not known)."""
        chosen = self._config.get_property("method")
        if offered and chosen not in offered:
            self._config.set_property("method", next(iter(offered)))
        for name, store in self._timed.items():
            methods = BY_NAME[name].methods
            for row in store:
                text = time_of({name: row[0]} | ({"method": methods[0]} if methods else {}))
                label = choice_label(name, row[0])
                row[1] = f"{label}  \N{MIDDLE DOT}  {text}" if text else label
                row[2] = name != "method" or not offered or row[0] in offered

    def _grid_of(self, option: Option) -> Any:
        if option.expert:
            return self._expert
        return self._advanced if option.name in ADVANCED else self._grid

    def _build_advanced(self) -> Any:
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        for widget in (self._advanced, self._heading, self._expert):
            box.pack_start(widget, False, False, 0)
        box.set_margin_top(6)
        box.set_margin_start(12)
        box.set_margin_end(12)
        scrolled = Gtk.ScrolledWindow()
        scrolled.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
        scrolled.set_overlay_scrolling(False)
        scrolled.set_propagate_natural_height(True)
        scrolled.set_min_content_height(LOWEST_ADVANCED)
        scrolled.set_max_content_height(TALLEST_ADVANCED)
        scrolled.add(box)
        # The keyboard's way through the rows brings them into sight, and they stay there when there is less room.
        box.set_focus_vadjustment(scrolled.get_vadjustment())
        scrolled.connect("size-allocate", self._guard(lambda *_allocation: self._keep_in_sight(scrolled, box)))
        return scrolled

    def _keep_in_sight(self, scrolled: Any, box: Any) -> None:
        focused = self._dialog.get_focus()
        if focused is None or not focused.is_ancestor(box):
            return
        place = focused.translate_coordinates(box, 0, 0)
        if place:
            scrolled.get_vadjustment().clamp_page(place[1], place[1] + focused.get_allocated_height())

    def _all_at_default(self) -> bool:
        method = self._config.get_property("method")
        rows = [row for row in option_rows() if (row.expert or row.name in ADVANCED) and heeds(method, row)]
        return all(option_value(self._config, row) == row.default for row in rows)

    def _add_option(self, grid: Any, option: Option) -> None:
        config, name = self._config, option.name.replace("_", "-")
        if option.kind == "choice":
            store = new_store({choice: choice_label(option.name, choice) for choice in option.choices})
            if option.name in TIMED:
                self._timed[option.name] = store
            widgets = self._attach(grid, name, new_combo(config, name, store))
        elif option.kind == "text":
            widgets = self._attach(grid, name, new_entry(config, option, self._guard))
        elif option.unit == SHARE:
            widgets = self._attach(grid, None, new_scale(self._dialog, config, option))
        else:
            number, box = new_number(config, option, self._guard)
            widgets = self._attach(grid, name, box, number)
        if not option.methods:
            return
        self._widgets[option.name] = widgets
        for widget in widgets:
            widget.show_all()
            widget.set_no_show_all(True)

    def _attach(self, grid: Any, name: str | None, widget: Any, focused: Any | None = None) -> list[Any]:
        """A new row; what is in it. Without a name the widget has its label in itself."""
        row = self._rows[id(grid)]
        self._rows[id(grid)] = row + 1
        widget.set_hexpand(True)
        if name is None:
            grid.attach(widget, 0, row, 2, 1)
            return [widget]
        pspec = self._config.find_property(name)
        label = Gtk.Label.new_with_mnemonic(pspec.get_nick())
        label.set_xalign(0)
        label.set_mnemonic_widget(focused or widget)
        widget.set_tooltip_text(pspec.get_blurb())
        label.set_tooltip_text(pspec.get_blurb())
        grid.attach(label, 0, row, 1, 1)
        grid.attach(widget, 1, row, 1, 1)
        return [label, widget]


def _grid() -> Any:
    grid = Gtk.Grid()
    grid.set_row_spacing(4)
    grid.set_column_spacing(9)
    return grid
