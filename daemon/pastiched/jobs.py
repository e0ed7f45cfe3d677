"""Jobs: what is asked for, the bounded queue, and the outcomes that are kept. No sockets, no pixels looked at."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import MAX_STYLES, TRAINED, check_options
from pastiche.protocol import STREAM_ABOVE, Message, Progress, Submit, frame_bytes
from pastiche.state_files import as_path, check_files, check_names
from pastiched.flow import Flow

KEPT_OUTCOMES = 16
KEPT_BYTES = 256_000_000
KEPT_SECONDS = 300.0
KNOWN_KEYS = 4096
"""Ids of ended jobs that are remembered, so that a repeated one is not run again."""
HEAVIEST_WEIGHT = 1e6

Key = tuple[str, str]
"""(session, id of the submit)"""


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SENDING = "sending"
    ENDED = "ended"


@dataclass(frozen=True)
class StyleChoice:
    """One style picture: a buffer of the message, or the path of a library picture."""

    weight: float
    buffer: int | None = None
    path: Path | None = None

    def to_wire(self) -> dict[str, Any]:
        if self.path is None:
            return {"weight": self.weight, "buffer": self.buffer}
        return {"weight": self.weight, "path": str(self.path)}


@dataclass(frozen=True)
class Order:
    """A `submit` that has been found in order; options are complete. `model` is the file of a trained model."""

    options: dict[str, float | int | str]
    styles: tuple[StyleChoice, ...]
    megapixels: float
    preview: bool
    state: Path | None = None
    resume: Path | None = None
    model: Path | None = None

    def styles_to_wire(self) -> list[dict[str, Any]]:
        """What the worker is told in place of the client's styles: paths for names, and the trained model's."""
        if self.model is not None:
            return [{"model": str(self.model)}]
        return [style.to_wire() for style in self.styles]


FindModel = Callable[[str], tuple[str, Path]]
"""By a trained model's name, in any case: its own spelling, and its file. Raises UNKNOWN_MODEL."""


def _no_models(name: str) -> tuple[str, Path]:
    raise PasticheError(ErrorCode.UNKNOWN_MODEL)


def check_submit(message: Message, find_style: Callable[[str], Path], find_model: FindModel = _no_models) -> Order:
    """What a `submit` asks for. `find_style` raises UNKNOWN_STYLE. Raises PasticheError saying what is wrong."""
    body = message.body
    if not isinstance(body, Submit):
        raise PasticheError(ErrorCode.BAD_MESSAGE)
    if not message.session:
        raise PasticheError(ErrorCode.BAD_MESSAGE, "A job needs a session.")
    options = check_options(body.options)
    roles = [buffer.role for buffer in message.buffers]
    if roles.count("content") != 1 or roles.count("mask") > 1 or not set(roles) <= {"content", "style", "mask"}:
        raise PasticheError(ErrorCode.BAD_MESSAGE, "A job has one content picture and at most one mask.")
    for index, buffer in enumerate(message.buffers):
        if buffer.nbytes > STREAM_ABOVE and index not in body.streams:
            raise PasticheError(ErrorCode.BAD_MESSAGE, "A picture of that size must be streamed.")
    content = message.buffers[roles.index("content")]
    if "mask" in roles:
        mask = message.buffers[roles.index("mask")]
        if (mask.width, mask.height) != (content.width, content.height):
            raise PasticheError(ErrorCode.BAD_PICTURE, "The mask must have the size of the picture.")
    model = None
    if options["method"] in TRAINED:
        if body.styles or "style" in roles:
            raise PasticheError(ErrorCode.BAD_OPTION, "A trained model takes no style pictures.", "Leave them out.")
        options["model"], model = find_model(str(options["model"]))
    elif not 1 <= len(body.styles) <= MAX_STYLES:
        raise PasticheError(ErrorCode.BAD_MESSAGE, f"A job has 1 to {MAX_STYLES} style pictures.")
    styles = tuple(_style(entry, roles, find_style) for entry in body.styles)
    used = {style.buffer for style in styles if style.buffer is not None}
    if used != {index for index, role in enumerate(roles) if role == "style"}:
        raise PasticheError(ErrorCode.BAD_MESSAGE, "A style picture came that no style names.")
    check_names(body.state, body.resume, str(options["method"]))
    state, resume = as_path(body.state), as_path(body.resume)
    check_files(state, resume)
    return Order(options, styles, content.width * content.height / 1e6, body.preview, state, resume, model)


def _style(entry: object, roles: list[str], find_style: Callable[[str], Path]) -> StyleChoice:
    if not isinstance(entry, dict):
        raise PasticheError(ErrorCode.BAD_MESSAGE, "A style is not a map.")
    weight, name, buffer = entry.get("weight", 1.0), entry.get("name"), entry.get("buffer")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
        raise PasticheError(ErrorCode.BAD_OPTION, "The weight of a style must be a number.")
    if not 0 < weight <= HEAVIEST_WEIGHT:
        raise PasticheError(ErrorCode.BAD_OPTION, "The weight of a style must be above 0.")
    if (name is None) == (buffer is None):
        raise PasticheError(ErrorCode.BAD_MESSAGE, "A style has either a name or a buffer.")
    if name is not None:
        if not isinstance(name, str):
            raise PasticheError(ErrorCode.BAD_MESSAGE, "The name of a style is not text.")
        return StyleChoice(float(weight), path=find_style(name))
    if type(buffer) is not int or not 0 <= buffer < len(roles) or roles[buffer] != "style":
        raise PasticheError(ErrorCode.BAD_MESSAGE, "A style names a buffer that is no style picture.")
    return StyleChoice(float(weight), buffer=buffer)


