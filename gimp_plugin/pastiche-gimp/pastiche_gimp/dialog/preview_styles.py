"""Styles for previews: pictures that are not in the daemon's library are sent reduced, and read only once."""

from __future__ import annotations

from collections.abc import Iterable

from pastiche.connection import Home
from pastiche.job import StyleRef
from pastiche.pixels import PixelBuffer
from pastiche_gimp.dialog.pictures import reduced
from pastiche_gimp.recipe import StyleChoice
from pastiche_gimp.style_pictures import style_refs

LONGEST_SIDE = 512


class PreviewStyles:
    """What `style_pictures.style_refs` gives, for many small jobs in a row."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._pictures: dict[str, PixelBuffer] = {}

    def refs(self, choices: Iterable[StyleChoice]) -> tuple[StyleRef, ...]:
        """Raises PasticheError(UNKNOWN_STYLE) where a kept picture is gone."""
        return tuple(self._ref(choice) for choice in choices)

    def _ref(self, choice: StyleChoice) -> StyleRef:
        known = self._pictures.get(choice.name)
        if known:
            return StyleRef(pixels=known, weight=choice.weight)
        (ref,) = style_refs((choice,), self._home)
        if ref.pixels is None:
            return ref
        self._pictures[choice.name] = reduced(ref.pixels, LONGEST_SIDE)
        return StyleRef(pixels=self._pictures[choice.name], weight=choice.weight)
