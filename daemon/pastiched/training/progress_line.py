"""How far a training is: one line that renews itself on a terminal, a line every so often elsewhere."""

from __future__ import annotations

import math
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import TextIO

from pastiche.commands.progress import duration

EVERY_SECONDS = 0.2
EVERY_STEPS = 50
WINDOW_SECONDS = 60.0
"""Rate and time left are those of the last minute: phases differ."""


class ProgressLine:
    """The run ends after `total_steps`, or when it has trained for `total_seconds`; None where it does not matter."""

    def __init__(self, stream: TextIO, total_steps: int | None = None, total_seconds: float | None = None) -> None:
        self._stream, self._total_steps, self._total_seconds = stream, total_steps, total_seconds
        self._terminal = stream.isatty()
        self._seen: deque[tuple[float, int, int]] = deque()
        self._pictures = 0
        self._shown_at = -math.inf
        self._shown_step: int | None = None
        self._width = 0
        self._lock = threading.Lock()

    def show(self, step: int, seconds: float, phase: str, figures: Mapping[str, float], pictures: int) -> None:
        """To be called after every step: `seconds` of training so far, its resumptions included; `pictures` of this
        step; `figures` by name, the latest."""
        with self._lock:
            now = time.monotonic()
            if self._seen and step < self._seen[-1][1]:
                # A guard went back to a checkpoint.
                self._seen.clear()
            self._pictures += pictures
            self._seen.append((now, step, self._pictures))
            while now - self._seen[0][0] > WINDOW_SECONDS and len(self._seen) > 2:
                self._seen.popleft()
            if self._terminal:
                if now - self._shown_at >= EVERY_SECONDS:
                    self._shown_at = now
                    self._renew(self._line(step, seconds, phase, figures))
            elif step % EVERY_STEPS == 0 and step != self._shown_step:
                self._shown_step = step
                print(self._line(step, seconds, phase, figures), file=self._stream, flush=True)

    def say(self, sentence: str) -> None:
        """A line that stays, above the one that renews itself; from any thread."""
        with self._lock:
            self._clear()
            print(sentence, file=self._stream, flush=True)

    def close(self) -> None:
        """Takes the line away."""
        with self._lock:
            self._clear()

    def _line(self, step: int, seconds: float, phase: str, figures: Mapping[str, float]) -> str:
        parts = [phase] if phase else []
        parts.append(f"step {step:,}")
        if (done := self._done(step, seconds)) is not None:
            parts.append(f"{math.floor(100 * done)} %")
        (then, before, fewer), (now, _, more) = self._seen[0], self._seen[-1]
        if now > then:
            parts.append(f"{(more - fewer) / (now - then):.1f} pictures/s")
            if (left := self._left(step, seconds, (step - before) / (now - then))) is not None:
                parts.append(f"about {duration(left)} left")
        parts.append(" ".join(f"{name} {value:.3g}" for name, value in figures.items()))
        return "  ".join(part for part in parts if part)

    def _done(self, step: int, seconds: float) -> float | None:
        shares = [step / self._total_steps] if self._total_steps else []
        shares += [seconds / self._total_seconds] if self._total_seconds else []
        return min(1.0, max(shares)) if shares else None

    def _left(self, step: int, seconds: float, rate: float) -> float | None:
        """Seconds to whichever end comes first, at `rate` steps a second."""
        ends = [self._total_seconds - seconds] if self._total_seconds else []
        ends += [(self._total_steps - step) / rate] if self._total_steps and rate > 0 else []
        return max(0.0, min(ends)) if ends else None

    def _renew(self, line: str) -> None:
        most = max(1, self._columns() - 1)
        line = line[:most]
        print(f"\r{line:<{min(self._width, most)}}", end="", file=self._stream, flush=True)
        self._width = len(line)

    def _clear(self) -> None:
        if self._width:
            print(f"\r{'':<{self._width}}\r", end="", file=self._stream, flush=True)
            self._width = 0

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or shutil.get_terminal_size().columns
        except (OSError, ValueError):
            return shutil.get_terminal_size().columns
