"""The widgets of single options, each bound to its argument of the procedure."""

from __future__ import annotations

import secrets
from typing import Any

from gi.repository import GimpUi, GObject, Gtk

from pastiche.errors import PasticheError
from pastiche.options import Option
from pastiche_gimp.arguments import option_value, property_name
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.words import N_, _

BOTH_WAYS = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
AUTOMATIC = {
    "megapixels": N_("By the effort"),
    "iterations": N_("By the effort"),
    "scales": N_("All that fit"),
    "step_size": N_("By the optimizer"),
    "tile": N_("By the memory"),
}
"""What the 0 of some numbers means."""
SEEDS = 1_000_000
PIXELS_AT_ONCE = 64
"""From one value to the next, for a side in pixels."""
GAMMA = 2.0
"""Of a bar for a size in proportion: so 100 is about in its middle, with as much room below as above."""


def plain_label(option: Option) -> str:
    """Its name, as it stands in a sentence."""
    return _(option.label).replace("_", "")


def new_store(labels: dict[str, str]) -> Any:
    """Choices: name, text, and whether it can be chosen."""
    store = Gtk.ListStore(str, str, bool)
    for choice, text in labels.items():
        store.append((choice, text, True))
    return store


def new_combo(config: Any, name: str, store: Any) -> Any:
    combo = Gtk.ComboBox.new_with_model(store)
    cell = Gtk.CellRendererText()
    combo.pack_start(cell, True)
    combo.add_attribute(cell, "text", 1)
    combo.add_attribute(cell, "sensitive", 2)
    combo.set_id_column(0)
    config.bind_property(name, combo, "active-id", BOTH_WAYS)
    return combo


def new_check(config: Any, name: str) -> Any:
    pspec = config.find_property(name)
    check = Gtk.CheckButton.new_with_mnemonic(pspec.get_nick())
    check.set_tooltip_text(pspec.get_blurb())
    config.bind_property(name, check, "active", BOTH_WAYS)
    return check


def new_scale(dialog: Any, config: Any, option: Option) -> Any:
    """A bar with the label in it, for a share or a size in proportion."""
    if "_" in option.label:
        scale = dialog.get_spin_scale(property_name(option), 1.0)
        scale.set_digits(option.digits)
        scale.set_increments(1, 10)
    else:
        # GIMP complains about its own without a mnemonic.
        scale = GimpUi.SpinScale.new(_bound_adjustment(config, option), _(option.label), option.digits)
        scale.set_tooltip_text(_(option.help))
    if option.maximum > 100:
        scale.set_gamma(GAMMA)
    return scale


def new_number(config: Any, option: Option, guard: Guard) -> tuple[Any, Any]:
    """A field for a number, and what it stands in: with its unit, or with a button that throws dice for a seed."""
    number = Gtk.SpinButton(adjustment=_bound_adjustment(config, option), digits=option.digits)
    number.set_width_chars(6)
    if option.name in AUTOMATIC:
        number.connect("output", guard(lambda field: _show_automatic(field, _(AUTOMATIC[option.name]))))
        number.update()
    else:
        number.set_numeric(True)
    box = Gtk.Box(spacing=6)
    box.pack_start(number, True, True, 0)
    if option.unit:
        box.pack_start(Gtk.Label(label=option.unit), False, False, 0)
    if option.name == "seed":
        dice = Gtk.Button.new_with_mnemonic(_("_New Seed"))
        dice.set_tooltip_text(_("Another variation of the same pastiche"))
        dice.connect("clicked", guard(lambda _button: number.set_value(secrets.randbelow(SEEDS))))
        box.pack_start(dice, False, False, 0)
    return number, box


def new_entry(config: Any, option: Option, guard: Guard) -> Any:
    """A field for a text; one that is wrong is marked."""
    name = property_name(option)
    entry = Gtk.Entry()
    entry.set_placeholder_text(option.form)
    entry.set_width_chars(12)

    def mark() -> None:
        try:
            option.check(entry.get_text())
            entry.set_icon_from_icon_name(Gtk.EntryIconPosition.SECONDARY, None)
        except PasticheError:
            entry.set_icon_from_icon_name(Gtk.EntryIconPosition.SECONDARY, "dialog-warning-symbolic")
            entry.set_icon_tooltip_text(Gtk.EntryIconPosition.SECONDARY, complaint(option))

    def follow() -> None:
        text = option_value(config, option)
        if text != entry.get_text():
            entry.set_text(text)
        mark()

    def typed() -> None:
        config.set_property(name, entry.get_text().strip())
        mark()

    follow()
    config.connect(f"notify::{name}", guard(lambda *_notify: follow()))
    entry.connect("changed", guard(lambda _entry: typed()))
    return entry


def complaint(option: Option) -> str:
    """What is said where its text is wrong."""
    return _("{option} must look like this: {form}").format(option=plain_label(option), form=option.form)


def _bound_adjustment(config: Any, option: Option) -> Any:
    step = 10.0**-option.digits if option.unit == "%" else 1.0 if option.digits < 3 else 0.1
    step = PIXELS_AT_ONCE if option.unit == "px" else step
    adjustment = Gtk.Adjustment(
        lower=option.minimum, upper=option.maximum, step_increment=step, page_increment=10 * step, value=option.default
    )
    config.bind_property(property_name(option), adjustment, "value", BOTH_WAYS)
    return adjustment


def _show_automatic(field: Any, text: str) -> bool:
    """Instead of a 0; typing a text that is no number means it as well."""
    if field.get_value() != 0:
        return False
    if field.get_text() != text:
        field.set_text(text)
    return True
