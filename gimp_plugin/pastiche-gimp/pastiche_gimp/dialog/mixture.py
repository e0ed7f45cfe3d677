"""The mixture: which styles are chosen, with what weights; a row for each while there are several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import GimpUi, Gtk

from pastiche.errors import PasticheError
from pastiche.options import MAX_STYLES
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.recipe import StyleChoice, format_styles, parse_styles
from pastiche_gimp.words import _

SMALLEST_WEIGHT, LARGEST_WEIGHT = 0.1, 5.0


class Mixture:
    """The chosen styles are those of the argument `styles`; `widget` shows them. `on_full` is told of one too many."""

    def __init__(self, config: Any, guard: Guard, title_of: Callable[[str], str], on_full: Callable[[], None]) -> None:
        self._config, self._guard, self._title_of, self._on_full = config, guard, title_of, on_full
        self._shown: tuple[str, ...] = ()
        self._scales: dict[str, Any] = {}
        self._updating = False
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self.widget.set_no_show_all(True)

    @property
    def choices(self) -> tuple[StyleChoice, ...]:
        """Empty where the argument names none, or cannot be read."""
        try:
            return parse_styles(self._config.get_property("styles") or "")
        except PasticheError:
            return ()

    @property
    def names(self) -> list[str]:
        return [choice.name for choice in self.choices]

    def choose(self, name: str) -> None:
        """This style alone."""
        self._set((StyleChoice(name),))

    def keep_first(self) -> None:
        """Of several styles only the one that counts most."""
        if len(self.choices) > 1:
            self.choose(max(self.choices, key=lambda choice: choice.weight).name)

    def toggle(self, name: str) -> None:
        """In or out; the last one stays."""
        rest = tuple(choice for choice in self.choices if choice.name.casefold() != name.casefold())
        if len(rest) < len(self.choices):
            if rest:
                self._set(rest)
        elif len(rest) >= MAX_STYLES:
            self._on_full()
        else:
            self._set((*rest, StyleChoice(name)))

    def show(self, mixing: bool) -> None:
        """Brings the rows up to date."""
        choices = self.choices
        names = tuple(choice.name for choice in choices)
        if names != self._shown:
            self._build(choices)
            self._shown = names
        self._updating = True
        for choice in choices:
            adjustment = self._scales[choice.name].get_adjustment()
            adjustment.set_upper(max(LARGEST_WEIGHT, choice.weight))
            adjustment.set_value(choice.weight)
        self._updating = False
        self.widget.set_visible(mixing and len(choices) > 1)

    def _set(self, choices: tuple[StyleChoice, ...]) -> None:
        self._config.set_property("styles", format_styles(choices))

    def _build(self, choices: tuple[StyleChoice, ...]) -> None:
        for row in self.widget.get_children():
            self.widget.remove(row)
        self._scales = {}
        for choice in choices:
            self.widget.pack_start(self._row(choice), False, False, 0)

    def _row(self, choice: StyleChoice) -> Any:
        title = self._title_of(choice.name)
        adjustment = Gtk.Adjustment(
            value=choice.weight, lower=SMALLEST_WEIGHT, upper=LARGEST_WEIGHT, step_increment=0.1, page_increment=0.5
        )
        scale = GimpUi.SpinScale.new(adjustment, title.replace("_", "__"), 1)
        scale.set_tooltip_text(_("How much this style counts beside the others: 2.0 counts twice as much as 1.0"))
        adjustment.connect("value-changed", self._guard(self._weighted), choice.name)
        remove = Gtk.Button.new_from_icon_name("window-close-symbolic", Gtk.IconSize.BUTTON)
        remove.set_relief(Gtk.ReliefStyle.NONE)
        remove.get_style_context().add_class("pastiche-remove")
        sentence = _("Take {style} out of the mixture").format(style=title)
        remove.set_tooltip_text(sentence)
        remove.get_accessible().set_name(sentence)
        remove.connect("clicked", self._guard(lambda _button: self.toggle(choice.name)))
        row = Gtk.Box(spacing=3)
        row.pack_start(scale, True, True, 0)
        row.pack_start(remove, False, False, 0)
        row.show_all()
        self._scales[choice.name] = scale
        return row

    def _weighted(self, adjustment: Any, name: str) -> None:
        if self._updating:
            return
        weight = round(adjustment.get_value(), 2)
        self._set(tuple(StyleChoice(c.name, weight) if c.name == name else c for c in self.choices))
