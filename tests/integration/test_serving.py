"""The daemon's life: starting, being alone, and leaving nothing behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from wire import PATIENCE, Daemon, Wire, is_gone, job, slow_job, spawn_daemon, started, wait_for

from pastiche.connection import Connection
from pastiche.options import METHODS
from pastiche.protocol import Done, Failed, Result, Status, StatusRequest, Stop
from pastiche.version import PROTOCOL, VERSION

Launch = Callable[..., Daemon]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_hello_is_answered_before_the_worker_is_ready(launch: Launch) -> None:
    with Wire(launch().connection) as wire:
        welcome = wire.hello()
    assert welcome.devices[0]["state"] == "probing"
    assert (welcome.daemon, welcome.protocol, welcome.methods) == (VERSION, list(PROTOCOL), list(METHODS))
    assert welcome.limits["pixels"] == 400_000_000


@pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX")
def test_nobody_else_can_read_keys_sockets_or_log(launch: Launch) -> None:
    home = launch().home
    assert mode(home.connection_file) == 0o600
    assert mode(home.folder) == mode(home.run_folder) == 0o700
    assert mode(home.log_file) == 0o600
    assert all(mode(socket) == 0o600 for socket in home.run_folder.iterdir())


def test_a_second_daemon_leaves_with_one_line_and_the_first_serves_on(launch: Launch) -> None:
    first = launch()
    second = spawn_daemon(first.home.folder)
    said, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0
    assert said.decode().strip().count("\n") == 0 and "already" in said.decode()
    with Wire(first.connection) as wire:
        assert wire.hello().pid == first.pid


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.1", "::", "example.org"])
def test_an_address_that_others_can_reach_is_refused(tmp_path: Path, address: str) -> None:
    daemon = spawn_daemon(tmp_path / "home", "--bind", address)
    said, _ = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 2
    assert ("--allow-remote" in said.decode()) or ("IP address" in said.decode())
    assert not (tmp_path / "home").exists()


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_leave_leaves_nothing(launch: Launch, number: signal.Signals) -> None:
    daemon = launch()
    with Wire(daemon.connection, "control") as control:
        pid = control.ask(StatusRequest(), Status).workers[0]["pid"]
        daemon.process.send_signal(number)
        assert daemon.process.wait(PATIENCE) == 0
    assert is_gone(pid)
    assert sorted(p.name for p in daemon.home.folder.iterdir()) == ["log", "models", "run", "styles"]
    assert list(daemon.home.run_folder.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_sigkill_leaves_no_orphan_and_a_new_daemon_starts_over_the_leftovers(launch: Launch) -> None:
    old = launch()
    with Wire(old.connection) as wire, Wire(old.connection, "control") as control:
        wait_for(lambda: control.ask(StatusRequest(), Status).workers[0]["state"] == "idle", "an idle worker")
        worker = control.ask(StatusRequest(), Status).workers[0]["pid"]
        started(wire, wire.send(slow_job(wire.session)))
        old.process.kill()
        old.process.wait(PATIENCE)
    wait_for(lambda: is_gone(worker), "the worker's end")
    leftovers = set(old.home.run_folder.iterdir())
    assert leftovers and old.home.connection_file.exists()
    new = launch()
    with Wire(new.connection) as wire:
        assert isinstance(wire.outcome(wire.send(job(session=wire.session))).body, Result)
    assert not leftovers & set(old.home.run_folder.iterdir())


def test_a_daemon_starts_while_the_last_one_is_leaving(launch: Launch) -> None:
    old = launch()
    old.process.terminate()
    new = launch()
    with Wire(new.connection) as wire:
        assert wire.hello().pid == new.pid != old.pid


def test_stop_ends_the_daemon_and_its_jobs_with_a_reason(launch: Launch) -> None:
    daemon = launch()
    with Wire(daemon.connection) as wire, Wire(daemon.connection, "control") as control:
        waiting = wire.send(job(session=wire.session))
        assert control.ask(Stop(), Done)
        outcome = wire.outcome(waiting).body
    assert isinstance(outcome, Failed) and outcome.code == "stopping"
    assert daemon.process.wait(PATIENCE) == 0


def test_stop_when_idle_lets_jobs_end_and_takes_no_new_ones(launch: Launch) -> None:
    daemon = launch()
    with Wire(daemon.connection) as wire, Wire(daemon.connection, "control") as control:
        first = wire.send(job(session=wire.session))
        wait_for(lambda: control.ask(StatusRequest(), Status).jobs, "the job")
        assert control.ask(Stop(when_idle=True), Done)
        late = wire.send(job(session=wire.session))
        refused = wire.until(late, Failed).body
        assert isinstance(refused, Failed) and refused.code == "stopping"
        assert isinstance(wire.outcome(first).body, Result)
    assert daemon.process.wait(PATIENCE) == 0


def test_an_idle_daemon_leaves(launch: Launch) -> None:
    daemon = launch("--idle-stop", "0.01")
    assert daemon.process.wait(PATIENCE) == 0
    assert not daemon.home.connection_file.exists()


def test_an_idle_worker_gives_its_memory_back_and_works_again(launch: Launch) -> None:
    daemon = launch("--idle-unload", "0.01")
    with Wire(daemon.connection) as wire, Wire(daemon.connection, "control") as control:
        wait_for(lambda: control.ask(StatusRequest(), Status).workers[0]["state"] == "unloaded", "the unloading")
        assert isinstance(wire.outcome(wire.send(job(session=wire.session))).body, Result)


def test_a_connection_file_that_someone_else_wrote_is_left_alone(launch: Launch) -> None:
    daemon = launch()
    fields = {name: getattr(daemon.connection, name) for name in Connection.__dataclass_fields__}
    other = Connection(**fields | {"pid": os.getpid()})
    other.write(daemon.home.connection_file)
    assert daemon.stop() == 0
    assert daemon.home.connection_file.exists()


@pytest.mark.parametrize("name", ["ein Ordner für Bilder", "画像", "long " + "x" * 120], ids=["spaces", "cjk", "long"])
def test_any_home_works(launch: Launch, tmp_path: Path, name: str) -> None:
    daemon = launch(home=tmp_path / name)
    assert daemon.connection.jobs.startswith("tcp" if "xxx" in name or os.name == "nt" else "ipc")
    with Wire(daemon.connection) as wire:
        assert isinstance(wire.outcome(wire.send(job(session=wire.session))).body, Result)


def test_a_device_that_is_not_there_is_named_and_the_daemon_lives(launch: Launch) -> None:
    missing = "cuda:99" if sys.platform == "darwin" else "mps"
    daemon = launch("--device", missing)
    with Wire(daemon.connection) as wire, Wire(daemon.connection, "control") as control:
        outcome = wire.outcome(wire.send(job(session=wire.session))).body
        assert isinstance(outcome, Failed) and outcome.code == "no_device" and missing in outcome.sentence
        assert control.ask(StatusRequest(), Status).devices[0]["state"] == "failed"


def test_secrets_stand_in_no_command_line(launch: Launch) -> None:
    daemon = launch()
    worker = daemon.worker_pid()
    lines = " ".join(word for pid in (daemon.pid, worker) for word in psutil.Process(pid).cmdline())
    assert "pastiched.worker" in lines
    assert daemon.connection.client_secret not in lines and ".ipc" not in lines


def test_where_it_computes_memory_comes_in_huge_pages_and_is_kept(launch: Launch) -> None:
    told = psutil.Process(launch().worker_pid()).environ()
    assert told["THP_MEM_ALLOC_ENABLE"] == "1"
    assert int(told["MALLOC_TRIM_THRESHOLD_"]) > int(told["MALLOC_MMAP_THRESHOLD_"]) >= 32_000_000


def test_unknown_subcommand_and_option_are_refused() -> None:
    for arguments in (
        ["paint"],
        ["serve", "--no-such-option"],
        ["serve", "--device", "abacus"],
        ["serve", "--queue", "0"],
    ):
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "pastiched.cli", *arguments], capture_output=True, text=True, timeout=PATIENCE
        )
        assert ran.returncode == 2 and "Traceback" not in ran.stderr
