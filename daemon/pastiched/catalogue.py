"""What a job can name, as clients are told of it: style pictures and trained models."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pastiche.connection import Home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import METHODS, TRAINED
from pastiche.protocol import TRAINED_SINCE, Message, Styles

if TYPE_CHECKING:
    from pastiched.styles import StyleLibrary
    from pastiched.trained_library import TrainedLibrary

REVISION_DIGITS = 12


class Catalogue:
    """Both libraries of a home, opened when they are first asked. Every method may look into the user's folders."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._pictures: StyleLibrary | None = None
        self._models: TrainedLibrary | None = None

    def find_style(self, name: str) -> Path:
        """The style picture of that name. Raises PasticheError(UNKNOWN_STYLE)."""
        try:
            path: Path = self._styles().find(name).path
        except PasticheError:
            if model := self._trained().get(name):
                said = f"{model.name} is a trained model and no style."
                raise PasticheError(ErrorCode.UNKNOWN_STYLE, said, f"Choose it with --model {model.name}.") from None
            raise
        return path

    def find_model(self, name: str) -> tuple[str, Path]:
        """A trained model's own spelling of its name, and its file. Raises PasticheError(UNKNOWN_MODEL)."""
        model = self._trained().find(name)
        return model.name, model.path

    def thumbnail(self, name: str) -> tuple[str, bytes]:
        """Its own spelling of a style's or trained model's name, and a JPEG file, empty where it has none.

        Raises PasticheError(UNKNOWN_STYLE).
        """
        if model := self._trained().get(name):
            return model.name, model.thumbnail
        return self._styles().thumbnail(name)

    def listing(self, version: tuple[int, int]) -> Styles:
        """Everything, cut to what fits into a message. `version` is that of the asker's protocol."""
        pictures = [
            _entry(style.name, style.title, style.description, METHODS[0], style.source)
            for style in self._styles().list()
            if style.name.isprintable()
        ]
        trained = self._trained()
        # An older client would take them for style pictures.
        models = [
            _entry(model.name, model.title, str(model.card["description"]), TRAINED[0], trained.source(model))
            | {"revision": model.sha256[:REVISION_DIGITS]}
            for model in (trained.list() if version >= TRAINED_SINCE else [])
        ]
        while True:
            with contextlib.suppress(PasticheError):
                Message(Styles([*pictures, *models]), session="x" * 64, parent="x" * 64).encode()
                return Styles([*pictures, *models])
            longer = pictures if len(pictures) > len(models) else models
            del longer[len(longer) * 3 // 4 :]

    def _styles(self) -> StyleLibrary:
        if self._pictures is None:
            from pastiched.styles import StyleLibrary

            trained = self._trained()
            self._pictures = StyleLibrary(self._home.styles_folder, lambda: [model.name for model in trained.list()])
        return self._pictures

    def _trained(self) -> TrainedLibrary:
        if self._models is None:
            from pastiched.trained_library import FOLDER, TrainedLibrary

            self._models = TrainedLibrary(self._home.models_folder / FOLDER)
        return self._models


def _entry(name: str, title: str, description: str, method: str, source: str) -> dict[str, Any]:
    """Of `styles_reply`: single lines, without what terminals obey."""

    def line(text: str) -> str:
        return "".join(c for c in " ".join(text.split()) if c.isprintable())

    return {
        "name": name[:200],
        "title": line(title)[:200],
        "description": line(description)[:300],
        "method": method,
        "source": source,
    }
