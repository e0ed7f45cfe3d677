"""The connection file: private, atomic, and never believed when it is stale."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pastiche.connection import Connection, Home, find_home, process_alive, read_connection
from pastiche.errors import PasticheError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(tmp_path / "home", Path(sys.executable))
    place.create()
    return place


def connection(pid: int | None = None) -> Connection:
    endpoints = ("ipc:///j", "ipc:///c", "tcp://127.0.0.1:1", "tcp://127.0.0.1:2")
    return Connection(os.getpid() if pid is None else pid, 1.0, *endpoints, "server", "public", "secret")


def dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_what_is_written_is_read(home: Home) -> None:
    connection().write(home.connection_file)
    assert read_connection(home) == connection()


@pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX")
def test_only_the_user_can_read_it(home: Home) -> None:
    connection().write(home.connection_file)
    assert stat.S_IMODE(home.connection_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.run_folder.stat().st_mode) == 0o700
    home.connection_file.chmod(0o644)
    with pytest.raises(PasticheError):
        read_connection(home)


def test_no_file_is_no_daemon(home: Home) -> None:
    assert read_connection(home) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", json.dumps({"pid": 1})])
def test_a_damaged_file_is_no_daemon(home: Home, text: str) -> None:
    home.connection_file.write_text(text)
    home.connection_file.chmod(0o600)
    assert read_connection(home) is None


def test_a_file_of_a_dead_process_is_stale(home: Home) -> None:
    connection(dead_pid()).write(home.connection_file)
    assert read_connection(home) is None


def test_fields_of_a_newer_daemon_are_ignored(home: Home) -> None:
    connection().write(home.connection_file)
    data = json.loads(home.connection_file.read_text())
    home.connection_file.write_text(json.dumps(data | {"websocket": "no"}))
    assert read_connection(home) == connection()


def test_writing_replaces_the_file_and_leaves_no_other(home: Home) -> None:
    connection().write(home.connection_file)
    replace(connection(), daemon="9").write(home.connection_file)
    found = read_connection(home)
    assert found and found.daemon == "9"
    assert sorted(p.name for p in home.folder.iterdir()) == ["cache", "connection.json", "log", "run", "styles"]


def test_a_process_is_alive_or_not() -> None:
    assert process_alive(os.getpid()) and not process_alive(dead_pid())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="zombies are told from /proc")
def test_a_zombie_counts_as_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "print('bye')"], stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.read()
    while process_alive(child.pid):
        pass
    child.wait()


def test_the_home_can_be_forced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert find_home().folder == tmp_path.resolve()


def test_sandboxes_that_redirect_xdg_folders_do_not_move_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PASTICHE_HOME", raising=False)
    usual = find_home().folder
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    assert find_home().folder == usual
