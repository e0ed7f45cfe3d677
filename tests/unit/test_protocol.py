"""Messages survive the way there and back; what is malformed is refused with a reason and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgpack
import pytest

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelFormat
from pastiche.protocol import (
    BODIES,
    MAX_HEADER,
    MAX_THUMBNAIL,
    Accepted,
    Body,
    Cancel,
    Cancelled,
    Credit,
    Done,
    Failed,
    Finish,
    Hello,
    Message,
    Pixels,
    Preview,
    Progress,
    Result,
    Status,
    StatusRequest,
    Stop,
    Styles,
    StylesRequest,
    Submit,
    Thumbnail,
    ThumbnailReply,
    Welcome,
    compatible,
    decode_header,
    decode_message,
    salvage_ids,
)
from pastiche.version import PROTOCOL

EXAMPLES: list[Body] = [
    Hello("gimp"),
    Welcome("0.1.0", [1, 0], 5, ["fast"], [{"name": "cpu"}], {"pixels": 1}),
    Submit({"strength": 50.0}, [{"weight": 1.0, "name": "wave"}], [], True),
    Accepted(2, 1.5, 1_000_000),
    Progress("stylize", 0.5, 3.0),
    Progress("queued", 0.0),
    Progress("stylize", 0.5, 3.0, {"scale": 2, "scales": 4, "style": 0.125}),
    Submit({"method": "fine"}, [], [], False, "/home/anna/run.pastiche-state", "/home/anna/run.pastiche-state"),
    Preview(),
    Credit(0, 100),
    Result({"method": "fast"}),
    Failed("busy", "The queue is full.", "Wait."),
    Cancelled(),
    StatusRequest(),
    Status("0.1.0", 5, 1.0, [], [], [], 1800.0),
    StylesRequest(),
    Styles([{"name": "wave"}]),
    Status("0.1.0", 5, 1.0, [], [], [], 0.0, [{"method": "fast", "seconds": 1.5}]),
    Thumbnail("wave"),
    Cancel("job"),
    Finish("job", "session"),
    Stop(True),
    Done(),
]


def decode(parts: list[Any]) -> Message | None:
    return decode_message(decode_header(parts[0]), parts[1:])


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda body: body.TYPE)
def test_a_message_comes_back_as_it_was_sent(body: Body) -> None:
    sent = Message(body, session="s", parent="p")
    assert decode(sent.encode()) == sent


def test_every_type_has_an_example() -> None:
    assert {type(body) for body in EXAMPLES} | {Pixels, ThumbnailReply} == set(BODIES.values())


def test_pixels_stay_raw_frames() -> None:
    form = PixelFormat("content", 100, 100, 3, "u8")
    data = bytes(form.nbytes)
    parts = Message(Submit({}, []), buffers=(form,), frames=(data,)).encode()
    assert parts[1] is data and len(parts[0]) < 400
    back = decode(parts)
    assert back is not None and back.buffers == (form,) and back.frames[0] is data


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", bytes(MAX_THUMBNAIL)], ids=["none", "some", "largest"])
def test_a_thumbnail_is_one_raw_frame(data: bytes) -> None:
    sent = Message(ThumbnailReply("wave", "image/jpeg"), frames=(data,))
    assert decode(sent.encode()) == sent


def test_a_status_of_an_older_daemon_has_no_estimates() -> None:
    body = Status("0.1.0", 5, 1.0, [], [], [], 0.0).to_wire()
    del body["estimates"]
    message = decode([msgpack.packb(header(type="status_reply", body=body))])
    assert message is not None and isinstance(message.body, Status) and message.body.estimates == []


def test_a_peer_before_states_and_details_sends_none() -> None:
    for body, missing in ((Submit({}, []), {"state": "", "resume": ""}), (Progress("load", 0.0), {"detail": {}})):
        old = {name: value for name, value in body.to_wire().items() if name not in missing}
        message = decode([msgpack.packb(header(type=body.TYPE, body=old))])
        assert message is not None and message.body == body


def header(**changes: Any) -> dict[str, Any]:
    fields = {
        "version": list(PROTOCOL),
        "id": "i",
        "type": "hello",
        "session": "s",
        "parent": "",
        "body": {},
        "buffers": [],
    }
    return {k: v for k, v in (fields | changes).items() if v is not ...}


DEEP: Any = []
for _ in range(900):
    DEEP = [DEEP]

MALFORMED: dict[str, Any] = {
    "empty": b"",
    "no msgpack": b"\xc1",
    "text": b"hello",
    "two values": msgpack.packb({}) * 2,
    "cut off": msgpack.packb(header())[:-3],
    "a list": msgpack.packb([1, 2]),
    "number as key": msgpack.packb({1: 2}),
    "not UTF-8": msgpack.packb(header(id=b"\xff\xfe")).replace(b"\xc4\x02", b"\xa2"),
    "a huge array said to come": b"\xdd\xff\xff\xff\xff",
    "a huge map said to come": b"\xdf\xff\xff\xff\xff",
    "a huge text said to come": b"\xdb\xff\xff\xff\xff",
    "too many items": msgpack.packb(header(body={"x": [0] * 5000})),
    "ext type": msgpack.packb(header(body={"x": msgpack.ExtType(1, b"1")})),
    "empty ext type": msgpack.packb(header(body={"x": msgpack.ExtType(1, b"")})),
    "timestamp": msgpack.packb(header(body={"x": msgpack.Timestamp(1)})),
    "nested too deep": msgpack.packb(header(body={"x": DEEP}))[:-1] + b"\x91" * 2000 + b"\x90",
    "no version": msgpack.packb(header(version=...)),
    "version text": msgpack.packb(header(version="1.0")),
    "version too short": msgpack.packb(header(version=[1])),
    "version true": msgpack.packb(header(version=[True, 0])),
    "no id": msgpack.packb(header(id=...)),
    "empty id": msgpack.packb(header(id="")),
    "id a number": msgpack.packb(header(id=5)),
    "id too long": msgpack.packb(header(id="i" * 65)),
    "type too long": msgpack.packb(header(type="t" * 65)),
    "no type": msgpack.packb(header(type="")),
    "session too long": msgpack.packb(header(session="s" * 65)),
    "parent a list": msgpack.packb(header(parent=[])),
    "body a list": msgpack.packb(header(body=[])),
    "buffers a map": msgpack.packb(header(buffers={})),
    "seven buffers": msgpack.packb(header(buffers=[{}] * 7)),
    "over 64 KiB": msgpack.packb(header(body={"client": "x" * MAX_HEADER})),
}


@pytest.mark.parametrize("frame", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_header_is_refused(frame: bytes) -> None:
    with pytest.raises(PasticheError) as caught:
        decode_header(frame)
    assert caught.value.code is ErrorCode.BAD_MESSAGE


BAD_BODIES: dict[str, tuple[dict[str, Any], list[bytes]]] = {
    "field missing": ({"type": "accepted", "body": {"position": 1, "seconds": 1.0}}, []),
    "field of a wrong type": ({"type": "hello", "body": {"client": 5}}, []),
    "true as a number": ({"type": "accepted", "body": {"position": True, "seconds": 1.0, "memory": 1}}, []),
    "a path that is no text": ({"type": "submit", "body": {"options": {}, "styles": [], "state": 5}}, []),
    "a detail that is no map": ({"type": "progress", "body": {"stage": "load", "fraction": 0, "detail": [1]}}, []),
    "float as a whole number": ({"type": "credit", "body": {"buffer": 0, "rows": 1.5}}, []),
    "frame that nobody described": ({}, [b"x"]),
    "pixels without a frame": ({"type": "pixels", "body": {"buffer": 0, "row": 0, "rows": 1}}, []),
    "pixels with two": ({"type": "pixels", "body": {"buffer": 0, "row": 0, "rows": 1}}, [b"", b""]),
    "thumbnail without a frame": ({"type": "thumbnail_reply", "body": {"name": "w", "media_type": ""}}, []),
    "thumbnail with two": ({"type": "thumbnail_reply", "body": {"name": "w", "media_type": ""}}, [b"", b""]),
    "thumbnail too large": (
        {"type": "thumbnail_reply", "body": {"name": "w", "media_type": ""}},
        [bytes(MAX_THUMBNAIL + 1)],
    ),
    "buffer without a frame": ({"buffers": [PixelFormat("content", 1, 1, 3, "u8").to_wire()]}, []),
    "frame too short": ({"buffers": [PixelFormat("content", 1, 1, 3, "u8").to_wire()]}, [b"xx"]),
    "stream of no buffer": ({"type": "result", "body": {"report": {}, "streams": [0]}}, []),
    "stream true": (
        {
            "type": "result",
            "body": {"report": {}, "streams": [False]},
            "buffers": [PixelFormat("pastiche", 1, 1, 3, "u8").to_wire()],
        },
        [],
    ),
}


@pytest.mark.parametrize(("changes", "frames"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_malformed_body_is_refused(changes: dict[str, Any], frames: list[bytes]) -> None:
    with pytest.raises(PasticheError):
        decode([msgpack.packb(header(**changes)), *frames])


def test_unknown_types_are_nothing_and_unknown_fields_are_ignored() -> None:
    assert decode([msgpack.packb(header(type="teleport"))]) is None
    message = decode([msgpack.packb(header(more=1, body={"client": "x", "colour": "red"}))])
    assert message is not None and message.body == Hello("x", list(PROTOCOL))


def test_a_whole_number_will_do_for_a_float() -> None:
    message = decode([msgpack.packb(header(type="progress", body={"stage": "load", "fraction": 1}))])
    assert message is not None and message.body == Progress("load", 1.0)


def test_a_header_that_cannot_be_sent_is_not_sent() -> None:
    with pytest.raises(PasticheError):
        Message(Failed("x", "y" * MAX_HEADER, "")).encode()


def test_ids_are_salvaged_from_what_breaks_another_rule() -> None:
    assert salvage_ids(msgpack.packb(header(version="x"))) == ("i", "s")
    assert salvage_ids(msgpack.packb(header(id=5, session="s" * 99))) == ("", "")
    assert salvage_ids(b"\xc1") is None


def test_only_the_major_version_must_agree() -> None:
    assert compatible([PROTOCOL[0], PROTOCOL[1] + 9])
    assert not any(compatible(v) for v in ([PROTOCOL[0] + 1, 0], [0, 9], [], [PROTOCOL[0]]))


def test_bodies_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Credit(0, 1).rows = 5  # type: ignore[misc]
