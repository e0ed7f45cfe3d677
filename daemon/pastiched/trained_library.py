"""The trained models that there are: those that ship and the user's own, by name.

The process that serves sockets uses it, so it imports neither torch nor numpy nor Pillow.
"""

from __future__ import annotations

import difflib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pastiche.errors import ErrorCode, PasticheError
from pastiched.models import SHIPPED as WEIGHTS
from pastiched.models import ModelError
from pastiched.styles import gallery_names
from pastiched.trained_model import SUFFIX, TrainedModel, read_trained_model

if TYPE_CHECKING:
    from pastiched.trained_addition import Addition

SHIPPED = WEIGHTS / "trained"
FOLDER = "trained"
"""Of the user's own, in the folder of models."""
log = logging.getLogger(__name__)


class TrainedLibrary:
    """Every trained model there is. Folders are read anew at each call, so what was added or removed counts at once.

    `user_folder` holds the user's own. `styles_folder` has the user's style pictures, whose names no model is given.
    """

    def __init__(self, user_folder: Path, styles_folder: Path | None = None, shipped: Path = SHIPPED) -> None:
        self.user_folder = user_folder
        self.styles_folder, self._shipped = styles_folder, shipped
        self._seen: dict[Path, tuple[tuple[int, int], TrainedModel | str]] = {}

    def list(self) -> list[TrainedModel]:
        """What ships, then the user's own, each by name; files that are no trained models are left out."""
        return [*self._survey()[0]]

    def left_out(self) -> dict[Path, str]:
        """The files in both folders that are not listed, and why."""
        return self._survey()[1]

    def source(self, model: TrainedModel) -> Literal["shipped", "user"]:
        return "shipped" if model.path.parent == self._shipped else "user"

    def get(self, name: str) -> TrainedModel | None:
        """The model of that name, in any case. Names are looked up in the listing and never become part of a path."""
        wanted = name.strip().casefold()
        return next((model for model in self.list() if model.name == wanted), None)

    def find(self, name: str) -> TrainedModel:
        """The same. Raises PasticheError (`unknown_model`), with the closest name as advice where one is near."""
        if model := self.get(name):
            return model
        names = [model.name for model in self.list()]
        hint = "" if names else "None is installed; `pastiched models add FILE` adds one."
        if near := difflib.get_close_matches(name.strip().casefold()[:200], names, n=1, cutoff=0.6):
            hint = f'Did you mean "{near[0]}"? See the list with `pastiche styles`.'
        said = f'There is no trained model named "{name[:80]}".' if name.strip() else "No trained model was chosen."
        raise PasticheError(ErrorCode.UNKNOWN_MODEL, said, hint)

    def add(self, path: Path, name: str | None = None) -> tuple[Addition, ...]:
        """Takes over the file, or every model file directly in the folder, under `name` or its own.

        What is wrong with a single file, or with all, is raised as ModelError with a sentence; of a folder's files each
        has its own. Nothing is left behind by what was refused. Raises PasticheError(UNWRITABLE) too.
        """
        from pastiched.trained_addition import Additions

        return Additions(self).add(path, name)

    def remove(self, model: TrainedModel) -> int:
        """Deletes one of the user's own; how many bytes that freed. Raises ModelError, and PasticheError(BAD_OPTION)
        for what ships."""
        from pastiched.fetching import sole_use

        if self.source(model) == "shipped":
            raise PasticheError(
                ErrorCode.BAD_OPTION, f"{model.name} is a part of Pastiche and cannot be removed.", "Leave it there."
            )
        with sole_use(self.user_folder):
            try:
                size = model.path.stat().st_size
                model.path.unlink()
            except OSError as error:
                raise ModelError(f"{model.path.name} cannot be deleted ({reason(error)}).") from None
        return size

    def _survey(self) -> tuple[tuple[TrainedModel, ...], dict[Path, str]]:
        models: list[TrainedModel] = []
        left_out: dict[Path, str] = {}
        taken = {name.casefold() for name in gallery_names()}
        for folder in (self._shipped, self.user_folder):
            found = []
            for path in _files_there(folder):
                looked = self._look(path)
                if isinstance(looked, str):
                    left_out[path] = looked
                elif looked.name in taken:
                    left_out[path] = f"{path.name} is not used: something else is called {looked.name}, too."
                else:
                    taken.add(looked.name)
                    found.append(looked)
            models += sorted(found, key=lambda model: model.name)
        return tuple(models), left_out

    def _look(self, path: Path) -> TrainedModel | str:
        """The model, or why it is none; a file is read once while its size and time stay the same."""
        try:
            info = path.stat()
        except OSError as error:
            return f"{path.name} cannot be read: {reason(error)}."
        stamp = info.st_size, info.st_mtime_ns
        known = self._seen.get(path)
        if known and known[0] == stamp:
            return known[1]
        looked: TrainedModel | str
        try:
            looked = read_trained_model(path)
        except ModelError as error:
            looked = str(error)
            log.info("A trained model is left out: %s", ascii(looked)[1:-1])
        self._seen[path] = stamp, looked
        return looked


def model_files(folder: Path) -> list[Path]:
    """The model files directly in a folder, by name. Raises ModelError where the folder cannot be read."""
    try:
        return sorted(p for p in folder.iterdir() if p.suffix.lower() == SUFFIX and p.name[0] != "." and p.is_file())
    except OSError as error:
        raise ModelError(f"{folder} cannot be read: {reason(error)}.") from None


def _files_there(folder: Path) -> list[Path]:
    """The same; none where there is no folder, or none that can be read."""
    try:
        return model_files(folder)
    except ModelError:
        return []


def reason(error: OSError) -> str:
    """A few words for people."""
    return error.strerror or type(error).__name__
