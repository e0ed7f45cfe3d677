"""The shelf: every style and trained model that can be chosen in the dialog, and its picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gi.repository import GdkPixbuf, GLib

from pastiche.connection import Home
from pastiche_gimp.dialog.thumbnails import Edition, edition_of
from pastiche_gimp.failures import log
from pastiche_gimp.methods import TRAINED
from pastiche_gimp.style_pictures import KEPT, LIBRARY_SUFFIXES, kept_path
from pastiche_gimp.words import _

OWN = "own"
"""The source of styles that were brought through this dialog, beside the library's "gallery" and "user"."""
SHIPPED = ("gallery", "shipped")
"""The sources of styles and models that came with the daemon: their texts have translations, a user's own have none."""
PICTURE_SIDE = 256
"""Pictures are decoded to about this size; the gallery's own thumbnails have it."""
Key = tuple[str, bool]


def key_of(name: str, trained: bool = False) -> Key:
    """Names mean the same in any case, but a user's picture may be called as a trained model is."""
    return name.casefold(), trained


@dataclass
class ShelfStyle:
    """A style, or a trained model: `name` as jobs name it, `title` as users read it. `picture` is None until it is
    decoded."""

    name: str
    title: str
    description: str = ""
    source: str = "gallery"
    method: str = ""
    revision: str = ""
    picture: Any | None = None

    @property
    def trained(self) -> bool:
        return self.method == TRAINED

    @property
    def key(self) -> Key:
        return key_of(self.name, self.trained)


class Shelf:
    """Styles and models by name, in any case. Pictures are decoded in a thread."""

    def __init__(
        self,
        home: Home,
        on_added: Callable[[ShelfStyle], None],
        on_removed: Callable[[ShelfStyle], None],
        on_picture: Callable[[ShelfStyle], None],
    ) -> None:
        self._home, self._on_added, self._on_removed, self._on_picture = home, on_added, on_removed, on_picture
        self._styles: dict[Key, ShelfStyle] = {}
        self._filled = False
        self._closed = False

    def __iter__(self) -> Iterator[ShelfStyle]:
        return iter(list(self._styles.values()))

    @property
    def models(self) -> list[str] | None:
        """The names of the trained models; None while it is not known which there are."""
        return [style.name for style in self if style.trained] if self._filled else None

    def find(self, name: str, trained: bool = False) -> ShelfStyle | None:
        return self._styles.get(key_of(name, trained))

    def title_of(self, name: str, trained: bool = False) -> str:
        style = self.find(name, trained)
        return style.title if style else (_("Own Picture") if name.startswith(KEPT) else name)

    def close(self) -> None:
        self._closed = True

    def fill(self, library: Iterable[dict[str, Any]], thumbnails: dict[Edition, bytes]) -> None:
        """Adds what the daemon's library has and the shelf has not; takes away models that it has no more, and those
        that are other ones by now."""
        self._filled = True
        wanted: list[tuple[ShelfStyle, bytes | Path]] = []
        found = [style for style in map(_style_of, library) if style.name]
        here = {(style.key, style.revision) for style in found}
        for style in self:
            if style.trained and (style.key, style.revision) not in here:
                del self._styles[style.key]
                self._on_removed(style)
        for style in found:
            if style.key in self._styles:
                continue
            self._add(style)
            picture: bytes | Path | None = thumbnails.get((style.name, style.revision))
            if not picture and not style.trained:
                picture = self._file_of(style.name)
            if picture:
                wanted.append((style, picture))
        self._decode(wanted)

    def add_own(self, name: str, title: str) -> ShelfStyle:
        """A picture that the user has just brought, or that a recipe names."""
        style = self.find(name)
        if style is None:
            style = ShelfStyle(name, title, source=OWN)
            self._add(style)
        path = kept_path(name, self._home) if name.startswith(KEPT) else self._file_of(name)
        if style.picture is None and path:
            self._decode([(style, path)])
        return style

    def _add(self, style: ShelfStyle) -> None:
        self._styles[style.key] = style
        self._on_added(style)

    def _file_of(self, name: str) -> Path | None:
        """The user's picture of that name, looked up in the listing as the daemon does."""
        try:
            files = [path for path in self._home.styles_folder.iterdir() if path.suffix.lower() in LIBRARY_SUFFIXES]
        except OSError:
            return None
        wanted = {name.casefold(), name.casefold().rpartition("-")[0]}
        found = sorted((path for path in files if path.stem.casefold() in wanted), key=lambda path: -len(path.stem))
        return found[0] if found else None

    def _decode(self, wanted: list[tuple[ShelfStyle, bytes | Path]]) -> None:
        if not wanted:
            return
        arguments = (wanted,)
        threading.Thread(target=self._work, args=arguments, name="pastiche-pictures", daemon=True).start()

    def _work(self, wanted: list[tuple[ShelfStyle, bytes | Path]]) -> None:
        for style, source in wanted:
            if self._closed:
                return
            try:
                picture = _decoded(source)
            except (GLib.Error, OSError) as error:
                log(error)
                continue
            GLib.idle_add(self._show, style, picture)

    def _show(self, style: ShelfStyle, picture: Any) -> bool:
        if not self._closed and picture is not None:
            style.picture = picture
            self._on_picture(style)
        return False


def _style_of(entry: Mapping[str, Any]) -> ShelfStyle:
    """An entry of the daemon's library."""
    (name, revision), source = edition_of(entry), str(entry.get("source") or "")
    title, description = str(entry.get("title") or name), str(entry.get("description") or "")
    if source in SHIPPED:
        title, description = _(title), _(description)
    return ShelfStyle(name, title, description, source, str(entry.get("method") or ""), revision)


def _decoded(source: bytes | Path) -> Any:
    """A picture file, reduced while it is read. Raises GLib.Error."""
    if isinstance(source, bytes):
        loader = GdkPixbuf.PixbufLoader.new()
        loader.write(source)
        loader.close()
        picture = loader.get_pixbuf()
    else:
        picture = GdkPixbuf.Pixbuf.new_from_file_at_scale(str(source), 2 * PICTURE_SIDE, PICTURE_SIDE, True)
    return picture.apply_embedded_orientation() if picture else None
