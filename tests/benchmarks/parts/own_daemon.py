"""A daemon in a home of its own, on the processor, reached as users reach it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parts.setting import STYLE
from pastiche.client import Client
from pastiche.connection import Home, read_connection

MEASURED = "measured"
"""The name of a trained model that is given as a file."""

SMALL_PARENT = ("/bin/sh", "-c", '"$@"; exit $?', "sh") if Path("/bin/sh").exists() else ()
"""A process's peak of memory begins with that of the process that it was made from, which here holds large pictures."""


@dataclass(frozen=True)
class Run:
    """A command that has ended well: its JSON report, and how long it took from outside."""

    report: dict[str, Any]
    seconds: float

    @property
    def stages(self) -> dict[str, float]:
        """Milliseconds of an `apply`, the daemon's as `daemon.NAME`."""
        timings = dict(self.report["timings"])
        inner = timings.pop("daemon")
        return timings | {f"daemon.{name}": ms for name, ms in inner.items()}


class OwnDaemon:
    """Started by the first `apply`, stopped at the end of the `with`. `library` is "OpenVINO" or "PyTorch"."""

    def __init__(self, folder: Path, library: str = "OpenVINO") -> None:
        self.home = Home(folder, Path(sys.executable))
        own = {"PASTICHE_HOME": str(folder), "PASTICHE_DEVICE": "cpu"}
        own["PASTICHE_OPENVINO"] = "0" if library == "PyTorch" else "1"
        self._environment = os.environ | own

    def __enter__(self) -> OwnDaemon:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._call("pastiche.cli", "stop")

    def run(self, *arguments: str) -> Run:
        """Of the command `pastiche` with --json. Raises RuntimeError with what it said."""
        began = time.perf_counter()
        done = self._call("pastiche.cli", *arguments, "--json")
        seconds = time.perf_counter() - began
        return Run(json.loads(done.stdout), seconds)

    def apply(self, picture: Path, output: Path, *flags: str, style: str = STYLE, model: str = "") -> Run:
        chosen = ("--model", model) if model else ("--style", style)
        return self.run("apply", str(picture), "-o", str(output), "--overwrite", "--quiet", *chosen, *flags)

    def ready_model(self, model: str) -> str:
        """Its name; a file is taken into this home first."""
        if not Path(model).is_file():
            return model
        self._call("pastiched.cli", "models", "add", str(Path(model).absolute()), "--name", MEASURED)
        return MEASURED

    def client(self) -> Client:
        """Of the daemon that runs already."""
        return Client.connect(self.home, start=False)

    def server_peak(self) -> Callable[[], int | None]:
        """Starts the measure of the front process's memory anew; to be called for the most bytes since. None where the
        system does not say."""
        connection = read_connection(self.home)
        process = Path("/proc") / str(connection.pid if connection else 0)
        try:
            (process / "clear_refs").write_text("5")
        except OSError:
            return lambda: None

        def peak() -> int | None:
            for line in (process / "status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
            return None

        return peak

    def _call(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*SMALL_PARENT, sys.executable, "-P", "-m", module, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done
