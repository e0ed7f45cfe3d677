"""Promises of `pastiche.client`, the way to the daemon for the command line and the plug-in."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from wire import Daemon, wait_for

from pastiche import client as client_module
from pastiche import connection as connection_module
from pastiche import control as control_module
from pastiche.client import Client, stop_daemon
from pastiche.connection import Connection, Home, read_connection
from pastiche.errors import ErrorCode, PasticheError
from pastiche.estimates import estimate, find_estimate, is_estimate
from pastiche.job import ConnectCancelled, JobCancelled, StyleRef
from pastiche.options import OPTIONS, defaults
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import STREAM_ABOVE, Accepted, Result
from pastiche.version import VERSION
from pastiched.styles import GALLERY
from pastiched.trained_library import SHIPPED
from pastiched.trained_model import read_trained_model


def picture(width: int, height: int, role: str = "content", channels: int = 3, depth: str = "u8") -> PixelBuffer:
    format = PixelFormat(role, width, height, channels, depth)
    pattern = bytes(range(256)) * (format.nbytes // 256 + 1)
    return PixelBuffer(format, pattern[: format.nbytes])


STYLE = StyleRef(pixels=picture(64, 64, "style"))


@pytest.fixture
def client(shared_daemon: Daemon) -> Iterator[Client]:
    with Client.connect(shared_daemon.home, start=False) as connected:
        yield connected


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home where a client may start daemons."""
    made = Home(tmp_path / "home", Path(sys.executable))
    yield made
    stop_daemon(made)


def test_a_job_tells_its_events_in_order_and_ends_once(client: Client) -> None:
    job = client.submit(picture(80, 60), [STYLE])
    events = list(job.events())
    assert isinstance(events[0].body, Accepted)
    assert [event.final for event in events].count(True) == 1
    assert isinstance(events[-1].body, Result)
    assert events[-1].pixels
    assert events[-1].pixels.format == PixelFormat("pastiche", 80, 60, 3, "u8")


def test_large_pictures_are_streamed_both_ways(client: Client) -> None:
    content = picture(2900, 2800, channels=4, depth="u16")
    assert content.format.nbytes > STREAM_ABOVE
    outcome = client.submit(content, [STYLE], {"depth": "16", "strength": 0, "brush_size": 400}).wait()
    assert outcome.pixels.format.nbytes == content.format.nbytes
    alpha_in = memoryview(content.data).cast("H")[3::4]
    alpha_out = memoryview(outcome.pixels.data).cast("H")[3::4]
    assert alpha_in.tolist() == alpha_out.tolist()


def test_a_cancelled_job_has_no_picture(client: Client) -> None:
    job = client.submit(picture(1600, 1200), [STYLE], {"brush_size": 25})
    with pytest.raises(JobCancelled):
        job.wait(on_progress=lambda progress: job.cancel())


def test_two_jobs_at_a_time_do_not_mix(client: Client) -> None:
    jobs = [client.submit(picture(40 + i, 30), [STYLE]) for i in range(3)]
    for i in (2, 0, 1):
        assert jobs[i].wait().pixels.format.width == 40 + i


def test_a_main_loop_can_pump_without_waiting(client: Client) -> None:
    job = client.submit(picture(64, 48), [STYLE])
    assert client.fd >= 0
    events, deadline = [], time.monotonic() + 30
    while not (events and events[-1].final):
        began = time.monotonic()
        events += client.pump()
        assert time.monotonic() - began < 1
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert all(event.job is job for event in events)
    assert client.pump() == []


def test_cancel_after_the_end_is_no_error(client: Client) -> None:
    job = client.submit(picture(32, 32), [STYLE])
    job.wait()
    job.cancel()
    job.finish()


