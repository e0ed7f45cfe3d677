"""The registry of weight files: which ship or were fetched, are they whole, and loading them (safetensors only)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pastiche.connection import find_home

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED = Path(__file__).parent / "weights"
MAX_SAFETENSORS_HEADER = 1_000_000
FEATURES = "features"
"""The method of networks that tell content and style."""
VGG19_ID = "vgg19"
REINSTALL = "install Pastiche again"
log = logging.getLogger(__name__)


class ModelError(Exception):
    """A weight file is missing, damaged, another one than its card says, or cannot be had; one sentence."""


@dataclass(frozen=True)
class Model:
    """A weight file with its card (`<file>.json`; see training/model_card.py). `remedy` says what helps it."""

    id: str
    method: str
    path: Path
    sha256: str
    card: dict[str, Any]
    remedy: str = REINSTALL

    def reference(self) -> dict[str, Any]:
        """What a report says of it."""
        return {"id": self.id, "file": self.path.name, "sha256": self.sha256}

    def verify(self) -> None:
        """Raises ModelError where the file is missing or its hash is another. Cheap while the file stays as it is."""
        try:
            info = self.path.stat()
            found = _sha256(self.path, info.st_size, info.st_mtime_ns)
        except OSError:
            raise ModelError(f"The weight file {self.path.name} is missing; {self.remedy}.") from None
        if found != self.sha256:
            raise ModelError(f"The weight file {self.path.name} is damaged; {self.remedy}.")

    def load(self) -> dict[str, Tensor]:
        """The verified tensors in float32."""
        from safetensors.torch import load

        self.verify()
        data = self.path.read_bytes()
        if len(data) < 8 or struct.unpack("<Q", data[:8])[0] > MAX_SAFETENSORS_HEADER:
            raise ModelError(f"The weight file {self.path.name} has a header that is too large.")
        return {name: tensor.float() for name, tensor in load(data).items()}


def file_sha256(path: Path) -> str:
    """In hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, modified: int) -> str:
    """Computed once while size and time of the file stay the same: a job must not wait for a hash of 80 MB."""
    return file_sha256(path)


@lru_cache
def shipped_models(folder: Path = SHIPPED) -> tuple[Model, ...]:
    """Every model whose card lies in `folder`."""
    return tuple(_read_card(path) for path in sorted(folder.glob("*.json")))


def installed_models(folder: Path) -> tuple[Model, ...]:
    """The models that the user fetched into `folder`, looked up anew at each call; unreadable cards are left out."""
    models = []
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            models.append(_read_card(path, "fetch it again with `pastiched models fetch {id}`"))
    return tuple(models)


def _read_card(path: Path, remedy: str = REINSTALL) -> Model:
    card = json.loads(path.read_text("utf-8"))
    name = str(card["id"])
    # A card speaks of the file beside it and of no other.
    file = path.with_name(Path(str(card["file"])).name)
    return Model(name, str(card["method"]), file, str(card["sha256"]), card, remedy.format(id=name))


def default_model(method: str) -> Model:
    """The model that `method` uses. Raises ModelError where none ships."""
    for model in shipped_models():
        if model.method == method:
            return model
    raise ModelError(f"No weights for the method {method} are installed; install Pastiche again.")


def feature_model(name: str, folder: Path | None = None) -> Model:
    """The feature network "compact", which ships, or "vgg19", which was fetched; "auto" is VGG-19 where it is whole.

    `folder` holds the user's models (None: the one in `find_home()`). Raises ModelError where the network is missing
    or damaged.
    """
    if name == "compact":
        return default_model(FEATURES)
    fetched = next((model for model in installed_models(folder or user_folder()) if model.id == VGG19_ID), None)
    if name == VGG19_ID:
        if fetched is None:
            raise ModelError("VGG-19 is not here; fetch it with `pastiched models fetch vgg19`.")
        fetched.verify()
        return fetched
    if name != "auto":
        raise ModelError(f"There is no feature network {name[:40]!r}.")
    if fetched is None:
        return default_model(FEATURES)
    try:
        fetched.verify()
        return fetched
    except ModelError as error:
        log.warning("%s The compact feature network is used.", error)
        return default_model(FEATURES)


def user_folder() -> Path:
    """Where the user's models lie."""
    return find_home().models_folder
