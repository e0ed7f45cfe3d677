"""`pastiche batch --ray`: the folder is painted by the workers of a Ray cluster that runs already.

Pictures travel as the bytes of their files, so that nodes need no common disk; this side alone reads and writes files.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import secrets
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pastiche.atomic_file import atomic_file
from pastiche.commands.batch_files import Item
from pastiche.commands.batch_painting import ENDS_THE_BATCH
from pastiche.commands.batch_reading import unexpected
from pastiche.commands.batch_tally import Tally
from pastiche.commands.job_flags import daemon_arguments, whole_number
from pastiche.commands.progress import Bar, Interrupts
from pastiche.commands.ray_painter import Commission, Painted, RayPainter, SentStyle
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import StyleRef
from pastiche.picture_files import WriteSettings, check_output

PROBE_SECONDS = 5.0
CONNECT_SECONDS = 60.0
WORKER_SECONDS = 180.0
"""So long the cluster may take to find room for the first worker."""
CLOSE_SECONDS = 20.0
LOOK_SECONDS = 0.2
MOST_WORKERS = 1024
EACH = 2
"""Pictures that a worker has at a time: one is painted, the other read or written."""
ATTEMPTS = 3
"""So often a picture is begun where workers die."""
NO_RAY = "Ray is not installed."
INSTALL = "Install it with `pip install 'pastiche[ray]'`."


@dataclass(frozen=True)
class Sent:
    """A picture that a worker has."""

    index: int
    worker: int


class RayBatch:
    """One run over all items; `tally` says what became of them."""

    def __init__(
        self,
        flags: argparse.Namespace,
        options: dict[str, float | int | str],
        settings: WriteSettings,
        refs: list[StyleRef],
        inputs: list[Path],
        bar: Bar,
        items: Sequence[Item],
    ) -> None:
        self.tally = Tally(items, bar.say)
        self._flags, self._options, self._settings = flags, options, settings
        self._inputs, self._bar, self._items = inputs, bar, items
        self._wanted = whole_number("--ray-workers", flags.ray_workers, 1, MOST_WORKERS) if flags.ray_workers else 0
        styles, arguments = tuple(SentStyle.of(ref) for ref in refs), daemon_arguments(flags)
        self._commission = Commission(secrets.token_hex(8), options, settings, styles, arguments)
        self._interrupts = Interrupts(bar)
        self._kept: Any = None
        """The commission in the object store: a worker that is started anew asks for it again."""
        self._workers: list[Any] = []
        self._hired: dict[Any, int] = {}
        """Workers that have not answered yet."""
        self._there: list[int] = []
        self._sent: dict[Any, Sent] = {}

    def run(self) -> bool:
        """Whether it was interrupted. Raises PasticheError for what concerns all pictures."""
        with _cluster(self._flags.ray) as ray:
            self._hire(ray)
            try:
                with self._interrupts:
                    self._work(ray)
            finally:
                self._dismiss(ray)
                self.tally.close()
        return self._interrupts.count > 0

    def _hire(self, ray: Any) -> None:
        """Starts the workers and waits until one of them is there."""
        gpus = float(ray.cluster_resources().get("GPU", 0))
        nodes = sum(1 for node in ray.nodes() if node.get("Alive"))
        count = self._wanted or max(1, int(gpus) or nodes)
        share = {"num_gpus": _share(gpus, count)} if gpus else {}
        worker = ray.remote(RayPainter).options(
            num_cpus=1,
            scheduling_strategy="SPREAD",
            max_concurrency=EACH,
            max_restarts=-1,
            max_task_retries=ATTEMPTS - 1,
            **share,
        )
        self._kept = ray.put(self._commission)
        self._workers = [worker.remote(self._kept, number) for number in range(count)]
        self._hired = {worker.ready.remote(): number for number, worker in enumerate(self._workers)}
        self._look_for_workers(ray, WORKER_SECONDS)
        if not self._there:
            self._dismiss(ray)
            said = f"The Ray cluster found no room for a worker in {WORKER_SECONDS:.0f} seconds."
            raise PasticheError(ErrorCode.TIMEOUT, said, "`ray status` says what it is busy with.")

    def _look_for_workers(self, ray: Any, seconds: float = 0.0) -> None:
        """Only who is there gets pictures: the cluster may never have room for the others."""
        if not self._hired:
            return
        for ready in ray.wait(list(self._hired), num_returns=1, timeout=seconds)[0]:
            number = self._hired.pop(ready)
            try:
                ray.get(ready)
            except ray.exceptions.RayError as error:
                said = f"A worker of the Ray cluster cannot paint: {_last_line(error)}"
                raise PasticheError(ErrorCode.NO_DAEMON, said, "Every node needs this version of Pastiche.") from None
            self._there.append(number)

    def _work(self, ray: Any) -> None:
        left = iter(range(len(self._items)))
        exhausted = False
        while True:
            if self._interrupts.count == 1 and not exhausted:
                self._bar.say("Finishing... press Ctrl+C again to cancel.")
            exhausted |= self._interrupts.count > 0
            self._look_for_workers(ray)
            while not exhausted and len(self._sent) < EACH * len(self._there):
                index = next(left, None)
                exhausted = index is None
                if index is not None:
                    self._send(index)
            if self._interrupts.count > 1 or not self._sent:
                return
            for ready in ray.wait(list(self._sent), num_returns=1, timeout=LOOK_SECONDS)[0]:
                self._receive(ray, ready, self._sent.pop(ready))
            self._bar.show(
                "stylize", self.tally.settled / len(self._items), f"{self.tally.settled}/{len(self._items)} "
            )

    def _send(self, index: int) -> None:
        item = self._items[index]
        try:
            if item.output.exists() and (self._flags.skip_existing or not self._settings.overwrite):
                self.tally.skipped(index)
                return
            check_output(item.output, str(self._options["depth"]), self._inputs, self._settings.overwrite)
            worker = min(self._there, key=self._load)
            task = self._workers[worker].paint.remote(item.source.name, item.output.name, read_file(item.source))
            self._sent[task] = Sent(index, worker)
        except PasticheError as error:
            self._fail(index, error)

    def _load(self, worker: int) -> int:
        return sum(sent.worker == worker for sent in self._sent.values())

    def _receive(self, ray: Any, task: Any, sent: Sent) -> None:
        item = self._items[sent.index]
        try:
            painted: Painted = ray.get(task)
            if painted.error:
                raise painted.error
            with atomic_file(item.output, self._settings.overwrite) as file:
                file.write(painted.data)
        except PasticheError as error:
            self._fail(sent.index, error)
        except ray.exceptions.RayError as error:
            said = f"{item.source.name}: the workers that painted it died ({type(error).__name__})."
            self._fail(sent.index, PasticheError(ErrorCode.WORKER_DIED, said))
        except Exception as error:
            self._fail(sent.index, unexpected(error))
        else:
            self.tally.painted(sent.index, painted.report, painted.notes)

    def _fail(self, index: int, error: PasticheError) -> None:
        if error.code in ENDS_THE_BATCH and (error.code is not ErrorCode.BAD_OPTION or self._flags.format):
            raise error
        self.tally.failed(index, error)

    def _dismiss(self, ray: Any) -> None:
        """Their daemons are stopped; what does not answer is ended."""
        with contextlib.suppress(Exception):
            if self._interrupts.count < 2 and not self._sent:
                ray.wait(
                    [w.close.remote() for w in self._workers], num_returns=len(self._workers), timeout=CLOSE_SECONDS
                )
        for worker in self._workers:
            with contextlib.suppress(Exception):
                ray.kill(worker)
        self._workers = []


def read_file(path: Path) -> bytes:
    """Raises PasticheError(UNREADABLE); what is in it, the worker finds out."""
    try:
        if path.exists() and not path.is_file():
            raise PasticheError(ErrorCode.UNREADABLE, f"{path.name} is not a regular file.")
        return path.read_bytes()
    except FileNotFoundError:
        raise PasticheError(ErrorCode.UNREADABLE, f"There is no file {path}.", "Check the name.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or str(error)
        raise PasticheError(ErrorCode.UNREADABLE, f"{path.name} cannot be opened: {reason}.") from None


def _share(gpus: float, workers: int) -> float:
    """Of one GPU for each worker, to four digits as Ray takes them."""
    return 1.0 if workers <= gpus else int(10_000 * gpus / workers) / 10_000


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Ray, connected. Raises PasticheError in one sentence where that cannot be."""
    # Whatever this process starts of Ray tells nobody that it runs.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        ray = importlib.import_module("ray")
    except ImportError:
        raise PasticheError(ErrorCode.NO_DAEMON, NO_RAY, INSTALL) from None
    _probe(address)
    # It prints what it thinks of dying workers there, where a report is to stand alone.
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        _connect(ray, address)
        try:
            yield ray
        finally:
            ray.shutdown()


