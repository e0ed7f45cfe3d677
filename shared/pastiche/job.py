"""A job as its client sees it: the events it brings, streamed pictures in both directions, its outcome."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import InitVar, dataclass, field
from typing import Any, Protocol

from pastiche.channel import Channel
from pastiche.errors import ErrorCode, PasticheError, error_from_wire
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import (
    STRIP_BYTES,
    WINDOW,
    Accepted,
    Body,
    Cancel,
    Cancelled,
    Credit,
    Failed,
    Finish,
    Message,
    Pixels,
    Preview,
    Progress,
    Result,
)
from pastiche.renewable_pixels import RenewablePixels

POLL_SECONDS = 0.1
"""How often a waiting client looks up, for instance for Ctrl+C."""


@dataclass(frozen=True)
class StyleRef:
    """A style of a job: `name` of the daemon's library, or `pixels` (role "style"); weights count in proportion."""

    name: str = ""
    pixels: PixelBuffer | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Event:
    """What happened to a job: accepted, progress, preview (with pixels), or its outcome (a result with pixels)."""

    job: Job
    body: Body
    pixels: PixelBuffer | None = None

    @property
    def final(self) -> bool:
        return isinstance(self.body, Result | Failed | Cancelled)

    def outcome(self) -> Outcome:
        """Of a final event. Raises PasticheError for a failed job, JobCancelled for a cancelled one."""
        match self.body:
            case Result(report=report) if self.pixels:
                return Outcome(self.pixels, report)
            case Failed(code=code, sentence=sentence, hint=hint):
                raise error_from_wire(code, sentence, hint)
            case Cancelled():
                raise JobCancelled
        raise PasticheError(ErrorCode.BAD_MESSAGE, "The daemon sent no picture.")


@dataclass(frozen=True)
class Outcome:
    """A finished job: the pastiche, and the daemon's report (timings, method, models, options, device, memory)."""

    pixels: PixelBuffer
    report: dict[str, Any]


class JobCancelled(Exception):
    """The job was cancelled; there is no picture."""


class ConnectCancelled(JobCancelled):
    """The user did not want to wait for the daemon any longer."""


class JobOwner(Protocol):
    """What a job needs of its client."""

    def wait_for_events(self, seconds: float) -> None: ...

    def control(self, body: Body) -> None: ...


@dataclass
class _Upload:
    """A picture that follows its `submit` in strips; `row` is the next one."""

    pixels: PixelBuffer
    row: int = 0


@dataclass
class _Download:
    """A picture that follows its `result` in strips into `data`; `row` is the next one."""

    result: Result
    format: PixelFormat
    data: bytearray
    row: int = 0


def let_go(pixels: PixelBuffer) -> None:
    """Of a picture that has been handed over: what can be had again need not be kept, but styles are soon needed."""
    if isinstance(pixels, RenewablePixels) and pixels.format.role != "style":
        pixels.let_go()


