"""Real daemons for the integration tests, each in a home of its own, none of which outlives its test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from wire import Daemon, Wire, is_gone, start_daemon, wait_for


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for all tests of a module that leave it as they found it."""
    daemon = start_daemon(tmp_path_factory.mktemp("home"))
    daemon.worker_pid()
    yield daemon
    daemon.stop()


@pytest.fixture
def jobs(shared_daemon: Daemon) -> Iterator[Wire]:
    with Wire(shared_daemon.connection, "jobs") as wire:
        yield wire


@pytest.fixture
def control(shared_daemon: Daemon) -> Iterator[Wire]:
    with Wire(shared_daemon.connection, "control") as wire:
        yield wire


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons of the test's own, in `tmp_path / "home"` unless told otherwise."""
    started: list[Daemon] = []

    def start(*arguments: str, home: Path | None = None) -> Daemon:
        daemon = start_daemon(home or tmp_path / "home", *arguments)
        started.append(daemon)
        return daemon

    yield start
    for daemon in started:
        daemon.stop()
        wait_for(lambda pid=daemon.pid: is_gone(pid), "the end of the daemon")  # type: ignore[misc]
