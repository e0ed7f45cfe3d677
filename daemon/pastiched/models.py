"""The registry of weight files: which ship, are they whole, and loading them (safetensors only). `pastiched models`."""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED = Path(__file__).parent / "weights"
MAX_SAFETENSORS_HEADER = 1_000_000


class ModelError(Exception):
    """A weight file is missing, damaged or another one than its card says."""


@dataclass(frozen=True)
class Model:
    """A weight file with its card (`<file>.json`; see training/model_card.py)."""

    id: str
    method: str
    path: Path
    sha256: str
    card: dict[str, Any]

    def reference(self) -> dict[str, Any]:
        """What a report says of it."""
        return {"id": self.id, "file": self.path.name, "sha256": self.sha256}

    def verify(self) -> None:
        """Raises ModelError where the file is missing or its hash is another."""
        if not self.path.is_file():
            raise ModelError(f"The weight file {self.path.name} is missing; install Pastiche again.")
        if hashlib.sha256(self.path.read_bytes()).hexdigest() != self.sha256:
            raise ModelError(f"The weight file {self.path.name} is damaged; install Pastiche again.")

    def load(self) -> dict[str, Tensor]:
        """The verified tensors in float32."""
        from safetensors.torch import load

        self.verify()
        data = self.path.read_bytes()
        if len(data) < 8 or struct.unpack("<Q", data[:8])[0] > MAX_SAFETENSORS_HEADER:
            raise ModelError(f"The weight file {self.path.name} has a header that is too large.")
        return {name: tensor.float() for name, tensor in load(data).items()}


@lru_cache
def shipped_models(folder: Path = SHIPPED) -> tuple[Model, ...]:
    """Every model whose card lies in `folder`."""
    models = []
    for path in sorted(folder.glob("*.json")):
        card = json.loads(path.read_text("utf-8"))
        models.append(Model(card["id"], card["method"], folder / card["file"], card["sha256"], card))
    return tuple(models)


def default_model(method: str) -> Model:
    """The model that `method` uses. Raises ModelError where none ships."""
    for model in shipped_models():
        if model.method == method:
            return model
    raise ModelError(f"No weights for the method {method} are installed; install Pastiche again.")


def main(arguments: list[str]) -> int:
    """`pastiched models [--json]`: lists and verifies; exit code 1 where a file is not whole."""
    parser = argparse.ArgumentParser(prog="pastiched models", description="List and verify the installed weights.")
    parser.add_argument("--json", action="store_true", help="print the model cards")
    options = parser.parse_args(arguments)
    if options.json:
        print(json.dumps([model.card for model in shipped_models()], indent=1))
    broken = 0
    for model in shipped_models():
        try:
            model.verify()
            state = "ok"
        except ModelError as error:
            broken, state = 1, str(error)
        if not options.json:
            size = model.card.get("bytes", 0) / 1e6
            print(f"{model.id:12} {model.method:8} {size:6.2f} MB  {model.card.get('licence', '')}  {state}")
    return broken
