"""Whether a daemon lives is told by its lock; its process number counts only where it means the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pastiche import connection as room
from pastiche.connection import Connection, Home, can_start_daemon, daemon_alive, ensure_daemon, read_connection
from pastiche.errors import ErrorCode, PasticheError
from pastiche.liveness import in_sandbox, lock_held, process_namespace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the lock is asked where there is flock")
DAEMON = Connection(1, 1.0, "ipc:///j", "ipc:///c", "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "server", "p", "s")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(tmp_path / "home", Path(sys.executable))
    place.create()
    return place


@pytest.fixture
def held(home: Home) -> Iterator[None]:
    import fcntl

    with home.lock_file.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def dead() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_lock_is_held_free_or_says_nothing(home: Home) -> None:
    import fcntl

    assert lock_held(home.lock_file) is None
    with home.lock_file.open("ab") as lock:
        assert lock_held(home.lock_file) is False
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert lock_held(home.lock_file) is True
    assert lock_held(home.lock_file) is False


def test_looking_at_the_lock_does_not_take_it(home: Home) -> None:
    import fcntl

    with home.lock_file.open("ab") as lock:
        assert lock_held(home.lock_file) is False
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("namespace", ["", "pid:[1]"], ids=["not told", "another"])
def test_with_its_lock_held_a_daemon_lives_whatever_its_number_says_here(home: Home, dead: int, namespace: str) -> None:
    elsewhere = replace(DAEMON, pid=dead, namespace=namespace)
    elsewhere.write(home.connection_file)
    assert read_connection(home) == elsewhere
    assert daemon_alive(home, elsewhere)


@pytest.mark.skipif(not process_namespace(), reason="the system tells no namespace")
@pytest.mark.usefixtures("held")
def test_a_lock_that_a_successor_holds_already_does_not_revive_the_dead(home: Home, dead: int) -> None:
    before = replace(DAEMON, pid=dead, namespace=process_namespace())
    before.write(home.connection_file)
    assert read_connection(home) is None


def test_with_its_lock_free_a_daemon_is_dead_whatever_runs_under_its_number(home: Home) -> None:
    home.lock_file.touch()
    mine = replace(DAEMON, pid=os.getpid())
    mine.write(home.connection_file)
    assert read_connection(home) is None and not daemon_alive(home, mine)


@pytest.mark.usefixtures("held")
def test_a_daemon_whose_place_another_has_taken_is_dead_and_one_that_is_leaving_lives(home: Home) -> None:
    assert daemon_alive(home, DAEMON)
    replace(DAEMON, server_public="another").write(home.connection_file)
    assert not daemon_alive(home, DAEMON)


def test_sandboxes_are_told_by_their_marks(tmp_path: Path) -> None:
    mark = tmp_path / ".flatpak-info"
    assert not in_sandbox({}, mark)
    assert in_sandbox({"SNAP": "/snap/gimp/1"}, mark)
    mark.touch()
    assert in_sandbox({}, mark)


def test_in_a_sandbox_no_daemon_is_started_and_the_user_is_told_how(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "in_sandbox", lambda: True)
    monkeypatch.setattr(room, "start_daemon", lambda *_: pytest.fail("nothing is to be started"))
    outside = Home(home.folder, Path("/opt/pastiche/bin/python"))
    began = time.monotonic()
    with pytest.raises(PasticheError) as caught:
        ensure_daemon(outside)
    assert time.monotonic() - began < 0.5
    assert caught.value.code is ErrorCode.NO_DAEMON
    assert "pastiched serve" in caught.value.hint and "--service" in caught.value.hint


def test_who_runs_on_the_daemons_own_python_can_start_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Home(home.folder, Path("/opt/pastiche/bin/python"))
    assert can_start_daemon(home) and can_start_daemon(outside)
    monkeypatch.setattr(room, "in_sandbox", lambda: True)
    assert can_start_daemon(home) and not can_start_daemon(outside)
    monkeypatch.setattr(room, "in_sandbox", lambda: False)
    assert not can_start_daemon(Home(home.folder, Path()))
