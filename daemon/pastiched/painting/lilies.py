"""Lily pond: water lilies among the mirrored trees of a garden, in broken touches of oil."""

import numpy as np

from .fields import Field, Paint, grid, noise, smoothstep
from .palette import colours, mix, ramp, vary
from .strokes import Brush, Easel, Paths, detail

BANK = 0.27
"""Where the water begins, in heights."""

BLOOMS = "fff4e6 ffd0dc ff8fb0 f0588c ffe27a"


def _garden(rng: np.random.Generator, x: Field, y: Field) -> Paint:
    """The far bank: shrubs in sun and shade, with the sky between them."""
    height, width = x.shape
    cloud = noise(rng, width, height, 90, 3, stretch=1.6)
    paint = ramp("fff0c8 d8e8f0 9cc8ee", np.clip(0.5 + 0.25 * cloud, 0, 1))
    for base, size, codes in (
        (0.06, 120.0, "2c3f8a 3f7f9a 7fb8a0 d8e090"),
        (0.13, 90.0, "1c2f6a 1f6a5a 5aa84a e0e060"),
        (0.20, 60.0, "20245a 1f5a4a 3f8f4a b8d850"),
    ):
        crown = base + 0.055 * noise(rng, width, 4, size * 1.6, 4)[1][None, :]
        lump = noise(rng, width, height, size, 4)
        shade = np.clip(0.52 + 0.30 * lump - (y - crown) * 1.5, 0, 1)
        paint = mix(paint, ramp(codes, shade), smoothstep(-0.01, 0.01, y - crown))
    return paint


def _water(rng: np.random.Generator, garden: Paint, x: Field, y: Field) -> Paint:
    """The garden upside down, drawn out downwards, over a depth of violet and blue."""
    height, width = x.shape
    ripple = noise(rng, width, height, 26, 3, stretch=5.0)
    rows = np.clip((BANK - (y - BANK) * 0.42) * height + 5 * ripple, 0, height - 1).astype(np.intp)
    columns = np.clip(np.arange(width)[None, :] + 9 * ripple, 0, width - 1).astype(np.intp)
    curtain = noise(rng, height, width, 70, 3, stretch=5.0).T
    depth = ramp("141c54 23408c 3f6fb8 7fb4d0 d4c0ec fbe8e0", np.clip(0.46 + 0.30 * curtain + 0.08 * ripple, 0, 1))
    willow = ramp("12404a 2a7a5a 7fb85a", np.clip(0.5 + 0.3 * ripple, 0, 1))
    water = mix(depth, garden[rows, columns], 0.42)
    return mix(water, willow, smoothstep(0.4, 1.0, noise(rng, height, width, 120, 2, stretch=3.0).T) * 0.8)


