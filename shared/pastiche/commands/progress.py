"""What a waiting user sees and can do: a progress bar on a terminal, notes, and Ctrl+C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any

from pastiche.job import Job

STEPS = 1000
SHOWN_ITERATIONS = 100
STAGES = {
    "queued": "waiting",
    "receive": "sending",
    "load": "loading",
    "style": "style",
    "stylize": "painting",
    "finish": "finishing",
    "send": "receiving",
}


def duration(seconds: float) -> str:
    """`42 s`, `7 min`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"


def detail_line(detail: Mapping[str, Any]) -> str:
    """`scale 2/4  iteration 100/300  content 0.610  style 0.120`."""
    counts = [f"{n} {detail[n]}/{detail.get(n + 's', '?')}" for n in ("scale", "iteration") if n in detail]
    return "  ".join(counts + [f"{name} {detail[name]:.3f}" for name in ("content", "style") if name in detail])


class Bar:
    """A tqdm bar on standard error, if that is a terminal; otherwise nothing. `notes` collects what was said."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.notes: list[str] = []
        self._bar: Any = None

    def show(self, stage: str, fraction: float, prefix: str = "", left: float | None = None) -> None:
        """`fraction` 0..1 of the whole; `left` seconds of it, where that is known."""
        if self.quiet or not sys.stderr.isatty():
            return
        if self._bar is None:
            from tqdm import tqdm

            layout = "{desc:<10} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
            self._bar = tqdm(total=STEPS, file=sys.stderr, leave=False, bar_format=layout, dynamic_ncols=True)
        self._bar.set_description_str(f"{prefix}{STAGES.get(stage, stage)}", refresh=False)
        self._bar.set_postfix_str(f"{duration(left)} left" if left and left >= 1 else "", refresh=False)
        self._bar.n = max(0, min(STEPS, round(STEPS * fraction)))
        self._bar.refresh()

    def tell(self, detail: Mapping[str, Any], prefix: str = "") -> None:
        """A line about a step: of all that come where nobody watches, of every hundredth above the bar."""
        if self.quiet or (sys.stderr.isatty() and detail.get("iteration", 0) % SHOWN_ITERATIONS):
            return
        self._print(prefix + detail_line(detail))

    def say(self, sentence: str) -> None:
        """A note for the user, above the bar."""
        self.notes.append(sentence)
        if self.quiet:
            return
        self._print(f"pastiche: {sentence}")

    def _print(self, line: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        print(line, file=sys.stderr, flush=True)

    def remark(self, sentence: str) -> None:
        """A note of the daemon about how it worked: of interest on a terminal, noise in a log."""
        if sys.stderr.isatty():
            self.say(sentence)
        else:
            self.notes.append(sentence)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Interrupts:
    """While this context lasts, Ctrl+C is counted: the first finishes the job, the second cancels it.

    The third raises KeyboardInterrupt. Where signals cannot be set (not the main thread) nothing changes.
    It may be entered again inside itself.
    """

    def __init__(self, bar: Bar) -> None:
        self.count = 0
        self._bar = bar
        self._asked: dict[Job, int] = {}
        self._before: list[Any] = []

    def __enter__(self) -> Interrupts:
        try:
            self._before.append(signal.signal(signal.SIGINT, self._on_signal))
        except ValueError:
            self._before.append(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        before = self._before.pop()
        if before is not None:
            signal.signal(signal.SIGINT, before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 2:
            raise KeyboardInterrupt

    def pass_on(self, *jobs: Job) -> None:
        """Tells the jobs what Ctrl+C was pressed for; called again and again while they are waited for."""
        if not self.count:
            return
        if not self._asked:
            self._bar.say("Finishing... press Ctrl+C again to cancel.")
        for job in jobs:
            before = self._asked.get(job, 0)
            self._asked[job] = self.count
            if self.count >= 2 > before:
                job.cancel()
            elif before == 0:
                job.finish()
