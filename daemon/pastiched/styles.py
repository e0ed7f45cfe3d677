"""The style library: the shipped gallery and the pictures in the user's own folder, by name.

The process that serves sockets uses it, so it imports neither torch nor numpy nor Pillow.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pastiche.errors import ErrorCode, PasticheError
from pastiche.protocol import MAX_THUMBNAIL

GALLERY = Path(__file__).parent / "gallery"
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True)
class Style:
    """A style picture that a job can name."""

    name: str
    title: str
    description: str
    path: Path
    thumbnail: Path | None
    source: Literal["gallery", "user"]


class StyleLibrary:
    """Every style there is. The user's folder is read anew at each call, so new pictures appear at once.

    `others` are names that are taken by something else: the trained models.
    """

    def __init__(self, user_folder: Path, others: Callable[[], Iterable[str]] = lambda: ()) -> None:
        self._user_folder, self._others = user_folder, others

    def list(self) -> list[Style]:
        """The gallery in its own order, then the user's pictures by name; no two names are equal in any case."""
        styles = list(_gallery())
        taken = {name.casefold() for name in (*gallery_names(), *self._others())}
        for path in _pictures(self._user_folder):
            # The plug-in writes several names into one argument with ";" between them.
            name = _free_name(path.stem.replace(";", ","), taken)
            taken.add(name.casefold())
            title = path.stem.replace("_", " ").replace("-", " ").strip() or path.stem
            styles.append(Style(name, title, "", path, None, "user"))
        return styles

    def find(self, name: str) -> Style:
        """The style of that name, in any case. Names are looked up in the listing and never become part of a path.

        Raises PasticheError (`unknown_style`), with the closest name as advice where one is near.
        """
        styles = {style.name.casefold(): style for style in self.list()}
        wanted = name.strip().casefold()
        if wanted in styles:
            return styles[wanted]
        near = difflib.get_close_matches(wanted[:200], styles, n=1, cutoff=0.6)
        hint = f'Did you mean "{styles[near[0]].name}"? See the list with `pastiche styles`.' if near else ""
        raise PasticheError(ErrorCode.UNKNOWN_STYLE, f'There is no style named "{name[:80]}".', hint)

    def thumbnail(self, name: str) -> tuple[str, bytes]:
        """The style's own spelling of its name, and its thumbnail's JPEG file; empty where it has none.

        Raises PasticheError (`unknown_style`).
        """
        style = self.find(name)
        if style.thumbnail is None:
            return style.name, b""
        try:
            with style.thumbnail.open("rb") as file:
                data = file.read(MAX_THUMBNAIL + 1)
        except OSError:
            return style.name, b""
        return style.name, data if len(data) <= MAX_THUMBNAIL else b""


def gallery_names() -> tuple[str, ...]:
    """Of the pictures that ship."""
    return tuple(style.name for style in _gallery())


@cache
def _gallery() -> tuple[Style, ...]:
    entries = json.loads((GALLERY / "gallery.json").read_text(encoding="utf-8"))
    return tuple(
        Style(
            entry["name"],
            entry["title"],
            entry["description"],
            GALLERY / entry["file"],
            GALLERY / entry["thumbnail"],
            "gallery",
        )
        for entry in entries
    )


def _pictures(folder: Path) -> list[Path]:
    """The readable pictures directly in a folder, by name; none where there is no folder."""
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."]
    except OSError:
        return []
    return sorted((path for path in paths if _is_picture(path)), key=lambda path: (path.stem.casefold(), path.name))


def _is_picture(path: Path) -> bool:
    """Whether the file can be opened and begins as one of the formats does."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(12)
    except OSError:
        return False
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return webp or start.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", *_TIFF))


def _free_name(stem: str, taken: set[str]) -> str:
    name, number = stem, 2
    while name.casefold() in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
