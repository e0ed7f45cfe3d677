"""Messages on a pipe come back as they went in; nothing else is believed."""

from __future__ import annotations

import os
import struct
import threading
from io import FileIO

import pytest

from pastiche.framing import CONTROL, JOBS, LARGEST_PART, MOST_PARTS, SETUP, read_message, write_message


def through_a_pipe(data: bytes) -> tuple[int, list[bytes]]:
    reading, writing = os.pipe()
    with FileIO(reading, "rb") as outlet:
        with FileIO(writing, "wb") as inlet:
            inlet.write(data)
        port, parts = read_message(outlet)
        return port, [bytes(part) for part in parts]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"header"],
        [b"", b"", b"x"],
        [b"h", bytes(3_000_000), memoryview(bytearray(b"view"))],
        [b"a"] * MOST_PARTS,
        [memoryview(bytes(8)).cast("H")],
    ],
    ids=["taken", "header", "empty", "large", "many", "numbers"],
)
def test_a_message_comes_back_as_it_was_written(parts: list[bytes]) -> None:
    reading, writing = os.pipe()
    with FileIO(reading, "rb") as outlet, FileIO(writing, "wb") as inlet:
        writer = threading.Thread(target=write_message, args=(inlet, JOBS, parts))
        writer.start()
        port, back = read_message(outlet)
        writer.join()
    assert (port, [bytes(part) for part in back]) == (JOBS, [bytes(part) for part in parts])


@pytest.mark.parametrize(
    "data",
    [
        bytes([9, 1]),
        bytes([JOBS, MOST_PARTS + 1]) + bytes(8 * (MOST_PARTS + 1)),
        bytes([CONTROL, 1]) + struct.pack("<Q", LARGEST_PART + 1),
        bytes([SETUP, 1]) + b"\xff" * 8,
    ],
    ids=["port", "parts", "length", "huge"],
)
def test_what_is_no_message_is_refused_before_it_is_read(data: bytes) -> None:
    with pytest.raises(ValueError):
        through_a_pipe(data)


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\1", b"\1\1" + struct.pack("<Q", 5) + b"abcd"])
def test_a_message_that_is_cut_off_is_the_end(data: bytes) -> None:
    with pytest.raises(EOFError):
        through_a_pipe(data)
