"""The left side's upper half: the gallery, the buttons that bring pictures, and the mixture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import Gtk

from pastiche.connection import Home
from pastiche.options import MAX_STYLES
from pastiche_gimp.dialog.connecting import Greeting
from pastiche_gimp.dialog.gallery import Gallery
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.mixture import Mixture
from pastiche_gimp.dialog.picture_chooser import choose_files, choose_open_item
from pastiche_gimp.dialog.shelf import Shelf, ShelfStyle
from pastiche_gimp.style_pictures import KEPT, add_file, keep_layer, readable
from pastiche_gimp.words import _


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
        self.shelf = Shelf(home, self.gallery.add, self.gallery.picture_came)
        self.mixture = Mixture(config, guard, self.shelf.title_of, self._full)
        self._several = Gtk.CheckButton.new_with_mnemonic(_("Mi_x several"))
        self._several.set_tooltip_text(_("Tick up to four styles; Ctrl and a click on a style does the same"))
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
        for name in self.mixture.names:
            if name.startswith(KEPT):
                self.shelf.add_own(name, self.shelf.title_of(name))
        if len(self.mixture.choices) > 1 and not self._several.get_active():
            self._several.set_active(True)
        self.gallery.mark(self.mixture.names)
        self.mixture.show(self.gallery.mixing)

    def adopt_file(self) -> None:
        """A style file that a script or a preset has named becomes one of the user's styles. Raises PasticheError."""
        file = self._config.get_property("style-file")
        if file is None:
            return
        self._config.set_property("style-file", None)
        if file.get_path():
            self._add(Path(file.get_path()))

    def close(self) -> None:
        self.shelf.close()

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

    def _choose(self, name: str) -> None:
        self.mixture.choose(name)

    def _toggle(self, name: str) -> None:
        self._several.set_active(True)
        self.mixture.toggle(name)
        self.follow()

    def _full(self) -> None:
        self._tell(_("A pastiche takes at most {count} styles.").format(count=MAX_STYLES))

    def _mixing_toggled(self, button: Any) -> None:
        self.gallery.mixing = button.get_active()
        if not self.gallery.mixing:
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
            self.mixture.choose(style.name)
        self.gallery.show(style.name)
        self._on_new_tile()
