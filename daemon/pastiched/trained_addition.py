"""Taking over files of trained models from wherever they came, whole and under a name that is free, or not at all."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
from safetensors import SafetensorError
from safetensors.numpy import load

from pastiche.atomic_file import atomic_file
from pastiche.options import METHODS
from pastiched.fetching import need_space, sole_use
from pastiched.models import VGG19_ID, ModelError, installed_models, shipped_models
from pastiched.styles import StyleLibrary, gallery_names
from pastiched.trained_library import model_files, reason
from pastiched.trained_model import (
    NAME,
    SUFFIX,
    TEXTS,
    TrainedModel,
    default_title,
    read_trained_model,
    write_trained_model,
)

if TYPE_CHECKING:
    from pastiched.trained_library import TrainedLibrary


@dataclass(frozen=True)
class Addition:
    """What became of a file that was to be added: its model, or why it was refused."""

    file: Path
    model: TrainedModel | None = None
    already: bool = False
    refusal: str = ""


class Additions:
    """Adds to a library."""

    def __init__(self, library: TrainedLibrary) -> None:
        self._library, self._folder = library, library.user_folder

    def add(self, path: Path, name: str | None = None) -> tuple[Addition, ...]:
        """See TrainedLibrary.add."""
        if name is not None and not re.fullmatch(NAME, name):
            raise ModelError(
                f"A model cannot be called {name[:60]!r}: names have 1 to 40 lower-case letters, digits and hyphens, "
                "no hyphen first or last."
            )
        if not path.is_dir():
            return (self._add(path, name),)
        files = model_files(path)
        if not files:
            raise ModelError(f"There is no trained model in {path}; their files end in {SUFFIX}.")
        if name is not None and len(files) > 1:
            raise ModelError(f"There are {len(files)} files in {path}; --name names only one.")
        return tuple(self._try(file, name) for file in files)

    def _try(self, file: Path, name: str | None) -> Addition:
        try:
            return self._add(file, name)
        except ModelError as error:
            return Addition(file, refusal=str(error))

    def _add(self, file: Path, name: str | None) -> Addition:
        if not file.exists():
            raise ModelError(f"There is no file {file}.")
        if not file.is_file():
            raise ModelError(f"{file} is not a file.")
        given = read_trained_model(file)
        called = name or given.name
        if here := self._twin(given, called):
            return Addition(file, here, already=True)
        self._check_name(called)
        data = _content(given)
        _check_numbers(file.name, data)
        if called != given.name:
            data = _renamed(given, called)
        with sole_use(self._folder):
            self._check_name(called)
            need_space(self._folder, len(data))
            target = self._folder / (called + SUFFIX)
            if target.exists():
                raise ModelError(f"{target} is in the way and is not a model of that name; delete it or move it away.")
            with atomic_file(target, overwrite=False) as out:
                out.write(data)
        return Addition(file, read_trained_model(target))

    def _twin(self, given: TrainedModel, name: str) -> TrainedModel | None:
        """The model of that name, where it is the given one but for its name."""
        here = self._library.get(name)
        if here is None or (here.card, here.thumbnail) != (_card_called(given.card, name), given.thumbnail):
            return None
        return here if here.sha256 == given.sha256 or _tensors(here) == _tensors(given) else None

    def _check_name(self, name: str) -> None:
        """Raises ModelError where something else is called so."""
        if name in METHODS:
            raise ModelError(f"A method is called {name}; --name NAME gives this model another name.")
        if here := self._library.get(name):
            remedy = f", or `pastiched models remove {name}` makes room" if self._library.source(here) == "user" else ""
            raise ModelError(
                f"Another trained model is called {name}; --name NAME gives this one another name{remedy}."
            )
        pictures = StyleLibrary(self._library.styles_folder) if self._library.styles_folder else None
        styles = {style.name.casefold() for style in pictures.list()} if pictures else set(gallery_names())
        networks = {model.id for model in (*shipped_models(), *installed_models(self._folder.parent))}
        if name in styles | networks | {VGG19_ID}:
            kind = "A style" if name in styles else "A feature network or the network of Fast"
            raise ModelError(f"{kind} is called {name}; --name NAME gives this one another name.")


def _content(model: TrainedModel) -> bytes:
    """The file as it was read. Raises ModelError where it is another one by now."""
    try:
        data = model.path.read_bytes()
    except OSError as error:
        raise ModelError(f"{model.path.name} cannot be read: {reason(error)}.") from None
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise ModelError(f"{model.path.name} has changed meanwhile; try again.")
    return data


def _check_numbers(name: str, data: bytes) -> None:
    """Raises ModelError where a weight is no number. Without torch, which takes seconds to load."""
    try:
        tensors = load(data)
    except SafetensorError:
        raise ModelError(f"{name} is damaged: its tensors cannot be read.") from None
    if not all(numpy.isfinite(tensor).all() for tensor in tensors.values()):
        raise ModelError(f"{name} is damaged: some of its weights are no numbers.")


def _renamed(model: TrainedModel, name: str) -> bytes:
    """The content of a file of the same model under another name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (name + SUFFIX)
        try:
            write_trained_model(path, model.load(), _card_called(model.card, name), model.thumbnail)
            return path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be written: {reason(error)}.") from None


def _card_called(card: dict[str, Any], name: str) -> dict[str, Any]:
    """The card of the same model under that name. Its title follows, so that no two models look alike in a list."""
    title, former = card["title"], card["name"]
    if name != former and title:
        mark = f" ({name})"
        own = title.removesuffix(f" ({former})")[: TEXTS["title"] - len(mark)].rstrip()
        title = default_title(name) if title == default_title(former) else own + mark
    return card | {"name": name, "title": title}


def _tensors(model: TrainedModel) -> bytes:
    """What follows the header of its file."""
    data = _content(model)
    return data[8 + int.from_bytes(data[:8], "little") :]