def test_bad_options_and_styles_are_refused_before_anything_is_sent(client: Client) -> None:
    for styles, options in (
        ([STYLE], {"strength": 101}),
        ([STYLE], {"no": 1}),
        ([], {}),
        ([STYLE], {"method": "trained", "model": "ink"}),
        ([STYLE] * 5, {}),
        ([StyleRef("wave", weight=0)], {}),
    ):
        with pytest.raises(PasticheError) as caught:
            client.submit(picture(8, 8), styles, options)
        assert caught.value.code is ErrorCode.BAD_OPTION


def test_a_file_that_cannot_keep_a_run_is_refused_before_anything_is_sent(client: Client) -> None:
    for method, file in (("fast", "/tmp/run.pastiche-state"), ("fine", "/tmp/run"), ("fine", "run.pastiche-state")):
        with pytest.raises(PasticheError) as caught:
            client.submit(picture(8, 8), [STYLE], {"method": method}, state=Path(file))
        assert caught.value.code is ErrorCode.BAD_OPTION


def test_an_unknown_style_fails_the_job(client: Client) -> None:
    with pytest.raises(PasticheError) as caught:
        client.submit(picture(8, 8), [StyleRef("no such style")]).wait()
    assert caught.value.code is ErrorCode.UNKNOWN_STYLE


def test_closing_twice_and_with_jobs_under_way_does_not_wait(shared_daemon: Daemon) -> None:
    connected = Client.connect(shared_daemon.home, start=False)
    job = connected.submit(picture(1600, 1200), [STYLE], {"brush_size": 25})
    began = time.monotonic()
    connected.close()
    connected.close()
    assert time.monotonic() - began < 1
    with pytest.raises(PasticheError):
        job.wait()


def test_without_start_no_daemon_is_a_sentence(home: Home) -> None:
    with pytest.raises(PasticheError) as caught:
        Client.connect(home, start=False)
    assert caught.value.code is ErrorCode.NO_DAEMON
    assert read_connection(home) is None


