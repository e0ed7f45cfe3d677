"""`pastiche batch`: many pictures, the same styles; a bad file costs itself only.

While one picture is painted the next one is read and handed in, so that the device never waits for files.
"""

from __future__ import annotations

import argparse
import glob
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pastiche.client import Client
from pastiche.commands.job_flags import (
    job_options,
    open_client,
    read_styles,
    resolve_names,
    style_flags,
    write_settings,
)
from pastiche.commands.progress import Bar, Interrupts
from pastiche.connection import Home, find_home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.exif import Metadata
from pastiche.job import Job, JobCancelled, StyleRef
from pastiche.picture_files import (
    WriteSettings,
    check_output,
    check_sides,
    prepare_writing,
    read_picture,
    write_picture,
)
from pastiche.picture_formats import BY_EXTENSION
from pastiche.protocol import Progress

DONE, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
ENDS_THE_BATCH = frozenset(
    {ErrorCode.NO_DAEMON, ErrorCode.NO_DEVICE, ErrorCode.VERSION, ErrorCode.UNKNOWN_STYLE, ErrorCode.BAD_OPTION}
)
"""Failures that the next picture would meet just the same."""
LOST = frozenset({ErrorCode.DAEMON_GONE, ErrorCode.TIMEOUT, ErrorCode.STOPPING})


@dataclass(frozen=True)
class Item:
    """One picture of the batch and where its result goes."""

    source: Path
    output: Path


@dataclass
class Waiting:
    """A picture that has been handed in."""

    item: Item
    metadata: Metadata
    client: Client
    job: Job


@dataclass
class Tally:
    """What became of the pictures, in the words of the JSON report."""

    files: list[dict[str, Any]] = field(default_factory=list)

    def painted(self, item: Item, report: dict[str, Any]) -> None:
        timings = report.get("timings", {})
        self.files.append({"input": str(item.source), "output": str(item.output), "timings": timings})

    def skipped(self, item: Item) -> None:
        self.files.append({"input": str(item.source), "output": str(item.output), "skipped": True})

    def failed(self, source: Path, error: PasticheError) -> None:
        failure = {"code": str(error.code), "sentence": error.sentence, "hint": error.hint}
        self.files.append({"input": str(source), "error": failure})

    def count(self, key: str) -> int:
        return sum(key in entry for entry in self.files)


