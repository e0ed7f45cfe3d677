"""Files that are there completely or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pastiche.errors import ErrorCode, PasticheError


@contextmanager
def atomic_file(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """A new file beside `path` that takes its name at the end of the block, with the permissions umask leaves.

    Without `overwrite` a file that has appeared there meanwhile is refused; with it, a link is followed and the
    permissions of the replaced file stay. Raises PasticheError(UNWRITABLE); then nothing is left behind.
    """
    target = path.resolve()
    temporary = target.with_name(f".pastiche-{secrets.token_hex(8)}.part")
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            _keep_mode(target, temporary)
            temporary.replace(target)
        else:
            _take_name(temporary, target)
    except FileExistsError:
        raise PasticheError(ErrorCode.UNWRITABLE, f"{path.name} exists already.") from None
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise PasticheError(ErrorCode.UNWRITABLE, f"{path.name} cannot be written: {reason}.") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _keep_mode(target: Path, temporary: Path) -> None:
    with contextlib.suppress(OSError):
        if target.exists():
            shutil.copymode(target, temporary)


def _take_name(temporary: Path, target: Path) -> None:
    """Renames without replacing: a hard link fails where the name is taken, a rename on POSIX does not."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # No hard links on this file system.
        if target.exists():
            raise FileExistsError from None
        temporary.rename(target)
