"""One daemon a home, and no trust in what a killed one has left."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pastiche.connection import Connection, Home, read_connection
from pastiched import instance as room
from pastiched.instance import AlreadyRunningError, Instance

MINE = Connection(os.getpid(), 1.0, "ipc:///j", "ipc:///c", "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "s", "p", "k")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(room, "WAIT_SECONDS", 0.2)
    place = Home(tmp_path / "home", Path(sys.executable))
    place.create()
    return place


def test_only_one_holds_a_home_and_the_next_gets_it_afterwards(home: Home) -> None:
    with Instance(home), pytest.raises(AlreadyRunningError):
        Instance(home)
    with Instance(home):
        assert home.lock_file.exists()


def test_two_homes_do_not_meet(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other", home.python)
    other.create()
    with Instance(home), Instance(other):
        pass


def test_leaving_takes_the_connection_file_and_the_lock_along(home: Home) -> None:
    with Instance(home) as instance:
        instance.publish(MINE)
        assert read_connection(home) == MINE
    assert not home.connection_file.exists()
    assert os.name != "posix" or not home.lock_file.exists()


def test_a_connection_file_of_another_daemon_stays(home: Home) -> None:
    with Instance(home) as instance:
        instance.publish(MINE)
        replace(MINE, started=2.0).write(home.connection_file)
    assert home.connection_file.exists()


def test_leftovers_of_a_killed_daemon_are_cleared_and_nothing_else(home: Home) -> None:
    for left in (home.connection_file, home.run_folder / "dead.ipc", home.folder / ".connection-x"):
        left.write_text("{}")
    kept = home.styles_folder / "mine.png"
    kept.write_text("picture")
    with Instance(home) as instance:
        instance.clear_leftovers()
    assert list(home.run_folder.iterdir()) == [] and kept.exists()
    assert sorted(p.name for p in home.folder.iterdir()) == ["log", "models", "run", "styles"]
