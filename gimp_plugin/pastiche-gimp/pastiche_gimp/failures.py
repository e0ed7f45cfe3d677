"""Failures: one sentence for the user, the whole story in the log."""

from __future__ import annotations

import logging
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

from gi.repository import GLib

from pastiche.errors import ErrorCode, PasticheError
from pastiche_gimp.words import _

LOG = "gimp-plug-in.log"
LOG_BYTES = 500_000
_log = logging.getLogger("pastiche-gimp")


def open_log(home: Path) -> None:
    """Failures are written to the daemon's log folder from now on; where that cannot be, nowhere."""
    try:
        (home / "log").mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            home / "log" / LOG, maxBytes=LOG_BYTES, backupCount=1, delay=True, encoding="utf-8"
        )
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    _log.handlers[:] = [handler]
    _log.propagate = False


def log(error: BaseException) -> None:
    """Writes an error with where it came from."""
    expected = isinstance(error, PasticheError)
    text = str(error) if expected else "".join(traceback.format_exception(error))
    _log.error("%s", text.rstrip())


def sentence_of(error: BaseException) -> str:
    """What the user is told: a sentence and what to do."""
    if isinstance(error, PasticheError):
        return f"{_(error.sentence)} {_(error.hint)}".strip()
    if isinstance(error, GLib.Error):
        return str(error.message)
    if isinstance(error, MemoryError):
        return sentence_of(PasticheError(ErrorCode.OUT_OF_MEMORY))
    return _("Something went wrong in the Pastiche plug-in. The log has the details: {log}").format(log=LOG)