_tags = itertools.count(1)


def next_tag() -> str:
    """A name that no job has had."""
    return f"job-{next(_tags)}"


@dataclass
class Job:
    """One job from `submit` to its outcome. `tag` is its name between server and worker, `routes` who listens to it.

    It is queued until a worker begins with it, whether its pictures are there already or not.
    """

    message: Message
    order: Order
    routes: list[bytes]
    arrived: float
    tag: str = field(default_factory=next_tag)
    state: JobState = JobState.QUEUED
    progress: Progress = field(default_factory=lambda: Progress("queued", 0.0))
    told: float = 0.0
    """When `progress` was last sent."""
    started: float = 0.0
    cancelled_at: float | None = None
    moved: float = 0.0
    """When a streamed row or a credit last came from the client."""
    finish: bool = False
    may_be_early: bool = True
    """Whether it may be handed to a worker before its turn."""
    shown: Message | None = None
    """The last picture in between, while somebody has not been sent it,"""
    unshown: set[bytes] = field(default_factory=set)
    """namely these connections."""
    inflows: dict[int, Flow] = field(default_factory=dict)
    outflow: Flow | None = None
    """A streamed result on its way; `allowed` is what the client allows."""
    granted: int = 0
    """Rows of it that the worker has been allowed."""
    sink: bytes = b""
    """The connection that gets it."""

    def __post_init__(self) -> None:
        self.source = self.routes[0]
        """Where streamed buffers come from: the connection that sent the `submit`."""
        body = self.message.body
        assert isinstance(body, Submit)
        self.inflows = {index: Flow(self.message.buffers[index]) for index in body.streams}

    @property
    def session(self) -> str:
        return self.message.session

    @property
    def id(self) -> str:
        return self.message.id

    @property
    def key(self) -> Key:
        return self.session, self.id

    @property
    def preview(self) -> bool:
        return self.order.preview

    @property
    def nbytes(self) -> int:
        """Bytes that the front process holds for it."""
        return sum(frame_bytes(frame) for frame in self.message.frames)

    @property
    def has_all_rows(self) -> bool:
        return all(flow.complete for flow in self.inflows.values())

    @property
    def receiving(self) -> bool:
        return self.state is JobState.RUNNING and not self.has_all_rows

    def release(self) -> None:
        """Lets go of the pixels, once the worker has them or nobody needs them."""
        self.message = Message(self.message.body, self.message.id, self.message.session, "", self.message.buffers)
        self.shown = None


class JobQueue:
    """Jobs that wait or run: bounded in number and bytes, previews before full jobs, else in the order they came."""

    def __init__(self, limit: int, byte_limit: int) -> None:
        self.limit = limit
        self.byte_limit = byte_limit
        self._jobs: dict[Key, Job] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, key: Key) -> Job | None:
        return self._jobs.get(key)

    def check_room(self, nbytes: int, held: int = 0) -> None:
        """Raises BUSY where a job of `nbytes` has no room; `held` bytes are taken by results on their way out."""
        total = held + sum(job.nbytes for job in self._jobs.values())
        if len(self._jobs) >= self.limit or (total and total + nbytes > self.byte_limit):
            raise PasticheError(ErrorCode.BUSY)

    def add(self, job: Job) -> int:
        """Queues a job; its position, 0 = nothing is before it."""
        self._jobs[job.key] = job
        return self.position(job)

    def position(self, job: Job) -> int:
        ahead = [other for other in self._jobs.values() if other.state in (JobState.RUNNING, JobState.CANCELLING)]
        waiting = self.waiting()
        return len(ahead) + (waiting.index(job) if job in waiting else 0)

    def waiting(self) -> list[Job]:
        """Waiting jobs in the order in which they will start."""
        return sorted((job for job in self._jobs.values() if job.state is JobState.QUEUED), key=lambda j: not j.preview)

    def remove(self, job: Job) -> None:
        self._jobs.pop(job.key, None)


@dataclass(frozen=True)
class Outcome:
    """The last message of a job, kept for a client that asks again; `message` None: known to have ended, not kept."""

    message: Message | None
    nbytes: int
    at: float


class OutcomeStore:
    """The outcomes of the last jobs: 16 at most, 256 MB at most, five minutes at most."""

    def __init__(self, count: int = KEPT_OUTCOMES, byte_limit: int = KEPT_BYTES, seconds: float = KEPT_SECONDS) -> None:
        self._count, self._byte_limit, self._seconds = count, byte_limit, seconds
        self._kept: OrderedDict[Key, Outcome] = OrderedDict()
        self._known: OrderedDict[Key, None] = OrderedDict()

    @property
    def nbytes(self) -> int:
        return sum(outcome.nbytes for outcome in self._kept.values())

    def put(self, key: Key, message: Message | None, now: float) -> None:
        """Remembers that a job has ended, and how, where `message` is not too large to keep."""
        self._known[key] = None
        while len(self._known) > KNOWN_KEYS:
            self._known.popitem(last=False)
        nbytes = sum(frame_bytes(frame) for frame in message.frames) if message else 0
        if message is None or nbytes > self._byte_limit:
            return
        self._kept[key] = Outcome(message, nbytes, now)
        while len(self._kept) > self._count or self.nbytes > self._byte_limit:
            self._kept.popitem(last=False)

    def expire(self, now: float) -> None:
        for key in [key for key, outcome in self._kept.items() if now - outcome.at > self._seconds]:
            del self._kept[key]

    def knows(self, key: Key) -> bool:
        return key in self._known

    def get(self, key: Key) -> Message | None:
        outcome = self._kept.get(key)
        return outcome.message if outcome else None
