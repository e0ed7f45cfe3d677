"""Jobs between clients and workers, with both played by the test."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from pastiche.connection import Home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelFormat
from pastiche.protocol import (
    WINDOW,
    Accepted,
    Body,
    Cancel,
    Cancelled,
    Credit,
    Failed,
    Finish,
    Message,
    Pixels,
    Preview,
    Progress,
    Result,
    Submit,
    decode_header,
    decode_message,
    frame_bytes,
)
from pastiched.config import ServeConfig
from pastiched.dispatcher import (
    CANCEL_SECONDS,
    DELIVERY_SECONDS,
    EARLY_BYTES,
    SAVING_SECONDS,
    STALL_SECONDS,
    Dispatcher,
)
from pastiched.jobs import check_submit
from pastiched.link import Begun
from pastiched.sockets import Delivery, Port
from pastiched.supervisor import Worker, WorkerState

CONTENT = PixelFormat("content", 8, 6, 3, "u8")
STYLE = PixelFormat("style", 4, 4, 3, "u8")
LARGE = PixelFormat("content", 6000, 4000, 3, "u8")
HEAVY = PixelFormat("content", 4000, EARLY_BYTES // 12_000 + 1, 3, "u8")
"""With its style more than a worker is given before its turn."""
LARGE_PASTICHE = PixelFormat("pastiche", 6000, 4000, 3, "u8")


class Clients:
    """Stands for the jobs socket: what each client was sent, and which of them are gone or do not read."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Message]] = []
        self.gone: set[bytes] = set()
        self.full: set[bytes] = set()
        self.slow: set[bytes] = set()
        """Those that have not taken yet what they were sent."""
        self.undelivered = 0

    def send(self, route: bytes, parts: Sequence[Any], follow: bool = False) -> Delivery:
        if route in self.gone:
            return Delivery.GONE
        if route in self.full:
            return Delivery.FULL
        message = decode_message(decode_header(parts[0]), parts[1:])
        assert message is not None
        self.sent.append((route, message))
        return Delivery.SENT

    def undelivered_to(self, route: bytes) -> int:
        return 1 if route in self.slow else 0

    def bodies(self, route: bytes, *kinds: type[Body]) -> list[Body]:
        return [m.body for r, m in self.sent if r == route and isinstance(m.body, kinds or (Body,))]


