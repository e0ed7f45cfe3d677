"""Fine on the command line: watched as lines, ended early, kept and gone on with."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_fixtures import Shell, own_shell, photograph, shared_home, shell, wait_until
from PIL import Image

from pastiche.client import Client

__all__ = ["own_shell", "shared_home", "shell"]

SMALL = ("--method", "fine", "--effort", "draft", "--megapixels", "0.02", "--scales", "2", "--iterations", "60")
ENDLESS = ("--method", "fine", "--effort", "draft", "--megapixels", "0.005", "--scales", "1", "--iterations", "100000")
LINE = re.compile(r"scale \d+/\d+  iteration \d+/\d+  content \d+\.\d{3}  style \d+\.\d{3}")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """For pictures this small; a second one waits for the processor where others want it too."""
    monkeypatch.setenv("PASTICHE_THREADS", "1")


def paint(shell: Shell, *arguments: str) -> subprocess.Popen[str]:
    """An `apply` that goes on for ever, in which something has been painted."""
    if not (shell.folder / "photo.png").exists():
        photograph(shell.folder / "photo.png", 160, 120)
    process = shell.start("apply", "photo.png", "-s", "photo.png", *ENDLESS, "-o", "out.png", *arguments)
    assert process.stderr
    for line in process.stderr:
        if LINE.fullmatch(line.strip()):
            return process
    raise AssertionError(f"It ended with exit code {process.wait()}.")


def test_a_line_tells_about_every_hundredth_step(shell: Shell) -> None:
    photograph(shell.folder / "photo.png", 160, 120)
    done = shell.run("apply", "photo.png", "-s", "photo.png", *SMALL, "-o", "out.png")
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert lines and all(LINE.fullmatch(line) for line in lines), lines
    assert [line.split("  content")[0] for line in lines] == [
        "scale 1/2  iteration 100/120",
        "scale 1/2  iteration 120/120",
        "scale 2/2  iteration 60/60",
    ]
    assert Image.open(shell.folder / "out.png").size == (160, 120)
    quiet = shell.run("apply", "photo.png", "-s", "photo.png", *SMALL, "-o", "quiet.png", "--quiet")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert Image.open(shell.folder / "quiet.png").tobytes() == Image.open(shell.folder / "out.png").tobytes()


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_a_terminal_sees_a_bar_with_the_lines_above_it(shell: Shell) -> None:
    import pty
    import termios

    photograph(shell.folder / "photo.png", 160, 120)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [sys.executable, "-m", "pastiche.cli", "apply", "photo.png", "-s", "photo.png", *SMALL, "-o", "out.png"]
    process = subprocess.Popen(
        command, cwd=shell.folder, env=shell.environment(), stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    pieces = []
    # Where nobody has the other end any more, reading is an error on Linux.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 4096):
            pieces.append(piece)
    os.close(ours)
    seen = b"".join(pieces).decode()
    assert process.wait(30) == 0
    assert "%|" in seen and "painting" in seen
    assert "iteration 100/120" in seen and "iteration 120/120" not in seen


def test_one_ctrl_c_keeps_the_picture_and_says_how_to_go_on(shell: Shell) -> None:
    process = paint(shell, "--state", "run")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert Image.open(shell.folder / "out.png").size == (160, 120)
    kept = shell.folder / "run.pastiche-state"
    assert kept.is_file() and f"--resume {kept}" in err


def test_two_cancel_and_the_run_goes_on_later(shell: Shell) -> None:
    process = paint(shell, "--state", "run.pastiche-state")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    kept = shell.folder / "run.pastiche-state"
    assert process.returncode in (0, 130), err
    assert f"--resume {kept}" in err and "Traceback" not in err
    again = paint(shell, "--overwrite", "--resume", "run")
    again.send_signal(signal.SIGINT)
    _, err = again.communicate(timeout=30)
    assert again.returncode == 0 and "--resume" not in err


def test_finish_ends_it_from_elsewhere(shell: Shell) -> None:
    process = paint(shell)
    status = shell.run("status").stdout
    job = next(line for line in status.splitlines() if line.startswith("Job "))
    assert "running, fine" in job and "left" in job
    said = shell.run("finish", job.split()[1].rstrip(":"))
    assert (said.returncode, said.stdout) == (0, "The picture is finished as it is now.\n")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert (shell.folder / "out.png").exists()
    process = paint(shell, "--overwrite")
    assert len(shell.json("finish")["finished"]) == 1
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_killed_daemon_leaves_a_run_to_go_on_with(own_shell: Shell, tmp_path: Path) -> None:
    kept = own_shell.folder / "run.pastiche-state"
    process = paint(own_shell, "--state", "run")
    wait_until(kept.exists, "the first save")
    os.kill(own_shell.daemon_pid(), signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"--resume {kept}" in err and "went away" in err
    again = paint(own_shell, "--resume", "run", "--state", "run")
    with Client.connect(own_shell.home, start=False) as client:
        assert len(client.status().jobs) == 1
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=30)
    assert again.returncode == 0


def test_a_batch_paints_with_fine_too(shell: Shell) -> None:
    for name in ("a.png", "b.png"):
        photograph(shell.folder / name, 160, 120)
    done = shell.run("batch", "a.png", "b.png", "-s", "a.png", *SMALL, "-o", "out")
    assert done.returncode == 0, done.stderr
    assert "1/2 scale 2/2  iteration 60/60" in done.stderr and "2/2 scale 1/2" in done.stderr
    assert "2 painted, 0 failed" in done.stderr
