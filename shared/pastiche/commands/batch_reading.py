"""Pictures of a batch, read by threads ahead of their turn: no more at a time than there is room for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pastiche.commands.batch_files import Item
from pastiche.errors import ErrorCode, PasticheError
from pastiche.failures import log_failure
from pastiche.picture_files import Picture, picture_samples

ROOM_BYTES = 500_000_000
MOST_PICTURES = 16
THREADS = max(1, min(4, (os.cpu_count() or 1) // 4))
"""For reading, and as many for writing: the rest is the network's, where it has no device of its own."""


class Room:
    """What all pictures may take on this side together, from their reading until their result is written.

    A picture alone always has room. Thread-safe.
    """

    def __init__(self, nbytes: int = ROOM_BYTES, pictures: int = MOST_PICTURES) -> None:
        self._limit, self._most = nbytes, pictures
        self._taken: dict[int, int] = {}
        self._changed = threading.Condition()
        self._closed = False

    def take(self, index: int, nbytes: int) -> bool:
        """Waits until the picture has room; False where the batch ends instead."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_room(nbytes))
            if not self._closed:
                self._taken[index] = nbytes
            return not self._closed

    def _has_room(self, nbytes: int) -> bool:
        taken = sum(self._taken.values())
        return not self._taken or (taken + nbytes <= self._limit and len(self._taken) < self._most)

    def correct(self, index: int, nbytes: int) -> None:
        """It turned out to be larger; the next one waits for it."""
        with self._changed:
            self._taken[index] = max(self._taken.get(index, 0), nbytes)

    def give_back(self, index: int) -> None:
        with self._changed:
            self._taken.pop(index, None)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@dataclass(frozen=True)
class Reading:
    """How the reading of a picture ended: a picture, an error, or neither where its result is there already."""

    index: int
    picture: Picture | None = None
    error: PasticheError | None = None


class ReadAhead:
    """Reads with `read` (None = leave it out), in the order of the items where that makes a difference."""

    def __init__(
        self,
        items: Sequence[Item],
        read: Callable[[Item], Picture | None],
        room: Room,
        sample_bytes: int,
        threads: int = THREADS,
    ) -> None:
        self._items, self._read, self._room, self._sample_bytes = items, read, room, sample_bytes
        self._turn = threading.Lock()
        self._next = 0
        self._left = len(items)
        self._ready: list[Reading] = []
        self._arrived = threading.Condition()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(threads, len(items)))]
        for thread in self._threads:
            thread.start()

    @property
    def exhausted(self) -> bool:
        """Whether every reading has been taken."""
        return self._left <= 0

    def take(self, seconds: float = 0.0) -> Reading | None:
        """The next one that is ready, waiting up to `seconds`."""
        with self._arrived:
            if self.exhausted or not self._arrived.wait_for(lambda: self._ready, seconds):
                return None
            reading = min(self._ready, key=lambda reading: reading.index)
            self._ready.remove(reading)
            self._left -= 1
            return reading

    def close(self) -> None:
        """Nothing more is begun; what is ready is dropped."""
        self._room.close()
        with self._arrived:
            self._left = 0
            self._ready.clear()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (index := self._begin()) is not None:
            reading = self._attempt(index)
            if reading.picture:
                self._room.correct(index, reading.picture.pixels.format.nbytes)
            with self._arrived:
                self._ready.append(reading)
                self._arrived.notify_all()

    def _begin(self) -> int | None:
        """The next picture's number, once there is room for it."""
        # One thread at a time waits for room, and so it comes to the pictures in their order.
        with self._turn:
            if self._next >= len(self._items):
                return None
            index = self._next
            self._next += 1
            nbytes = picture_samples(self._items[index].source) * self._sample_bytes
            return index if self._room.take(index, nbytes) else None

    def _attempt(self, index: int) -> Reading:
        try:
            return Reading(index, self._read(self._items[index]))
        except PasticheError as error:
            return Reading(index, error=error)
        except Exception as error:
            return Reading(index, error=unexpected(error))


def unexpected(error: Exception) -> PasticheError:
    """What is told of a failure that nobody foresaw; client.log has the rest."""
    log_failure(error)
    sentence = f"Something unexpected went wrong ({type(error).__name__})."
    return PasticheError(ErrorCode.ENGINE, sentence, "client.log has the details.")
