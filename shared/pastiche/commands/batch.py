"""`pastiche batch`: many pictures, the same styles; a bad file costs itself only.

While one picture is painted the next one is read and handed in, so that the device never waits for files.
"""

from __future__ import annotations

import argparse
import glob
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pastiche.client import Client
from pastiche.commands.job_flags import (
    idle_flags,
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
from pastiche.failures import log_failure
from pastiche.job import Job, JobCancelled, Outcome, StyleRef
from pastiche.picture_files import (
    Picture,
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
    picture: Picture
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
    inputs = [*sources, *(style.path for style in styles if style.path)]
    items = list(name_outputs(sources, folder, flags.format, inputs))
    with Bar(flags.quiet) as bar:
        if note := idle_flags(flags, str(options["method"])):
            bar.say(note)
        refs = read_styles(styles, bar.say)
        batch = Batch(flags, find_home(), options, settings, refs, inputs, bar, len(items))
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


def name_outputs(
    sources: list[Path], folder: Path, extension: str | None, inputs: Iterable[Path] = ()
) -> Iterator[Item]:
    """`stem.ext`, or `stem-pastiche.ext` beside the source; two sources of one name get -2, -3 ...

    `inputs` are the files whose names cannot be taken where they lie in the folder.
    """
    folder_itself = folder.resolve()
    taken = {path.name.casefold() for path in inputs if path.parent.resolve() == folder_itself}
    for source in sources:
        suffix = f".{extension}" if extension else source.suffix.lower()
        stem = f"{source.stem}-pastiche" if source.parent.resolve() == folder_itself else source.stem
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
        inputs: list[Path],
        bar: Bar,
        total: int,
    ) -> None:
        self.tally = Tally()
        self._flags, self._home, self._options, self._settings = flags, home, options, settings
        self._refs, self._inputs, self._bar, self._total = refs, inputs, bar, total
        self._client: Client | None = None
        self._left: list[Client] = []
        """Clients of daemons that have left; pictures handed in to them are handed in again."""
        self._interrupts = Interrupts(bar)

    def run(self, items: list[Item]) -> bool:
        """Whether it was interrupted. Raises PasticheError for what concerns all pictures."""
        try:
            self._connected()
            with self._interrupts:
                self._paint(items)
        finally:
            for client in [*self._left, *([self._client] if self._client else [])]:
                client.close()
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
            depth = str(self._options["depth"])
            format = check_output(item.output, depth, self._inputs, self._settings.overwrite)
            picture = read_picture(item.source)
            check_sides(format, picture.pixels.format.width, picture.pixels.format.height)
            for note in picture.notes:
                self._bar.say(f"{item.source.name}: {note}")
            return self._submit(item, picture)
        except PasticheError as error:
            self._fail(item, error, self._client)
        except Exception as error:
            self._fail(item, _unexpected(error), self._client)
        return None

    def _submit(self, item: Item, picture: Picture) -> Waiting:
        client = self._connected()
        return Waiting(item, picture, client, client.submit(picture.pixels, self._refs, self._options))

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
        try:
            prepare_writing(item.output)
            outcome = self._outcome(waiting)
            notes = write_picture(item.output, outcome.pixels, waiting.picture.metadata, self._settings)
        except PasticheError as error:
            self._fail(item, error, waiting.client)
        except JobCancelled:
            return
        except Exception as error:
            self._fail(item, _unexpected(error), waiting.client)
        else:
            self.tally.painted(item, outcome.report)
            for note in notes:
                self._bar.say(f"{item.source.name}: {note}")

    def _outcome(self, waiting: Waiting) -> Outcome:
        """Of a picture's job, which the next daemon does if this one is just leaving. Raises as `Job.wait`."""
        try:
            return self._wait(waiting)
        except PasticheError as error:
            left = error.code is ErrorCode.DAEMON_GONE and waiting.client in self._left
            if self._interrupts.count or not (left or error.code is ErrorCode.STOPPING):
                raise
        if waiting.client is self._client:
            # Another picture may have been handed in to it too: it is not closed before the end.
            self._left.append(self._client)
            self._client = None
            waiting.client.wait_for_successor(self._bar.say)
        return self._wait(self._submit(waiting.item, waiting.picture))

    def _wait(self, waiting: Waiting) -> Outcome:
        return waiting.job.wait(on_progress=self._show, on_wait=lambda: self._interrupts.pass_on(waiting.job))

    def _show(self, progress: Progress) -> None:
        done = len(self.tally.files)
        prefix = f"{done + 1}/{self._total} "
        self._bar.show(progress.stage, (done + progress.fraction) / self._total, prefix)
        if progress.detail:
            self._bar.tell(progress.detail, prefix)

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


def _unexpected(error: Exception) -> PasticheError:
    """What is told of a failure that nobody foresaw; client.log has the rest."""
    log_failure(error)
    sentence = f"Something unexpected went wrong ({type(error).__name__})."
    return PasticheError(ErrorCode.ENGINE, sentence, "client.log has the details.")
