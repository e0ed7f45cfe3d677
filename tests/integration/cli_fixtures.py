"""The command `pastiche` as users run it: real processes, and daemons that they start themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from pastiche.connection import Connection, Home, read_connection

PATIENCE = 60.0
LONG, SHORTER, QUICK = (("--brush-size", size) for size in ("25", "60", "400"))
"""The smaller the strokes, the more pixels the network works on, whatever the picture's size."""


@dataclass(frozen=True)
class Shell:
    """A folder to work in and a home with a daemon of its own."""

    folder: Path
    home: Home

    def environment(self) -> dict[str, str]:
        return os.environ | {"PASTICHE_HOME": str(self.home.folder), "PASTICHE_DEVICE": "cpu"}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "pastiche.cli", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def json(self, *arguments: object) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refusal(self, *arguments: object) -> str:
        """What stands on standard error; one line, exit code 2, nothing on standard output."""
        done = self.run(*arguments)
        assert done.returncode == 2, (done.returncode, done.stderr)
        assert done.stdout == ""
        assert done.stderr.startswith("pastiche: ")
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    @property
    def connection(self) -> Connection | None:
        return read_connection(self.home)

    def daemon_pid(self) -> int:
        assert self.connection
        return self.connection.pid

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def stop(self) -> None:
        """Ends whatever daemon is there, politely and then for good."""
        connection = self.connection
        self.run("stop")
        if connection and psutil.pid_exists(connection.pid):
            psutil.Process(connection.pid).kill()


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home for a module; the first command that needs a daemon starts it."""
    home = Home(tmp_path_factory.mktemp("home"), Path(sys.executable))
    yield home
    Shell(home.folder, home).stop()


@pytest.fixture
def shell(tmp_path: Path, shared_home: Home) -> Shell:
    """A folder of the test's own with the module's daemon."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder, shared_home)


@pytest.fixture
def own_shell(tmp_path: Path) -> Iterator[Shell]:
    """A folder and a home of the test's own, for tests that mistreat the daemon."""
    folder = tmp_path / "work"
    folder.mkdir()
    shell = Shell(folder, Home(tmp_path / "home", Path(sys.executable)))
    yield shell
    shell.stop()


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def photograph(path: Path, width: int = 96, height: int = 64, **settings: Any) -> Path:
    """A picture with gradients and edges, fast to make in any size."""
    image = Image.linear_gradient("L").resize((width, height))
    merged = Image.merge("RGB", (image, image.transpose(Image.Transpose.FLIP_TOP_BOTTOM), image.rotate(90)))
    merged.paste((220, 40, 30), (width // 4, height // 4, width // 2, height // 2))
    merged.save(path, **settings)
    return path
