"""Photographs of any size: scikit-image's, enlarged, with the grain that a camera leaves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from pastiche.pixels import PixelBuffer, PixelFormat

NAMES = ("astronaut", "chelsea", "coffee", "rocket")
ASPECT = 3 / 2
GRAIN = 4.0
"""Deviation in 8 bits: without it a large JPEG would be read and written faster than any photograph."""
STRIP = 512
QUALITY = 92


@dataclass(frozen=True)
class Size:
    """In pixels."""

    width: int
    height: int

    @property
    def area(self) -> int:
        return self.width * self.height


def size_of(megapixels: float) -> Size:
    """3 : 2."""
    height = round(math.sqrt(megapixels * 1e6 / ASPECT))
    return Size(round(megapixels * 1e6 / height), height)


def photograph(size: Size, number: int = 0) -> Image.Image:
    """Another one for each number."""
    source = Image.fromarray(getattr(data, NAMES[number % len(NAMES)])()[..., :3])
    share = min(source.width / size.width, source.height / size.height)
    left, above = (source.width - share * size.width) / 2, (source.height - share * size.height) / 2
    box = (left, above, left + share * size.width, above + share * size.height)
    picture = source.resize((size.width, size.height), Image.Resampling.BICUBIC, box)
    rng = np.random.default_rng(number)
    for top in range(0, size.height, STRIP):
        strip = picture.crop((0, top, size.width, min(top + STRIP, size.height)))
        values = np.asarray(strip, np.float32)
        grain = GRAIN * rng.standard_normal((*values.shape[:2], 1), np.float32)
        picture.paste(Image.fromarray((values + grain).clip(0, 255).astype(np.uint8)), (0, top))
    return picture


def write_photograph(path: Path, size: Size, number: int = 0) -> Path:
    """By the name a JPEG or a PNG; one that is there already is taken."""
    if not path.exists():
        photograph(size, number).save(path, quality=QUALITY)
    return path


def photographs(folder: Path, size: Size, count: int) -> Iterator[Path]:
    """Different ones, as JPEG."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        yield write_photograph(folder / f"{number:04}.jpg", size, number)


def pixels(size: Size) -> PixelBuffer:
    """As a client hands it in."""
    return PixelBuffer(PixelFormat("content", size.width, size.height, 3, "u8"), photograph(size).tobytes())
