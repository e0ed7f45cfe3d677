"""What a submit may ask for, who waits for whom, and which outcomes are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelFormat
from pastiche.protocol import Cancelled, Hello, Message, Result, Submit
from pastiched.jobs import Job, JobQueue, JobState, OutcomeStore, check_submit

CONTENT = PixelFormat("content", 8, 6, 3, "u8")
STYLE = PixelFormat("style", 4, 4, 3, "u8")
MASK = PixelFormat("mask", 8, 6, 1, "u8")


def submit(
    *buffers: PixelFormat, styles: Any = None, options: Any = None, streams: Any = (), session: str = "s",
    preview: bool = False, name: str = "", state: str = "", resume: str = "",
) -> Message:  # fmt: skip
    described = buffers or (CONTENT, STYLE)
    styles = [{"weight": 1.0, "buffer": 1}] if styles is None else styles
    body = Submit(options or {}, styles, list(streams), preview, state, resume)
    frames = tuple(bytes(b.nbytes) for i, b in enumerate(described) if i not in streams)
    message = Message(body, session=session, buffers=described, frames=frames)
    return replace(message, id=name) if name else message


def write_state(path: Path) -> None:
    header = json.dumps({"__metadata__": {"format": "pastiche-fine-state"}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def find(name: str) -> Path:
    if name != "wave":
        raise PasticheError(ErrorCode.UNKNOWN_STYLE)
    return Path("/gallery/wave.png")


def find_model(name: str) -> tuple[str, Path]:
    if name.casefold() != "ink":
        raise PasticheError(ErrorCode.UNKNOWN_MODEL)
    return "ink", Path("/models/ink.safetensors")


def make(name: str, preview: bool = False) -> Job:
    message = submit(preview=preview, name=name)
    return Job(message, check_submit(message, find), [b"route"], arrived=0.0)


def test_a_correct_submit_becomes_an_order_with_all_options() -> None:
    order = check_submit(submit(options={"strength": 50}), find)
    assert order.options["strength"] == 50.0 and order.options["method"] == "fast" and "seed" in order.options
    assert [(s.weight, s.buffer, s.path) for s in order.styles] == [(1.0, 1, None)]
    assert order.megapixels == pytest.approx(48e-6) and not order.preview


def test_styles_may_be_named_and_mixed() -> None:
    styles = [{"weight": 2, "name": "wave"}, {"buffer": 1}]
    order = check_submit(submit(styles=styles), find)
    assert [(s.weight, s.buffer, s.path) for s in order.styles] == [
        (2.0, None, Path("/gallery/wave.png")),
        (1.0, 1, None),
    ]
    assert [s.to_wire() for s in order.styles] == [
        {"weight": 2.0, "path": str(Path("/gallery/wave.png"))},
        {"weight": 1.0, "buffer": 1},
    ]


def test_one_style_picture_may_be_used_twice() -> None:
    assert len(check_submit(submit(styles=[{"buffer": 1}, {"buffer": 1, "weight": 3}]), find).styles) == 2


REFUSED = {
    "no content": (submit(STYLE, STYLE), ErrorCode.BAD_MESSAGE),
    "two contents": (submit(CONTENT, STYLE, CONTENT), ErrorCode.BAD_MESSAGE),
    "two masks": (submit(CONTENT, STYLE, MASK, MASK), ErrorCode.BAD_MESSAGE),
    "a pastiche": (submit(CONTENT, STYLE, PixelFormat("pastiche", 8, 6, 3, "u8")), ErrorCode.BAD_MESSAGE),
    "mask of another size": (submit(CONTENT, STYLE, PixelFormat("mask", 6, 8, 1, "u8")), ErrorCode.BAD_PICTURE),
    "no style": (submit(styles=[]), ErrorCode.BAD_MESSAGE),
    "five styles": (submit(styles=[{"buffer": 1}] * 5), ErrorCode.BAD_MESSAGE),
    "style unused": (submit(CONTENT, STYLE, STYLE), ErrorCode.BAD_MESSAGE),
    "style unknown": (submit(CONTENT, styles=[{"name": "nix"}]), ErrorCode.UNKNOWN_STYLE),
    "style with both": (submit(styles=[{"name": "wave", "buffer": 1}]), ErrorCode.BAD_MESSAGE),
    "style name a number": (submit(CONTENT, styles=[{"name": 5}]), ErrorCode.BAD_MESSAGE),
    "style buffer negative": (submit(styles=[{"buffer": -1}]), ErrorCode.BAD_MESSAGE),
    "weight negative": (submit(styles=[{"buffer": 1, "weight": -1}]), ErrorCode.BAD_OPTION),
    "weight too heavy": (submit(styles=[{"buffer": 1, "weight": 1e300}]), ErrorCode.BAD_OPTION),
    "weight true": (submit(styles=[{"buffer": 1, "weight": True}]), ErrorCode.BAD_OPTION),
    "option unknown": (submit(options={"speed": 1}), ErrorCode.BAD_OPTION),
    "no session": (submit(session=""), ErrorCode.BAD_MESSAGE),
    "not a submit": (Message(Hello(), session="s"), ErrorCode.BAD_MESSAGE),
    "large and not streamed": (
        Message(Submit({}, [{"buffer": 1}]), session="s", buffers=(PixelFormat("content", 8000, 8000, 3, "u8"), STYLE)),
        ErrorCode.BAD_MESSAGE,
    ),
}


@pytest.mark.parametrize(("message", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_submit_is_refused(message: Message, code: ErrorCode) -> None:
    with pytest.raises(PasticheError) as caught:
        check_submit(message, find)
    assert caught.value.code is code


TRAINED = {"method": "trained", "model": "INK"}


def test_a_trained_model_takes_the_place_of_styles() -> None:
    order = check_submit(submit(CONTENT, MASK, styles=[], options=TRAINED), find, find_model)
    assert (order.options["model"], order.model, order.styles) == ("ink", Path("/models/ink.safetensors"), ())
    assert order.styles_to_wire() == [{"model": str(Path("/models/ink.safetensors"))}]


NO_MODEL = {
    "a style picture": (submit(styles=[{"buffer": 1}], options=TRAINED), ErrorCode.BAD_OPTION),
    "a style by name": (submit(CONTENT, styles=[{"name": "wave"}], options=TRAINED), ErrorCode.BAD_OPTION),
    "a picture that no style names": (submit(styles=[], options=TRAINED), ErrorCode.BAD_OPTION),
    "unknown": (submit(CONTENT, styles=[], options=TRAINED | {"model": "none"}), ErrorCode.UNKNOWN_MODEL),
    "none chosen": (submit(CONTENT, styles=[], options={"method": "trained"}), ErrorCode.UNKNOWN_MODEL),
    "a path": (submit(CONTENT, styles=[], options=TRAINED | {"model": "/models/ink"}), ErrorCode.BAD_OPTION),
    "a state": (submit(CONTENT, styles=[], options=TRAINED, state="/run.pastiche-state"), ErrorCode.BAD_OPTION),
    "another method": (submit(CONTENT, styles=[], options={"model": "ink"}), ErrorCode.BAD_MESSAGE),
}


@pytest.mark.parametrize(("message", "code"), NO_MODEL.values(), ids=NO_MODEL.keys())
def test_a_trained_model_that_cannot_be_is_refused(message: Message, code: ErrorCode) -> None:
    with pytest.raises(PasticheError) as caught:
        check_submit(message, find, find_model)
    assert caught.value.code is code


def test_a_run_that_is_kept_and_gone_on_with_is_an_order_with_paths(tmp_path: Path) -> None:
    kept = tmp_path / "run.pastiche-state"
    fine = {"method": "fine"}
    assert check_submit(submit(options=fine, state=str(kept)), find).state == kept
    write_state(kept)
    order = check_submit(submit(options=fine, state=str(kept), resume=str(kept)), find)
    assert (order.state, order.resume) == (kept, kept)
    assert check_submit(submit(options=fine), find).state is None


@pytest.mark.parametrize(
    ("paths", "options", "code"),
    [
        ({"state": "run.pastiche-state"}, {"method": "fine"}, ErrorCode.BAD_OPTION),
        ({"state": "/tmp/run.png"}, {"method": "fine"}, ErrorCode.BAD_OPTION),
        ({"state": "/tmp/run.pastiche-state"}, {}, ErrorCode.BAD_OPTION),
        ({"resume": "/nowhere/run.pastiche-state"}, {"method": "fine"}, ErrorCode.UNREADABLE),
        ({"state": "/nowhere/run.pastiche-state"}, {"method": "fine"}, ErrorCode.UNWRITABLE),
    ],
)
def test_files_that_a_run_cannot_have_are_refused(paths: Any, options: Any, code: ErrorCode) -> None:
    with pytest.raises(PasticheError) as caught:
        check_submit(submit(options=options, **paths), find)
    assert caught.value.code is code


def test_previews_start_before_full_jobs_and_else_the_first_comes_first() -> None:
    queue = JobQueue(10, 10**9)
    jobs = [make("full 1"), make("preview 1", True), make("full 2"), make("preview 2", True)]
    positions = [queue.add(job) for job in jobs]
    assert [job.id for job in queue.waiting()] == ["preview 1", "preview 2", "full 1", "full 2"]
    assert positions == [0, 0, 2, 1]


def test_a_running_job_counts_as_ahead() -> None:
    queue = JobQueue(10, 10**9)
    running = make("running")
    queue.add(running)
    running.state = JobState.RUNNING
    assert queue.add(make("next")) == 1


def test_the_queue_is_bounded_in_number() -> None:
    queue = JobQueue(2, 10**9)
    for name in ("a", "b"):
        queue.check_room(100)
        queue.add(make(name))
    with pytest.raises(PasticheError) as caught:
        queue.check_room(100)
    assert caught.value.code is ErrorCode.BUSY
    queue.remove(next(iter(queue)))
    queue.check_room(100)


def test_the_queue_is_bounded_in_bytes_and_one_job_always_fits() -> None:
    queue = JobQueue(10, 1000)
    queue.check_room(5000)
    job = make("a")
    queue.add(job)
    assert job.nbytes == CONTENT.nbytes + STYLE.nbytes
    queue.check_room(1000 - job.nbytes)
    with pytest.raises(PasticheError):
        queue.check_room(1001 - job.nbytes)
    job.release()
    queue.check_room(1000)
    with pytest.raises(PasticheError):
        queue.check_room(500, held=501)


def result(nbytes: int) -> Message:
    return Message(Result({}), frames=(bytes(nbytes),))


def test_the_last_outcomes_are_kept_and_older_ones_are_known() -> None:
    store = OutcomeStore(count=2, byte_limit=1000)
    for name in "abc":
        store.put(("s", name), Message(Cancelled()), now=0.0)
    assert store.get(("s", "a")) is None and store.get(("s", "b")) and store.get(("s", "c"))
    assert all(store.knows(("s", name)) for name in "abc") and not store.knows(("s", "d"))


def test_outcomes_are_bounded_in_bytes() -> None:
    store = OutcomeStore(count=16, byte_limit=1000)
    for name in "abc":
        store.put(("s", name), result(400), now=0.0)
    assert store.nbytes == 800 and store.get(("s", "a")) is None
    store.put(("s", "large"), result(1001), now=0.0)
    assert store.get(("s", "large")) is None and store.knows(("s", "large")) and store.get(("s", "c"))


def test_outcomes_are_let_go_after_a_while() -> None:
    store = OutcomeStore(seconds=10.0)
    store.put(("s", "old"), result(10), now=0.0)
    store.put(("s", "new"), result(10), now=8.0)
    store.expire(11.0)
    assert store.get(("s", "old")) is None and store.get(("s", "new")) and store.knows(("s", "old"))
