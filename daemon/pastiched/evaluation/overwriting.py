"""Inputs are never written over."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pastiche.errors import ErrorCode, PasticheError


def refuse_overwriting(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Raises PasticheError(UNWRITABLE) where one of `outputs` is the same file as one of `inputs`, by whatever name or
    link. Files that do not exist yet are no inputs. Raises OSError."""
    given = {_file(path) for path in inputs if path.exists()}
    for path in outputs:
        if path.exists() and _file(path) in given:
            said = f"{path} would be written over, and it is read in this run."
            raise PasticheError(ErrorCode.UNWRITABLE, said, "Choose another folder with --out.")


def _file(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
