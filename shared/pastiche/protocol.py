"""Messages of the wire protocol: dataclasses, limits, encode and decode. docs/PROTOCOL.md is the specification."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack

from pastiche.body import Body as Body
from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import MAX_STYLES
from pastiche.pixels import PixelFormat
from pastiche.version import PROTOCOL

MAX_HEADER = 64 * 1024
MAX_BUFFERS = 2 + MAX_STYLES
MAX_ITEMS = 4096
MAX_ID = 64
STREAM_ABOVE = 64_000_000
"""Pictures of more bytes than this travel as `pixels` messages, strip by strip."""
STRIP_BYTES = 8_000_000
WINDOW = 4
"""Strips that may be under way in one direction."""
MAX_THUMBNAIL = 64 * 1024
"""Bytes of a thumbnail's file."""
TRAINED_SINCE = (1, 3)
"""Older peers know no trained models."""
OPTIONS_SINCE = {"tile": (1, 4)}
"""Options that came later than their methods: older peers refuse them."""
HEARTBEAT_SECONDS = 0.5
"""A running job sends `progress` at least this often."""


@dataclass(frozen=True)
class Hello(Body):
    """Client to daemon, either socket, first message."""

    TYPE = "hello"
    client: str = ""
    protocol: list[int] = field(default_factory=lambda: list(PROTOCOL))


@dataclass(frozen=True)
class Welcome(Body):
    """Answer to `hello`. `devices` are maps of name, kind, state ("probing", "ready", "failed"), detail."""

    TYPE = "welcome"
    daemon: str
    protocol: list[int]
    pid: int
    methods: list[str]
    devices: list[dict[str, Any]]
    limits: dict[str, int]


@dataclass(frozen=True)
class Submit(Body):
    """A job. The content picture, the style pictures and the mask are the message's buffers, told apart by role.

    `styles` has one map a style: `weight`, and `name` (of the daemon's library) or `buffer` (index of a buffer); none
    with the method trained, whose option `model` names a trained model.
    `streams`: indices of the buffers that follow as `pixels` messages. `preview` puts the job before full ones.
    `state` and `resume`: absolute paths of files of the user's ("" = none), in which a run is kept and from which it
    goes on.
    """

    TYPE = "submit"
    options: dict[str, Any]
    styles: list[dict[str, Any]]
    streams: list[int] = field(default_factory=list)
    preview: bool = False
    state: str = ""
    resume: str = ""


@dataclass(frozen=True)
class Accepted(Body):
    """`position` 0 = starts at once. `seconds` and `memory` (bytes) are estimates, 0 where nothing is known yet."""

    TYPE = "accepted"
    position: int
    seconds: float
    memory: int


@dataclass(frozen=True)
class Progress(Body):
    """`stage` "queued", "receive", "load", "style", "stylize", "finish", "send"; `fraction` 0..1 of the whole job.

    `detail` is empty in most messages; where the method works in steps, some tell about one of them: scale, scales,
    iteration, iterations (from 1), and the losses by name.
    """

    TYPE = "progress"
    stage: str
    fraction: float
    seconds_left: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preview(Body):
    """A reduced picture in between (one buffer of role "preview")."""

    TYPE = "preview"


@dataclass(frozen=True)
class Credit(Body):
    """The receiver of a streamed buffer allows rows up to `rows` (exclusive, counted from the top) to be sent."""

    TYPE = "credit"
    buffer: int
    rows: int


@dataclass(frozen=True)
class Pixels(Body):
    """`rows` rows of a streamed buffer from row `row`; one raw frame follows the header."""

    TYPE = "pixels"
    buffer: int
    row: int
    rows: int


@dataclass(frozen=True)
class Result(Body):
    """The pastiche (one buffer) and the report: timings, method, models, options, device, memory."""

    TYPE = "result"
    report: dict[str, Any]
    streams: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Failed(Body):
    TYPE = "failed"
    code: str
    sentence: str
    hint: str


@dataclass(frozen=True)
class Cancelled(Body):
    TYPE = "cancelled"


@dataclass(frozen=True)
class StatusRequest(Body):
    TYPE = "status"