class Computer:
    """Stands for a worker."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.usable, self.hopeful = True, True
        self.state = WorkerState.READY
        self.failure = PasticheError(ErrorCode.NO_DEVICE)
        self.estimates: list[dict[str, Any]] = []
        self.killed: list[PasticheError] = []

    def send(self, message: Message) -> None:
        self.got.append(message)

    def wake(self, _: float) -> bool:
        return self.hopeful

    def work_begins(self) -> None: ...

    def kill(self, why: PasticheError) -> None:
        self.killed.append(why)

    def tags(self) -> list[str]:
        return [m.parent for m in self.got if isinstance(m.body, Submit)]


class Scene:
    def __init__(self) -> None:
        self.clients, self.computer = Clients(), Computer()
        config = ServeConfig(Home(Path("home"), Path("python")), queue=4)
        self.dispatcher = Dispatcher(config, cast(Port, self.clients))
        self.dispatcher.workers = [cast(Worker, self.computer)]

    def submit(
        self, name: str, route: bytes = b"a", preview: bool = False, content: PixelFormat = CONTENT,
        options: dict[str, Any] | None = None, state: str = "",
    ) -> None:  # fmt: skip
        streams = [0] if content is LARGE else []
        frames = tuple(bytes(b.nbytes) for i, b in enumerate((content, STYLE)) if i not in streams)
        body = Submit(options or {}, [{"weight": 1.0, "buffer": 1}], streams, preview, state)
        message = Message(body, id=name, session="s", buffers=(content, STYLE), frames=frames)
        if not self.dispatcher.repeats(route, ("s", name)):
            self.dispatcher.check_room(message)
            self.dispatcher.add(route, message, check_submit(message, Path))

    def say(self, tag: str, body: Body, buffers: Any = (), frames: Any = ()) -> None:
        self.dispatcher.worker_said(
            cast(Worker, self.computer), Message(body, parent=tag, buffers=buffers, frames=frames)
        )

    def tick(self, seconds: float) -> None:
        self.dispatcher.tick(time.monotonic() + seconds)

    def strip(self, name: str, row: int, rows: int, route: bytes = b"a") -> None:
        message = Message(Pixels(0, row, rows), session="s", parent=name, frames=(bytes(rows * LARGE.row_bytes),))
        self.dispatcher.take_pixels(route, message, cast(Pixels, message.body))

    def credit(self, name: str, rows: int, route: bytes = b"a") -> None:
        message = Message(Credit(0, rows), session="s", parent=name)
        self.dispatcher.take_credit(route, message, cast(Credit, message.body))


def line(method: str, seconds: float, more: float) -> dict[str, Any]:
    return {
        "method": method,
        "seconds": seconds,
        "seconds_per_megapixel": more,
        "memory": 100,
        "memory_per_megapixel": 0,
    }


def states(scene: Scene) -> dict[str, str]:
    return {job.id: str(job.state) for job in scene.dispatcher.queue}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_one_job_computes_at_a_time_and_the_next_is_at_hand(scene: Scene) -> None:
    for name in ("one", "two", "three"):
        scene.submit(name)
    first, second = scene.computer.tags()
    assert states(scene) == {"one": "running", "two": "queued", "three": "queued"}
    scene.say(first, Result({}))
    assert [type(b) for b in scene.clients.bodies(b"a")] == [Accepted, Accepted, Accepted, Result]
    # It has not begun yet, and until then nothing else may.
    assert scene.computer.tags() == [first, second] and states(scene) == {"two": "queued", "three": "queued"}
    scene.say(second, Begun())
    assert len(scene.computer.tags()) == 3 and states(scene) == {"two": "running", "three": "queued"}


def test_a_preview_is_handed_to_a_busy_worker_and_a_second_one_waits(scene: Scene) -> None:
    for name in ("full", "p1", "p2"):
        scene.submit(name, preview=name != "full")
    assert len(scene.computer.tags()) == 2
    scene.say(scene.computer.tags()[1], Result({}))
    assert len(scene.computer.tags()) == 3


def test_a_full_job_does_not_start_beside_a_preview(scene: Scene) -> None:
    scene.submit("preview", preview=True)
    scene.submit("full")
    assert len(scene.computer.tags()) == 1


def test_an_estimate_is_made_from_what_the_worker_knows(scene: Scene) -> None:
    scene.submit("before")
    scene.computer.estimates = [line("fast", 1.0, 1_000_000.0)]
    scene.submit("after")
    before, after = scene.clients.bodies(b"a", Accepted)
    assert (before.seconds, before.memory) == (0.0, 0)  # type: ignore[attr-defined]
    assert (after.seconds, after.memory) == (49.0, 100)  # type: ignore[attr-defined]


def test_estimates_are_told_for_the_methods_that_something_is_known_of(scene: Scene) -> None:
    assert scene.dispatcher.estimates() == []
    scene.computer.estimates = [line("fast", 1.0, 0.5), line("unknown method", 1.0, 1.0), line("fine", 9.0, 8.0)]
    assert scene.dispatcher.estimates() == [line("fast", 1.0, 0.5), line("fine", 9.0, 8.0)]


def test_an_estimate_heeds_how_much_effort_is_wanted(scene: Scene) -> None:
    scene.computer.estimates = [
        line("fast", 1.0, 0.0),
        line("fine", 60.0, 0.0),
        line("fine", 600.0, 0.0) | {"options": {"effort": "best"}, "points": [[0.0, 700.0, 1e9], [1.0, 800.0, 2e9]]},
    ]
    for name, effort in (("normal", "normal"), ("best", "best")):
        scene.submit(name, options={"method": "fine", "effort": effort})
    normal, best = (cast(Accepted, body) for body in scene.clients.bodies(b"a", Accepted))
    assert (normal.seconds, normal.memory) == (60.0, 100)
    assert best.seconds == pytest.approx(700.0, abs=0.01) and best.memory == pytest.approx(1e9, rel=1e-3)


def test_frames_are_let_go_once_the_worker_has_them(scene: Scene) -> None:
    scene.submit("one")
    scene.submit("two")
    held = {job.id: job.nbytes for job in scene.dispatcher.queue}
    assert held == {"one": 0, "two": CONTENT.nbytes + STYLE.nbytes}


def test_a_cancelled_job_ends_when_the_worker_has_stopped(scene: Scene) -> None:
    scene.submit("one")
    assert scene.dispatcher.cancel(("s", "one"))
    assert not scene.clients.bodies(b"a", Cancelled)
    (tag,) = scene.computer.tags()
    assert scene.computer.got[-1].body == Cancel(tag)
    scene.say(tag, Cancelled())
    assert len(scene.clients.bodies(b"a", Cancelled)) == 1 and len(scene.dispatcher.queue) == 0


def test_a_result_that_came_too_late_for_cancel_is_not_sent(scene: Scene) -> None:
    for outcome in (Result({}), Failed("engine", "It broke.", "")):
        scene.submit("one" + outcome.TYPE)
        scene.dispatcher.cancel(("s", "one" + outcome.TYPE))
        scene.say(scene.computer.tags()[-1], outcome)
    assert not scene.clients.bodies(b"a", Result, Failed) and len(scene.clients.bodies(b"a", Cancelled)) == 2


def test_a_worker_that_does_not_stop_is_killed_and_only_its_other_jobs_fail(scene: Scene) -> None:
    scene.submit("full")
    scene.submit("preview", preview=True)
    scene.dispatcher.cancel(("s", "full"))
    scene.tick(CANCEL_SECONDS - 0.5)
    assert not scene.computer.killed
    scene.tick(CANCEL_SECONDS + 0.5)
    assert scene.computer.killed
    scene.dispatcher.worker_lost(cast(Worker, scene.computer), scene.computer.killed[0])
    outcomes = {m.parent: type(m.body) for _, m in scene.clients.sent if isinstance(m.body, Cancelled | Failed)}
    assert outcomes == {"full": Cancelled, "preview": Failed}


def test_a_job_that_keeps_its_run_gets_time_to_write_it(scene: Scene, tmp_path: Path) -> None:
    scene.submit("fine", options={"method": "fine"}, state=str(tmp_path / "run.pastiche-state"))
    (sent,) = [m.body for m in scene.computer.got if isinstance(m.body, Submit)]
    assert (sent.state, sent.resume) == (str(tmp_path / "run.pastiche-state"), "")
    scene.dispatcher.cancel(("s", "fine"))
    scene.tick(CANCEL_SECONDS + 10)
    assert not scene.computer.killed
    scene.tick(SAVING_SECONDS + 1)
    assert scene.computer.killed


def test_waiting_jobs_outlive_a_dead_worker_unless_it_is_given_up(scene: Scene) -> None:
    scene.submit("running")
    scene.submit("waiting")
    scene.dispatcher.worker_lost(cast(Worker, scene.computer), PasticheError(ErrorCode.WORKER_DIED))
    assert [job.id for job in scene.dispatcher.queue] == ["waiting"]
    scene.computer.state = WorkerState.FAILED
    scene.dispatcher.worker_lost(cast(Worker, scene.computer), PasticheError(ErrorCode.WORKER_DIED))
    assert len(scene.clients.bodies(b"a", Failed)) == 2 and len(scene.dispatcher.queue) == 0


def test_without_hope_for_a_worker_a_submit_is_refused_with_the_reason(scene: Scene) -> None:
    scene.computer.hopeful = False
    with pytest.raises(PasticheError) as caught:
        scene.submit("one")
    assert caught.value.code is ErrorCode.NO_DEVICE


def test_every_job_is_told_about_twice_a_second(scene: Scene) -> None:
    scene.submit("running")
    scene.submit("waiting")
    scene.tick(0.5)
    told = {m.parent: m.body for _, m in scene.clients.sent if isinstance(m.body, Progress)}
    assert set(told) == {"running", "waiting"}


def test_a_client_that_has_gone_has_its_jobs_cancelled(scene: Scene) -> None:
    scene.submit("one", b"a")
    scene.submit("two", b"a")
    scene.submit("other", b"b")
    scene.clients.gone.add(b"a")
    scene.tick(0.5)
    first, second, third = scene.computer.tags()
    assert [m.body for m in scene.computer.got if isinstance(m.body, Cancel)] == [Cancel(first), Cancel(second)]
    assert [job.id for job in scene.dispatcher.queue] == ["one", "other"]
    scene.say(third, Begun())
    assert states(scene) == {"one": "cancelling", "other": "running"}


def test_a_job_that_another_connection_listens_to_goes_on(scene: Scene) -> None:
    scene.submit("one", b"a")
    scene.submit("one", b"b")
    scene.clients.gone.add(b"a")
    scene.tick(0.5)
    scene.say(scene.computer.tags()[0], Result({}))
    assert len(scene.computer.tags()) == 1 and len(scene.clients.bodies(b"b", Result)) == 1


def test_a_client_that_does_not_read_gets_its_outcome_later_and_in_order(scene: Scene) -> None:
    scene.submit("one")
    scene.clients.full.add(b"a")
    scene.say(scene.computer.tags()[0], Result({}))
    scene.tick(1.0)
    assert not scene.clients.bodies(b"a", Result)
    scene.clients.full.clear()
    scene.submit("two")
    assert len(scene.clients.bodies(b"a", Accepted)) == 1
    scene.tick(2.0)
    kinds = [type(b) for b in scene.clients.bodies(b"a", Accepted, Result)]
    assert kinds == [Accepted, Result, Accepted]


def test_a_client_that_never_reads_again_counts_as_gone(scene: Scene) -> None:
    scene.submit("one")
    scene.submit("two")
    scene.clients.full.add(b"a")
    scene.say(scene.computer.tags()[0], Result({}))
    scene.tick(DELIVERY_SECONDS + 1)
    assert isinstance(scene.computer.got[-1].body, Cancel)


def test_progress_for_a_client_that_does_not_read_is_not_piled_up(scene: Scene) -> None:
    scene.submit("one")
    scene.clients.full.add(b"a")
    for second in range(1, 20):
        scene.tick(float(second))
    scene.clients.full.clear()
    scene.tick(25.0)
    assert len(scene.clients.bodies(b"a", Progress)) == 1


DETAIL = {"scale": 1, "scales": 2, "iteration": 100, "iterations": 300, "style": 0.5}


def test_every_detail_is_told_once_and_at_once(scene: Scene) -> None:
    scene.submit("one")
    (tag,) = scene.computer.tags()
    details = [DETAIL | {"iteration": 100 * n} for n in (1, 2, 3)]
    for detail in details:
        scene.say(tag, Progress("stylize", 0.5, 9.0, detail))
        scene.say(tag, Progress("stylize", 0.5))
    scene.tick(1.0)
    told = [cast(Progress, body) for body in scene.clients.bodies(b"a", Progress)]
    assert [body.detail for body in told if body.detail] == details
    assert not told[-1].detail and told[-1].fraction == 0.5


def test_a_detail_waits_for_a_client_that_does_not_read(scene: Scene) -> None:
    scene.submit("one")
    (tag,) = scene.computer.tags()
    scene.clients.full.add(b"a")
    scene.say(tag, Progress("stylize", 0.5, None, DETAIL))
    scene.say(tag, Progress("stylize", 0.6))
    scene.clients.full.clear()
    scene.tick(1.0)
    assert [body.detail for body in scene.clients.bodies(b"a", Progress) if body.detail] == [DETAIL]  # type: ignore[attr-defined]


def preview(shade: int) -> dict[str, Any]:
    return {"buffers": (PixelFormat("preview", 4, 4, 3, "u8"),), "frames": (bytes([shade]) * 48,)}


def shades(scene: Scene, route: bytes) -> list[int]:
    return [m.frames[0][0] for r, m in scene.clients.sent if r == route and isinstance(m.body, Preview)]


def test_of_the_pictures_in_between_a_slow_client_gets_the_newest(scene: Scene) -> None:
    scene.submit("one", b"a")
    scene.submit("one", b"b")
    (tag,) = scene.computer.tags()
    scene.clients.slow.add(b"b")
    for shade in (1, 2, 3):
        scene.say(tag, Preview(), **preview(shade))
    assert shades(scene, b"a") == [1, 2, 3] and shades(scene, b"b") == []
    scene.tick(0.1)
    assert shades(scene, b"b") == []
    scene.clients.slow.clear()
    scene.tick(0.2)
    scene.tick(0.3)
    assert shades(scene, b"a") == [1, 2, 3] and shades(scene, b"b") == [3]


def test_no_picture_in_between_comes_after_the_outcome(scene: Scene) -> None:
    scene.submit("one")
    (tag,) = scene.computer.tags()
    scene.clients.full.add(b"a")
    scene.say(tag, Preview(), **preview(1))
    scene.clients.full.clear()
    scene.say(tag, Result({}))
    scene.say(tag, Preview(), **preview(2))
    scene.tick(1.0)
    assert shades(scene, b"a") == []


def test_a_client_that_has_gone_is_noticed_by_a_picture_too(scene: Scene) -> None:
    scene.submit("one")
    (tag,) = scene.computer.tags()
    scene.clients.gone.add(b"a")
    scene.say(tag, Preview(), **preview(1))
    assert scene.computer.got[-1].body == Cancel(tag)


def test_undelivered_results_count_against_the_queue(scene: Scene) -> None:
    scene.clients.undelivered = 2_000_000_000
    with pytest.raises(PasticheError) as caught:
        scene.submit("one")
    assert caught.value.code is ErrorCode.BUSY


class TestEarly:
    """A job that is at the worker before its turn."""

    def test_it_is_queued_for_its_client_whatever_the_worker_says_of_its_reception(self, scene: Scene) -> None:
        scene.submit("one")
        scene.submit("two")
        scene.say(scene.computer.tags()[1], Progress("receive", 0.0))
        scene.tick(0.5)
        told = [m.body for _, m in scene.clients.sent if m.parent == "two" and isinstance(m.body, Progress)]
        assert [body.stage for body in told] == ["queued"]
        scene.submit("two", b"b")
        scene.submit("three", b"b")
        assert [body.position for body in scene.clients.bodies(b"b", Accepted)] == [1, 2]  # type: ignore[attr-defined]

    def test_its_frames_are_kept_until_it_begins(self, scene: Scene) -> None:
        scene.submit("one")
        scene.submit("two")
        first, second = scene.computer.tags()
        scene.say(first, Result({}))
        (job,) = scene.dispatcher.queue
        assert job.nbytes == CONTENT.nbytes + STYLE.nbytes
        scene.say(second, Begun())
        assert job.nbytes == 0

    def test_a_death_is_not_put_down_to_it(self, scene: Scene) -> None:
        scene.submit("one")
        scene.submit("two")
        second = scene.computer.tags()[1]
        scene.computer.usable = False
        scene.dispatcher.worker_lost(cast(Worker, scene.computer), PasticheError(ErrorCode.WORKER_DIED))
        assert states(scene) == {"two": "queued"} and not scene.dispatcher.busy(cast(Worker, scene.computer))
        scene.computer.usable = True
        scene.dispatcher.worker_ready(cast(Worker, scene.computer))
        again = [m for m in scene.computer.got if isinstance(m.body, Submit)][-1]
        assert again.parent != second and sum(map(len, again.frames)) == CONTENT.nbytes + STYLE.nbytes
        assert states(scene) == {"two": "running"}
        scene.say(again.parent, Result({}))
        assert [m.parent for _, m in scene.clients.sent if isinstance(m.body, Failed)] == ["one"]

    def test_after_the_last_one_has_ended_the_worker_counts_as_busy(self, scene: Scene) -> None:
        scene.submit("one")
        scene.submit("two")
        scene.say(scene.computer.tags()[0], Result({}))
        assert scene.dispatcher.busy(cast(Worker, scene.computer))

    def test_a_cancel_ends_it_at_once_and_the_one_behind_takes_its_place(self, scene: Scene) -> None:
        for name in ("one", "two", "three"):
            scene.submit(name)
        first, second = scene.computer.tags()
        scene.dispatcher.cancel(("s", "two"))
        assert [m.parent for _, m in scene.clients.sent if isinstance(m.body, Cancelled)] == ["two"]
        assert [m.body for m in scene.computer.got if isinstance(m.body, Cancel)] == [Cancel(second)]
        third = scene.computer.tags()[2]
        scene.say(second, Cancelled())
        scene.say(first, Result({}))
        scene.say(third, Begun())
        assert states(scene) == {"three": "running"} and len(scene.clients.bodies(b"a", Cancelled)) == 1

    def test_an_early_end_that_it_is_asked_for_reaches_it(self, scene: Scene) -> None:
        scene.submit("one")
        scene.submit("two")
        second = scene.computer.tags()[1]
        scene.dispatcher.finish(("s", "two"))
        assert scene.computer.got[-1].body == Finish(second)

    def test_no_clock_runs_for_it(self, scene: Scene) -> None:
        scene.submit("one")
        scene.submit("two")
        scene.tick(max(STALL_SECONDS, SAVING_SECONDS) + 1)
        assert states(scene) == {"one": "running", "two": "queued"} and not scene.computer.killed

    def test_a_heavy_one_waits_and_none_passes_it(self, scene: Scene) -> None:
        scene.submit("one")
        scene.submit("heavy", content=HEAVY)
        scene.submit("three")
        (first,) = scene.computer.tags()
        scene.say(first, Result({}))
        assert states(scene) == {"heavy": "running", "three": "queued"}
        assert len(scene.computer.tags()) == 3

    def test_a_preview_that_must_wait_still_goes_first(self, scene: Scene) -> None:
        scene.submit("full")
        scene.submit("next")
        scene.submit("p1", preview=True)
        full, early, first = scene.computer.tags()
        scene.submit("p2", preview=True)
        # The worker would begin what it has as soon as the first preview is done.
        assert scene.computer.got[-1].body == Cancel(early) and len(scene.computer.tags()) == 3
        scene.say(full, Result({}))
        scene.say(early, Cancelled())
        scene.say(first, Result({}))
        assert states(scene) == {"next": "queued", "p2": "running"} and len(scene.computer.tags()) == 4
        scene.say(scene.computer.tags()[3], Result({}))
        assert states(scene) == {"next": "running"} and not scene.clients.bodies(b"a", Cancelled)

    def test_where_there_is_no_memory_for_it_its_turn_decides(self, scene: Scene) -> None:
        scene.submit("one")
        scene.submit("two")
        first, early = scene.computer.tags()
        scene.say(early, Failed("out_of_memory", "No memory.", ""))
        assert states(scene) == {"one": "running", "two": "queued"} and len(scene.computer.tags()) == 2
        scene.say(first, Result({}))
        scene.say(scene.computer.tags()[2], Failed("out_of_memory", "No memory.", ""))
        (said,) = (m for _, m in scene.clients.sent if isinstance(m.body, Failed))
        assert said.parent == "two"

    def test_none_passes_one_whose_rows_are_still_coming(self, scene: Scene) -> None:
        scene.submit("streamed", content=LARGE)
        scene.submit("two")
        (tag,) = scene.computer.tags()
        for row in range(0, LARGE.height, 400):
            assert len(scene.computer.tags()) == 1
            scene.say(tag, Credit(0, row + 400))
            scene.strip("streamed", row, 400)
        assert len(scene.computer.tags()) == 2

    def test_none_is_at_hand_while_a_large_result_is_sent(self, scene: Scene) -> None:
        scene.submit("one")
        (first,) = scene.computer.tags()
        scene.say(first, Result({}, [0]), (LARGE_PASTICHE,))
        scene.submit("two")
        scene.submit("three")
        assert states(scene) == {"one": "sending", "two": "running", "three": "queued"}
        assert len(scene.computer.tags()) == 2


class TestStreaming:
    def test_rows_pass_through_within_the_credit(self, scene: Scene) -> None:
        scene.submit("one", content=LARGE)
        (tag,) = scene.computer.tags()
        with pytest.raises(PasticheError):
            scene.strip("one", 0, 100)
        scene.say(tag, Credit(0, 400))
        assert scene.clients.bodies(b"a", Credit) == [Credit(0, 400)]
        scene.strip("one", 0, 400)
        assert scene.computer.got[-1].body == Pixels(0, 0, 400)
        assert frame_bytes(scene.computer.got[-1].frames[0]) == 400 * LARGE.row_bytes

    def test_rows_from_another_connection_are_refused(self, scene: Scene) -> None:
        scene.submit("one", b"a", content=LARGE)
        scene.submit("one", b"b", content=LARGE)
        scene.say(scene.computer.tags()[0], Credit(0, 400))
        with pytest.raises(PasticheError):
            scene.strip("one", 0, 1, b"b")

    def test_the_source_gone_means_the_rows_will_never_come(self, scene: Scene) -> None:
        scene.submit("one", b"a", content=LARGE)
        scene.submit("one", b"b", content=LARGE)
        scene.clients.gone.add(b"a")
        scene.tick(0.5)
        assert isinstance(scene.computer.got[-1].body, Cancel)

    def test_a_client_that_stops_sending_is_given_up(self, scene: Scene) -> None:
        scene.submit("one", content=LARGE)
        scene.tick(STALL_SECONDS - 1)
        assert not scene.clients.bodies(b"a", Failed)
        scene.tick(STALL_SECONDS + 1)
        (failed,) = scene.clients.bodies(b"a", Failed)
        assert isinstance(failed, Failed) and failed.code == "timeout"
        assert isinstance(scene.computer.got[-1].body, Cancel)

    def finish(self, scene: Scene) -> str:
        scene.submit("one")
        (tag,) = scene.computer.tags()
        scene.say(tag, Result({}, [0]), (LARGE_PASTICHE,))
        return tag

    def granted(self, scene: Scene) -> int:
        return max([m.body.rows for m in scene.computer.got if isinstance(m.body, Credit)], default=0)

    def test_a_result_is_taken_from_the_worker_only_as_the_client_takes_it(self, scene: Scene) -> None:
        tag = self.finish(scene)
        assert self.granted(scene) == 0
        scene.credit("one", 300)
        assert self.granted(scene) == 300
        scene.say(tag, Pixels(0, 0, 300), frames=(bytes(300 * LARGE_PASTICHE.row_bytes),))
        assert scene.clients.bodies(b"a", Pixels) == [Pixels(0, 0, 300)]

    def test_a_greedy_client_still_gets_no_more_than_a_window_ahead(self, scene: Scene) -> None:
        tag = self.finish(scene)
        scene.credit("one", 4000)
        strip = 8_000_000 // LARGE_PASTICHE.row_bytes
        assert self.granted(scene) == WINDOW * strip
        scene.clients.undelivered = 100_000_000
        scene.say(tag, Pixels(0, 0, strip), frames=(bytes(strip * LARGE_PASTICHE.row_bytes),))
        assert self.granted(scene) == WINDOW * strip
        scene.clients.undelivered = 0
        scene.tick(0.1)
        assert self.granted(scene) == (WINDOW + 1) * strip

    def test_the_worker_may_compute_the_next_job_meanwhile(self, scene: Scene) -> None:
        self.finish(scene)
        scene.submit("two")
        assert len(scene.computer.tags()) == 2

    def test_after_its_last_row_it_is_known_but_not_kept(self, scene: Scene) -> None:
        tag = self.finish(scene)
        row = 0
        while row < 4000:
            scene.credit("one", min(4000, row + 1000))
            count = min(1000, self.granted(scene) - row)
            scene.say(tag, Pixels(0, row, count), frames=(bytes(count * LARGE_PASTICHE.row_bytes),))
            row += count
        assert len(scene.dispatcher.queue) == 0
        scene.submit("one")
        (failed,) = scene.clients.bodies(b"a", Failed)
        assert isinstance(failed, Failed) and failed.code == "unknown_job"

    def test_a_client_that_stops_taking_is_given_up(self, scene: Scene) -> None:
        self.finish(scene)
        scene.tick(STALL_SECONDS + 1)
        assert len(scene.clients.bodies(b"a", Failed)) == 1 and isinstance(scene.computer.got[-1].body, Cancel)

    def test_cancel_ends_the_stream(self, scene: Scene) -> None:
        self.finish(scene)
        scene.dispatcher.cancel(("s", "one"))
        assert len(scene.clients.bodies(b"a", Cancelled)) == 1 and len(scene.dispatcher.queue) == 0
