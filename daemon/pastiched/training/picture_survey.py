"""A first look at a folder of training pictures: which files are of use, and what is the matter with the others."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from PIL import Image

from pastiched.training.reduction import FORMATS, FORMATS_IN_WORDS, is_tiff

LEAST_SIDE = 64
"""A picture with a shorter side, in px, teaches nothing about a style."""
ENDS = 65_536
SHOWN_NAMES = 3


class Problem(Enum):
    """What can be the matter with files: words for one, words for many, whether they are used all the same."""

    FOLDER = ("cannot be looked into and is left out", "cannot be looked into and are left out", False)
    UNREADABLE = (
        f"could not be opened as a picture ({FORMATS_IN_WORDS} work) and is left out",
        f"could not be opened as pictures ({FORMATS_IN_WORDS} work) and are left out",
        False,
    )
    NAME = (
        "has a name that cannot be written as a line of text and is left out",
        "have names that cannot be written as a line of text and are left out",
        False,
    )
    TOO_LARGE = (
        "is larger than can be opened safely and is left out",
        "are larger than can be opened safely and are left out",
        False,
    )
    TOO_SMALL = (
        f"has a side below {LEAST_SIDE} pixels and is left out",
        f"have a side below {LEAST_SIDE} pixels and are left out",
        False,
    )
    DUPLICATE = (
        "is the same file as another one and is left out",
        "are the same files as others and are left out",
        False,
    )
    ENLARGED = (
        "is smaller than the training size and will be enlarged, which makes its strokes wide and soft",
        "are smaller than the training size and will be enlarged, which makes their strokes wide and soft",
        True,
    )
    ANIMATED = (
        "has several frames or pages; the first is used",
        "have several frames or pages; the first is used",
        True,
    )

    @property
    def used(self) -> bool:
        return self.value[2]

    def sentence(self, names: list[str]) -> str:
        """`4 files could not be opened ...: a.jpg, b.png, c.tif and 1 more.`"""
        thing = "folder" if self is Problem.FOLDER else "file"
        count = f"1 {thing} {self.value[0]}" if len(names) == 1 else f"{len(names):,} {thing}s {self.value[1]}"
        return f"{count}: {some_of(names)}."


def some_of(names: list[str]) -> str:
    """Up to three names, in a form that every terminal takes, and how many more there are."""
    shown = ", ".join(_printable(name) for name in names[:SHOWN_NAMES])
    return f"{shown} and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else shown


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode().translate({number: "?" for number in (*range(32), 127)})


@dataclass(frozen=True)
class Findings:
    """`names`: pictures that can be used, as POSIX paths in the folder, sorted; `problems`: names of each kind."""

    names: list[str]
    problems: dict[Problem, list[str]] = field(default_factory=dict)


def look_at(folder: Path, side: int) -> Findings:
    """Every file in `folder` and the folders in it, by its header; `side` of the training crops in px.

    Hidden ones are passed over. Raises OSError where the folder itself cannot be read.
    """
    _silence_decoders()
    problems: defaultdict[Problem, list[str]] = defaultdict(list)
    sizes: dict[str, int] = {}
    for name, path in sorted(_files(folder, problems)):
        try:
            info = path.stat()
            found = _judge(path, side) if stat.S_ISREG(info.st_mode) else [Problem.UNREADABLE]
        except Image.DecompressionBombError:
            found = [Problem.TOO_LARGE]
        except Exception:
            # Damaged headers fail in as many ways as there are decoders.
            found = [Problem.UNREADABLE]
        if name.splitlines() != [name] or name != name.rstrip() or not _is_text(name):
            found = [Problem.NAME]
        for problem in found:
            problems[problem].append(name)
        if all(problem.used for problem in found):
            sizes[name] = info.st_size
    twins = _twins(folder, sizes)
    if twins:
        problems[Problem.DUPLICATE] = sorted(twins)
        for problem in (Problem.ENLARGED, Problem.ANIMATED):
            problems[problem] = [name for name in problems[problem] if name not in twins]
    known = {problem: problems[problem] for problem in Problem if problems[problem]}
    return Findings([name for name in sizes if name not in twins], known)


def _silence_decoders() -> None:
    """What Pillow and tifffile have to say about odd files would reach the terminal; the process trains, no more."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    for name in ("PIL", "tifffile"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _files(folder: Path, problems: dict[Problem, list[str]]) -> Iterator[tuple[str, Path]]:
    """Names relative to `folder`, and paths. Links to folders are followed: each folder once, and none above this."""
    above = set(folder.resolve().parents)
    seen: set[tuple[int, int]] = set()
    waiting = [("", folder)]
    while waiting:
        prefix, place = waiting.pop()
        try:
            info = place.stat()
            if (info.st_dev, info.st_ino) in seen or place.resolve() in above:
                continue
            seen.add((info.st_dev, info.st_ino))
            with os.scandir(place) as entries:
                inside = sorted((entry.name, _is_folder(entry)) for entry in entries if not entry.name.startswith("."))
        except OSError:
            if place == folder:
                raise
            problems[Problem.FOLDER].append(prefix.rstrip("/"))
            continue
        for name, is_folder in inside:
            if not is_folder:
                yield prefix + name, place / name
        waiting.extend((f"{prefix}{name}/", place / name) for name, is_folder in reversed(inside) if is_folder)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself.
        return False


def _judge(path: Path, side: int) -> list[Problem]:
    width, height, frames = _tiff_header(path) if is_tiff(path) else _header(path)
    if width * height > 2 * (Image.MAX_IMAGE_PIXELS or width * height):
        return [Problem.TOO_LARGE]
    short = min(width, height)
    if short < LEAST_SIDE:
        return [Problem.TOO_SMALL]
    return ([Problem.ENLARGED] if short < side else []) + ([Problem.ANIMATED] if frames else [])


def _header(path: Path) -> tuple[int, int, bool]:
    """Width, height, whether there is more than one picture."""
    with Image.open(path, formats=FORMATS) as image:
        several = bool(getattr(image, "is_animated", False)) and image.format != "MPO"
        return image.width, image.height, several


def _tiff_header(path: Path) -> tuple[int, int, bool]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        width, height = int(page.imagewidth), int(page.imagelength)
        try:
            file.pages[1]
        except IndexError:
            return width, height, False
        return width, height, True


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _twins(folder: Path, sizes: dict[str, int]) -> set[str]:
    """All but the first of files that have the same size in bytes and begin and end alike."""
    often = Counter(sizes.values())
    seen: set[tuple[int, bytes]] = set()
    twins: set[str] = set()
    for name, size in sizes.items():
        if often[size] == 1:
            continue
        key = size, _digest_of_ends(folder / name, size)
        if key in seen:
            twins.add(name)
        seen.add(key)
    return twins


def _digest_of_ends(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(ENDS))
            file.seek(max(0, size - ENDS))
            digest.update(file.read(ENDS))
    except OSError:
        # Gone since it was looked at: like no other, and found out when it is read.
        return os.fsencode(path)
    return digest.digest()
