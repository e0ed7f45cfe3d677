"""Folders of style pictures and photographs: pieces of the gallery's pictures and of scikit-image's photographs."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from skimage import data

import pastiched
from pastiched.training.collection import Collection, Kind, survey

GALLERY = Path(pastiched.__file__).parent / "gallery"
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


def write_pieces(picture: Image.Image, folder: Path, name: str, side: int, step: int, most: int = 1000) -> None:
    """Squares of `side`, one every `step` px, the first `most` of them."""
    folder.mkdir(parents=True, exist_ok=True)
    places = [
        (x, y) for y in range(0, picture.height - side + 1, step) for x in range(0, picture.width - side + 1, step)
    ]
    for number, (x, y) in enumerate(places[:most]):
        picture.crop((x, y, x + side, y + side)).save(folder / f"{name}-{number:02}.png")


def write_styles(
    folder: Path, style: str = "storm-engraving", side: int = 224, step: int = 120, most: int = 35
) -> Path:
    """Pieces of one picture: a folder in one style if there ever was one."""
    with Image.open(GALLERY / f"{style}.jpg") as picture:
        write_pieces(picture.convert("RGB"), folder, style, side, step, most)
    return folder


def write_photographs(folder: Path, side: int = 160, step: int = 70, most: int = 16) -> Path:
    """`most` pieces of each photograph."""
    for name in PHOTOGRAPHS:
        picture = Image.fromarray(getattr(data, name)())
        picture.thumbnail((420, 420))
        write_pieces(picture, folder, name, side, step, most)
    return folder


def collection(folder: Path, kind: Kind, size: int = 64) -> Collection:
    return survey(folder, size, kind, lambda sentence: None)
