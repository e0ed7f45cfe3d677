"""Failures: one sentence for the user, the whole story in the log."""

from __future__ import annotations

import logging
import traceback
from logging.handlers import RotatingFileHandler

from gi.repository import GLib

from pastiche.connection import Home
from pastiche.errors import SENTENCES, ErrorCode, PasticheError
from pastiche_gimp.words import N_, _

LOG = "gimp-plug-in.log"
LOG_BYTES = 500_000
HINTS = {
    ErrorCode.UNKNOWN_STYLE: N_("Choose another style."),
    ErrorCode.UNKNOWN_MODEL: N_("Choose another one."),
    ErrorCode.UNREADABLE: N_("Choose another picture."),
    ErrorCode.UNWRITABLE: N_("Make room or free the folder, then try again."),
    ErrorCode.VERSION: N_("Stop the daemon in Pastiche Settings and run the installer again."),
    ErrorCode.NO_DEVICE: N_("Pastiche Settings can check the installation."),
    ErrorCode.NO_DAEMON: N_("Pastiche Settings can check the installation."),
    ErrorCode.TIMEOUT: N_("Try again; Pastiche Settings can stop the daemon."),
}
KNOWN = (
    N_("VGG-19 is not here; fetch it with `pastiched models fetch vgg19`."),
    N_("None is installed; `pastiched models add FILE` adds one."),
)
"""What a method may say; here so that it is translated."""
_log = logging.getLogger("pastiche-gimp")


def open_log(home: Home) -> None:
    """Failures are written to the daemon's log folder from now on; where that cannot be, nowhere."""
    try:
        home.create()
        file = home.log_file.with_name(LOG)
        handler = RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=1, delay=True, encoding="utf-8")
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
        return f"{_with_full_stop(_sentence_of(error))} {_hint_of(error)}".strip()
    if isinstance(error, GLib.Error):
        return str(error.message)
    if isinstance(error, MemoryError):
        return sentence_of(PasticheError(ErrorCode.OUT_OF_MEMORY))
    return _("Something went wrong in the Pastiche plug-in. The log has the details: {log}").format(log=LOG)


def _sentence_of(error: PasticheError) -> str:
    """Translated; where a reason follows the general sentence, at least that one is."""
    general = SENTENCES[error.code][0]
    beginning, colon, reason = error.sentence.partition(": ")
    if colon and beginning == general.rstrip("."):
        return f"{_(general).rstrip('.。')}: {reason}"
    return _(error.sentence)


def _with_full_stop(sentence: str) -> str:
    return sentence if not sentence or sentence[-1] in ".!?。！？" else f"{sentence}."


def _hint_of(error: PasticheError) -> str:
    """Advice for somebody in front of GIMP, where the general one speaks of commands."""
    general = error.hint == SENTENCES[error.code][1]
    return _(HINTS[error.code] if general and error.code in HINTS else error.hint)
