"""Between the server and a worker: the wire protocol's messages, with a job's tag as parent, and a few of their own.

Server to worker: `submit` (styles with `path` in place of `name`; with the method trained one map with `model`, the
path of its file), `credit`, `pixels`, `cancel`, `finish`.
Worker to server: `ready`, `beat`, `estimates`, `begun`, `progress`, `preview`, `credit`, `pixels`, `result`, `failed`,
`cancelled`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiche.protocol import BODIES, Body, Message, decode_header, decode_message


@dataclass(frozen=True)
class Setup:
    """What a worker is told on its standard input, one line of JSON: nothing secret ever stands in an argument list.

    Keys are Z85 text, empty where the endpoint is ipc (the folder's 0700 protects it, as it protects the keys).
    """

    endpoint: str
    server_public: str
    public: str
    secret: str
    device: str
    threads: int
    low_priority: bool
    idle_unload: float
    log_level: str

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Setup:
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Beat(Body):
    """A sign of life from the worker's io thread, once a second. `ticks` grows while the computing thread gets on."""

    TYPE = "beat"
    state: str
    ticks: int


@dataclass(frozen=True)
class Ready(Body):
    """The worker's device works: a map of name, kind, state, detail."""

    TYPE = "ready"
    device: dict[str, Any]


@dataclass(frozen=True)
class Estimates(Body):
    """What the worker knows of its methods, as `status_reply.estimates` tells it."""

    TYPE = "estimates"
    entries: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Begun(Body):
    """The computing thread has taken the job `parent`."""

    TYPE = "begun"


LINK_BODIES: dict[str, type[Body]] = {body.TYPE: body for body in (Beat, Ready, Estimates, Begun)}


def decode(parts: Sequence[Any]) -> Message | None:
    """A message from the other end of the link. Raises PasticheError(BAD_MESSAGE)."""
    if not parts:
        raise PasticheError(ErrorCode.BAD_MESSAGE)
    header = decode_header(parts[0].buffer)
    if header.type in BODIES:
        return decode_message(header, parts[1:])
    if header.type not in LINK_BODIES:
        return None
    return Message(LINK_BODIES[header.type].from_wire(header.body), header.id, header.session, header.parent)
