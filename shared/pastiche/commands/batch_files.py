"""Which pictures a batch has, and where each one's result goes."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pastiche.picture_formats import BY_EXTENSION


@dataclass(frozen=True)
class Item:
    """One picture of the batch and where its result goes."""

    source: Path
    output: Path


def find_sources(inputs: list[str]) -> list[Path]:
    """Files as given, folders' pictures and patterns' matches in alphabetical order, each file once.

    A name that matches nothing stays in the list: its failure is then reported as that of a file.
    """
    found: dict[Path, None] = {}
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            matches = sorted(p for p in path.iterdir() if p.suffix.lower() in BY_EXTENSION and p.is_file())
        elif not path.exists() and glob.has_magic(given):
            matches = sorted(p for p in map(Path, glob.glob(given, recursive=True)) if p.is_file())  # noqa: PTH207
        else:
            matches = [path]
        found.update(dict.fromkeys(matches))
    return list(found)


def name_outputs(
    sources: list[Path], folder: Path, extension: str | None, inputs: Iterable[Path] = ()
) -> Iterator[Item]:
    """`stem.ext`, or `stem-pastiche.ext` beside the source; two sources of one name get -2, -3 ...

    `inputs` are the files whose names cannot be taken where they lie in the folder.
    """
    folder_itself = folder.resolve()
    taken = {path.name.casefold() for path in inputs if path.parent.resolve() == folder_itself}
    for source in sources:
        suffix = f".{extension}" if extension else source.suffix.lower()
        stem = f"{source.stem}-pastiche" if source.parent.resolve() == folder_itself else source.stem
        name, number = stem + suffix, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        taken.add(name.casefold())
        yield Item(source, folder / name)