@dataclass(frozen=True)
class Status(Body):
    """workers: pid, device, state ("starting", "idle", "busy", "unloaded"); jobs: session, id, state, method, preview,
    stage, fraction, seconds_left.

    estimates, for the methods of which something is known: method, seconds, seconds_per_megapixel, memory,
    memory_per_megapixel (bytes); see estimates.py for `options` and `points`.
    """

    TYPE = "status_reply"
    daemon: str
    pid: int
    uptime: float
    workers: list[dict[str, Any]]
    jobs: list[dict[str, Any]]
    devices: list[dict[str, Any]]
    idle_stop: float
    estimates: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class StylesRequest(Body):
    TYPE = "styles"


@dataclass(frozen=True)
class Styles(Body):
    """styles: name, title, description, method, source ("gallery", "user").

    Trained models come after the style pictures: method "trained", source "shipped" or "user".
    """

    TYPE = "styles_reply"
    styles: list[dict[str, Any]]


@dataclass(frozen=True)
class Thumbnail(Body):
    """Asks for the small picture of the style or trained model of that name."""

    TYPE = "thumbnail"
    name: str


@dataclass(frozen=True)
class ThumbnailReply(Body):
    """One raw frame follows: the bytes of a picture file, none where the style has no thumbnail."""

    TYPE = "thumbnail_reply"
    name: str
    media_type: str


@dataclass(frozen=True)
class Cancel(Body):
    """`session` empty = the sender's own."""

    TYPE = "cancel"
    job: str
    session: str = ""


@dataclass(frozen=True)
class Finish(Body):
    """End a job early and keep the picture so far, where the method can; otherwise the job simply goes on."""

    TYPE = "finish"
    job: str
    session: str = ""


@dataclass(frozen=True)
class Stop(Body):
    """Stop the daemon: at once, or with `when_idle` after the jobs it has (no new ones are taken)."""

    TYPE = "stop"
    when_idle: bool = False


@dataclass(frozen=True)
class Done(Body):
    """`cancel`, `finish` or `stop` was taken."""

    TYPE = "done"


