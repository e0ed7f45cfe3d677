"""What somebody who waits for a download sees."""

from __future__ import annotations

import io

import pytest

from pastiched import download_progress
from pastiched.download_progress import DownloadProgress, duration

SIZE = 100_000_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that the test lets pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(download_progress, "time", found)
    return found


def run(out: io.StringIO, clock: Clock, seconds: int, begin: int = 0) -> list[str]:
    progress = DownloadProgress(SIZE, out)
    for second in range(seconds + 1):
        clock.now = float(second)
        progress.show(begin + (SIZE - begin) * second // seconds)
    progress.close()
    return out.getvalue().replace("\r", "\n").split("\n")


def test_a_file_or_pipe_gets_a_line_every_tenth(clock: Clock) -> None:
    lines = run(io.StringIO(), clock, 200)
    assert [line.split("  ")[1] for line in lines if line] == [f"{tenth}0 %" for tenth in range(1, 11)]


def test_rate_and_time_left_are_those_of_the_last_seconds(clock: Clock) -> None:
    lines = run(Terminal(), clock, 100)
    assert "50.0 of 100.0 MB  50 %  1.0 MB/s  0:50 left" in lines
    assert lines[-2].rstrip() == "100.0 of 100.0 MB  100 %  1.0 MB/s"


def test_what_was_there_before_does_not_count_as_fast(clock: Clock) -> None:
    lines = run(Terminal(), clock, 10, begin=90_000_000)
    assert lines[0] == "Going on after 90.0 MB of 100.0 MB."
    assert "91.0 of 100.0 MB  91 %  1.0 MB/s  0:09 left" in lines


def test_starting_over_is_said(clock: Clock) -> None:
    out = io.StringIO()
    progress = DownloadProgress(SIZE, out)
    for done in (60_000_000, 0, 20_000_000):
        clock.now += 1
        progress.show(done)
    said = out.getvalue().splitlines()
    assert said[1].startswith("Starting over") and said[2].startswith("20.0 of 100.0 MB")


def test_long_times_have_hours() -> None:
    assert [duration(seconds) for seconds in (0, 65.4, 7209, float("inf"))] == ["0:00", "1:05", "2:00:09", "99:59:59"]
