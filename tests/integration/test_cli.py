"""Promises of the command line, kept by real processes and a real daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from cli_fixtures import LONG, QUICK, SHORTER, Shell, own_shell, photograph, shared_home, shell, wait_until
from PIL import Image

from pastiche import cli
from pastiche.client import Client
from pastiche.commands import batch_painting

__all__ = ["own_shell", "shared_home", "shell"]


def test_apply_paints_a_picture_and_reports_all_about_it(shell: Shell) -> None:
    photograph(shell.folder / "photo.jpg", quality=95)
    photograph(shell.folder / "style.png", 80, 80)
    report = shell.json("apply", "photo.jpg", "--style", "style.png", "-o", "out.png", "--strength", "80")
    out = Image.open(shell.folder / "out.png")
    assert (out.size, out.mode) == ((96, 64), "RGB")
    assert out.tobytes() != Image.open(shell.folder / "photo.jpg").tobytes()
    assert report["method"] == "fast"
    assert report["options"]["strength"] == 80
    assert report["device"]["kind"] == "cpu"
    assert report["models"]
    assert report["output_options"] == {"mask": False, "quality": 95, "compression": 1, "keep_gps": False}
    assert report["peak_memory"]
    assert {"start", "decode", "connect", "send", "wait", "receive", "encode", "total"} <= set(report["timings"])
    assert report["timings"]["daemon"]
    assert shell.files() == {"photo.jpg", "style.png", "out.png"}


def test_apply_is_quiet_where_nobody_watches(shell: Shell) -> None:
    photograph(shell.folder / "photo.png")
    done = shell.run("apply", "photo.png", "-s", "photo.png", "-o", "out.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_style_has_a_name_in_any_case_and_several_are_mixed(shell: Shell) -> None:
    photograph(shell.folder / "photo.png")
    styles = shell.json("styles")
    assert styles
    assert {"name", "method"} <= set(styles[0])
    name = styles[0]["name"]
    report = shell.json(
        "apply", "photo.png", "-s", name.upper(), "-s", "photo.png", "--weights", "2,1", "-o", "out.png"
    )
    assert report["styles"] == [{"style": name.upper(), "weight": 2.0}, {"style": "photo.png", "weight": 1.0}]
    assert name in shell.run("styles").stdout


def test_status_says_who_works(shell: Shell) -> None:
    shell.json("styles")
    status = shell.json("status")
    assert status["running"]
    assert {"pid", "device", "state"} <= set(status["workers"][0])
    assert str(status["pid"]) in shell.run("status").stdout


def test_batch_goes_on_after_a_bad_file_and_overwrites_nothing(shell: Shell) -> None:
    inside = shell.folder / "in"
    inside.mkdir()
    for name in ("a.png", "b.jpg"):
        photograph(inside / name)
    (inside / "broken.png").write_bytes(b"not a picture")
    photograph(shell.folder / "c.webp")
    common = ("batch", "in", "*.webp", "missing.png", "-s", "c.webp", *QUICK, "-o", "out")
    done = shell.run(*common)
    assert done.returncode == 1
    assert "3 painted, 2 failed" in done.stderr
    assert "broken.png" in done.stderr
    assert "missing.png" in done.stderr
    written = {path.name: path.stat().st_mtime_ns for path in (shell.folder / "out").iterdir()}
    assert set(written) == {"a.png", "b.jpg", "c.webp"}
    again = json.loads(shell.run(*common, "--json").stdout)
    assert (again["painted"], again["failed"]) == (0, 5)
    assert {path.name: path.stat().st_mtime_ns for path in (shell.folder / "out").iterdir()} == written
    skipping = json.loads(shell.run(*common, "--json", "--skip-existing").stdout)
    assert (skipping["failed"], skipping["skipped"]) == (2, 3)


def test_batch_beside_the_sources_gives_other_names(shell: Shell) -> None:
    photograph(shell.folder / "a.png")
    report = shell.json("batch", "a.png", "-s", "a.png", "-o", ".", "--format", "jpg")
    assert report["painted"] == 1
    assert shell.files() == {"a.png", "a-pastiche.jpg"}


def test_batch_never_replaces_one_of_its_inputs(shell: Shell) -> None:
    kept = {}
    for folder, name in (("a", "x.png"), ("a", "wave.png"), ("b", "x.png"), ("b", "wave.png")):
        (shell.folder / folder).mkdir(exist_ok=True)
        path = photograph(shell.folder / folder / name)
        kept[path] = path.read_bytes()
    command = ("batch", "a/x.png", "a/wave.png", "b/x.png", "-s", "b/wave.png", *QUICK, "-o", "b", "--overwrite")
    for _ in range(2):
        assert shell.json(*command)["painted"] == 3
        assert {path: path.read_bytes() for path in kept} == kept
    names = {path.name for path in (shell.folder / "b").iterdir()}
    assert names == {"x.png", "wave.png", "x-2.png", "wave-2.png", "x-pastiche.png"}


def test_a_batch_goes_on_with_the_next_daemon_where_this_one_leaves(own_shell: Shell) -> None:
    sources = [photograph(own_shell.folder / f"{i}.png", 800, 600).name for i in range(5)]
    process = own_shell.start("batch", *sources, "-s", "0.png", *SHORTER, "-o", "out", "--json")
    wait_until(lambda: own_shell.connection, "the daemon")
    pid = own_shell.daemon_pid()
    with Client.connect(own_shell.home, start=False) as client:
        wait_until(lambda: [j for j in client.status().jobs if j["state"] == "running"], "the job")
        client.stop(when_idle=True)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert (report["painted"], report["failed"]) == (5, 0)
    assert own_shell.daemon_pid() != pid


def test_finish_where_nothing_runs_is_a_sentence_and_starts_no_daemon(own_shell: Shell) -> None:
    assert own_shell.json("finish") == {"finished": []}
    assert "No Fine job" in own_shell.run("finish").stdout
    nowhere = own_shell.run("finish", "abc")
    assert nowhere.returncode == 1 and nowhere.stderr.count("\n") == 1
    assert own_shell.connection is None


def test_finish_leaves_alone_what_cannot_end_early(shell: Shell) -> None:
    process = start_job(shell)
    status = shell.run("status").stdout
    (job,) = [line for line in status.splitlines() if line.startswith("Job ")]
    assert "running, fast" in job
    assert shell.json("finish") == {"finished": []}
    assert "at once" in shell.refusal("finish", job.split()[1].rstrip(":"))
    process.kill()
    process.communicate()
    with Client.connect(shell.home, start=False) as client:
        wait_until(lambda: not client.status().jobs, "the end of the job", 5)


def test_flags_without_effect_are_noted_and_the_picture_is_painted(shell: Shell) -> None:
    photograph(shell.folder / "photo.png")
    done = shell.run("apply", "photo.png", "-s", "photo.png", *QUICK, "-o", "out.png", "--effort", "best")
    assert (done.returncode, done.stderr) == (0, "pastiche: --effort has no effect with --method fast.\n")
    done = shell.run("batch", "photo.png", "-s", "photo.png", *QUICK, "-o", "out", "--iterations", "5")
    assert done.stderr.startswith("pastiche: --iterations has no effect with --method fast.\n")


def test_a_run_of_fast_is_not_kept(shell: Shell) -> None:
    photograph(shell.folder / "photo.png")
    said = shell.refusal("apply", "photo.png", "-s", "photo.png", "-o", "out.png", "--state", "run")
    assert "--method fine" in said


def test_batch_of_nothing_is_a_sentence(shell: Shell) -> None:
    assert "no pictures" in shell.refusal("batch", "*.png", "-s", "wave", "-o", "out")


def start_job(shell: Shell, size: tuple[str, str] = LONG) -> subprocess.Popen[str]:
    """An `apply` whose job is being computed."""
    photograph(shell.folder / "photo.png", 800, 600)
    process = shell.start("apply", "photo.png", "-s", "photo.png", *size, "-o", "out.png")
    wait_until(lambda: shell.connection, "the daemon")
    with Client.connect(shell.home, start=False) as client:
        wait_until(lambda: [j for j in client.status().jobs if j["state"] == "running"], "the job")
    return process


def test_the_first_ctrl_c_finishes_and_the_second_cancels(shell: Shell) -> None:
    process = start_job(shell)
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert "press Ctrl+C again" in process.stderr.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 3
    assert "Traceback" not in err
    assert "out.png" not in shell.files()
    with Client.connect(shell.home, start=False) as client:
        wait_until(lambda: not client.status().jobs, "the end of the job", 3)


def test_one_ctrl_c_alone_keeps_the_picture(shell: Shell) -> None:
    process = start_job(shell, SHORTER)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert Image.open(shell.folder / "out.png").size == (800, 600)


def test_a_killed_client_has_its_job_cancelled(shell: Shell) -> None:
    process = start_job(shell)
    process.kill()
    process.communicate()
    with Client.connect(shell.home, start=False) as client:
        wait_until(lambda: not client.status().jobs, "the end of the job", 5)
    assert "out.png" not in shell.files()


def test_a_killed_daemon_is_told_within_three_seconds_and_replaced(own_shell: Shell) -> None:
    process = start_job(own_shell)
    pid = own_shell.daemon_pid()
    psutil.Process(pid).send_signal(signal.SIGKILL)
    began = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 3.5
    assert process.returncode == 1
    assert err.startswith("pastiche: The Pastiche daemon went away.")
    assert err.count("\n") == 1
    assert own_shell.json("apply", "photo.png", "-s", "photo.png", *QUICK, "-o", "out.png")
    assert own_shell.daemon_pid() != pid


def test_ctrl_c_ends_a_batch_after_the_picture_under_way(shell: Shell) -> None:
    sources = [photograph(shell.folder / f"{i}.png", 800, 600).name for i in range(4)]
    process = shell.start("batch", *sources, "-s", "0.png", *SHORTER, "-o", "out", "--json")
    wait_until(lambda: shell.connection, "the daemon")
    with Client.connect(shell.home, start=False) as client:
        wait_until(lambda: [j for j in client.status().jobs if j["state"] == "running"], "the job")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    report = json.loads(out)
    assert report["interrupted"]
    assert report["painted"] == len(list((shell.folder / "out").iterdir())) in (1, 2)


def test_a_batch_outlives_its_daemon(own_shell: Shell) -> None:
    sources = [photograph(own_shell.folder / f"{i}.png", 800, 600).name for i in range(3)]
    photograph(own_shell.folder / "small.png")
    process = own_shell.start("batch", *sources, "small.png", "-s", "small.png", *SHORTER, "-o", "out", "--json")
    wait_until(lambda: own_shell.connection, "the daemon")
    with Client.connect(own_shell.home, start=False) as client:
        wait_until(lambda: [j for j in client.status().jobs if j["state"] == "running"], "the job")
    psutil.Process(own_shell.daemon_pid()).kill()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    report = json.loads(out)
    # What was only waiting is painted by the next daemon.
    assert (report["painted"], report["failed"]) == (3, 1)
    assert {path.name for path in (own_shell.folder / "out").iterdir()} >= {"2.png", "small.png"}


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_a_terminal_sees_a_progress_bar(shell: Shell) -> None:
    import pty
    import termios

    photograph(shell.folder / "photo.png", 500, 400)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [sys.executable, "-m", "pastiche.cli", "apply", "photo.png", "-s", "photo.png", "-o", "out.png"]
    done = subprocess.run(
        command, cwd=shell.folder, env=shell.environment(), stdout=subprocess.PIPE, stderr=theirs, check=False
    )
    os.set_blocking(ours, False)
    seen = os.read(ours, 100_000).decode()
    assert (done.returncode, done.stdout) == (0, b"")
    assert "%|" in seen
    os.close(ours)
    os.close(theirs)


def test_stop_ends_the_daemon_and_may_be_repeated(own_shell: Shell) -> None:
    assert own_shell.json("stop") == {"stopped": False, "pid": None}
    assert own_shell.json("status") == {"running": False, "workers": []}
    own_shell.json("styles")
    pid = own_shell.daemon_pid()
    assert own_shell.json("stop") == {"stopped": True, "pid": pid}
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert own_shell.json("status") == {"running": False, "workers": []}


def test_a_daemon_that_is_leaving_is_followed_by_a_new_one(own_shell: Shell) -> None:
    process = start_job(own_shell, SHORTER)
    pid = own_shell.daemon_pid()
    stop = own_shell.start("stop", "--when-idle")
    time.sleep(0.5)
    photograph(own_shell.folder / "small.png")
    second = own_shell.start("apply", "small.png", "-s", "small.png", *QUICK, "-o", "small-out.png")
    for started in (process, stop, second):
        _, err = started.communicate(timeout=90)
        assert started.returncode == 0, err
    assert {"out.png", "small-out.png"} <= own_shell.files()
    assert own_shell.daemon_pid() != pid


def test_another_device_than_the_running_ones_is_noted(shell: Shell) -> None:
    photograph(shell.folder / "photo.png")
    shell.json("styles")
    report = shell.json("apply", "photo.png", "-s", "photo.png", "-o", "out.png", "--device", "cuda")
    assert any("computes on cpu" in note for note in report["notes"])


def test_a_device_that_does_not_exist_is_a_sentence(shell: Shell) -> None:
    photograph(shell.folder / "photo.png")
    said = shell.refusal("apply", "photo.png", "-s", "photo.png", "-o", "out.png", "--device", "banana")
    assert "--device must be" in said


def test_a_device_that_cannot_be_used_is_a_sentence_and_the_next_choice_works(own_shell: Shell) -> None:
    photograph(own_shell.folder / "photo.png")
    command = ("apply", "photo.png", "-s", "photo.png", *QUICK, "-o", "out.png")
    done = own_shell.run(*command, "--device", "xpu:99")
    assert done.returncode == 1
    assert done.stderr.startswith("pastiche: The device xpu:99 cannot be used")
    assert done.stderr.count("\n") == 1
    assert own_shell.json(*command, "--device", "cpu")["device"]["kind"] == "cpu"


def test_a_home_that_cannot_be_made_is_a_sentence(own_shell: Shell) -> None:
    own_shell.home.folder.write_text("a file where the folder should be")
    done = own_shell.run("styles")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "could not be started" in done.stderr


def test_doctor_finds_a_healthy_installation_healthy(shell: Shell) -> None:
    done = shell.run("doctor", "--no-gimp", "--json")
    report = json.loads(done.stdout)
    failed = [check for check in report["checks"] if check["state"] == "fail"]
    assert (done.returncode, failed) == (0, [])
    assert {"python", "torch", "folder", "weights", "daemon", "device"} <= {check["name"] for check in report["checks"]}


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_doctor_names_a_connection_file_that_others_can_read(own_shell: Shell) -> None:
    own_shell.json("styles")
    own_shell.home.connection_file.chmod(0o644)
    done = own_shell.run("doctor", "--no-gimp")
    own_shell.home.connection_file.chmod(0o600)
    assert done.returncode == 1
    assert "fail  connection file" in done.stdout


def test_a_batch_survives_what_nobody_foresaw(
    own_shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PASTICHE_HOME", str(own_shell.home.folder))
    monkeypatch.setenv("PASTICHE_DEVICE", "cpu")
    read, write = batch_painting.read_picture, batch_painting.write_picture

    def reading(path: Path) -> Any:
        return read(path) if path.name != "a.png" else 1 // 0

    def writing(path: Path, *rest: Any) -> Any:
        return write(path, *rest) if path.name != "b.png" else 1 // 0

    monkeypatch.setattr(batch_painting, "read_picture", reading)
    monkeypatch.setattr(batch_painting, "write_picture", writing)
    sources = [str(photograph(own_shell.folder / name)) for name in ("a.png", "b.png", "c.png")]
    before = signal.getsignal(signal.SIGINT)
    assert cli.main(["batch", *sources, "-s", sources[0], *QUICK, "-o", str(own_shell.folder / "out"), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["painted"], report["failed"]) == (1, 2)
    assert (own_shell.home.log_file.parent / "client.log").read_text().count("ZeroDivisionError") == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_doctor_and_stop_are_not_kept_waiting_by_a_number_in_use_again(own_shell: Shell) -> None:
    own_shell.json("styles")
    connection = own_shell.connection
    assert connection
    psutil.Process(connection.pid).kill()
    wait_until(lambda: own_shell.connection is None, "the end of the daemon")
    replace(connection, pid=os.getpid()).write(own_shell.home.connection_file)
    began = time.monotonic()
    assert not own_shell.json("status")["running"]
    assert not own_shell.json("stop")["stopped"]
    assert time.monotonic() - began < 5
