"""A job from submit to its one outcome, through a real daemon and a real worker."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from wire import PATIENCE, Daemon, Wire, job, picture, slow_job, started, stream_in, stream_out, wait_for

from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import (
    MAX_HEADER,
    Accepted,
    Cancel,
    Cancelled,
    Credit,
    Done,
    Failed,
    Finish,
    Message,
    Pixels,
    Progress,
    Result,
    Status,
    StatusRequest,
    Submit,
    decode_header,
)


def status(control: Wire) -> Status:
    return control.ask(StatusRequest(), Status)


def cancel(control: Wire, wire: Wire, job_id: str) -> None:
    assert control.ask(Cancel(job_id, wire.session), Done)


def test_a_job_is_accepted_shows_progress_and_ends_with_its_picture(jobs: Wire) -> None:
    seen: list[Message] = []
    outcome = jobs.outcome(jobs.send(job(96, 64, session=jobs.session)), seen)
    assert isinstance(seen[0].body, Accepted) and any(isinstance(m.body, Progress) for m in seen)
    fractions = [m.body.fraction for m in seen if isinstance(m.body, Progress)]
    assert fractions == sorted(fractions)
    assert isinstance(outcome.body, Result)
    assert outcome.buffers[0] == PixelFormat("pastiche", 96, 64, 3, "u8")
    assert len(outcome.frames[0]) == 96 * 64 * 3


def test_the_report_says_how_it_was_made(jobs: Wire) -> None:
    outcome = jobs.outcome(jobs.send(job(session=jobs.session, options={"seed": 7})))
    assert isinstance(outcome.body, Result)
    report = outcome.body.report
    assert report["method"] == "fast" and report["options"]["seed"] == 7 and report["options"]["strength"] == 100
    assert report["device"]["kind"] == "cpu" and report["memory"]["process"] > 0
    assert {"receive", "wait", "run"} <= report["timings"].keys() and report["versions"]["torch"]


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
@pytest.mark.parametrize("channels", [3, 4])
def test_every_depth_and_alpha_go_through(jobs: Wire, depth: str, channels: int) -> None:
    content = picture("content", 33, 17, channels, depth)
    outcome = jobs.outcome(jobs.send(job(session=jobs.session, content=content, options={"depth": depth[1:]})))
    assert isinstance(outcome.body, Result), outcome.body
    assert (outcome.buffers[0].depth, outcome.buffers[0].channels) == (depth, channels)


def test_a_mask_goes_through(jobs: Wire) -> None:
    mask = PixelBuffer(PixelFormat("mask", 64, 48, 1, "u8"), bytes(64 * 48))
    assert isinstance(jobs.outcome(jobs.send(job(session=jobs.session, mask=mask))).body, Result)


def test_the_same_submit_twice_runs_once(jobs: Wire) -> None:
    submit = job(session=jobs.session)
    jobs.send(submit)
    jobs.send(submit)
    seen: list[Message] = []
    first = jobs.outcome(submit.id, seen)
    assert sum(isinstance(m.body, Accepted) for m in seen) == 2
    again = jobs.outcome(jobs.send(submit))
    assert isinstance(first.body, Result) and first.body == again.body and first.frames == again.frames


def test_a_second_connection_of_a_session_is_attached_to_its_job(shared_daemon: Daemon, jobs: Wire) -> None:
    submit = job(session=jobs.session)
    jobs.send(submit)
    jobs.until(submit.id, Accepted)
    with Wire(shared_daemon.connection, session=jobs.session) as second:
        second.send(submit)
        outcomes = [wire.outcome(submit.id) for wire in (jobs, second)]
    assert all(isinstance(o.body, Result) for o in outcomes) and outcomes[0].body == outcomes[1].body


def test_the_same_id_in_another_session_is_another_job(jobs: Wire) -> None:
    outcomes = []
    for session in ("one", "two"):
        jobs.send(job(session=session, job_id="same"))
        outcomes.append(jobs.outcome("same"))
    assert [o.session for o in outcomes] == ["one", "two"]
    assert all(isinstance(o.body, Result) for o in outcomes)


def test_progress_comes_twice_a_second_while_a_job_runs_and_while_one_waits(jobs: Wire, control: Wire) -> None:
    running = jobs.send(slow_job(jobs.session))
    waiting = jobs.send(job(session=jobs.session))
    for _ in range(4):
        jobs.until(waiting, Progress)
    cancel(control, jobs, running)
    assert isinstance(jobs.outcome(running).body, Cancelled)
    assert isinstance(jobs.outcome(waiting).body, Result)


def test_status_answers_during_a_job(jobs: Wire, control: Wire) -> None:
    running = jobs.send(slow_job(jobs.session))
    started(jobs, running)
    for _ in range(20):
        answer = status(control)
    (told,) = answer.jobs
    assert (told["id"], told["state"], told["method"], told["preview"]) == (running, "running", "fast", False)
    assert told["stage"] not in ("queued", "receive") and 0 < told["fraction"] < 1
    assert answer.workers[0]["state"] == "busy"
    cancel(control, jobs, running)
    assert isinstance(jobs.outcome(running).body, Cancelled)
    assert status(control).workers[0]["state"] == "idle"


def test_cancel_ends_a_running_job_and_the_next_one_works(jobs: Wire, control: Wire) -> None:
    worker = status(control).workers[0]["pid"]
    running = jobs.send(slow_job(jobs.session))
    after = jobs.send(job(session=jobs.session))
    started(jobs, running)
    cancel(control, jobs, running)
    assert isinstance(jobs.outcome(running).body, Cancelled)
    assert isinstance(jobs.outcome(after).body, Result)
    assert status(control).workers[0]["pid"] == worker


def test_cancel_of_a_waiting_job_comes_at_once(jobs: Wire, control: Wire) -> None:
    running, waiting = jobs.send(slow_job(jobs.session)), jobs.send(job(session=jobs.session))
    started(jobs, running)
    cancel(control, jobs, waiting)
    assert isinstance(jobs.outcome(waiting).body, Cancelled)
    assert [j["id"] for j in status(control).jobs] == [running]
    cancel(control, jobs, running)
    jobs.outcome(running)


def test_cancel_and_finish_of_no_job_say_so(jobs: Wire, control: Wire) -> None:
    ended = jobs.send(job(session=jobs.session))
    jobs.outcome(ended)
    for body in (Cancel(ended, jobs.session), Cancel("nothing"), Finish("nothing"), Cancel(ended)):
        answer = control.until(control.send_body(body), Failed).body
        assert isinstance(answer, Failed) and answer.code == "unknown_job"


def test_finish_is_taken_and_a_method_that_cannot_goes_on(jobs: Wire, control: Wire) -> None:
    running = jobs.send(job(400, 400, session=jobs.session))
    jobs.until(running, Accepted)
    assert control.ask(Finish(running, jobs.session), Done)
    assert isinstance(jobs.outcome(running).body, Result)


def test_previews_go_first(jobs: Wire, control: Wire) -> None:
    running = jobs.send(slow_job(jobs.session))
    started(jobs, running)
    full = jobs.send(job(session=jobs.session))
    preview = jobs.send(job(session=jobs.session, preview=True))
    jobs.until(preview, Accepted)
    cancel(control, jobs, running)
    ended = []
    while len(ended) < 3:
        message = jobs.receive()
        if isinstance(message.body, Result | Cancelled | Failed):
            ended.append((message.parent, type(message.body)))
    # The running job may have let the preview through before it was cancelled.
    ended.remove((running, Cancelled))
    assert ended == [(preview, Result), (full, Result)]


def test_over_the_limit_the_answer_is_busy_and_nothing_is_dropped(launch: Callable[..., Daemon]) -> None:
    with Wire(launch("--queue", "2").connection) as wire:
        taken = [wire.send(job(session=wire.session)) for _ in range(2)]
        refused = wire.outcome(wire.send(job(session=wire.session))).body
        assert isinstance(refused, Failed) and refused.code == "busy"
        assert all(isinstance(wire.outcome(one).body, Result) for one in taken)
        assert isinstance(wire.outcome(wire.send(job(session=wire.session))).body, Result)


def test_a_vanished_client_has_its_jobs_cancelled(shared_daemon: Daemon, control: Wire, jobs: Wire) -> None:
    with Wire(shared_daemon.connection) as gone:
        started(gone, gone.send(slow_job(gone.session)))
        gone.send(job(session=gone.session))
        wait_for(lambda: len(status(control).jobs) == 2, "both jobs")
    wait_for(lambda: not status(control).jobs, "the end of its jobs")
    assert isinstance(jobs.outcome(jobs.send(job(session=jobs.session))).body, Result)


LARGE = (5200, 4200)


def test_large_pictures_are_streamed_both_ways(jobs: Wire) -> None:
    content = picture("content", *LARGE)
    assert content.format.nbytes > 64_000_000
    running = jobs.send(job(session=jobs.session, content=content, options={"brush_size": 400.0}))
    stream_out(jobs, running, content)
    result = jobs.outcome(running)
    assert isinstance(result.body, Result) and result.body.streams == [0] and not result.frames
    taken = stream_in(jobs, running, result)
    assert taken.format == PixelFormat("pastiche", *LARGE, 3, "u8")
    assert len(set(taken.rows(LARGE[1] - 1, 1))) > 1
    # The daemon never had the whole of it, so it cannot send it again: and it does not compute it again.
    again = jobs.outcome(jobs.send(job(session=jobs.session, content=content, job_id=running))).body
    assert isinstance(again, Failed) and again.code == "unknown_job"


def test_rows_are_only_asked_for_when_the_job_starts(jobs: Wire, control: Wire) -> None:
    running = jobs.send(slow_job(jobs.session))
    started(jobs, running)
    content = picture("content", *LARGE)
    waiting = jobs.send(job(session=jobs.session, content=content))
    seen: list[Message] = []
    for _ in range(3):
        jobs.until(waiting, Progress, seen=seen)
    assert not any(isinstance(m.body, Credit) for m in seen)
    cancel(control, jobs, running)
    jobs.until(waiting, Credit)
    cancel(control, jobs, waiting)
    assert isinstance(jobs.outcome(waiting).body, Cancelled)


def test_rows_that_break_a_rule_are_refused_and_change_nothing_else(jobs: Wire) -> None:
    content = picture("content", *LARGE)
    running = jobs.send(job(session=jobs.session, content=content, options={"brush_size": 400.0}))
    credit = jobs.until(running, Credit)
    assert isinstance(credit.body, Credit)
    wrong = (
        (Pixels(0, 5, 1), content.rows(5, 1)),
        (Pixels(0, 0, 2), content.rows(0, 1)),
        (Pixels(0, 0, LARGE[1]), content.rows(0, 1)),
        (Pixels(1, 0, 1), content.rows(0, 1)),
        (Pixels(0, 0, -1), content.rows(0, 1)),
        (Credit(0, 1), None),
    )
    for body, data in wrong:
        bad = jobs.send_body(body, parent=running, frames=() if data is None else (data,))
        answer = jobs.until(bad, Failed).body
        assert isinstance(answer, Failed) and answer.code == "bad_message"
    lost = jobs.send_body(Pixels(0, 0, 1), parent="nothing", frames=(content.rows(0, 1),))
    answer = jobs.until(lost, Failed).body
    assert isinstance(answer, Failed) and answer.code == "unknown_job"
    # The credit from above still holds.
    first = min(credit.body.rows, 100)
    jobs.send_body(Pixels(0, 0, first), parent=running, frames=(content.rows(0, first),))
    row = first
    while row < LARGE[1]:
        count = min(300, credit.body.rows - row)
        if count <= 0:
            more = jobs.until(running, Credit)
            assert isinstance(more.body, Credit)
            credit = more if more.body.rows > credit.body.rows else credit  # type: ignore[union-attr]
            continue
        jobs.send_body(Pixels(0, row, count), parent=running, frames=(content.rows(row, count),))
        row += count
    result = jobs.outcome(running)
    assert isinstance(result.body, Result)
    stream_in(jobs, running, result)


def test_a_client_that_vanishes_while_streaming_has_its_job_cancelled(shared_daemon: Daemon, control: Wire) -> None:
    content = picture("content", *LARGE)
    with Wire(shared_daemon.connection) as gone:
        running = gone.send(job(session=gone.session, content=content))
        gone.until(running, Credit)
        gone.send_body(Pixels(0, 0, 10), parent=running, frames=(content.rows(0, 10),))
    wait_for(lambda: not status(control).jobs, "the end of its job")


def raw_submit(wire: Wire, change: Callable[[dict[str, Any]], None], frames: list[bytes] | None = None) -> str:
    """A correct small job, changed in its header before it is sent."""
    parts = job(8, 8, session=wire.session).encode()
    header = msgpack.unpackb(parts[0])
    change(header)
    wire.socket.send_multipart([msgpack.packb(header), *(parts[1:] if frames is None else frames)])
    return str(header["id"])


def set_field(*path: Any) -> Callable[[dict[str, Any]], None]:
    *way, last, value = path

    def change(header: dict[str, Any]) -> None:
        place: Any = header
        for step in way:
            place = place[step]
        place[last] = value

    return change


def fine(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda header: header["body"].update(options={"method": "fine"}, **fields)


WRONG = [
    ("width larger than sent", set_field("buffers", 0, "width", 9), "bad_picture"),
    ("width smaller than sent", set_field("buffers", 0, "width", 7), "bad_picture"),
    ("width 0", set_field("buffers", 0, "width", 0), "bad_picture"),
    ("width negative", set_field("buffers", 0, "width", -8), "bad_picture"),
    ("width huge", set_field("buffers", 0, "width", 2**62), "bad_picture"),
    ("width text", set_field("buffers", 0, "width", "8" * 5000), "bad_picture"),
    ("width true", set_field("buffers", 0, "width", True), "bad_picture"),
    ("over 400 megapixels", lambda h: h["buffers"][0].update(width=60_000, height=60_000), "too_large"),
    ("2 channels", set_field("buffers", 0, "channels", 2), "bad_picture"),
    ("channels a list", set_field("buffers", 0, "channels", [3] * 3000), "bad_picture"),
    ("depth unknown", set_field("buffers", 0, "depth", "u4"), "bad_picture"),
    ("depth larger than sent", set_field("buffers", 0, "depth", "u16"), "bad_picture"),
    ("role unknown", set_field("buffers", 0, "role", "teapot"), "bad_message"),
    ("role of a result", set_field("buffers", 0, "role", "pastiche"), "bad_message"),
    ("two contents", set_field("buffers", 1, "role", "content"), "bad_message"),
    ("no buffers", set_field("buffers", []), "bad_message"),
    ("too many buffers", lambda h: h.update(buffers=h["buffers"] * 4), "bad_message"),
    ("buffers a map", set_field("buffers", {}), "bad_message"),
    ("stream without end", set_field("body", "streams", [0, 0]), "bad_message"),
    ("stream of nothing", set_field("body", "streams", [9]), "bad_message"),
    ("small picture streamed, frame too many", set_field("body", "streams", [0]), "bad_message"),
    ("no styles", set_field("body", "styles", []), "bad_message"),
    ("five styles", set_field("body", "styles", [{"buffer": 1}] * 5), "bad_message"),
    ("style of no buffer", set_field("body", "styles", [{"buffer": 5}]), "bad_message"),
    ("style of the content", set_field("body", "styles", [{"buffer": 0}]), "bad_message"),
    ("style buffer true", set_field("body", "styles", [{"buffer": True}]), "bad_message"),
    ("style a number", set_field("body", "styles", [3]), "bad_message"),
    ("style neither nor", set_field("body", "styles", [{"weight": 1}]), "bad_message"),
    ("style weight 0", set_field("body", "styles", 0, "weight", 0), "bad_option"),
    ("style weight NaN", set_field("body", "styles", 0, "weight", math.nan), "bad_option"),
    ("style weight infinite", set_field("body", "styles", 0, "weight", math.inf), "bad_option"),
    ("style weight text", set_field("body", "styles", 0, "weight", "heavy"), "bad_option"),
    ("option unknown", set_field("body", "options", {"speed": 9}), "bad_option"),
    ("option out of range", set_field("body", "options", {"strength": 101}), "bad_option"),
    ("option NaN", set_field("body", "options", {"strength": math.nan}), "bad_option"),
    ("option of a wrong type", set_field("body", "options", {"colour": ["keep"]}), "bad_option"),
    ("method unknown", set_field("body", "options", {"method": "slow"}), "bad_option"),
    ("options a list", set_field("body", "options", []), "bad_message"),
    ("options missing", lambda h: h["body"].pop("options"), "bad_message"),
    ("preview text", set_field("body", "preview", "yes"), "bad_message"),
    ("state a number", fine(state=5), "bad_message"),
    ("state relative", fine(state="run.pastiche-state"), "bad_option"),
    ("state of another kind", fine(state="/etc/passwd"), "bad_option"),
    ("state for Fast", set_field("body", "state", "/tmp/run.pastiche-state"), "bad_option"),
    ("state in no folder", fine(state="/nowhere/run.pastiche-state"), "unwritable"),
    ("state with a null character", fine(state="/tmp/\0.pastiche-state"), "bad_option"),
    ("resume of nothing", fine(resume="/nowhere/run.pastiche-state"), "unreadable"),
    ("resume relative", fine(resume="../run.pastiche-state"), "bad_option"),
    ("body a list", set_field("body", []), "bad_message"),
    ("no session", set_field("session", ""), "bad_message"),
    ("session too long", set_field("session", "s" * 65), "bad_message"),
    ("version text", set_field("version", "1.0"), "bad_message"),
    ("type of a daemon", set_field("type", "accepted"), "bad_message"),
]


@pytest.mark.parametrize(("change", "code"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_submit_that_lies_is_refused_with_its_reason(jobs: Wire, change: Any, code: str) -> None:
    answer = jobs.until(raw_submit(jobs, change), Failed).body
    assert isinstance(answer, Failed) and answer.code == code, answer
    assert answer.sentence.endswith(".") and answer.hint and len(answer.sentence) <= 300


def test_frames_that_do_not_fit_are_refused(jobs: Wire) -> None:
    for frames in ([], [bytes(8 * 8 * 3)], [bytes(192), bytes(64 * 64 * 3), b"more"], [bytes(193), bytes(64 * 64 * 3)]):
        answer = jobs.until(raw_submit(jobs, lambda _: None, frames), Failed).body
        assert isinstance(answer, Failed) and answer.code in ("bad_message", "bad_picture")
    assert isinstance(jobs.outcome(jobs.send(job(session=jobs.session))).body, Result)


def test_a_mask_of_another_size_is_refused(jobs: Wire) -> None:
    mask = PixelBuffer(PixelFormat("mask", 10, 10, 1, "u8"), bytes(100))
    answer = jobs.outcome(jobs.send(job(session=jobs.session, mask=mask))).body
    assert isinstance(answer, Failed) and answer.code == "bad_picture"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_pixels_that_are_no_numbers_are_refused(jobs: Wire, value: float) -> None:
    content = picture("content", 16, 16, 3, "f32")
    data = bytearray(content.data)
    data[400:404] = struct.pack("<f", value)
    broken = replace(content, data=bytes(data))
    answer = jobs.outcome(jobs.send(job(session=jobs.session, content=broken))).body
    assert isinstance(answer, Failed) and answer.code == "bad_picture"


def test_a_style_that_is_not_there_is_named(jobs: Wire) -> None:
    content = picture("content", 8, 8)
    styles: list[dict[str, Any]] = [{"weight": 1.0, "name": "no such style"}]
    sent = jobs.send_body(Submit({}, styles), buffers=(content.format,), frames=(content.data,))
    answer = jobs.until(sent, Failed).body
    assert isinstance(answer, Failed) and answer.code == "unknown_style"


def test_an_ext_type_is_never_read(jobs: Wire) -> None:
    for value in (msgpack.ExtType(5, b"x"), msgpack.ExtType(5, b""), msgpack.Timestamp(1)):
        header = {"version": [1, 0], "id": "e", "type": "hello", "session": "s", "body": {"client": value}}
        jobs.socket.send(msgpack.packb(header))
    assert jobs.hello()


def test_answers_stay_small_whatever_is_quoted(jobs: Wire) -> None:
    jobs.socket.send_multipart(
        [msgpack.packb({"version": [1, 0], "id": "q", "type": "submit", "session": "s",
                        "body": {"options": {"x" * 60_000: 1}, "styles": []}})]
    )  # fmt: skip
    assert jobs.socket.poll(PATIENCE * 1000)
    answer = jobs.socket.recv_multipart()
    assert len(answer[0]) < MAX_HEADER // 16 and decode_header(answer[0]).parent == "q"