def strip_rows(format: PixelFormat) -> int:
    """Rows of one strip: about 8 MB, at least one row."""
    return max(1, STRIP_BYTES // format.row_bytes)


@dataclass(eq=False)
class Job:
    """A submitted job. Iterate `events()` or call `wait()`; in a main loop use `Client.pump()` instead of both."""

    id: str
    owner: JobOwner
    channel: Channel
    streams: InitVar[dict[int, PixelBuffer]]
    """The pictures that follow, by the index of their buffers; they are let go of once they are handed over."""
    done: bool = False
    result_began: float = 0.0
    """`time.monotonic()` when the result, or its first part, was there."""
    queue: deque[Event] = field(default_factory=deque)

    def __post_init__(self, streams: dict[int, PixelBuffer]) -> None:
        self._uploads = {index: _Upload(pixels) for index, pixels in streams.items()}
        self._download: _Download | None = None

    def events(self, on_wait: Callable[[], None] | None = None) -> Iterator[Event]:
        """Every event up to and including the outcome. `on_wait` is called about every 0.1 s.

        Raises PasticheError: DAEMON_GONE within 3 s of the daemon's end, TIMEOUT after 30 s of silence.
        """
        while True:
            while self.queue:
                event = self.queue.popleft()
                yield event
                if event.final:
                    return
            if self.done:
                raise PasticheError(ErrorCode.DAEMON_GONE)
            if on_wait:
                on_wait()
            self.owner.wait_for_events(POLL_SECONDS)

    def wait(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        on_preview: Callable[[PixelBuffer], None] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> Outcome:
        """The outcome. Raises PasticheError as `events`, and for a failed job; JobCancelled for a cancelled one."""
        for event in self.events(on_wait):
            if event.final:
                return event.outcome()
            if isinstance(event.body, Progress) and on_progress:
                on_progress(event.body)
            if isinstance(event.body, Preview) and event.pixels and on_preview:
                on_preview(event.pixels)
        raise PasticheError(ErrorCode.BAD_MESSAGE, "The daemon sent no outcome.")

    def cancel(self) -> None:
        """Asks for the end; the outcome is then `cancelled`, or what the job became just before. Returns at once."""
        self.owner.control(Cancel(self.id))

    def finish(self) -> None:
        """Asks to end early with the picture so far; a method that cannot goes on to its normal end."""
        self.owner.control(Finish(self.id))

    def take(self, message: Message) -> Event | None:
        """One of this job's messages: does what streaming needs, returns what the user of the job should see."""
        match message.body:
            case Credit(buffer=index, rows=rows):
                self._send_strips(index, rows)
            case Pixels(row=row, rows=rows):
                return self._store(row, rows, message.frames[0])
            case Result() as result:
                return self._result(result, message)
            case Accepted() | Progress():
                return Event(self, message.body)
            case Preview() if message.buffers:
                return Event(self, message.body, PixelBuffer(message.buffers[0], message.frames[0]))
            case Failed() | Cancelled():
                return Event(self, message.body)
        return None

    def _send_strips(self, index: int, allowed: int) -> None:
        upload = self._uploads.get(index)
        if upload is None:
            return
        picture = upload.pixels.format
        while upload.row < min(allowed, picture.height):
            rows = min(strip_rows(picture), allowed - upload.row, picture.height - upload.row)
            strip = upload.pixels.rows(upload.row, rows)
            self.channel.send(Pixels(index, upload.row, rows), parent=self.id, frames=(strip,))
            upload.row += rows
        if upload.row >= picture.height:
            del self._uploads[index]
            let_go(upload.pixels)

    def _result(self, result: Result, message: Message) -> Event | None:
        if len(message.buffers) != 1 or message.buffers[0].role != "pastiche":
            raise PasticheError(ErrorCode.BAD_MESSAGE, "The daemon sent no picture.")
        self.result_began = time.monotonic()
        format = message.buffers[0]
        if not result.streams:
            return Event(self, result, PixelBuffer(format, message.frames[0]))
        self._download = _Download(result, format, bytearray(format.nbytes))
        self._grant(self._download)
        return None

    def _store(self, row: int, rows: int, frame: memoryview) -> Event | None:
        download = self._download
        if download is None:
            return None
        format = download.format
        if row != download.row or not 1 <= rows <= format.height - row or frame.nbytes != rows * format.row_bytes:
            raise PasticheError(ErrorCode.BAD_MESSAGE, "The daemon sent rows that do not fit the picture.")
        start = row * format.row_bytes
        memoryview(download.data)[start : start + frame.nbytes] = frame
        download.row += rows
        if download.row < format.height:
            self._grant(download)
            return None
        self._download = None
        return Event(self, download.result, PixelBuffer(format, download.data))

    def _grant(self, download: _Download) -> None:
        ahead = min(download.format.height, download.row + WINDOW * strip_rows(download.format))
        self.channel.send(Credit(0, ahead), parent=self.id)