def _islands(rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Pads (x, y, radius) in drifts that grow towards the viewer."""
    pads: list[tuple[float, float, float]] = []
    for cx, cy, reach, count in (
        (0.22, 0.36, 0.17, 22), (0.78, 0.335, 0.15, 20), (1.18, 0.42, 0.15, 18), (0.55, 0.50, 0.17, 17),
        (0.14, 0.64, 0.20, 19), (1.02, 0.62, 0.20, 18), (0.52, 0.80, 0.24, 19), (1.24, 0.87, 0.20, 15),
        (0.03, 0.95, 0.16, 9), (0.85, 0.98, 0.18, 8),
    ):  # fmt: skip
        near = 0.35 + cy
        for _ in range(count):
            spot_x, spot_y = rng.normal(0, (reach * 0.55, reach * 0.17 * near))
            pads.append((cx + spot_x, cy + spot_y, 0.042 * near * rng.uniform(0.6, 1.15)))
    return sorted(pads, key=lambda pad: pad[1])


def _touches(x: float, y: float, spread: tuple[float, float], turns: np.ndarray, length: float) -> Paths:
    """Short touches of `length` px that radiate from (x, y) px: (n, 5, 2)."""
    away = np.stack([np.cos(turns) * spread[0], np.sin(turns) * spread[1]], axis=1)
    steps = np.linspace(0.25, 1.0, 5)[None, :, None] * length
    return (np.array([x, y]) + away[:, None, :] * steps).astype(np.float32)


def _bloom(rng: np.random.Generator, easel: Easel, x: float, y: float, size: float) -> None:
    """A lily: two rows of petals laid outward from the heart, lit at the top."""
    table = colours(BLOOMS)
    kind = int(rng.integers(0, 3))
    for ring, tint in ((1.0, table[kind + 1]), (0.7, table[kind])):
        turns = np.linspace(np.pi * 0.98, np.pi * 2.02, 9) + rng.normal(0, 0.08, 9)
        petals = _touches(x, y, (1.0, 0.85), turns, size * ring)
        easel.lay(rng, petals, vary(rng, np.repeat(tint[None], 9, axis=0), 0.15, 0.2, 0.06), Brush(size * 0.42, size))
    heart = _touches(x, y - size * 0.1, (1.0, 0.6), rng.uniform(0, 6.28, 4), size * 0.3)
    easel.lay(rng, heart, vary(rng, np.repeat(table[4:5], 4, axis=0), 0.1, 0.1, 0.05), Brush(size * 0.25, size * 0.3))


def paint_lilies(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    x, y = grid(width, height)
    garden = _garden(rng, x, y)
    shore = smoothstep(BANK - 0.004, BANK + 0.004, y + 0.012 * noise(rng, width, height, 60, 3))
    scene = mix(garden, _water(rng, garden, x, y), shore)
    lump = noise(rng, width, height, 40, 3)
    angle = np.where(shore > 0.5, 1.5 + 0.10 * lump, -0.8 + 0.9 * lump).astype(np.float32)

    pads = _islands(rng)
    for px, py, size in pads:
        # Only the pad's own part of the picture is worked on: there are many.
        reach = 1.4 * size * height
        part = (
            slice(max(0, int(py * height - reach)), max(0, int(py * height + reach))),
            slice(max(0, int(px * height - reach)), max(0, int(px * height + reach))),
        )
        dx, dy = (x[part] - px) / size, (y[part] - py) / (size * 0.33)
        shade = smoothstep(1.12, 0.95, np.hypot(dx - 0.1, dy - 0.65))
        pad = smoothstep(1.05, 0.95, np.hypot(dx, dy))
        light = np.clip(0.56 - 0.28 * dy + 0.22 * rng.normal() - 0.2 * dx, 0, 1)
        scene[part] = mix(scene[part], ramp("101848 182a5a", np.array(rng.random())), shade * 0.8)
        scene[part] = mix(scene[part], ramp("1a4468 2a8078 6fbf74 d0e884 fff4b8", light), pad)
        angle[part] = np.where(pad > 0.5, 0.0, angle[part])

    easel = Easel(mix(scene * 0.7, colours("3a2f6a")[0], 0.3))
    easel.cover(rng, scene, angle, Brush(22, 60, 9, hue=0.2, fidelity=0.5), 1.8)
    easel.cover(rng, scene, angle, Brush(14, 34, 7, hue=0.34, saturation=0.3, value=0.11, fidelity=0.3), 1.7)
    easel.cover(
        rng,
        scene,
        angle,
        Brush(9, 22, 5, hue=0.28, saturation=0.25, value=0.10, fidelity=0.2),
        1.6,
        detail(scene, least=0.15),
    )
    flowers = [pad for pad in pads if rng.random() < 0.22]
    for px, py, size in flowers:
        _bloom(rng, easel, px * height, (py - size * 0.1) * height, size * height * 0.62)
    for cx, cy, reach, tint in (
        (0.07, 0.17, 0.07, "e83a6a ff7a9a ffd0dc"), (0.24, 0.22, 0.05, "f8f0ff d8c0f0 ffffff"),
        (0.44, 0.21, 0.06, "c070e0 8a5ad8 f0c0f8"),
        (0.66, 0.225, 0.05, "ffd860 fff0b0 f8a83a"), (0.92, 0.19, 0.08, "ff6a8a e83a5a ffc8d0"),
        (1.10, 0.225, 0.05, "f8f0ff d8c0f0 ffffff"),
        (1.28, 0.19, 0.06, "c070e0 ff9ad0 f0c0f8"),
    ):  # fmt: skip
        spots = rng.normal((cx, cy), (reach * 0.6, 0.022), (64, 2)) * height
        turns = rng.uniform(0, np.pi, (64, 1))
        tips = np.linspace(-4, 4, 5)[None, :, None] * np.stack([np.cos(turns), np.sin(turns)], axis=2)
        tints = vary(rng, colours(tint)[rng.integers(0, 3, 64)], 0.15, 0.2, 0.09)
        easel.lay(rng, (spots[:, None, :] + tips).astype(np.float32), tints, Brush(7, 8, 4))
    return easel.finish(1.0, 0.35)
