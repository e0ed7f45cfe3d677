"""What a waiting user sees and can do: a progress bar on a terminal, notes, and Ctrl+C."""

from __future__ import annotations

import signal
import sys
from types import FrameType, TracebackType
from typing import Any

from pastiche.job import Job

STEPS = 1000
STAGES = {
    "queued": "waiting",
    "receive": "sending",
    "load": "loading",
    "style": "style",
    "stylize": "painting",
    "finish": "finishing",
    "send": "receiving",
}


class Bar:
    """A tqdm bar on standard error, if that is a terminal; otherwise nothing. `notes` collects what was said."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.notes: list[str] = []
        self._bar: Any = None

    def show(self, stage: str, fraction: float, prefix: str = "") -> None:
        """`fraction` 0..1 of the whole."""
        if self.quiet or not sys.stderr.isatty():
            return
        if self._bar is None:
            from tqdm import tqdm

            layout = "{desc:<10} {percentage:3.0f}%|{bar}| {elapsed}"
            self._bar = tqdm(total=STEPS, file=sys.stderr, leave=False, bar_format=layout, dynamic_ncols=True)
        self._bar.set_description_str(f"{prefix}{STAGES.get(stage, stage)}", refresh=False)
        self._bar.n = max(0, min(STEPS, round(STEPS * fraction)))
        self._bar.refresh()

    def say(self, sentence: str) -> None:
        """A note for the user, above the bar."""
        self.notes.append(sentence)
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.clear()
        print(f"pastiche: {sentence}", file=sys.stderr, flush=True)

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
