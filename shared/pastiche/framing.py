"""Multipart messages on a pipe: port, number of parts, their lengths, then the parts as they are.

A message without parts says that one of that port was taken; it makes room for the next.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import FileIO
from typing import Any

from pastiche.protocol import MAX_BUFFERS, STREAM_ABOVE

SETUP, JOBS, CONTROL = 0, 1, 2
PORTS = (SETUP, JOBS, CONTROL)
MOST_PARTS = 1 + MAX_BUFFERS
LARGEST_PART = 2 * STREAM_ABOVE
_HEAD = struct.Struct("<BB")


def write_message(pipe: FileIO, port: int, parts: Sequence[Any]) -> None:
    """Waits until the pipe has taken it. Raises OSError where nobody reads any more."""
    views = [memoryview(part).cast("B") for part in parts]
    lengths = struct.pack(f"<{len(views)}Q", *(view.nbytes for view in views))
    for view in (memoryview(_HEAD.pack(port, len(views)) + lengths), *views):
        left = view
        while left:
            left = left[pipe.write(left) :]


def read_message(pipe: FileIO) -> tuple[int, list[memoryview]]:
    """Raises EOFError at the end, ValueError for what is no message; allocates nothing of an unlikely size."""
    port, count = _HEAD.unpack(_read(pipe, _HEAD.size))
    if port not in PORTS or count > MOST_PARTS:
        raise ValueError("no message")
    lengths = struct.unpack(f"<{count}Q", _read(pipe, 8 * count))
    if any(length > LARGEST_PART for length in lengths):
        raise ValueError("a part that is too large")
    return port, [_read(pipe, length) for length in lengths]


def _read(pipe: FileIO, length: int) -> memoryview:
    data = memoryview(bytearray(length))
    left = data
    while left:
        count = pipe.readinto(left)
        if not count:
            raise EOFError
        left = left[count:]
    return data
