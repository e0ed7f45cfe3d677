"""The left side's upper half: the gallery, the buttons that bring pictures, and the mixture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import GLib, Gtk

from pastiche.connection import Home
from pastiche.options import MAX_STYLES
from pastiche_gimp.dialog.connecting import Greeting
from pastiche_gimp.dialog.gallery import Gallery
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.mixture import Mixture
from pastiche_gimp.dialog.picture_chooser import choose_files, choose_open_item
from pastiche_gimp.dialog.shelf import Key, Shelf, ShelfStyle, key_of
from pastiche_gimp.dialog.trained_choice import TrainedChoice, Verdict
from pastiche_gimp.recipe import Recipe
from pastiche_gimp.style_pictures import KEPT, add_file, keep_layer, readable
from pastiche_gimp.words import N_, _

SEVERAL = N_("Tick up to four styles; Ctrl and a click on a style does the same")
ALONE = N_("A trained model paints alone: it cannot be mixed with styles.")


class StylePanel:
    """The widget is `widget`. `tell` shows a sentence, `on_new_tile` is told that a tile waits to be painted."""

    def __init__(
        self,
        dialog: Any,
        config: Any,
        home: Home,
        guard: Guard,
        tell: Callable[[str], None],
        on_new_tile: Callable[[], None],
    ) -> None:
        self._dialog, self._config, self._home, self._guard = dialog, config, home, guard
        self._tell, self._on_new_tile = tell, on_new_tile
        self.gallery = Gallery(guard, self._choose, self._toggle)
        self.shelf = Shelf(home, self.gallery.add, self.gallery.remove, self.gallery.picture_came)
        self.mixture = Mixture(config, guard, self.shelf.title_of, self._full)
        self._trained = TrainedChoice(config)
        self._shown_model = ""
        self._leaving = 0
        self._several = Gtk.CheckButton.new_with_mnemonic(_("Mi_x several"))
        self._several.connect("toggled", guard(self._mixing_toggled))
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.widget.pack_start(self._build_head(), False, False, 0)
        self.widget.pack_start(self.gallery.widget, True, True, 0)
        self.widget.pack_start(self._build_buttons(), False, False, 0)
        self.widget.pack_start(self.mixture.widget, False, False, 0)

    def fill(self, greeting: Greeting) -> None:
        """What the daemon has to offer."""
        self.shelf.fill(greeting.styles, greeting.thumbnails)
        if not greeting.styles:
            self.gallery.say(_("There is no style yet: add a picture."))

    def follow(self) -> None:
        """Shows what the arguments say."""
        verdict = self._trained.follow(self.shelf.models)
        if verdict is Verdict.NONE and not self._leaving:
            self._tell(
                _(
                    "There is no trained model here yet. `pastiched models add FILE` in a terminal adds one; "
                    "TRAINING.md says how to train your own."
                )
            )
            # Only afterwards: the list of methods, which may have brought us here, does not follow meanwhile.
            self._leaving = GLib.idle_add(self._guard(self._leave))
        for name in self.mixture.names:
            if name.startswith(KEPT):
                self.shelf.add_own(name, self.shelf.title_of(name))
        if len(self.mixture.choices) > 1 and not self._several.get_active():
            self._several.set_active(True)
        trained = self._trained.is_on
        self._several.set_sensitive(not trained)
        self._several.set_tooltip_text(_(ALONE if trained else SEVERAL))
        self.gallery.mixing = self._several.get_active() and not trained
        chosen = self._chosen
        self.gallery.mark(chosen)
        self.mixture.show(self.gallery.mixing)
        model = self._trained.model if trained else ""
        if model and model != self._shown_model:
            self.gallery.reveal(chosen[0])
        self._shown_model = model

    @property
    def has_choice(self) -> bool:
        """Whether there is something to paint with."""
        return self._trained.verdict is Verdict.CHOSEN if self._trained.is_on else bool(self.mixture.names)

    def complaint(self) -> str:
        """What is wrong with the choice; "" where nothing is."""
        if self._trained.verdict is not Verdict.GONE:
            return ""
        sentence = _("The trained model “{name}” is not here. Choose another one, or add it again.")
        return sentence.format(name=self._trained.model)

    def titles_of(self, recipe: Recipe) -> dict[str, str]:
        """What the recipe's styles, or its model, are called."""
        if recipe.model:
            return {recipe.model: self.shelf.title_of(recipe.model, trained=True)}
        return {choice.name: self.shelf.title_of(choice.name) for choice in recipe.styles}

    def adopt_file(self) -> None:
        """A style file that a script or a preset has named becomes one of the user's styles. Raises PasticheError."""
        file = self._config.get_property("style-file")
        if file is None:
            return
        self._config.set_property("style-file", None)
        if file.get_path():
            self._add(Path(file.get_path()))

    def close(self) -> None:
        if self._leaving:
            GLib.source_remove(self._leaving)
        self.shelf.close()

    @property
    def _chosen(self) -> list[Key]:
        if self._trained.is_on:
            return [key_of(self._trained.model, trained=True)]
        return [key_of(name) for name in self.mixture.names]

    def _leave(self) -> bool:
        self._leaving = 0
        self._trained.leave()
        return False

    def _build_head(self) -> Any:
        label = Gtk.Label.new_with_mnemonic(_("St_yles"))
        label.set_mnemonic_widget(self.gallery.flow)
        label.set_xalign(0)
        label.get_style_context().add_class("pastiche-heading")
        head = Gtk.Box(spacing=6)
        head.pack_start(label, True, True, 0)
        head.pack_start(self._several, False, False, 0)
        return head

    def _build_buttons(self) -> Any:
        add = Gtk.Button.new_with_mnemonic(_("_Add Picture..."))
        add.set_tooltip_text(_("Any picture file becomes a style, and stays in the gallery"))
        add.connect("clicked", self._guard(lambda _button: self._add_files()))
        take = Gtk.Button.new_with_mnemonic(_("Open Ima_ge or Layer..."))
        take.set_tooltip_text(_("Something that is open in GIMP becomes a style"))
        take.connect("clicked", self._guard(lambda _button: self._take_open_item()))
        buttons = Gtk.Box(spacing=6)
        buttons.pack_start(add, True, True, 0)
        buttons.pack_start(take, True, True, 0)
        return buttons

    def _choose(self, style: ShelfStyle) -> None:
        if style.trained:
            self._trained.choose(style.name)
        else:
            self.mixture.choose(style.name)
            self._trained.leave()

    def _toggle(self, style: ShelfStyle) -> None:
        if style.trained or self._trained.is_on:
            self._tell(_(ALONE))
            return
        self._several.set_active(True)
        self.mixture.toggle(style.name)
        self.follow()

    def _full(self) -> None:
        self._tell(_("A pastiche takes at most {count} styles.").format(count=MAX_STYLES))

    def _mixing_toggled(self, button: Any) -> None:
        if not button.get_active():
            self.mixture.keep_first()
        self.follow()

    def _add_files(self) -> None:
        for path in choose_files(self._dialog, self._guard):
            self._add(path)

    def _add(self, path: Path) -> None:
        """Raises PasticheError for a file that is no picture."""
        taken = [style.name for style in self.shelf if style.source == "gallery"]
        self._bring(add_file(path, self._home, taken), readable(path.stem).replace("_", " "))

    def _take_open_item(self) -> None:
        chosen = choose_open_item(self._dialog, self._guard)
        if chosen:
            item, title = chosen
            self._bring(keep_layer(item, self._home), title)

    def _bring(self, name: str, title: str) -> None:
        style: ShelfStyle = self.shelf.add_own(name, title)
        if self.gallery.mixing:
            self.mixture.toggle(style.name)
        else:
            self._choose(style)
        self.gallery.show(style)
        self._on_new_tile()