def _probe(address: str) -> None:
    """Ray itself waits long, and ends the process, where nobody listens."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not colon or not port.isdigit() or not 0 < int(port[:9]) < 65536:
        said = f"--ray takes an address such as auto, 127.0.0.1:6379 or ray://host:10001, not {address[:60]!r}."
        raise PasticheError(ErrorCode.BAD_OPTION, said)
    try:
        socket.create_connection((host.strip("[]"), int(port)), PROBE_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error.strerror or "no answer") from None


def _connect(ray: Any, address: str) -> None:
    failures: list[BaseException] = []

    def connect() -> None:
        try:
            ray.init(address=address, logging_level="ERROR", log_to_driver=False)
        except BaseException as error:
            failures.append(error)

    # It has no time limit of its own, and somebody else may be listening there.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if thread.is_alive():
        raise _no_cluster(address, "no answer")
    if failures:
        raise _no_cluster(address, _first_line(failures[0]))


def _no_cluster(address: str, reason: str) -> PasticheError:
    said = f"No Ray cluster can be used at {address[:60]}: {reason.rstrip('.')}."
    return PasticheError(ErrorCode.NO_DAEMON, said, "Start one with `ray start --head`, or leave --ray out.")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _last_line(error: BaseException) -> str:
    """Of a traceback of the worker's: the exception."""
    lines = str(error).strip().splitlines()
    return lines[-1][:200] if lines else type(error).__name__
