"""What a Ray actor does for `pastiche batch --ray`: bytes of files in and out, painted by a daemon of its own.

This module is imported on the nodes. Ray itself calls it; it does not know Ray.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pastiche.client import Client
from pastiche.commands.batch_reading import unexpected
from pastiche.commands.job_flags import resolve_model, resolve_names
from pastiche.connection import Home, find_home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import Outcome, StyleRef
from pastiche.picture_files import WriteSettings, check_sides, output_format, read_picture, write_picture
from pastiche.pixels import PixelBuffer, PixelFormat

IDLE_MINUTES = "2"
"""A daemon whose actor was killed, and did not come back, leaves after that."""
MOST_DAEMONS = 3
LOST = frozenset({ErrorCode.DAEMON_GONE, ErrorCode.STOPPING})


@dataclass(frozen=True)
class SentStyle:
    """A style as it travels: a name of the library, or a picture."""

    name: str
    weight: float
    format: PixelFormat | None = None
    data: bytes = b""

    @classmethod
    def of(cls, style: StyleRef) -> SentStyle:
        if style.pixels is None:
            return cls(style.name, style.weight)
        return cls("", style.weight, style.pixels.format, bytes(style.pixels.data))

    def style(self) -> StyleRef:
        pixels = PixelBuffer(self.format, self.data) if self.format else None
        return StyleRef(self.name, pixels, self.weight)


@dataclass(frozen=True)
class Commission:
    """What is the same for all pictures of a run. `run` is its name, no other run's."""

    run: str
    options: dict[str, float | int | str]
    settings: WriteSettings
    styles: tuple[SentStyle, ...]
    daemon_arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Painted:
    """A finished file and the daemon's report, or an error."""

    data: bytes = b""
    report: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: PasticheError | None = None


class RayPainter:
    """One worker of a run. `paint` may be called by several threads: while one picture is painted another is read."""

    def __init__(self, commission: Commission, number: int) -> None:
        self._commission = commission
        self._styles = [style.style() for style in commission.styles]
        # A restarted actor finds its daemon again, where it is on the same node.
        folder = Path(tempfile.gettempdir()) / f"pastiche-{commission.run}-{number}"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._home = Home(folder, Path(sys.executable))
        self._lend_library()
        # Ray sets it to the number of processors that the actor was promised, which is one.
        os.environ.pop("OMP_NUM_THREADS", None)
        self._own = threading.local()

    def _lend_library(self) -> None:
        """The node's own styles and models count here too."""
        usual = find_home()
        for ours, theirs in (
            (self._home.styles_folder, usual.styles_folder),
            (self._home.models_folder, usual.models_folder),
        ):
            if theirs.is_dir():
                with contextlib.suppress(OSError):
                    ours.symlink_to(theirs, target_is_directory=True)

    def ready(self) -> None:
        """Returns once the worker is there. Its daemon starts with the first picture."""

    def paint(self, name: str, output: str, data: bytes) -> Painted:
        """`data` of a file called `name` as the file that `output` is to become."""
        try:
            with tempfile.TemporaryDirectory(dir=self._home.folder) as folder:
                return self._paint(Path(folder), name, output, data)
        except PasticheError as error:
            return Painted(error=error)
        except Exception as error:
            return Painted(error=unexpected(error))

    def _paint(self, folder: Path, name: str, output: str, data: bytes) -> Painted:
        source, target = folder / "in" / name, folder / "out" / output
        for path in (source, target):
            path.parent.mkdir()
        source.write_bytes(data)
        picture = read_picture(source)
        check_sides(output_format(target), picture.pixels.format.width, picture.pixels.format.height)
        outcome = self._outcome(picture.pixels)
        notes = write_picture(target, outcome.pixels, picture.metadata, self._commission.settings)
        return Painted(target.read_bytes(), outcome.report, (*picture.notes, *notes))

    def _outcome(self, content: PixelBuffer) -> Outcome:
        for last in (False,) * (MOST_DAEMONS - 1) + (True,):
            try:
                client = self._client()
                return client.submit(content, self._styles, self._commission.options).wait()
            except PasticheError as error:
                self._leave()
                if last or error.code not in LOST:
                    raise
        raise PasticheError(ErrorCode.DAEMON_GONE)

    def _client(self) -> Client:
        """This thread's own: clients are not shared."""
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            arguments = (*self._commission.daemon_arguments, "--idle-stop", IDLE_MINUTES)
            client = self._own.client = Client.connect(self._home, arguments=arguments)
            self._styles = resolve_names(self._styles, client)
            resolve_model(self._commission.options, client)
        return client

    def _leave(self) -> None:
        if client := getattr(self._own, "client", None):
            client.close()
            self._own.client = None

    def close(self) -> None:
        """Stops the daemon and leaves nothing behind."""
        from pastiche.client import stop_daemon

        with contextlib.suppress(PasticheError):
            stop_daemon(self._home)
        shutil.rmtree(self._home.folder, ignore_errors=True)
