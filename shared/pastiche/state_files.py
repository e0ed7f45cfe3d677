"""Files that keep an interrupted run, so that it can go on: what they are called, and telling them from other files.

A state is a safetensors file whose metadata names its format. Nothing else is ever replaced by one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import FINE

SUFFIX = ".pastiche-state"
FORMAT = "pastiche-fine-state"
METHODS_WITH_STATE = FINE
LONGEST_PATH = 4096
LONGEST_HEADER = 1 << 20
OTHER_FILE = f"Choose another file; its name ends in {SUFFIX}."


def check_names(state: str, resume: str, method: str) -> None:
    """Whether these paths ("" = none) may be asked for; nothing is looked at. Raises PasticheError(BAD_OPTION)."""
    for flag, text in (("--state", state), ("--resume", resume)):
        if not text:
            continue
        if method not in METHODS_WITH_STATE:
            methods = " or ".join(METHODS_WITH_STATE)
            raise _refusal(f"{flag} works with --method {methods}, not with {method}.", f"Leave {flag} out.")
        if len(text) > LONGEST_PATH or "\0" in text or not _is_unicode(text):
            raise _refusal(f"{flag} names a file that cannot be used.", OTHER_FILE)
        path = Path(text)
        if not path.is_absolute():
            raise _refusal(f"{flag} needs an absolute path.", "Write it from the root on.")
        if not path.name.endswith(SUFFIX):
            raise _refusal(f"The file of {flag} must end in {SUFFIX}, unlike {_name(path)}.", OTHER_FILE)


def check_files(state: Path | None, resume: Path | None) -> None:
    """Whether a run may start from `resume` and be kept in `state`. Raises PasticheError(UNREADABLE, UNWRITABLE)."""
    if resume:
        _check_resume(resume)
    if state:
        _check_state(state, resume)


def _check_resume(path: Path) -> None:
    try:
        if not path.is_file():
            raise PasticheError(ErrorCode.UNREADABLE, f"There is no file {_name(path)} to go on from.", OTHER_FILE)
        if not is_state(path):
            raise PasticheError(ErrorCode.UNREADABLE, f"{_name(path)} does not hold an interrupted run.", OTHER_FILE)
    except OSError as error:
        raise PasticheError(
            ErrorCode.UNREADABLE, f"{_name(path)} cannot be read: {error.strerror}.", OTHER_FILE
        ) from None


def _check_state(path: Path, resume: Path | None) -> None:
    try:
        if not path.parent.is_dir():
            raise PasticheError(
                ErrorCode.UNWRITABLE, f"There is no folder for {_name(path)}.", "Make the folder first."
            )
        if path.exists() and not (path.is_file() and is_state(path)):
            raise PasticheError(
                ErrorCode.UNWRITABLE, f"{_name(path)} is there already and is not a Pastiche state.", OTHER_FILE
            )
        if path.exists() and (resume is None or path.resolve() != resume.resolve()):
            raise PasticheError(
                ErrorCode.UNWRITABLE,
                f"{_name(path)} keeps a run already.",
                "Go on from it with --resume, or choose another file.",
            )
        if not os.access(path.resolve().parent, os.W_OK | os.X_OK):
            raise PasticheError(ErrorCode.UNWRITABLE, f"Nothing can be written beside {_name(path)}.", OTHER_FILE)
    except OSError as error:
        raise PasticheError(
            ErrorCode.UNWRITABLE, f"{_name(path)} cannot be written: {error.strerror}.", OTHER_FILE
        ) from None


def is_state(path: Path) -> bool:
    """Whether the file says that it is a state. Raises OSError."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= LONGEST_HEADER:
            return False
        text = file.read(length)
    try:
        header: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    return isinstance(metadata, dict) and metadata.get("format") == FORMAT


def as_path(text: str) -> Path | None:
    """A path of the wire; "" is none."""
    return Path(text) if text else None


def _refusal(sentence: str, hint: str) -> PasticheError:
    return PasticheError(ErrorCode.BAD_OPTION, sentence, hint)


def _name(path: Path) -> str:
    return path.name if len(path.name) <= 80 else f"...{path.name[-77:]}"


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
