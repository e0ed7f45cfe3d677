"""Promises about sudden ends: of the daemon, of the plug-in, of GIMP itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from real_gimp import INSIDE, batch, kill_group, made, plug_ins_of, texts
from setting import Setting
from wire import wait_for

from pastiche.client import Client
from pastiche.errors import PasticheError
from pastiche.job import StyleRef
from pastiche.pixels import PixelBuffer, PixelFormat

Facts = dict[str, Any]
SOON = 8.0
"""Seconds within which a death is noticed everywhere."""


@dataclass
class Running:
    """A GIMP that runs one case of `slow.py`."""

    setting: Setting
    process: subprocess.Popen[bytes]
    folder: Path
    output: Path

    def wait_for_the_job(self) -> None:
        wait_for(lambda: jobs(self.setting, self), "a job at work")

    def plug_in(self) -> int:
        """The process number of the plug-in."""
        processes = plug_ins_of(self.setting.gimp)
        assert len(processes) == 1
        return processes[0]

    def facts(self) -> Facts:
        assert self.process.wait(60) == 0, texts(self.output)
        found: Facts = json.loads((self.folder / "facts.json").read_text("utf-8"))
        assert "trouble" not in str(found), found
        return found


def jobs(setting: Setting, running: Running | None = None) -> list[str]:
    """The states of the daemon's jobs; none where there is no daemon."""
    if running:
        assert running.process.poll() is None, texts(running.output)
    try:
        with setting.client() as client:
            return [str(job["state"]) for job in client.status().jobs]
    except PasticheError:
        return []


def serves(setting: Setting) -> bool:
    """Whether the daemon paints for somebody else."""
    with Client.connect(setting.home, start=False) as client:
        content = PixelBuffer(PixelFormat("content", 64, 48, 3, "u8"), bytes(64 * 48 * 3))
        return bool(client.submit(content, [StyleRef("rose-window")]).wait().pixels.data)


@pytest.fixture
def start(setting: Setting, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(cases: str, where: Setting = setting) -> Running:
        folder = made(setting.gimp.workspace / "deaths" / str(time.time_ns()))
        output = folder / "gimp.out"
        process = where.gimp.start(batch(INSIDE / "slow.py"), output, FACTS=folder, CASES=cases)
        started.append(Running(where, process, folder, output))
        return started[-1]

    yield begin
    for running in started:
        kill_group(running.process)


def test_a_daemon_that_cannot_be_started_is_an_error_with_a_sentence(setting: Setting, alone: Any, start: Any) -> None:
    quiet = alone(start=False, **({"python": "/nowhere/python"} if setting.full else {}))
    facts = start("quick", quiet).facts()["quick"]
    assert facts["status"] == "execution-error"
    assert "daemon" in facts["message"]
    assert facts["layers"] == 1
    assert facts["seconds"] < 25


def test_the_plug_in_starts_the_daemon_that_is_installed_with_it(setting: Setting, alone: Any, start: Any) -> None:
    if not setting.full:
        pytest.skip("the daemon of this one runs elsewhere")
    quiet = alone(start=False)
    assert not quiet.connection
    facts = start("quick", quiet).facts()["quick"]
    assert (facts["status"], facts["layers"]) == ("success", 2), facts["message"]
    # It has outlived GIMP.
    assert serves(quiet)


def test_a_daemon_that_is_killed_is_an_error_and_the_next_call_works(setting: Setting, alone: Any, start: Any) -> None:
    mortal = alone()
    running = start("slow quick", mortal)
    running.wait_for_the_job()
    connection = mortal.connection
    assert connection
    os.kill(connection.pid, signal.SIGKILL)
    died = time.time()
    if not setting.full:
        wait_for(lambda: not mortal.connection, "the end of the daemon")
        mortal.start_outside()
    facts = running.facts()
    slow, quick = facts["slow"], facts["quick"]
    assert slow["status"] == "execution-error"
    assert "daemon" in slow["message"]
    assert slow["layers"] == 1
    assert slow["ended"] - died < SOON
    assert (quick["status"], quick["layers"]) == ("success", 2), quick["message"]


def test_a_killed_gimp_takes_its_job_along_and_the_daemon_serves_on(setting: Setting, start: Any) -> None:
    running = start("slow")
    running.wait_for_the_job()
    plug_in = running.plug_in()
    os.kill(running.process.pid, signal.SIGKILL)
    wait_for(lambda: not jobs(setting), "the end of the job", SOON)
    wait_for(lambda: not psutil.pid_exists(plug_in), "the end of the plug-in", SOON)
    assert serves(setting)


def test_the_cancel_button_which_kills_the_plug_in_ends_the_job(setting: Setting, start: Any) -> None:
    running = start("slow quick")
    running.wait_for_the_job()
    os.kill(running.plug_in(), signal.SIGKILL)
    facts = running.facts()
    assert facts["slow"]["status"] != "success"
    assert facts["slow"]["layers"] == 1
    assert facts["quick"]["status"] == "success"
    assert not jobs(setting)


def test_fifty_megapixels_are_painted(start: Any) -> None:
    running = start("large")
    assert running.process.wait(300) == 0
    facts = running.facts()["large"]
    assert (facts["status"], facts["layers"]) == ("success", 2), facts["message"]
    assert facts["size"] == [8200, 6150]
    assert facts["values"] > 100
