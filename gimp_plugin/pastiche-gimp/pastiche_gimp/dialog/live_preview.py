"""The live preview: every change is painted on a reduced picture at once; a newer change replaces an older one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gi.repository import GLib

from pastiche.errors import PasticheError
from pastiche.job import StyleRef
from pastiche.options import BY_NAME
from pastiche.pixels import PixelBuffer
from pastiche.protocol import Progress
from pastiche_gimp.arguments import heeds
from pastiche_gimp.dialog.comparison import Comparison
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.pace import Pace
from pastiche_gimp.dialog.pictures import pixbuf_of, reduced
from pastiche_gimp.dialog.session import Order, Run, Session
from pastiche_gimp.methods import FAST, FINE
from pastiche_gimp.painting import stage_text

LONGEST_SIDE = 512
GATHER_MS = 60
"""Changes that follow each other as fast as this are painted together."""
DRAFT_SECONDS = 0.25
"""A preview that would take longer is drafted smaller first."""
SHARP_SECONDS = 3.0
PATIENCE_SECONDS = 0.15
"""An outdated preview is let finish if it is younger: a slider that is being dragged shows something on its way."""
LIMIT_SECONDS = 120.0
UNSEEN = {"depth": "8", "tile": BY_NAME["tile"].default}
"""What makes no difference to a preview, or only to its time."""
TALK_SECONDS = 0.5
"""Stages are named where a preview takes longer."""


def draft_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a preview of such a picture: what paints slowly is shown as Fast would paint it."""
    if options["method"] != FINE:
        return {**options, **UNSEEN}
    known = {name: value if heeds(FAST, BY_NAME[name]) else BY_NAME[name].default for name, value in options.items()}
    return {**known, "method": FAST, **UNSEEN}


@dataclass(frozen=True)
class Wish:
    """What should be seen."""

    styles: tuple[StyleRef, ...]
    options: Mapping[str, Any]


class LivePreview:
    """`say` gets a line about what is going on ("" = nothing), `on_idle` is called when nothing is left to do."""

    def __init__(
        self,
        session: Session,
        guard: Guard,
        comparison: Comparison,
        say: Callable[[str], None],
        on_idle: Callable[[], None],
        on_failed: Callable[[PasticheError], None],
    ) -> None:
        self._session, self._guard, self._comparison = session, guard, comparison
        self._say, self._on_idle, self._on_failed = say, on_idle, on_failed
        self.grey = False
        self._badge = ""
        self._pace = Pace()
        self.content: PixelBuffer | None = None
        self._sizes: dict[int, PixelBuffer] = {}
        self._wish: Wish | None = None
        self._painting: Wish | None = None
        self._run: Run | None = None
        self._began = 0.0
        self._timer = 0

    @property
    def busy(self) -> bool:
        return self._run is not None or self._timer != 0

    def set_content(self, content: PixelBuffer) -> None:
        """The user's picture, reduced."""
        self.stop()
        self.content, self._sizes = content, {}
        self._comparison.set_before(pixbuf_of(content))

    def show(
        self, styles: tuple[StyleRef, ...], options: Mapping[str, Any], grey: bool = False, badge: str = ""
    ) -> None:
        """Something may have changed. `grey`: the result will have no colours. `badge` is shown on the preview."""
        wish = Wish(styles, options)
        self._badge = badge
        if wish == self._wish and grey == self.grey:
            self._comparison.set_badge(badge)
            return
        self.grey = grey
        self._wish = wish
        if not self._timer:
            self._timer = GLib.timeout_add(GATHER_MS, self._guard(self._due))

    def stop(self) -> None:
        """Nothing is painted any more until the next `show`."""
        if self._timer:
            GLib.source_remove(self._timer)
            self._timer = 0
        self._drop()
        self._wish = None

    def _due(self) -> bool:
        self._timer = 0
        if self._run is None or self._painting is None:
            self._paint()
            return False
        age = time.monotonic() - self._began
        if self._run.job is not None and age < PATIENCE_SECONDS:
            wait = int(1000 * (PATIENCE_SECONDS - age)) + 1
            self._timer = GLib.timeout_add(wait, self._guard(self._due))
            return False
        self._drop()
        self._paint()
        return False

    def _drop(self) -> None:
        run, self._run, self._painting = self._run, None, None
        if run:
            self._session.cancel(run)

    def _paint(self, sharp: bool = False) -> None:
        wish, content = self._wish, self.content
        if wish is None or content is None:
            self._say("")
            self._on_idle()
            return
        picture = self._reduced(content, wish, SHARP_SECONDS if sharp else DRAFT_SECONDS)
        self._painting, self._began = wish, time.monotonic()
        order = Order(picture, wish.styles, wish.options, preview=True)
        run = Run(
            order,
            lambda pixels, report: self._painted(wish, picture, pixels, report, sharp),
            self._failed,
            self._progressed,
            seconds=LIMIT_SECONDS,
        )
        self._run = run
        self._session.submit(run)

    def _reduced(self, content: PixelBuffer, wish: Wish, seconds: float) -> PixelBuffer:
        """The picture, as large as it may be to be painted in so many seconds."""
        shape = content.format
        side = self._pace.side(shape.width, shape.height, wish.options, seconds)
        if side not in self._sizes:
            self._sizes[side] = reduced(content, side)
        return self._sizes[side]

    def _progressed(self, progress: Progress) -> None:
        seconds = time.monotonic() - self._began
        if seconds > TALK_SECONDS:
            self._say(f"{stage_text(progress.stage)}\N{HORIZONTAL ELLIPSIS} {seconds:.0f} s")

    def _painted(
        self, wish: Wish, picture: PixelBuffer, pixels: PixelBuffer, report: dict[str, Any], sharp: bool
    ) -> None:
        self._run = self._painting = None
        self._learn(wish, picture, report)
        self._comparison.set_after(pixbuf_of(pixels, self.grey), self._badge)
        if wish != self._wish:
            if not self._timer:
                self._paint()
        elif not sharp and self.content and picture != self._reduced(self.content, wish, SHARP_SECONDS):
            self._paint(sharp=True)
        else:
            self._say("")
            self._on_idle()

    def _learn(self, wish: Wish, picture: PixelBuffer, report: dict[str, Any]) -> None:
        timings = report.get("timings")
        if isinstance(timings, dict) and "run" in timings:
            seconds = (float(timings["run"]) - float(timings.get("style", 0.0))) / 1000
            self._pace.learn(picture.format.width * picture.format.height, wish.options, seconds)

    def _failed(self, error: PasticheError) -> None:
        self._run = self._painting = self._wish = None
        self._say("")
        self._on_failed(error)
        self._on_idle()
