"""An endless supply of random crops of photographs and styles, and what is held out of it."""

from __future__ import annotations

import io
import queue
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from pastiched.training.collection import Collection
from pastiched.training.curation import Worth, judge

PHOTOGRAPH, STYLE = (0.6, 1.0), (0.45, 1.0)
Shares = tuple[tuple[float, float], tuple[float, float]]
AHEAD = 4
"""Batches that lie ready."""
EVEN_SHARE = 0.4
"""So many of the photographs get an even upper part like a sky: where faults of the network show."""


def choose_hold_out(names: Sequence[str], count: int, seed: int) -> list[str]:
    """`count` names at random, sorted; never more than half."""
    return sorted(random.Random(seed).sample(names, min(count, len(names) // 2)))


def read_hold_out(path: Path) -> dict[str, set[str]]:
    """Lines `photos/NAME` and `styles/NAME` -> names by kind."""
    lines = [line.strip().split("/", 1) for line in path.read_text("utf-8").splitlines() if "/" in line]
    return {kind: {name for k, name in lines if k == kind} for kind in ("photos", "styles")}


def write_hold_out(path: Path, photos: list[str], styles: list[str]) -> None:
    lines = [f"photos/{n}" for n in photos] + [f"styles/{n}" for n in styles]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def random_crop(
    data: bytes, size: int, shares: tuple[float, float], rng: random.Random,
    part: tuple[int, int, int, int] | None = None,
) -> Tensor:  # fmt: skip
    """A square of `shares` (least, most) of the short side, flipped or not: 3 x size x size, uint8.

    `part` of the picture (left, top, right, bottom), None for all of it.
    """
    picture = Image.open(io.BytesIO(data)).convert("RGB").crop(part)
    side = min(max(8, int(min(picture.size) * rng.uniform(*shares))), *picture.size)
    x, y = rng.randint(0, picture.width - side), rng.randint(0, picture.height - side)
    small = picture.resize((size, size), Image.Resampling.BICUBIC, box=(x, y, x + side, y + side))
    pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)
    return pixels.flip(2) if rng.random() < 0.5 else pixels


def even_upper_part(photo: Tensor, share: float, seed: int) -> None:
    """Smooths the upper `share` of a photograph, 3 x H x W in [0, 1], in place, but for a faint grain."""
    coarse = F.interpolate(photo[None], (4, 4), mode="area")
    smooth = F.interpolate(coarse, photo.shape[1:], mode="bilinear", align_corners=False)[0]
    rows = int(share * photo.shape[1])
    grain = torch.randn(smooth.shape, generator=torch.Generator().manual_seed(seed))
    photo[:, :rows] = (smooth + 0.004 * grain).clamp_(0, 1)[:, :rows]


def centre_crop(data: bytes, size: int) -> Tensor:
    """The middle square scaled to `size`: 3 x size x size, float32 in [0, 1]."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    side = min(picture.size)
    x, y = (picture.width - side) // 2, (picture.height - side) // 2
    small = picture.resize((size, size), Image.Resampling.BICUBIC, box=(x, y, x + side, y + side))
    return torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255


def centre_crops(pictures: Collection, size: int, most: int | None = None) -> list[Tensor]:
    """Of the first `most` pictures (all) that can be read: 3 x size x size each, float32 in [0, 1]."""
    files = (_readable(pictures, index) for index in range(min(most or len(pictures), len(pictures))))
    return [centre_crop(data, size) for data in files if data is not None]


def sample_crops(pictures: Collection, size: int, shares: tuple[float, float], most: int, seed: int) -> list[Tensor]:
    """Random crops as in training, of at most `most` pictures all through the folder, without those that cannot be
    read: 3 x size x size each, float32 in [0, 1]. The same for a seed."""
    rng = random.Random(seed)
    indices = sorted({len(pictures) * k // most for k in range(most)}) if len(pictures) else []
    files = [data for index in indices if (data := _readable(pictures, index)) is not None]
    return [random_crop(data, size, shares, rng).float() / 255 for data in files]


def _readable(pictures: Collection, index: int) -> bytes | None:
    """None for a damaged picture, also where no other is left: who looks at some can do without."""
    try:
        return pictures.read(index)
    except ValueError:
        return None


class CropSupply:
    """Endless batches (photographs, styles), each B x 3 x size x size float32 in [0, 1], made ahead in a thread."""

    def __init__(
        self, photos: Collection, styles: Collection, size: int, batch: int, seed: int,
        shares: Shares = (PHOTOGRAPH, STYLE), first: int = 0,
    ) -> None:  # fmt: skip
        """`shares` of the short side that a crop takes, least and most, of photographs and of styles.

        A batch depends on the seed and on its number alone, which counts from `first`: so a run that is resumed sees
        what it would have seen.
        """
        self._photos, self._styles, self._size, self._batch = photos, styles, size, batch
        self._shares, self._seed, self._number = shares, seed, first
        self._worths: dict[int, Worth] = {}
        self._ready: queue.Queue[tuple[Tensor, Tensor] | Exception] = queue.Queue(AHEAD)
        self._closed = False
        threading.Thread(target=self._fill, daemon=True).start()

    def _fill(self) -> None:
        try:
            while not self._closed:
                self._ready.put(self._next_batch(random.Random(f"{self._seed} {self._number}")))
                self._number += 1
        except Exception as error:
            self._ready.put(error)

    def _next_batch(self, rng: random.Random) -> tuple[Tensor, Tensor]:
        photos = torch.stack([self._photo(rng) for _ in range(self._batch)]).float() / 255
        for photo in photos:
            if rng.random() < EVEN_SHARE:
                even_upper_part(photo, rng.uniform(0.3, 0.8), rng.getrandbits(32))
        return photos, torch.stack([self._style(rng) for _ in range(self._batch)]).float() / 255

    def _photo(self, rng: random.Random) -> Tensor:
        while (data := self._photos.read(rng.randrange(len(self._photos)))) is None:
            pass
        return random_crop(data, self._size, self._shares[0], rng)

    def _style(self, rng: random.Random) -> Tensor:
        """Dull pictures are passed over more often than lively ones."""
        while True:
            index = rng.randrange(len(self._styles))
            if (data := self._styles.read(index)) is None:
                continue
            worth = self._worths.get(index) or self._worths.setdefault(index, judge(data))
            if rng.random() < worth.chance:
                return random_crop(data, self._size, self._shares[1], rng, worth.box)

    def close(self) -> None:
        """Ends the thread."""
        self._closed = True
        while not self._ready.empty():
            self._ready.get()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            batch = self._ready.get()
            if isinstance(batch, Exception):
                raise batch
            yield batch
