"""A user's own folder of pictures for training: any number of them, in any state."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

from pastiched.training.picture_survey import look_at, some_of
from pastiched.training.reduction import FORMATS_IN_WORDS, reduced

BUDGET = 512 * 2**20
"""Bytes of reduced pictures that are kept in memory."""
KEPT_SIDES = 2
"""Short side of what is kept, in sides of the training crops."""
FEW_STYLES, FEW_PHOTOS = 20, 100

Kind = Literal["styles", "photos"]


class Collection:
    """Pictures of one folder. `names`: POSIX paths in it, sorted; `counts`: what the survey found, by kind.

    Subsets share the memory of the whole. Any thread may read.
    """

    def __init__(self, names: list[str], shelf: Shelf, counts: Mapping[str, int]) -> None:
        self.names, self.counts = names, counts
        self._shelf = shelf

    def __len__(self) -> int:
        return len(self.names)

    @property
    def damaged(self) -> int:
        """How many of these pictures have turned out to be damaged."""
        return len(self._shelf.damaged.intersection(self.names))

    def read(self, index: int) -> bytes | None:
        """JPEG or PNG bytes: RGB, upright, the short side at most twice the training size; None for a damaged file.

        The same file gives the same bytes. Raises ValueError where no picture is left.
        """
        data = self._shelf.take(self.names[index])
        if data is None and self._shelf.damaged.issuperset(self.names):
            raise ValueError(f"no picture of {self._shelf.title} can be read any more: is the folder still there?")
        return data

    def subset(self, names: Iterable[str]) -> Collection:
        """Those of `names` that are in the collection, in its order."""
        wanted = set(names)
        return Collection([name for name in self.names if name in wanted], self._shelf, self.counts)

    def split(self, held_out: set[str]) -> tuple[Collection, Collection]:
        """The pictures to train on, and those named in `held_out`."""
        return self.subset(name for name in self.names if name not in held_out), self.subset(held_out)


def survey(folder: Path, side: int, kind: Kind, say: Callable[[str], None], budget: int = BUDGET) -> Collection:
    """Looks at every file in `folder` and its subfolders, by the headers; `side` of the training crops in px.

    `say` is told a sentence for each kind of problem, now and when a picture turns out to be damaged, and what can be
    expected of few pictures. Raises ValueError where there is no such folder, or nothing in it that can be used.
    """
    title = folder.name or folder.resolve().name or str(folder)
    if not folder.exists():
        raise ValueError(f"there is no folder {folder}")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file: give the folder that holds the pictures")
    try:
        findings = look_at(folder, side)
    except OSError as error:
        raise ValueError(f"the folder {folder} cannot be read: {error.strerror or error}") from None
    for problem, names in findings.problems.items():
        say(f"{title}: {problem.sentence(names)}")
    if not findings.names:
        raise ValueError(f"there is no usable picture in {title} or the folders in it ({FORMATS_IN_WORDS} work)")
    if advice := expectation(kind, len(findings.names)):
        say(advice)
    counts = {"usable": len(findings.names)} | {p.name.lower(): len(names) for p, names in findings.problems.items()}
    return Collection(findings.names, Shelf(folder, title, KEPT_SIDES * side, budget, say), counts)


def expectation(kind: Kind, count: int) -> str:
    """What so many pictures are good for; "" where they are enough."""
    if kind == "styles" and count < FEW_STYLES:
        pictures = "picture" if count == 1 else "pictures"
        return (
            f"With {count} style {pictures} the generator will soon know them by heart: expect the same few marks and"
            " colours everywhere, and try early checkpoints too; 100 to 1,000 are good."
        )
    if kind == "photos" and count < FEW_PHOTOS:
        photographs = "photograph" if count == 1 else "photographs"
        return (
            f"With {count} {photographs} the generator sees few kinds of things: expect mistakes in scenes unlike"
            " these; 1,000 or more are good."
        )
    return ""


class Shelf:
    """Reduced pictures by name, up to `budget` bytes of them; those not asked for the longest go first."""

    def __init__(self, folder: Path, title: str, most: int, budget: int, say: Callable[[str], None]) -> None:
        self.title = title
        self.damaged: set[str] = set()
        self._folder, self._most, self._budget, self._say = folder, most, budget, say
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def take(self, name: str) -> bytes | None:
        """The picture, None for a damaged one: that is said once, and the file never opened again."""
        with self._lock:
            if name in self.damaged:
                return None
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        try:
            data = reduced(self._folder / name, self._most)
        except Exception:
            # Decoders fail in many ways, and no one file may end a training of hours.
            self._give_up(name)
            return None
        with self._lock:
            self._keep(name, data)
        return data

    def _keep(self, name: str, data: bytes) -> None:
        if name in self._kept or len(data) > self._budget:
            return
        self._kept[name] = data
        self._bytes += len(data)
        while self._bytes > self._budget:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone)

    def _give_up(self, name: str) -> None:
        with self._lock:
            if name in self.damaged:
                return
            # A new set, not an addition: other threads may be looking through the old one.
            self.damaged = self.damaged | {name}
            count = len(self.damaged)
        if count <= 3:
            self._say(f"{self.title}: {some_of([name])} cannot be read to its end and is left out.")
        elif count in (10, 100, 1000, 10_000):
            self._say(f"{self.title}: {count:,} pictures by now cannot be read to their ends and are left out.")