def run(flags: argparse.Namespace) -> int:
    """Raises PasticheError for what concerns the whole batch."""
    options, settings, styles = job_options(flags), write_settings(flags), style_flags(flags)
    sources, folder = find_sources(flags.inputs), Path(flags.output)
    if not sources:
        raise PasticheError(ErrorCode.UNREADABLE, "There are no pictures there.", "PNG, JPEG, WebP and TIFF work.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PasticheError(ErrorCode.UNWRITABLE, f"The folder {folder} cannot be made: {error.strerror}.") from None
    items = list(name_outputs(sources, folder, flags.format))
    with Bar(flags.quiet) as bar:
        refs = read_styles(styles, bar.say)
        batch = Batch(flags, find_home(), options, settings, refs, bar, len(items))
        interrupted = batch.run(items)
        bar.close()
        tally = batch.tally
        painted, failed, skipped = (tally.count(key) for key in ("timings", "error", "skipped"))
        if not flags.quiet:
            parts = [f"{painted} painted", f"{failed} failed"] + ([f"{skipped} left out"] if skipped else [])
            print(f"pastiche: {', '.join(parts)}{', interrupted' if interrupted else ''}.", file=sys.stderr)
    if flags.json:
        summary = {"painted": painted, "failed": failed, "skipped": skipped, "interrupted": interrupted}
        print(json.dumps(summary | {"files": tally.files, "notes": bar.notes}))
    if interrupted:
        return INTERRUPTED
    return SOME_FAILED if failed else DONE


def find_sources(inputs: list[str]) -> list[Path]:
    """Files as given, folders' pictures and patterns' matches in alphabetical order, each file once.

    A name that matches nothing stays in the list: its failure is then reported as that of a file.
    """
    found: dict[Path, None] = {}
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            matches = sorted(p for p in path.iterdir() if p.suffix.lower() in BY_EXTENSION and p.is_file())
        elif not path.exists() and glob.has_magic(given):
            matches = sorted(p for p in map(Path, glob.glob(given, recursive=True)) if p.is_file())  # noqa: PTH207
        else:
            matches = [path]
        found.update(dict.fromkeys(matches))
    return list(found)


def name_outputs(sources: list[Path], folder: Path, extension: str | None) -> Iterator[Item]:
    """`stem.ext`, or `stem-pastiche.ext` beside the source; two sources of one name get -2, -3 ..."""
    taken: set[str] = set()
    for source in sources:
        suffix = f".{extension}" if extension else source.suffix.lower()
        stem = f"{source.stem}-pastiche" if source.parent.resolve() == folder.resolve() else source.stem
        name, number = stem + suffix, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        taken.add(name.casefold())
        yield Item(source, folder / name)


class Batch:
    """One run: at most one picture is being painted and one more handed in."""

    def __init__(
        self,
        flags: argparse.Namespace,
        home: Home,
        options: dict[str, float | int | str],
        settings: WriteSettings,
        refs: list[StyleRef],
        bar: Bar,
        total: int,
    ) -> None:
        self.tally = Tally()
        self._flags, self._home, self._options, self._settings = flags, home, options, settings
        self._refs, self._bar, self._total = refs, bar, total
        self._client: Client | None = None
        self._interrupts = Interrupts(bar)

    def run(self, items: list[Item]) -> bool:
        """Whether it was interrupted. Raises PasticheError for what concerns all pictures."""
        try:
            self._connected()
            with self._interrupts:
                self._paint(items)
        finally:
            if self._client:
                self._client.close()
        return self._interrupts.count > 0

    def _paint(self, items: list[Item]) -> None:
        waiting: Waiting | None = None
        for item in items:
            handed_in = self._hand_in(item)
            if self._interrupts.count and handed_in:
                handed_in.job.cancel()
                handed_in = None
            self._collect(waiting)
            waiting = handed_in
            if self._interrupts.count:
                break
        self._collect(waiting)

    def _hand_in(self, item: Item) -> Waiting | None:
        try:
            if self._flags.skip_existing and item.output.exists():
                self.tally.skipped(item)
                return None
            inputs = [item.source]
            format = check_output(item.output, str(self._options["depth"]), inputs, self._settings.overwrite)
            picture = read_picture(item.source)
            check_sides(format, picture.pixels.format.width, picture.pixels.format.height)
            for note in picture.notes:
                self._bar.say(f"{item.source.name}: {note}")
            client = self._connected()
            job = client.submit(picture.pixels, self._refs, self._options)
            return Waiting(item, picture.metadata, client, job)
        except PasticheError as error:
            self._fail(item, error, self._client)
            return None

    def _connected(self) -> Client:
        if self._client is None:
            self._client = open_client(self._flags, self._home, self._bar.say)
            self._refs = resolve_names(self._refs, self._client)
        return self._client

    def _collect(self, waiting: Waiting | None) -> None:
        """Waits for a picture and writes it."""
        if waiting is None:
            return
        item = waiting.item
        prepare_writing(item.output)
        try:
            with self._interrupts:
                outcome = waiting.job.wait(
                    on_progress=self._show, on_wait=lambda: self._interrupts.pass_on(waiting.job)
                )
            notes = write_picture(item.output, outcome.pixels, waiting.metadata, self._settings)
        except PasticheError as error:
            self._fail(item, error, waiting.client)
        except JobCancelled:
            return
        else:
            self.tally.painted(item, outcome.report)
            for note in notes:
                self._bar.say(f"{item.source.name}: {note}")

    def _show(self, progress: Progress) -> None:
        done = len(self.tally.files)
        self._bar.show(progress.stage, (done + progress.fraction) / self._total, f"{done + 1}/{self._total} ")

    def _fail(self, item: Item, error: PasticheError, client: Client | None) -> None:
        if error.code in ENDS_THE_BATCH and not self._per_file(error):
            raise error
        if error.code in LOST and client and client is self._client:
            # The next picture meets a new daemon.
            client.close()
            self._client = None
        self.tally.failed(item.source, error)
        self._bar.say(
            f"{item.source.name}: {error.sentence}" if item.source.name not in error.sentence else error.sentence
        )

    def _per_file(self, error: PasticheError) -> bool:
        """A depth that one picture's format cannot hold is that picture's matter, unless --format was given for all."""
        return error.code is ErrorCode.BAD_OPTION and self._flags.format is None
