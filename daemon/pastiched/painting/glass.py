"""Stained glass: panes of coloured glass in lead, lit from behind."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .canvas import glow
from .fields import Field, Paint, Values, blur, grid, noise, smoothstep
from .palette import colours, mix, vary

Panes = NDArray[np.int64]
"""The number of the pane each pixel belongs to: (h, w)."""


def lead(panes: Panes, thickness: int) -> Field:
    """Where the lead lies between panes, 0..1; `thickness` px, odd."""
    change = np.zeros(panes.shape, dtype=bool)
    change[:, 1:] |= panes[:, 1:] != panes[:, :-1]
    change[1:, :] |= panes[1:, :] != panes[:-1, :]
    mask = Image.fromarray(change.astype(np.uint8) * 255)
    if thickness > 1:
        mask = mask.filter(ImageFilter.MaxFilter(thickness))
    return smoothstep(0.35, 0.65, blur(np.asarray(mask, dtype=np.float32) / 255.0, 1.4))


def voronoi(x: Field, y: Field, seeds: Values, stretch: float = 1.0) -> Panes:
    """The nearest of (n, 2) seeds for every pixel; y counts `stretch` times."""
    best = np.full(x.shape, np.inf, dtype=np.float32)
    owner = np.zeros(x.shape, dtype=np.int64)
    for i, (sx, sy) in enumerate(seeds):
        far = (x - sx) ** 2 + ((y - sy) * stretch) ** 2
        nearer = far < best
        best[nearer], owner[nearer] = far[nearer], i
    return owner


def number(*labels: NDArray[np.int64]) -> Panes:
    """Panes numbered 0.. for every distinct combination of labels."""
    code = np.zeros(labels[0].shape, dtype=np.int64)
    for label in labels:
        code = code * (int(label.max()) + 2) + label
    return np.unique(code, return_inverse=True)[1].reshape(code.shape)


def light(
    rng: np.random.Generator, panes: Panes, family: NDArray[np.int64], palettes: list[str], thickness: int = 5
) -> Paint:
    """The window (h, w, 3): `family` (h, w) chooses the palette each pane takes its colour from."""
    height, width = panes.shape
    count = int(panes.max()) + 1
    group = np.zeros(count, dtype=np.int64)
    group[panes] = family
    tables = [colours(codes) for codes in palettes]
    base = np.stack([tables[g][rng.integers(len(tables[g]))] for g in group])
    paint = vary(rng, base, 0.07, 0.10, 0.05)[panes]
    lines = lead(panes, thickness)
    # Hand-blown glass: each pane is a cut from another sheet, so its streaks run another way.
    sheets = np.stack(
        [
            noise(rng, width, height, 26, 4, stretch=5.0),
            noise(rng, height, width, 26, 4, stretch=5.0).T,
            noise(rng, width, height, 40, 5),
        ]
    )
    pick = rng.integers(0, 3, count)[panes]
    streaks = np.take_along_axis(sheets, pick[None], axis=0)[0]
    seeds = noise(rng, width, height, 4.0, 1)
    bubbles = smoothstep(2.0, 2.6, seeds)
    inner = np.clip(1.0 - blur(lines, 9.0) * 1.5, 0.0, 1.0)
    brightness = 0.62 + 0.46 * inner + 0.17 * streaks + 0.28 * bubbles
    brightness *= np.clip(0.95 + 0.18 * rng.standard_normal(count), 0.6, 1.35)[panes]
    lit = np.clip(paint * brightness[..., None] + 0.10 * (inner * np.clip(streaks, 0, 3))[..., None], 0.0, 1.0)
    metal = 0.06 + 0.05 * noise(rng, width, height, 5, 2) + 0.10 * smoothstep(0.75, 1.0, blur(lines, 1.5))
    dark = np.clip(metal, 0.02, 0.3)[..., None] * np.array([0.9, 0.95, 1.1], dtype=np.float32)
    window = mix(lit, dark.astype(np.float32), lines)
    return np.clip(glow(glow(window, 3.0, 0.12), 22.0, 0.16), 0.0, 1.0)


def _petals(turn: Field, radius: Field, count: int, middle: float, length: float, wide: float) -> NDArray[np.int64]:
    """1.. inside one of `count` pointed petals around the centre, else 0."""
    sector = np.floor(turn * count + 0.5).astype(np.int64) % count
    off = np.abs(turn * count - np.floor(turn * count + 0.5)) * 2.0
    arch = np.sqrt(np.clip(1.0 - ((radius - middle) / length) ** 2, 0.0, 1.0))
    return np.where(off < wide * arch, sector + 1, 0)


def paint_rose_window(rng: np.random.Generator, width: int, height: int) -> Paint:
    """A rose window: rings of petals and roundels in a square of deep blue, (h, w, 3)."""
    x, y = grid(width, height)
    x, y = x - 0.5 * width / height, y - 0.5
    radius, turn = np.hypot(x, y), np.arctan2(y, x) / (2 * np.pi) + 0.5
    family = np.zeros(x.shape, dtype=np.int64)
    part = np.zeros(x.shape, dtype=np.int64)

    def place(mask: NDArray[np.bool_], label: NDArray[np.int64], kind: int) -> None:
        part[mask] = label[mask] + 100 * (kind + 1)
        family[mask] = kind

    def roundels(count: int, ring: float, size: float, phase: float = 0.0) -> tuple[Field, NDArray[np.int64]]:
        sector = np.floor(turn * count + phase).astype(np.int64) % count
        centre = (sector + 0.5 - phase) / count * 2 * np.pi - np.pi
        far = np.hypot(x - ring * np.cos(centre), y - ring * np.sin(centre))
        return far / size, sector

    place(radius < 0.485, np.floor(turn * 24).astype(np.int64), 1)
    place(radius < 0.43, np.floor(turn * 12 + 0.5).astype(np.int64) % 12, 2)
    outer = _petals(turn + 0.5 / 12, radius, 12, 0.325, 0.105, 0.88)
    place(outer > 0, outer, 3)
    core = _petals(turn + 0.5 / 12, radius, 12, 0.325, 0.068, 0.5)
    place(core > 0, core, 4)
    for count, ring, size, kinds, phase in ((24, 0.452, 0.026, (5, 4), 0.0), (12, 0.245, 0.030, (4, 6), 0.5)):
        far, sector = roundels(count, ring, size, phase)
        place(far < 1.0, sector, kinds[0])
        place(far < 0.5, sector, kinds[1])
    place(radius < 0.205, np.floor(turn * 8).astype(np.int64), 1)
    inner = _petals(turn, radius, 8, 0.125, 0.078, 0.85)
    place(inner > 0, inner, 6)
    heart = _petals(turn, radius, 8, 0.125, 0.046, 0.45)
    place(heart > 0, heart, 3)
    place(radius < 0.058, np.floor(turn * 6).astype(np.int64), 5)
    place(radius < 0.026, np.zeros_like(part), 4)
    corner = np.hypot(np.abs(x) - 0.43, np.abs(y) - 0.43)
    sides = np.sign(x).astype(np.int64) + 2 * np.sign(y).astype(np.int64) + 3
    free = radius > 0.485
    place(free & (corner < 0.062), sides, 6)
    place(free & (corner < 0.036), sides, 3)
    # Grozed pieces: the large parts are pieced together from smaller glass.
    seeds = (rng.random((620, 2)) - 0.5).astype(np.float32)
    rim = np.hypot(seeds[:, 0], seeds[:, 1])
    pieces = voronoi(x, y, seeds[(rim > 0.06)])
    panes = number(part, pieces)
    sizes = np.bincount(panes.ravel())
    panes = number(part, np.where(sizes[panes] > 90, pieces, 0))
    window = light(
        rng,
        panes,
        family,
        [
            "14236b 1b3a9c 0f1a50 2a4fb8 123a7a",
            "10307a 1d4fc0 2a6fe0 16205c",
            "7a0f1c b01424 d42a2a 8f1030",
            "1a3fa8 2468d8 3f8fe8 1530a0",
            "f2c230 ffdf66 f0a020",
            "138a5a 20b070 0f6a4a",
            "e0341f f06a28 c01a30 a01850",
        ],
        3,
    )
    stone = (lead(part, 7) * 0.85)[..., None]
    return np.asarray(window * (1 - stone) + stone * np.array([0.055, 0.05, 0.06]), dtype=np.float32)