BODIES: dict[str, type[Body]] = {
    body.TYPE: body
    for body in (
        Hello, Welcome, Submit, Accepted, Progress, Preview, Credit, Pixels, Result, Failed, Cancelled,
        StatusRequest, Status, StylesRequest, Styles, Thumbnail, ThumbnailReply, Cancel, Finish, Stop, Done,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Message:
    """One message. `parent` is the id of the message that this one answers or belongs to (a job's `submit`)."""

    body: Body
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    session: str = ""
    parent: str = ""
    buffers: tuple[PixelFormat, ...] = ()
    frames: tuple[Any, ...] = ()
    version: tuple[int, int] = PROTOCOL
    """Of the sender. A client gives another than its own only to say `stop` to a daemon of another major version."""

    def encode(self) -> list[Any]:
        """Frames to send: the packed header, then the raw frames as they are. Raises BAD_MESSAGE over 64 KiB."""
        header = msgpack.packb(
            {
                "version": list(self.version),
                "id": self.id,
                "type": self.body.TYPE,
                "session": self.session,
                "parent": self.parent,
                "body": self.body.to_wire(),
                "buffers": [b.to_wire() for b in self.buffers],
            }
        )
        if len(header) > MAX_HEADER:
            raise PasticheError(ErrorCode.BAD_MESSAGE, "The message header is over 64 KiB.")
        return [header, *self.frames]


@dataclass(frozen=True)
class Header:
    """A decoded header whose body has not been looked at yet."""

    version: tuple[int, int]
    id: str
    type: str
    session: str
    parent: str
    body: dict[str, Any]
    buffers: list[Any]


def decode_header(frame: bytes | memoryview) -> Header:
    """Raises PasticheError(BAD_MESSAGE): over 64 KiB, not msgpack, ext types, a field missing or of the wrong type."""
    data = _unpack(frame)
    version = data.get("version")
    if not (isinstance(version, list) and len(version) == 2 and all(type(v) is int for v in version)):
        raise PasticheError(ErrorCode.BAD_MESSAGE, "The message has no version.")
    texts = tuple(data.get(name, "") for name in ("id", "type", "session", "parent"))
    if not all(isinstance(t, str) and len(t) <= MAX_ID for t in texts) or not texts[0] or not texts[1]:
        raise PasticheError(ErrorCode.BAD_MESSAGE, "The message has a bad id, type, session or parent.")
    body, buffers = data.get("body", {}), data.get("buffers", [])
    if not isinstance(body, dict) or not isinstance(buffers, list) or len(buffers) > MAX_BUFFERS:
        raise PasticheError(ErrorCode.BAD_MESSAGE, "The message has a bad body or bad buffers.")
    identity, kind, session, parent = texts
    return Header((version[0], version[1]), identity, kind, session, parent, body, buffers)


def _unpack(frame: bytes | memoryview) -> dict[Any, Any]:
    if memoryview(frame).nbytes > MAX_HEADER:
        raise PasticheError(ErrorCode.BAD_MESSAGE, "The message header is over 64 KiB.")
    try:
        data = msgpack.unpackb(
            frame,
            strict_map_key=True,
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_ITEMS,
            max_ext_len=0,
            ext_hook=_refuse_ext,
        )
    except (ValueError, TypeError, UnicodeDecodeError, RecursionError, msgpack.exceptions.UnpackException):
        raise PasticheError(ErrorCode.BAD_MESSAGE, "The message header is not readable.") from None
    if not isinstance(data, dict):
        raise PasticheError(ErrorCode.BAD_MESSAGE, "The message header is not a map.")
    return data


def _refuse_ext(code: int, data: bytes) -> Any:
    # The limit on their length lets those of length 0 through; time stamps in turn never come here.
    raise ValueError(f"ext type {code}")


def salvage_ids(frame: bytes | memoryview) -> tuple[str, str] | None:
    """(id, session) of a header that breaks a rule, "" where they do too; None if it cannot be read at all."""
    try:
        data = _unpack(frame)
    except PasticheError:
        return None
    found = [data.get(name, "") for name in ("id", "session")]
    kept = [text if isinstance(text, str) and len(text) <= MAX_ID else "" for text in found]
    return kept[0], kept[1]


def decode_message(header: Header, frames: Sequence[Any]) -> Message | None:
    """The message, with sizes of frames checked against their descriptions; None for a type this version does not know.

    Buffers that a `submit` or `result` names in `streams` have no frame. Raises PasticheError.
    """
    if header.type not in BODIES:
        return None
    body = BODIES[header.type].from_wire(header.body)
    buffers = tuple(PixelFormat.from_wire(b) for b in header.buffers)
    if isinstance(body, Pixels | ThumbnailReply):
        if buffers or len(frames) != 1:
            raise PasticheError(ErrorCode.BAD_MESSAGE, f"A {body.TYPE} message has exactly one frame.")
        if isinstance(body, ThumbnailReply) and frame_bytes(frames[0]) > MAX_THUMBNAIL:
            raise PasticheError(ErrorCode.BAD_MESSAGE, "A thumbnail is over 64 KiB.")
    else:
        streams = getattr(body, "streams", [])
        if not all(type(i) is int and 0 <= i < len(buffers) for i in streams) or len(set(streams)) != len(streams):
            raise PasticheError(ErrorCode.BAD_MESSAGE, "A streamed buffer is not described.")
        framed = [b for i, b in enumerate(buffers) if i not in streams]
        if len(framed) != len(frames):
            raise PasticheError(ErrorCode.BAD_MESSAGE, f"{len(framed)} frames are described, {len(frames)} came.")
        for b, frame in zip(framed, frames, strict=True):
            if frame_bytes(frame) != b.nbytes:
                raise PasticheError(
                    ErrorCode.BAD_PICTURE, f"A frame has {frame_bytes(frame)} bytes where {b.nbytes} are declared."
                )
    return Message(body, header.id, header.session, header.parent, buffers, tuple(frames), header.version)


def frame_bytes(frame: Any) -> int:
    """Size in bytes of a frame: bytes, a memoryview, or zmq.Frame."""
    return memoryview(getattr(frame, "buffer", frame)).nbytes


def compatible(version: Sequence[int]) -> bool:
    """Whether a peer's protocol version can be talked to: the same major number."""
    return len(version) == 2 and version[0] == PROTOCOL[0]