def test_eight_clients_that_start_at_once_share_one_daemon(home: Home) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from pastiche.client import Client; from pastiche.connection import Home\n"
        "with Client.connect(Home(Path(sys.argv[1]), Path(sys.executable)), arguments=('--device', 'cpu')) as client:\n"
        "    print(client.status().pid)\n"
    )
    command = [sys.executable, "-c", code, str(home.folder)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    answers = {process.communicate(timeout=60)[0].strip() for process in started}
    assert len(answers) == 1
    assert answers != {""}


def test_a_stopped_daemon_is_a_timeout_and_not_for_ever(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "SILENT_SECONDS", 2.0)
    with Client.connect(home, arguments=("--device", "cpu")) as client:
        job = client.submit(picture(1600, 1200), [STYLE], {"brush_size": 25})
        daemon = psutil.Process(client.connection.pid)
        daemon.suspend()
        try:
            with pytest.raises(PasticheError) as caught:
                job.wait()
            assert caught.value.code is ErrorCode.TIMEOUT
        finally:
            daemon.resume()


def test_a_killed_daemon_is_noticed_within_three_seconds(home: Home) -> None:
    with Client.connect(home, arguments=("--device", "cpu")) as client:
        job = client.submit(picture(1600, 1200), [STYLE], {"brush_size": 25})
        next(job.events())
        psutil.Process(client.connection.pid).send_signal(signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(PasticheError) as caught:
            job.wait()
        assert caught.value.code is ErrorCode.DAEMON_GONE
        assert time.monotonic() - began < 3


def old_daemon(home: Home, major: int, seconds: float) -> subprocess.Popen[bytes]:
    script = Path(__file__).with_name("old_daemon.py")
    process = subprocess.Popen([sys.executable, str(script), str(home.folder), str(major), str(seconds)])
    deadline = time.monotonic() + 20
    while read_connection(home) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize(("major", "seconds"), [(1, 0.0), (1, 2.0), (2, 0.0)])
def test_an_old_daemon_finishes_and_is_replaced(home: Home, major: int, seconds: float) -> None:
    old = old_daemon(home, major, seconds)
    notes: list[str] = []
    with Client.connect(home, arguments=("--device", "cpu"), on_note=notes.append) as client:
        assert client.welcome
        assert client.welcome.daemon == VERSION
        assert client.connection.pid != old.pid
    assert old.wait(10) == 0
    assert bool(notes) == (seconds > 1)


def test_a_file_whose_process_number_is_used_by_another_program_is_replaced(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "ANSWER_SECONDS", 1.0)
    home.create()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    key = "0" * 40
    nowhere = "tcp://127.0.0.1:9"
    Connection(stranger.pid, 0.0, nowhere, nowhere, nowhere, nowhere, key, key, key).write(home.connection_file)
    try:
        with Client.connect(home, arguments=("--device", "cpu")) as client:
            assert client.connection.pid != stranger.pid
    finally:
        stranger.kill()
        stranger.wait()


def test_a_daemon_of_other_files_with_the_same_version_is_replaced_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client.connect(home) as first:
        old = first.connection
    replace(old, build="before").write(home.connection_file)
    with Client.connect(home) as same:
        assert same.connection.pid == old.pid, "a client that does not know its own files takes any"
    monkeypatch.setattr(client_module, "build_stamp", lambda: "after")
    with Client.connect(home) as second:
        new = second.connection
    assert new.pid != old.pid
    replace(new, build="after").write(home.connection_file)
    with Client.connect(home) as third:
        assert third.connection.pid == new.pid


def test_stages_are_told(home: Home) -> None:
    for expected in (["starting", "connecting"], ["connecting"]):
        stages: list[str] = []
        with Client.connect(home, arguments=("--device", "cpu"), on_stage=stages.append):
            assert stages == expected


def test_a_wait_for_a_daemon_that_does_not_answer_can_be_ended_at_once(shared_daemon: Daemon) -> None:
    daemon = psutil.Process(shared_daemon.pid)
    asked: list[float] = []

    def enough() -> bool:
        asked.append(time.monotonic())
        return asked[-1] - asked[0] > 1

    daemon.suspend()
    try:
        with pytest.raises(ConnectCancelled):
            Client.connect(shared_daemon.home, start=False, should_stop=enough)
        assert time.monotonic() - asked[-1] < 0.2
    finally:
        daemon.resume()
    assert max(later - sooner for sooner, later in itertools.pairwise(asked)) < 0.2
    assert len(asked) > 5


def test_a_wait_for_a_daemon_that_starts_can_be_ended_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start_slowly(*_: object) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        return started[-1]

    monkeypatch.setattr(connection_module, "start_daemon", start_slowly)
    began = time.monotonic()
    try:
        with pytest.raises(ConnectCancelled):
            Client.connect(home, should_stop=lambda: time.monotonic() - began > 0.5)
        assert time.monotonic() - began < 0.7
        assert len(started) == 1
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_wait_for_an_old_daemon_to_finish_can_be_ended_at_once(home: Home) -> None:
    old = old_daemon(home, 1, 30.0)
    began = time.monotonic()
    try:
        with pytest.raises(ConnectCancelled):
            Client.connect(home, should_stop=lambda: time.monotonic() - began > 2)
        assert time.monotonic() - began < 2.3
    finally:
        old.kill()
        old.wait()


def test_in_a_sandbox_a_daemon_of_another_version_is_used_and_not_stopped(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = old_daemon(home, 1, 0.0)
    monkeypatch.setattr(connection_module, "in_sandbox", lambda: True)
    outside = replace(home, python=Path("/opt/pastiche/bin/python"))
    try:
        with Client.connect(outside) as client:
            assert client.welcome
            assert client.welcome.daemon != VERSION
            assert client.thumbnail("rose-window") == b"", "nothing is asked that it does not know"
            with pytest.raises(PasticheError) as caught:
                client.submit(picture(8, 8), [STYLE], {"method": "fine"}, state=home.folder / "run.pastiche-state")
            assert caught.value.code is ErrorCode.VERSION and "0.0.1" in caught.value.sentence
            with pytest.raises(PasticheError) as caught:
                client.submit(picture(8, 8), [], {"method": "trained", "model": "ink"})
            assert caught.value.code is ErrorCode.VERSION and "0.0.1" in caught.value.sentence
            assert set(client._known_options(defaults())) == {o.name for o in OPTIONS if not o.methods}
        assert old.poll() is None
    finally:
        old.kill()
        old.wait()


def in_a_process_namespace_of_its_own(*command: str) -> list[str]:
    return ["unshare", "--pid", "--fork", "--mount-proc", *command]


def can_have_one() -> bool:
    try:
        tried = subprocess.run(in_a_process_namespace_of_its_own("true"), capture_output=True, check=False)
    except OSError:
        return False
    return tried.returncode == 0


@pytest.mark.skipif(not can_have_one(), reason="needs the right to make a process namespace")
def test_process_numbers_of_another_namespace_are_not_asked(home: Home) -> None:
    """As in a Flatpak: the daemon's number names nothing there, and its end is noticed all the same."""
    with Client.connect(home, arguments=("--device", "cpu")) as client:
        pid = client.connection.pid
    code = (
        "import sys; from pathlib import Path\n"
        "from pastiche.client import Client; from pastiche.connection import Home\n"
        "from pastiche.errors import PasticheError; from pastiche.liveness import process_alive\n"
        "with Client.connect(Home(Path(sys.argv[1]), Path(sys.executable)), start=False) as client:\n"
        "    print(client.status().pid, process_alive(client.connection.pid), flush=True)\n"
        "    sys.stdin.readline()\n"
        "    try: client.status()\n"
        "    except PasticheError as error: print(error.code, client.wait_until_gone(0), flush=True)\n"
    )
    command = in_a_process_namespace_of_its_own(sys.executable, "-c", code, str(home.folder))
    inside = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert inside.stdout
        assert inside.stdout.readline().split() == [str(pid), "False"]
        psutil.Process(pid).kill()
        began = time.monotonic()
        assert inside.communicate("\n", timeout=30)[0].split() == ["daemon_gone", "True"]
        assert time.monotonic() - began < 3
    finally:
        inside.kill()
        inside.wait()


def test_a_thumbnail_is_the_gallerys_file_or_the_models_and_the_users_own_pictures_have_none(home: Home) -> None:
    home.create()
    mine = home.styles_folder / "mein Bild.jpg"
    mine.write_bytes((GALLERY / "thumbnails" / "rose-window.jpg").read_bytes())
    with Client.connect(home, arguments=("--device", "cpu")) as client:
        for style in client.styles():
            name, source = style["name"], style["source"]
            expected = b""
            if source == "gallery":
                expected = (GALLERY / "thumbnails" / f"{name}.jpg").read_bytes()
            elif source == "shipped":
                expected = read_trained_model(SHIPPED / f"{name}.safetensors").thumbnail
            assert client.thumbnail(name) == expected and (source == "user" or expected)
        assert client.thumbnail("ROSE-window") and client.thumbnail(mine.stem) == b""
        for name in ("no such style", "", "../gallery/thumbnails/rose-window.jpg", str(mine), "x" * 1000):
            with pytest.raises(PasticheError) as caught:
                client.thumbnail(name)
            assert caught.value.code is ErrorCode.UNKNOWN_STYLE


def test_status_tells_what_is_known_of_each_method(client: Client) -> None:
    known = wait_for(lambda: client.status().estimates, "the worker's estimates")
    fast = find_estimate(known, defaults())
    assert fast is known[0] and fast["method"] == "fast" and not fast["options"]
    assert fast["seconds_per_megapixel"] > 0 and fast["memory"] > 0
    assert all(is_estimate(entry) for entry in known)
    small, large = estimate(fast, 1.0), estimate(fast, 24.0)
    assert 0 < small[0] < large[0] and 0 < small[1] < large[1]
