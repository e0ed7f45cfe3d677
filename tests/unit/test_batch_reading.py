"""Promises of reading ahead: bounded by bytes and number, in order, and a bad file costs itself only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from pastiche.commands.batch_files import Item
from pastiche.commands.batch_reading import ReadAhead, Reading, Room
from pastiche.commands.batch_tally import Tally
from pastiche.errors import ErrorCode, PasticheError
from pastiche.picture_files import Picture, read_picture

SIDE = 20
NBYTES = SIDE * SIDE * 3


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    found = []
    for number in range(6):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (SIDE, SIDE), (number, 0, 0)).save(path)
        found.append(Item(path, tmp_path / "out" / path.name))
    return found


def read(item: Item) -> Picture:
    return read_picture(item.source)


def all_of(ahead: ReadAhead, room: Room) -> Iterator[Reading]:
    while not ahead.exhausted:
        reading = ahead.take(10)
        assert reading, "nothing was read"
        yield reading
        room.give_back(reading.index)


@pytest.mark.parametrize("room", [Room(3 * NBYTES, 99), Room(10**9, 3), Room(3 * NBYTES + NBYTES // 2, 99)])
def test_no_more_is_read_than_there_is_room_for(items: list[Item], room: Room) -> None:
    begun: list[int] = []
    fourth = threading.Event()

    def reading(item: Item) -> Picture:
        begun.append(int(item.source.stem))
        if len(begun) == 4:
            fourth.set()
        return read(item)

    ahead = ReadAhead(items, reading, room, 1, threads=2)
    taken = [ahead.take(10) for _ in range(3)]
    assert not fourth.wait(0.3)
    assert sorted(begun) == [0, 1, 2]
    assert taken[0]
    room.give_back(taken[0].index)
    assert fourth.wait(10)
    ahead.close()
    ahead.join()


def test_a_picture_larger_than_the_room_is_read_alone(items: list[Item]) -> None:
    room = Room(NBYTES // 2, 99)
    ahead = ReadAhead(items, read, room, 1, threads=2)
    assert [reading.index for reading in all_of(ahead, room)] == list(range(6))
    ahead.join()


def test_a_bad_file_costs_itself_only(items: list[Item]) -> None:
    items[1].source.write_bytes(b"not a picture")
    items[2].source.unlink()
    room = Room()
    ahead = ReadAhead(items, read, room, 1, threads=2)
    failed = {reading.index for reading in all_of(ahead, room) if reading.error}
    assert failed == {1, 2}
    ahead.join()


def test_closing_ends_threads_that_wait_for_room(items: list[Item]) -> None:
    ahead = ReadAhead(items, read, Room(NBYTES, 99), 1, threads=2)
    assert ahead.take(10)
    ahead.close()
    ahead.join()
    assert ahead.exhausted and ahead.take() is None


def test_notes_are_told_in_the_order_of_the_pictures(items: list[Item]) -> None:
    said: list[str] = []
    tally = Tally(items, said.append)
    tally.painted(2, {}, ["two"])
    tally.failed(1, PasticheError(ErrorCode.UNREADABLE, "one is broken."))
    assert said == []
    tally.skipped(0)
    assert said == ["1.png: one is broken.", "2.png: two"]
    tally.painted(5, {}, ["five"])
    tally.close()
    assert said[-1] == "5.png: five"
    assert [Path(entry["input"]).name for entry in tally.files] == ["0.png", "1.png", "2.png", "5.png"]
    assert (tally.count("timings"), tally.count("error"), tally.count("skipped")) == (2, 1, 1)
