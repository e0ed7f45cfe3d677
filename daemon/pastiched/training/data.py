"""Folders of training pictures: what is held out, and an endless supply of random crops."""

from __future__ import annotations

import io
import queue
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from pastiched.imaging.unreadable import UNREADABLE
from pastiched.training.curation import Worth, judge

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
PHOTOGRAPH, STYLE = (0.6, 1.0), (0.45, 1.0)
EVEN_SHARE = 0.4
"""So many of the photographs get an even upper part like a sky: where faults of the network show."""
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a folder, in the order of their names, kept as the bytes of their files."""

    names: list[str]
    files: list[bytes]

    def __len__(self) -> int:
        return len(self.files)


def read_folder(folder: Path) -> PictureFolder:
    """Every readable picture directly in `folder`. Raises ValueError where there is none."""
    names, files = [], []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES):
        data = path.read_bytes()
        try:
            Image.open(io.BytesIO(data), formats=FORMATS).load()
        except UNREADABLE:
            continue
        names.append(path.name)
        files.append(data)
    if not files:
        raise ValueError(f"there is no readable picture in {folder.name}")
    return PictureFolder(names, files)


def split_folder(folder: PictureFolder, held_out: set[str]) -> tuple[PictureFolder, PictureFolder]:
    """The pictures to train on, and those named in `held_out`."""
    pairs = list(zip(folder.names, folder.files, strict=True))
    parts = [[p for p in pairs if (p[0] in held_out) == wanted] for wanted in (False, True)]
    used, kept = (PictureFolder([n for n, _ in part], [f for _, f in part]) for part in parts)
    return used, kept


def choose_hold_out(names: list[str], count: int, seed: int) -> list[str]:
    """`count` names at random, sorted."""
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


def even_upper_part(photo: Tensor, share: float) -> None:
    """Smooths the upper `share` of a photograph, 3 x H x W in [0, 1], in place, but for a faint grain."""
    coarse = F.interpolate(photo[None], (4, 4), mode="area")
    smooth = F.interpolate(coarse, photo.shape[1:], mode="bilinear", align_corners=False)[0]
    rows = int(share * photo.shape[1])
    photo[:, :rows] = (smooth + 0.004 * torch.randn_like(smooth)).clamp_(0, 1)[:, :rows]


def centre_crop(data: bytes, size: int) -> Tensor:
    """The middle square scaled to `size`: 3 x size x size, float32 in [0, 1]."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    side = min(picture.size)
    x, y = (picture.width - side) // 2, (picture.height - side) // 2
    small = picture.resize((size, size), Image.Resampling.BICUBIC, box=(x, y, x + side, y + side))
    return torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255


class CropSupply:
    """Endless batches (photographs, styles), each B x 3 x size x size float32 in [0, 1], made ahead in a thread."""

    def __init__(
        self, photos: PictureFolder, styles: PictureFolder, size: int, batch: int, seed: int,
        shares: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        """`shares` of the short side that a crop takes, least and most; otherwise PHOTOGRAPH and STYLE."""
        self._photos, self._styles, self._size, self._batch = photos, styles, size, batch
        self._shares = (shares or PHOTOGRAPH, shares or STYLE)
        self._rng = random.Random(seed)
        self._ready: queue.Queue[tuple[Tensor, Tensor] | Exception] = queue.Queue(4)
        threading.Thread(target=self._fill, daemon=True).start()

    def _fill(self) -> None:
        try:
            worths = [judge(file) for file in self._styles.files]
            while True:
                self._ready.put(self._next_batch(worths))
        except Exception as error:
            self._ready.put(error)

    def _next_batch(self, worths: list[Worth]) -> tuple[Tensor, Tensor]:
        files = self._rng.choices(self._photos.files, k=self._batch)
        photos = self._stack([(file, None) for file in files], self._shares[0])
        for photo in photos:
            if self._rng.random() < EVEN_SHARE:
                even_upper_part(photo, self._rng.uniform(0.3, 0.8))
        chosen = self._rng.choices(range(len(worths)), [worth.chance for worth in worths], k=self._batch)
        return photos, self._stack([(self._styles.files[k], worths[k].box) for k in chosen], self._shares[1])

    def _stack(
        self, parts: list[tuple[bytes, tuple[int, int, int, int] | None]], shares: tuple[float, float]
    ) -> Tensor:
        return torch.stack([random_crop(f, self._size, shares, self._rng, part) for f, part in parts]).float() / 255

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            batch = self._ready.get()
            if isinstance(batch, Exception):
                raise batch
            yield batch
