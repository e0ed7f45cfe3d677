"""A batch at work: pictures are read, painted and written at the same time, and the daemon always has the next one.

Threads read and write; this one alone talks to the daemon.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pastiche.client import Client
from pastiche.commands.batch_files import Item
from pastiche.commands.batch_reading import THREADS, ReadAhead, Reading, Room, unexpected
from pastiche.commands.batch_tally import Tally
from pastiche.commands.job_flags import open_client, resolve_model, resolve_names
from pastiche.commands.progress import Bar, Interrupts
from pastiche.connection import Home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import ConnectCancelled, Event, Job, JobCancelled, Outcome, StyleRef
from pastiche.picture_files import (
    Picture,
    WriteSettings,
    check_output,
    check_sides,
    prepare_writing,
    read_picture,
    write_picture,
)
from pastiche.protocol import Accepted, Progress

ENDS_THE_BATCH = frozenset(
    {
        ErrorCode.NO_DAEMON,
        ErrorCode.NO_DEVICE,
        ErrorCode.VERSION,
        ErrorCode.UNKNOWN_STYLE,
        ErrorCode.UNKNOWN_MODEL,
        ErrorCode.BAD_OPTION,
    }
)
"""Failures that the next picture would meet just the same."""
AHEAD = 4
"""Pictures that the daemon has at a time: one is painted, the others wait for it."""
LOOK_SECONDS = 0.02
"""How often somebody who waits for the daemon looks whether another picture has been read or written."""
MOST_DAEMONS = 3
"""So many daemons that are just leaving may give a picture back."""
BUSY_PAUSE = 0.5
BUSY_SECONDS = 600.0
"""So long a picture waits for a place among the jobs of others."""


@dataclass
class Handed:
    """A picture on its way to the daemon, or handed in."""

    index: int
    picture: Picture
    given_back: int = 0
    busy_since: float | None = None
    accepted: bool = False
    cancelled: bool = False


class Batch:
    """One run over all items; `tally` says what became of them."""

    def __init__(
        self,
        flags: argparse.Namespace,
        home: Home,
        options: dict[str, float | int | str],
        settings: WriteSettings,
        refs: list[StyleRef],
        inputs: list[Path],
        bar: Bar,
        items: Sequence[Item],
    ) -> None:
        self.tally = Tally(items, bar.say)
        self._flags, self._home, self._options, self._settings = flags, home, options, settings
        self._refs, self._inputs, self._bar, self._items = refs, inputs, bar, items
        self._room = Room()
        self._client: Client | None = None
        self._leaving = False
        """Whether the daemon takes no more jobs and ends after those it has."""
        self._again: deque[Handed] = deque()
        self._jobs: dict[Job, Handed] = {}
        """In the order in which they were handed in, which is that in which they are painted."""
        self._last: Job | None = None
        """After Ctrl+C: the one that is still painted."""
        self._writes: dict[Future[list[str]], tuple[Handed, dict[str, Any]]] = {}
        """With the daemon's reports."""
        self._pause_until = 0.0
        self._interrupts = Interrupts(bar)
        self._reads: ReadAhead | None = None

    def run(self) -> bool:
        """Whether it was interrupted. Raises PasticheError for what concerns all pictures."""
        depth_bytes = int(str(self._options["depth"])) // 8
        self._reads = ReadAhead(self._items, self._read, self._room, depth_bytes)
        writers = ThreadPoolExecutor(THREADS, "writer")
        try:
            self._connected()
            with self._interrupts:
                self._work(self._reads, writers)
        finally:
            self._reads.close()
            writers.shutdown(cancel_futures=True)
            self._reads.join()
            if self._client:
                self._client.close()
            self.tally.close()
        return self._interrupts.count > 0

    # In threads

    def _read(self, item: Item) -> Picture | None:
        """None where the result is there already."""
        if self._flags.skip_existing and item.output.exists():
            return None
        depth = str(self._options["depth"])
        format = check_output(item.output, depth, self._inputs, self._settings.overwrite)
        prepare_writing(item.output)
        picture = read_picture(item.source)
        check_sides(format, picture.pixels.format.width, picture.pixels.format.height)
        return picture

    def _write(self, item: Item, outcome: Outcome, picture: Picture) -> list[str]:
        return write_picture(item.output, outcome.pixels, picture.metadata, self._settings)

    # In this thread

    def _work(self, reads: ReadAhead, writers: ThreadPoolExecutor) -> None:
        while True:
            if self._interrupts.count:
                reads.close()
                self._again.clear()
            else:
                self._hand_in(reads)
            if self._leaving and not self._jobs:
                self._wait_for_the_next_daemon()
            elif self._jobs:
                self._listen(writers)
            elif self._writes:
                wait_for_futures(self._writes, LOOK_SECONDS, FIRST_COMPLETED)
            elif reads.exhausted and not self._again:
                return
            else:
                self._take_in(reads.take(LOOK_SECONDS))
            self._collect_written()

    def _hand_in(self, reads: ReadAhead) -> None:
        while len(self._jobs) < AHEAD and not self._leaving and time.monotonic() >= self._pause_until:
            if self._again:
                self._submit(self._again.popleft())
            elif not self._take_in(reads.take()):
                return

    def _take_in(self, reading: Reading | None) -> bool:
        """Whether there was one."""
        if reading is None:
            return False
        if reading.picture:
            self._again.append(Handed(reading.index, reading.picture))
        elif reading.error:
            self._fail(reading.index, reading.error)
        else:
            self.tally.skipped(reading.index)
            self._room.give_back(reading.index)
        return True

    def _submit(self, handed: Handed) -> None:
        try:
            handed.accepted = handed.cancelled = False
            client = self._connected()
            self._jobs[client.submit(handed.picture.pixels, self._refs, self._options)] = handed
        except PasticheError as error:
            if error.code in (ErrorCode.DAEMON_GONE, ErrorCode.TIMEOUT):
                self._lose_daemon(error, [*self._jobs.values(), handed])
            else:
                self._fail(handed.index, error, handed.picture)

    def _connected(self) -> Client:
        if self._client is None:
            self._client = open_client(self._flags, self._home, self._bar.say)
            self._refs = resolve_names(self._refs, self._client)
            self._options = resolve_model(self._options, self._client)
        return self._client

    def _listen(self, writers: ThreadPoolExecutor) -> None:
        """Takes in what has happened to the jobs, waiting a moment for it."""
        assert self._client
        try:
            if self._interrupts.count:
                self._pass_interrupt_on()
            events = self._client.pump(LOOK_SECONDS)
        except PasticheError as error:
            self._lose_daemon(error, list(self._jobs.values()))
            return
        for event in events:
            self._take_event(event, writers)

    def _pass_interrupt_on(self) -> None:
        """What is being painted is finished, or given up at the second Ctrl+C; nothing else is begun."""
        if self._last is None:
            self._last = next(iter(self._jobs))
        for job, handed in self._jobs.items():
            # A cancel that overtakes its job on the way to the daemon would be lost.
            if job is not self._last and handed.accepted and not handed.cancelled:
                handed.cancelled = True
                job.cancel()
        if self._last in self._jobs and self._jobs[self._last].accepted:
            self._interrupts.pass_on(self._last)

    def _take_event(self, event: Event, writers: ThreadPoolExecutor) -> None:
        if isinstance(event.body, Accepted):
            self._jobs[event.job].accepted = True
        if isinstance(event.body, Progress) and event.job is next(iter(self._jobs), None):
            self._show(event.body)
        if not event.final:
            return
        handed = self._jobs.pop(event.job)
        try:
            outcome = event.outcome()
        except PasticheError as error:
            self._refused(handed, error)
        except JobCancelled:
            self._room.give_back(handed.index)
        else:
            write = writers.submit(self._write, self._items[handed.index], outcome, handed.picture)
            self._writes[write] = handed, outcome.report

    def _refused(self, handed: Handed, error: PasticheError) -> None:
        """A job has failed: there may be a better time for it, or another daemon."""
        now = time.monotonic()
        if error.code is ErrorCode.STOPPING and not self._interrupts.count and handed.given_back < MOST_DAEMONS:
            handed.given_back += 1
            self._leaving = True
            self._give_back([handed])
        elif error.code is ErrorCode.BUSY and now - (handed.busy_since or now) < BUSY_SECONDS:
            handed.busy_since = handed.busy_since or now
            self._pause_until = now + BUSY_PAUSE
            self._give_back([handed])
        else:
            self._fail(handed.index, error, handed.picture)

    def _lose_daemon(self, error: PasticheError, under_way: list[Handed]) -> None:
        """The next pictures meet a new daemon. What was being painted may be what this one died of."""
        if self._client:
            self._client.close()
        self._client, self._jobs = None, {}
        if under_way and not self._leaving:
            first = under_way.pop(0)
            self._fail(first.index, error, first.picture)
        self._leaving = False
        self._give_back(under_way)

    def _give_back(self, pictures: list[Handed]) -> None:
        self._again = deque(sorted([*self._again, *pictures], key=lambda handed: handed.index))

    def _wait_for_the_next_daemon(self) -> None:
        client, self._client, self._leaving = self._client, None, False
        assert client
        client.on_wait = self._look_up
        try:
            client.wait_for_successor(self._bar.say)
        except ConnectCancelled:
            return
        except PasticheError as error:
            if self._again:
                handed = self._again.popleft()
                self._fail(handed.index, error, handed.picture)
        finally:
            client.close()

    def _look_up(self) -> None:
        if self._interrupts.count:
            raise ConnectCancelled

    def _collect_written(self) -> None:
        for write in [write for write in self._writes if write.done()]:
            handed, report = self._writes.pop(write)
            try:
                notes = write.result()
            except PasticheError as error:
                self._fail(handed.index, error, handed.picture)
            except Exception as error:
                self._fail(handed.index, unexpected(error), handed.picture)
            else:
                self.tally.painted(handed.index, report, [*handed.picture.notes, *notes])
                self._room.give_back(handed.index)

    def _show(self, progress: Progress) -> None:
        settled, total = self.tally.settled, len(self._items)
        prefix = f"{settled + 1}/{total} "
        self._bar.show(progress.stage, (settled + progress.fraction) / total, prefix)
        if progress.detail:
            self._bar.tell(progress.detail, prefix)

    def _fail(self, index: int, error: PasticheError, picture: Picture | None = None) -> None:
        if error.code in ENDS_THE_BATCH and not self._per_file(error):
            raise error
        self.tally.failed(index, error, picture.notes if picture else ())
        self._room.give_back(index)

    def _per_file(self, error: PasticheError) -> bool:
        """A depth that one picture's format cannot hold is that picture's matter, unless --format was given for all."""
        return error.code is ErrorCode.BAD_OPTION and self._flags.format is None
