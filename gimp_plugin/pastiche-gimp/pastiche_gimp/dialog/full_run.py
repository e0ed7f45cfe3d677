"""Painting the full picture while the dialog stays open: progress, Cancel, Stop and keep, and a look at the image."""

from __future__ import annotations

from typing import Any

from gi.repository import GLib, Gtk

from pastiche.errors import PasticheError
from pastiche.job import Outcome
from pastiche.pixels import PixelBuffer
from pastiche.protocol import Progress
from pastiche_gimp.content import Content
from pastiche_gimp.dialog.comparison import Comparison
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.pictures import pixbuf_of
from pastiche_gimp.dialog.session import Order, Phase, Run, Session
from pastiche_gimp.dialog.work_line import WorkLine, elapsed
from pastiche_gimp.dialog.work_mode import KEEP
from pastiche_gimp.painting import stage_text
from pastiche_gimp.steps import PAINTING
from pastiche_gimp.words import _

LOOK_MS = 500
ENDINGS = (Gtk.ResponseType.CANCEL, Gtk.ResponseType.DELETE_EVENT, Gtk.ResponseType.CLOSE)


class FullRun:
    """One job, waited for in a main loop of its own, so that nothing stands still."""

    def __init__(
        self,
        dialog: Any,
        session: Session,
        guard: Guard,
        line: WorkLine,
        comparison: Comparison,
        content: Content,
        grey: bool,
    ) -> None:
        self._dialog, self._session, self._guard = dialog, session, guard
        self._line, self._comparison, self._content = line, comparison, content
        self._grey = grey
        self._loop = GLib.MainLoop()
        self._outcome: Outcome | None = None
        self._error: PasticheError | None = None
        self._ended = False
        self._stopping = False
        self._run: Run | None = None

    def wait(self, order: Order) -> Outcome | None:
        """None if the user has cancelled, or the image was closed. Raises PasticheError."""
        answer = self._dialog.connect("response", self._guard(self._answered))
        closing = self._dialog.connect("delete-event", self._guard(self._closing, True))
        look = GLib.timeout_add(LOOK_MS, self._guard(self._look))
        run = self._run = Run(order, self._painted, self._failed, self._progressed, self._grown)
        try:
            self._session.submit(run)
            # What has come already must not be waited for.
            if not self._ended:
                self._loop.run()
        finally:
            self._session.cancel(run)
            self._dialog.disconnect(answer)
            self._dialog.disconnect(closing)
            GLib.source_remove(look)
        if self._error:
            raise self._error
        return self._outcome

    def tell_connecting(self) -> None:
        """The session has news."""
        if self._session.phase is Phase.CONNECTING:
            # The daemon was lost, and what it had painted with it.
            self._stopping = False
            self._dialog.set_response_sensitive(KEEP, False)
            self._line.waiting(elapsed(stage_text(self._session.stage), self._session.seconds_connecting))

    def _painted(self, pixels: PixelBuffer, report: dict[str, Any]) -> None:
        self._outcome = Outcome(pixels, report)
        self._line.progress(Progress("finish", 1.0))
        self._end()

    def _grown(self, pixels: PixelBuffer) -> None:
        """A picture in between."""
        if pixels.format.depth != "u8":
            return
        if not self._stopping:
            self._dialog.set_response_sensitive(KEEP, True)
        self._comparison.set_after(pixbuf_of(pixels, self._grey))

    def _progressed(self, progress: Progress) -> None:
        if not self._stopping or progress.stage != PAINTING:
            self._line.progress(progress)

    def _keep(self) -> None:
        """What is there becomes the picture; it comes when the step that is on has ended."""
        if self._run:
            self._stopping = True
            self._dialog.set_response_sensitive(KEEP, False)
            self._line.waiting(_("Stopping after this step"))
            self._session.finish(self._run)

    def _failed(self, error: PasticheError) -> None:
        self._error = error
        self._end()

    def _answered(self, _dialog: Any, response: int) -> None:
        if response in ENDINGS:
            self._end()
        elif response == KEEP:
            self._keep()

    def _closing(self, *_event: Any) -> bool:
        self._end()
        return True

    def _look(self) -> bool:
        if not self._content.is_open:
            self._end()
        return True

    def _end(self) -> None:
        self._ended = True
        self._loop.quit()
