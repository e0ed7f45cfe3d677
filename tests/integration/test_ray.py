"""Promises of `pastiche batch --ray`, kept by a Ray cluster of two workers on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from cli_fixtures import QUICK, Shell, own_shell, photograph, wait_until
from PIL import Image

from pastiche import cli

__all__ = ["own_shell"]

PICTURES = 16


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster of one node, and the process that all of it descends from."""

    address: str
    head: psutil.Process

    def processes(self, title: str) -> list[psutil.Process]:
        found = []
        for process in self.head.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if title in " ".join(process.cmdline()[:1]):
                    found.append(process)
        return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """With room for two workers. It is started as users start one, and tells nobody."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'pastiche[ray]'")
    address = f"127.0.0.1:{free_port()}"
    # Its sockets' paths are long: they need a short folder.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        command = [
            sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--node-ip-address=127.0.0.1",
            f"--port={address.partition(':')[2]}", "--num-cpus=2", "--num-gpus=0", "--include-dashboard=false",
            "--disable-usage-stats", "--object-store-memory=100000000", f"--temp-dir={folder}",
        ]  # fmt: skip
        environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
        head = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        cluster = Cluster(address, psutil.Process(head.pid))
        try:
            wait_until(lambda: cluster.processes("raylet"), "the cluster")
            yield cluster
        finally:
            for member in [*cluster.head.children(recursive=True), cluster.head]:
                with contextlib.suppress(psutil.Error):
                    member.kill()
            head.wait()


def left_behind() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("pastiche-????????????????-*")}


def test_a_killed_worker_costs_no_picture_and_finished_ones_are_left_out(cluster: Cluster, own_shell: Shell) -> None:
    before = left_behind()
    out = own_shell.folder / "out"
    for folder in (own_shell.folder / "in", out):
        folder.mkdir()
    for number in range(PICTURES):
        photograph(own_shell.folder / "in" / f"{number}.jpg", 300 + number, 200)
    (own_shell.folder / "in" / "broken.jpg").write_bytes(b"not a picture")
    (out / "0.png").write_bytes(b"from an earlier run")
    command = ("batch", "in", "-s", "in/0.jpg", *QUICK, "--device", "cpu", "--format", "png", "-o", "out", "--json")
    process = own_shell.start(*command, "--ray", cluster.address, "--ray-workers", "2")
    wait_until(lambda: process.poll() is not None or len(list(out.glob("*.png"))) > 1, "the first picture")
    workers = cluster.processes("ray::RayPainter")
    assert len(workers) == 2
    # Still on the way or being painted, half of them by this worker.
    assert len(list(out.glob("*.png"))) < PICTURES - 4
    workers[0].kill()
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    report = json.loads(stdout)
    assert (report["painted"], report["failed"], report["skipped"]) == (PICTURES - 1, 1, 1), stderr
    assert "broken.jpg" in stderr
    assert {path.name for path in out.iterdir()} == {f"{number}.png" for number in range(PICTURES)}
    assert (out / "0.png").read_bytes() == b"from an earlier run"
    for number in range(1, PICTURES):
        with Image.open(out / f"{number}.png") as picture:
            picture.load()
            assert picture.size == (300 + number, 200)
    assert left_behind() == before
    assert own_shell.connection is None


def test_without_a_cluster_there_is_one_sentence(own_shell: Shell) -> None:
    pytest.importorskip("ray")
    photograph(own_shell.folder / "a.png")
    done = own_shell.run("batch", "a.png", "-s", "a.png", *QUICK, "-o", "out", "--ray", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No Ray cluster can be used" in done.stderr


def test_without_ray_there_is_one_sentence_about_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    source = str(photograph(tmp_path / "a.png"))
    assert cli.main(["batch", source, "-s", source, "-o", str(tmp_path / "out"), "--ray", "auto"]) == 1
    said = capsys.readouterr().err
    assert said == "pastiche: Ray is not installed. Install it with `pip install 'pastiche[ray]'`.\n"
