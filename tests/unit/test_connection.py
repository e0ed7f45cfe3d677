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

from pastiche import cli
from pastiche.connection import Connection, Home, build_stamp, find_home, process_alive, read_connection
from pastiche.errors import ErrorCode, PasticheError
from pastiche.failures import log_failure
from pastiched import serve


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
    assert sorted(p.name for p in home.folder.iterdir()) == ["connection.json", "log", "models", "run", "styles"]


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


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"text"', '{"home": 5}', '{"home": null}', "\udcff"])
def test_a_damaged_file_of_the_installer_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.delenv("PASTICHE_HOME", raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "pastiche.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PasticheError) as caught:
        find_home()
    assert caught.value.code is ErrorCode.NO_DAEMON
    assert "installer" in caught.value.hint
    assert cli.main(["status"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert cli.main(["doctor"]) == 1
    assert "fail  installation" in capsys.readouterr().out
    assert serve.main([]) == 1
    assert "damaged" in capsys.readouterr().err
    log_failure(ValueError("which has nowhere to go"))


@pytest.mark.skipif(os.name != "posix", reason="the lock is asked where there is flock")
def test_a_file_whose_process_number_is_in_use_again_is_stale(home: Home) -> None:
    import fcntl

    connection().write(home.connection_file)
    with home.lock_file.open("ab") as lock:
        assert read_connection(home) is None
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert read_connection(home) == connection()


def test_an_installation_is_told_by_its_files_and_not_by_where_or_when_it_was_made(tmp_path: Path) -> None:
    def installed(name: str, digest: str, url: str) -> Path:
        notes = tmp_path / name / "pastiche-1.0.0.dist-info"
        notes.mkdir(parents=True)
        (notes / "RECORD").write_text(
            f"pastiche/cli.py,sha256=a,5\npastiched/worker.py,sha256={digest},9\npastiche/__pycache__/cli.pyc,,\n"
            f"pastiche-1.0.0.dist-info/direct_url.json,sha256={url},7\n"
        )
        return tmp_path / name / "pastiche"

    one = build_stamp(installed("one", "b", "x"))
    assert one
    assert build_stamp(installed("same", "b", "y")) == one
    assert build_stamp(installed("other", "c", "x")) != one
    assert build_stamp(tmp_path / "nowhere" / "pastiche") == ""
