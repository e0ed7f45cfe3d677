"""How far a download is: a line that renews itself on a terminal, a line every tenth elsewhere."""

from __future__ import annotations

import shutil
import time
from collections import deque
from typing import TextIO

EVERY_SECONDS = 0.2
WINDOW_SECONDS = 5.0
"""The rate is that of the last seconds."""


class DownloadProgress:
    """`show` is told how many of `size` bytes are there; the first call says where this run begins."""

    def __init__(self, size: int, out: TextIO) -> None:
        self._size, self._out = size, out
        self._terminal = out.isatty()
        self._seen: deque[tuple[float, int]] = deque()
        self._said = float("-inf")
        self._tenth = -1
        self._width = 0

    def show(self, done: int) -> None:
        now = time.monotonic()
        if self._seen and done < self._seen[-1][1]:
            self._start_over()
        first = not self._seen
        self._seen.append((now, done))
        while now - self._seen[0][0] > WINDOW_SECONDS and len(self._seen) > 2:
            self._seen.popleft()
        if first:
            self._tenth = 10 * done // self._size
            if done:
                print(f"Going on after {megabytes(done)} of {megabytes(self._size)}.", file=self._out, flush=True)
            return
        if not self._terminal:
            self._say_tenth(done)
        elif now - self._said >= EVERY_SECONDS or done == self._size:
            self._said = now
            self._renew(self._line(done))

    def close(self) -> None:
        """Leaves the last line standing."""
        if self._width:
            print(file=self._out, flush=True)
            self._width = 0

    def _start_over(self) -> None:
        self.close()
        self._seen.clear()
        sentence = "Starting over: the server cannot go on in the middle, or has another file now."
        print(sentence, file=self._out, flush=True)

    def _say_tenth(self, done: int) -> None:
        if (tenth := 10 * done // self._size) > self._tenth:
            self._tenth = tenth
            print(self._line(done), file=self._out, flush=True)

    def _line(self, done: int) -> str:
        line = f"{done / 1e6:.1f} of {megabytes(self._size)}  {100 * done // self._size} %"
        (then, before), (now, _) = self._seen[0], self._seen[-1]
        if now > then and done > before:
            rate = (done - before) / (now - then)
            line += f"  {rate / 1e6:.1f} MB/s"
            line += f"  {duration((self._size - done) / rate)} left" if done < self._size else ""
        return line

    def _renew(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]
        print(f"\r{line:<{self._width}}", end="", file=self._out, flush=True)
        self._width = len(line)


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """1:05, or 2:00:09."""
    minutes, rest = divmod(round(min(seconds, 359_999)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
