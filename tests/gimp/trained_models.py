"""Trained models that have learned nothing: what the tests put where `pastiched models add` puts the user's own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from PIL import Image
from setting import Setting

from pastiched.networks.generator import Generator
from pastiched.trained_library import FOLDER
from pastiched.trained_model import SUFFIX, TEXTS, write_trained_model

NAME, TITLE = "my-drawings", "My drawings"
MAGENTA = (255, 0, 220)
"""Of the thumbnail; nothing else in the dialog has that colour."""
VIVID = 8.0
"""So much of what a fresh generator paints that its colours can be seen."""


@contextmanager
def trained_model(setting: Setting, name: str = NAME) -> Iterator[Path]:
    """A model of the user's, there while the context lasts."""
    folder = setting.home.models_folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name + SUFFIX)
    write_model(path, name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def write_model(path: Path, name: str) -> None:
    torch.manual_seed(1)
    tensors = Generator().state_dict()
    tensors["out.weight"] *= VIVID
    thumbnail = io.BytesIO()
    Image.new("RGB", (256, 256), MAGENTA).save(thumbnail, "JPEG", quality=95)
    card = dict.fromkeys(TEXTS, "") | {"name": name, "title": TITLE, "description": "Drawings of mine."}
    numbers = {"steps": 0, "size": 256, "native_pixels": 750_000, "seed": 1}
    write_trained_model(path, tensors, card | numbers | {"data": {}, "figures": {}}, thumbnail.getvalue())
