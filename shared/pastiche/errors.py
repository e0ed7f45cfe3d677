"""Error codes: each with one sentence for the user and one about what to do."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Codes that cross the wire in `failed` and come out of the client as `PasticheError.code`."""

    BAD_MESSAGE = "bad_message"
    BAD_OPTION = "bad_option"
    BAD_PICTURE = "bad_picture"
    TOO_LARGE = "too_large"
    UNKNOWN_STYLE = "unknown_style"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_JOB = "unknown_job"
    BUSY = "busy"
    VERSION = "version"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_DIED = "worker_died"
    WORKER_HUNG = "worker_hung"
    ENGINE = "engine"
    STOPPING = "stopping"
    NO_DEVICE = "no_device"
    NO_DAEMON = "no_daemon"
    DAEMON_GONE = "daemon_gone"
    TIMEOUT = "timeout"
    UNREADABLE = "unreadable"
    UNWRITABLE = "unwritable"


SENTENCES: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.BAD_MESSAGE: ("The message does not follow the protocol.", "Update the client and the daemon together."),
    ErrorCode.BAD_OPTION: ("An option has a value that cannot be used.", "Correct the option and try again."),
    ErrorCode.BAD_PICTURE: ("The picture cannot be used.", "Open it in an image editor and save it again."),
    ErrorCode.TOO_LARGE: ("The picture is larger than Pastiche accepts.", "Reduce it to at most 400 megapixels."),
    ErrorCode.UNKNOWN_STYLE: ("There is no style of that name.", "See the list with `pastiche styles`."),
    ErrorCode.UNKNOWN_MODEL: ("There is no trained model of that name.", "See the list with `pastiche styles`."),
    ErrorCode.UNKNOWN_JOB: ("The daemon knows no such job.", "It may have ended already."),
    ErrorCode.BUSY: ("The queue of the daemon is full.", "Wait for a job to end and try again."),
    ErrorCode.VERSION: (
        "Client and daemon speak different versions of the protocol.",
        "Stop the daemon with `pastiche stop` and update Pastiche.",
    ),
    ErrorCode.OUT_OF_MEMORY: (
        "There was not enough memory for this picture.",
        "Close other programs, use a larger brush size, or reduce the picture.",
    ),
    ErrorCode.WORKER_DIED: ("The computing process ended unexpectedly.", "Try again; the log of the daemon has more."),
    ErrorCode.WORKER_HUNG: (
        "The computing process stopped answering and was restarted.",
        "Try again; the log of the daemon has more.",
    ),
    ErrorCode.ENGINE: ("The picture could not be computed.", "The log of the daemon has the details."),
    ErrorCode.STOPPING: ("The daemon is stopping and takes no new work.", "Try again in a moment."),
    ErrorCode.NO_DEVICE: ("The chosen device cannot be used.", "Choose another with --device or PASTICHE_DEVICE."),
    ErrorCode.NO_DAEMON: ("The Pastiche daemon could not be started.", "Run `pastiche doctor` to see why."),
    ErrorCode.DAEMON_GONE: ("The Pastiche daemon went away.", "Try again; it is started anew."),
    ErrorCode.TIMEOUT: ("The Pastiche daemon did not answer in time.", "Run `pastiche status`, or `pastiche stop`."),
    ErrorCode.UNREADABLE: ("The file cannot be read as a picture.", "Check the file; PNG, JPEG, WebP and TIFF work."),
    ErrorCode.UNWRITABLE: ("The result cannot be written there.", "Choose another place with -o."),
}


class PasticheError(Exception):
    """A failure that a user may see.

    `detail` replaces the code's general sentence where it is given, `hint` the general advice.
    """

    def __init__(self, code: ErrorCode, detail: str = "", hint: str = "") -> None:
        sentence, advice = SENTENCES[code]
        self.code = code
        self.sentence = detail or sentence
        self.hint = hint or advice
        super().__init__(f"{self.sentence} {self.hint}")

    def __reduce__(self) -> tuple[type[PasticheError], tuple[ErrorCode, str, str]]:
        return type(self), (self.code, self.sentence, self.hint)


def error_from_wire(code: object, sentence: object, hint: object) -> PasticheError:
    """The exception for a `failed` message; an unknown code of a newer daemon becomes `engine`."""
    known = ErrorCode(code) if isinstance(code, str) and code in set(ErrorCode) else ErrorCode.ENGINE
    return PasticheError(known, str(sentence or ""), str(hint or ""))
