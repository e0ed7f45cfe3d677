"""What somebody who watches a training sees."""

from __future__ import annotations

import io

import pytest

from pastiched.training import progress_line
from pastiched.training.progress_line import ProgressLine

FIGURES = {"content": 0.8151, "style": 0.30652}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that the test lets pass."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv("COLUMNS", "120")
    found = Clock()
    monkeypatch.setattr(progress_line, "time", found)
    return found


def run(progress: ProgressLine, clock: Clock, steps: range, seconds_a_step: float, phase: str = "style") -> None:
    for step in steps:
        clock.now += seconds_a_step
        progress.show(step, step * seconds_a_step, phase, FIGURES, 8)


def lines(out: io.StringIO) -> list[str]:
    return [line.rstrip() for line in out.getvalue().replace("\r", "\n").split("\n") if line.strip()]


def test_a_terminal_shows_phase_step_share_rate_time_left_and_figures(clock: Clock) -> None:
    out = Terminal()
    run(ProgressLine(out, total_steps=4000), clock, range(1, 1521), 2.0)
    assert lines(out)[-1] == "style  step 1,520  38 %  4.0 pictures/s  about 82 min left  content 0.815 style 0.307"


def test_where_time_ends_the_run_the_time_left_is_what_is_left_of_it(clock: Clock) -> None:
    out = Terminal()
    run(ProgressLine(out, total_seconds=1000), clock, range(1, 101), 1.0)
    assert "step 100  10 %  8.0 pictures/s  about 15 min left" in lines(out)[-1]


def test_the_end_that_comes_first_counts(clock: Clock) -> None:
    out = Terminal()
    run(ProgressLine(out, total_steps=200, total_seconds=10_000), clock, range(1, 101), 1.0)
    assert "50 %" in lines(out)[-1] and "about 100 s left" in lines(out)[-1]


def test_a_run_without_an_end_has_no_share_and_no_time_left(clock: Clock) -> None:
    out = Terminal()
    run(ProgressLine(out), clock, range(1, 4), 1.0)
    assert lines(out)[-1] == "style  step 3  8.0 pictures/s  content 0.815 style 0.307"


def test_rate_and_time_left_are_those_of_the_last_minute(clock: Clock) -> None:
    out = Terminal()
    progress = ProgressLine(out, total_steps=1000)
    run(progress, clock, range(1, 101), 10.0)
    run(progress, clock, range(101, 301), 1.0)
    assert "8.0 pictures/s  about 11 min left" in lines(out)[-1]


def test_the_line_is_renewed_at_most_five_times_a_second(clock: Clock) -> None:
    out = Terminal()
    run(ProgressLine(out), clock, range(1, 1001), 0.01)
    assert 40 <= out.getvalue().count("\r") <= 51


def test_the_line_fits_the_terminal_and_leaves_nothing_behind(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = Terminal()
    progress = ProgressLine(out, total_steps=10)
    run(progress, clock, range(1, 4), 1.0)
    progress.say("A guard spoke.")
    run(progress, clock, range(4, 5), 1.0)
    progress.close()
    text = out.getvalue()
    assert all(len(part) <= 39 for part in text.replace("\n", "\r").split("\r"))
    assert "\r" + " " * 39 + "\rA guard spoke.\n" in text
    assert text.endswith("\r" + " " * 39 + "\r")


def test_a_file_or_pipe_gets_a_line_every_fifty_steps(clock: Clock) -> None:
    out = io.StringIO()
    progress = ProgressLine(out, total_steps=200)
    run(progress, clock, range(1, 201), 1.0)
    progress.close()
    assert [line.split("  ")[1] for line in lines(out)] == ["step 50", "step 100", "step 150", "step 200"]
    assert "\r" not in out.getvalue() and out.getvalue().endswith("\n")


def test_going_back_to_a_checkpoint_gives_no_nonsense(clock: Clock) -> None:
    out = Terminal()
    progress = ProgressLine(out, total_steps=1000)
    run(progress, clock, range(1, 101), 1.0)
    run(progress, clock, range(51, 61), 1.0)
    assert "step 60  6 %  8.0 pictures/s  about 15 min left" in lines(out)[-1]
