"""Files of a run: there completely, or as they were before, also when the disk is full or the run is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

PART = ".part"
SIGNS_OF_A_DISK = ("inline_container", "PytorchStreamWriter", "I/O error", "os error")
"""How torch and safetensors say that a file could not be written: not with an OSError."""
MEGABYTE = 1e6


class StorageError(OSError):
    """One sentence: which file could not be written, why, and how much room is left where."""

    def __init__(self, sentence: str, number: int | None = None) -> None:
        super().__init__(sentence)
        self.errno = number


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Has `write` fill a file beside `path`, whose name ends in .part, and moves it into place when it is on the disk.

    `write` may use any library, also one that renames. The part has always the same name (unlike those of
    `pastiche.atomic_file`), so that a run which is killed leaves one at most, and the next run takes its place. Where
    anything fails the old file stays and the part goes. Raises StorageError, and whatever else `write` raises.
    """
    try:
        _fill_and_move(path.with_name(path.name + PART), path, write)
    except OSError as error:
        reason, number = error.strerror or str(error) or type(error).__name__, error.errno
    except Exception as error:
        if not any(sign in str(error) for sign in SIGNS_OF_A_DISK):
            raise
        reason, number = "the disk did not take all of it", None
    else:
        _flush_folder(path.parent)
        return
    # Raised here and not above: an error that is still alive holds torch's file open, and with it the room on the disk.
    raise StorageError(_sentence(path, reason), number)


def _fill_and_move(part: Path, path: Path, write: Callable[[Path], object]) -> None:
    try:
        write(part)
        _flush(part)
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def free_bytes(folder: Path) -> int | None:
    """What is free on the disk of `folder`, in bytes; None where the system does not say."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _flush(part: Path) -> None:
    # Opened for writing: Windows flushes no other.
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Makes the new name last; only POSIX can, and not every file system."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sentence(path: Path, reason: str) -> str:
    sentence = f"{path.name} cannot be written: {reason}."
    if (free := free_bytes(path.parent)) is not None:
        sentence += f" {free / MEGABYTE:,.1f} MB are free in {path.parent}."
    if path.exists():
        sentence += " The file of before is as it was."
    return sentence
