"""The tiles of the gallery, painted one after the other while nothing more urgent is to be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import defaults
from pastiche.pixels import PixelBuffer
from pastiche_gimp.dialog.gallery import Gallery
from pastiche_gimp.dialog.pictures import pixbuf_of, reduced
from pastiche_gimp.dialog.preview_styles import PreviewStyles
from pastiche_gimp.dialog.session import GONE, Order, Phase, Run, Session
from pastiche_gimp.dialog.tile import Tile
from pastiche_gimp.methods import TRAINED
from pastiche_gimp.recipe import StyleChoice

SIDE = 160
BRUSH_SIZE = 150.0
"""Strokes that can be seen in so small a picture."""
LIMIT_SECONDS = 60.0


class TilePainter:
    """`may_paint` says whether nothing more urgent is going on."""

    def __init__(
        self, session: Session, gallery: Gallery, styles: PreviewStyles, may_paint: Callable[[], bool]
    ) -> None:
        self._session, self._gallery, self._styles, self._may_paint = session, gallery, styles, may_paint
        self._content: PixelBuffer | None = None
        self._given_up: set[Tile] = set()
        self._run: Run | None = None

    def set_content(self, content: PixelBuffer) -> None:
        """The user's picture; what was painted of another one is painted anew."""
        self.pause()
        self._content = reduced(content, SIDE)
        self._given_up.clear()
        for tile in self._gallery.tiles:
            tile.forget_painted()

    def pause(self) -> None:
        run, self._run = self._run, None
        if run:
            self._session.cancel(run)

    def go_on(self) -> None:
        """Paints the next tile, and those after it."""
        if self._run or self._content is None or self._session.phase is not Phase.READY or not self._may_paint():
            return
        waiting = (tile for tile in self._gallery.tiles if not tile.painted and tile not in self._given_up)
        tile = next(waiting, None)
        if tile is None:
            return
        try:
            styles = self._styles.refs(() if tile.style.trained else (StyleChoice(tile.style.name),))
        except PasticheError:
            self._skip(tile)
            return
        self._run = Run(
            Order(self._content, styles, self._options(tile), preview=True),
            lambda pixels, _report: self._painted(tile, pixels),
            lambda error: self._failed(tile, error),
            seconds=LIMIT_SECONDS,
        )
        self._session.submit(self._run)

    def _options(self, tile: Tile) -> dict[str, Any]:
        trained = {"method": TRAINED, "model": tile.style.name} if tile.style.trained else {}
        return {**defaults(), "brush_size": BRUSH_SIZE, **trained}

    def _painted(self, tile: Tile, pixels: PixelBuffer) -> None:
        self._run = None
        tile.show_painted(pixbuf_of(pixels))
        self.go_on()

    def _failed(self, tile: Tile, error: PasticheError) -> None:
        self._run = None
        if error.code not in (*GONE, ErrorCode.NO_DAEMON):
            self._skip(tile)

    def _skip(self, tile: Tile) -> None:
        """Its style's own picture stays; choosing it says what is wrong."""
        self._given_up.add(tile)
        self.go_on()
