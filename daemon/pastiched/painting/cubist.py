"""Bistro facets: bottle, guitar and fruit on a table, in cubist facets of ochre, umber and grey."""

import numpy as np
from numpy.typing import NDArray

from .canvas import Points, disc, ribbon, silhouette, spline
from .fields import Field, Paint, Values, grid, noise
from .palette import colour, colours, mix, ramp
from .strokes import Brush, Easel, detail

Numbers = NDArray[np.intp]
"""The number of the facet that each pixel belongs to: (height, width)."""


def _table(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The things on the table, plainly, larger than the sheet so that facets may look past its edge."""
    x, y = grid(width, height)
    grain = noise(rng, width, height, 14, 3, stretch=12.0)
    wall = noise(rng, width, height, 200, 2)
    paint = ramp("4a4a44 8a8474 c8bc9a", np.clip(0.5 + 0.28 * wall + 0.3 * np.sin(x * 14.0), 0, 1))

    def put(tint: Values, *outlines: Points) -> None:
        nonlocal paint
        paint = mix(paint, tint, silhouette(width, height, outlines))

    wood = ramp("5a3418 9a6428 c8963c e8c070", np.clip(0.5 + 0.26 * grain + 0.15 * np.sin(y * 70 + grain), 0, 1))
    put(
        wood,
        np.array([(0.0, 0.66), (0.22, 0.52), (1.16, 0.50), (1.36, 0.68), (1.30, 1.02), (0.04, 1.02)], dtype=np.float32),
    )
    cloth = ramp("b8b4a4 e8e0c8 fbf4e0", np.clip(0.5 + 0.4 * np.sin(18 * x + 9 * y), 0, 1))
    put(cloth, np.array([(0.58, 0.70), (1.10, 0.60), (1.26, 0.80), (0.94, 1.02), (0.66, 0.98)], dtype=np.float32))
    body = spline([(0.34, 0.90), (0.20, 0.80), (0.24, 0.66), (0.36, 0.60), (0.40, 0.52), (0.36, 0.42), (0.44, 0.33),
                   (0.55, 0.36), (0.58, 0.46), (0.54, 0.55), (0.58, 0.64), (0.62, 0.76),
                   (0.52, 0.90)], closed=True)  # fmt: skip
    shell = ramp("7a3a14 c8761e f0b048 ffe0a0", np.clip(0.6 + 0.2 * grain - (x - 0.44) * 1.6, 0, 1))
    put(colour("1c1410"), ribbon(np.concatenate([body, body[:1]]), 0.022))
    put(shell, body)
    put(colour("140e0c"), disc(0.455, 0.60, 0.062))
    put(colour("e8c070"), ribbon(np.concatenate([d := disc(0.455, 0.60, 0.078), d[:1]]), 0.008))
    put(colour("2a1a14"), ribbon(spline([(0.455, 0.56), (0.505, 0.30), (0.56, 0.06)]), 0.042))
    for shift in np.linspace(-0.012, 0.012, 4):
        put(
            colour("f4e8c8"), ribbon(spline([(0.42 + shift, 0.80), (0.505 + shift, 0.30), (0.56 + shift, 0.06)]), 0.003)
        )
    put(colour("2a1a14"), np.array([(0.37, 0.79), (0.48, 0.81), (0.475, 0.83), (0.365, 0.81)], dtype=np.float32))
    bottle = spline([(0.75, 0.78), (0.735, 0.50), (0.775, 0.38), (0.785, 0.17), (0.845, 0.17), (0.855, 0.38),
                     (0.895, 0.50), (0.88, 0.78)], closed=True)  # fmt: skip
    glass = ramp("0f1a14 1f3f2c 4a7a4a b8c88a", np.clip(0.35 + (0.82 - x) * 5.0 + 0.1 * wall, 0, 1))
    put(glass, bottle)
    put(colour("e8dcb8"), np.array([(0.745, 0.56), (0.885, 0.56), (0.88, 0.70), (0.75, 0.70)], dtype=np.float32))
    for row in (0.59, 0.62, 0.65):
        put(colour("3a2a20"), ribbon(np.array([(0.765, row), (0.865, row)], dtype=np.float32), 0.008))
    put(colour("a8341c"), disc(0.815, 0.635, 0.03))
    goblet = spline([(1.00, 0.36), (1.015, 0.50), (1.06, 0.56), (1.065, 0.68), (1.02, 0.71), (1.13, 0.71),
                     (1.085, 0.68), (1.09, 0.56), (1.135, 0.50), (1.15, 0.36)], closed=True)  # fmt: skip
    put(ramp("4a5a6a 9aaab0 e8ece4", np.clip(0.5 + (1.07 - x) * 6, 0, 1)), goblet)
    put(
        colour("7a1f2a"), spline([(1.01, 0.43), (1.025, 0.50), (1.075, 0.54), (1.125, 0.50), (1.14, 0.43)], closed=True)
    )
    for fx, fy, size, codes in (
        (0.98, 0.80, 0.070, "5a2a14 c8501c f0a03c"), (1.09, 0.83, 0.066, "4a4a1a 9a9a2c e0d870"),
        (0.88, 0.86, 0.062, "5a1a1a b8341c e8805a"), (0.72, 0.88, 0.055, "4a4a1a a8942c f0e090"),
    ):  # fmt: skip
        put(colour("1c1410"), disc(fx, fy, size * 1.12))
        put(ramp(codes, np.clip(0.55 - (x - fx + y - fy) / size * 0.4, 0, 1)), disc(fx, fy, size))
    curtains = (
        np.array([(1.18, 0.0), (1.36, 0.0), (1.36, 0.52), (1.22, 0.46)], dtype=np.float32),
        np.array([(-0.02, 0.0), (0.20, 0.0), (0.14, 0.5), (-0.02, 0.62)], dtype=np.float32),
    )
    put(ramp("44484a 7a7c78", np.clip(0.5 + 0.3 * wall, 0, 1)), *curtains)
    return paint


def _split(rng: np.random.Generator, x: Field, y: Field) -> Numbers:
    """Splits the sheet by straight lines, most of them short: the number of each pixel's facet."""
    wide = float(x.max())
    number = np.zeros(x.shape, dtype=np.int64)
    turns = np.concatenate([rng.normal(1.2, 0.2, 5), rng.normal(-1.1, 0.2, 5), rng.normal(0.08, 0.15, 4)])
    for k, turn in enumerate(turns):
        px, py = rng.uniform(0.1, 0.9) * wide, rng.uniform(0.1, 0.9)
        side = (x - px) * np.sin(turn) - (y - py) * np.cos(turn)
        here = np.hypot(x - px, y - py) < rng.uniform(0.25, 0.5) if k % 3 else np.ones(x.shape, dtype=bool)
        number = number * 2 + ((side > 0) & here)
    return np.asarray(np.unique(number, return_inverse=True)[1].reshape(x.shape), dtype=np.intp)


def _refracted(rng: np.random.Generator, table: Paint, number: Numbers, x: Field, y: Field) -> Paint:
    """Every facet sees the table from a place of its own."""
    height, width = x.shape
    flat, count = number.ravel(), int(number.max()) + 1
    size = np.bincount(flat, minlength=count)
    middle_x = (np.bincount(flat, x.ravel(), count) / size)[number]
    middle_y = (np.bincount(flat, y.ravel(), count) / size)[number]
    turn, zoom = rng.normal(0, 0.09, count)[number], np.clip(rng.normal(1.0, 0.08, count), 0.85, 1.2)[number]
    shift = rng.normal(0, 0.018, (2, count))
    dx, dy = (x - middle_x) / zoom, (y - middle_y) / zoom
    columns = middle_x + shift[0][number] + dx * np.cos(turn) - dy * np.sin(turn)
    rows = middle_y + shift[1][number] + dx * np.sin(turn) + dy * np.cos(turn)
    return np.asarray(
        table[
            np.clip(rows * height, 0, height - 1).astype(np.intp),
            np.clip(columns * height, 0, width - 1).astype(np.intp),
        ]
    )


def _planes(rng: np.random.Generator, paint: Paint, angle: Field) -> tuple[Paint, Field]:
    """Thin planes laid over the table, each opaque along a dark edge and vanishing towards the other side.

    Returns the picture and the direction of the touches (radians).
    """
    height, width = angle.shape
    x, y = grid(width, height)
    tints = colours("ecd8a8 5a3c22 8f8c80 f8eed0 26201c b87a34 66747a d8b070 3a443a c8c0aa")
    for k in range(58):
        # The planes crowd together about the middle, and lean to each other as the sides of a tent do.
        px, py = float(rng.normal(0.66, 0.36)), float(rng.normal(0.52, 0.27))
        turn = float((1.18, -1.18, 0.05, 1.57, -0.55, 0.55)[k % 6] + rng.normal(0, 0.07))
        long, deep = float(rng.uniform(0.16, 0.44)), float(rng.uniform(0.05, 0.17)) * float(rng.choice((-1, 1)))
        along, away = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)]) * deep
        start = np.array([px, py]) - along * long / 2
        corners = np.stack(
            [start, start + along * long, start + along * long * 0.85 + away, start + along * 0.15 * long + away]
        )
        mask = silhouette(width, height, [corners.astype(np.float32)])
        part = np.clip(((x - px) * -np.sin(turn) + (y - py) * np.cos(turn)) / deep, 0, 1)
        tint = tints[int(rng.integers(len(tints)))]
        paint = mix(paint, tint, mask * 0.80 * (1 - part) ** 1.1)
        angle = np.where((mask > 0.5) & (part < 0.6), turn + (1.57 if k % 2 else 0.5), angle)
        taper = np.array([0.3, 1.0, 1.0, 0.3]) * rng.uniform(0.006, 0.011)
        edge = np.stack(
            [corners[0], corners[0] * 0.7 + corners[1] * 0.3, corners[0] * 0.3 + corners[1] * 0.7, corners[1]]
        )
        side = ribbon(np.stack([corners[1], corners[2]]).astype(np.float32), np.array([0.007, 0.002]))
        drawn = silhouette(width, height, [ribbon(edge.astype(np.float32), taper), side])
        paint = mix(paint, colour("1a1411"), drawn * 0.92)
        # Touches run along a drawn edge, so that it stays straight.
        angle = np.where(silhouette(width, height, [ribbon(edge.astype(np.float32), taper * 2.0)]) > 0.5, turn, angle)
    return paint, angle.astype(np.float32)


def paint_cubist(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    x, y = grid(width, height)
    number = _split(rng, x, y)
    count = int(number.max()) + 1
    scene = _refracted(rng, _table(rng, width, height), number, x, y)
    course = rng.choice((1.2, -1.1, 0.1, 1.57), count)[number]
    across = x * np.sin(course) - y * np.cos(course)
    low = np.array([across[number == facet].min() for facet in range(count)])
    high = np.array([across[number == facet].max() for facet in range(count)])
    part = (across - low[number]) / np.maximum(high - low, 1e-3)[number]
    scene = scene * (0.62 + 0.52 * part)[..., None]
    scene, angle = _planes(rng, scene.astype(np.float32), np.asarray(course + 1.57, dtype=np.float32))
    scene = np.clip((scene - 0.46) * 1.22 + 0.47, 0, 1).astype(np.float32)

    easel = Easel(mix(scene, colour("6a4a2c"), 0.4))
    easel.cover(
        rng, scene, angle, Brush(22, 44, 10, hue=0.05, saturation=0.12, value=0.05, streak=0.07, fidelity=0.30), 2.2
    )
    easel.cover(
        rng, scene, angle, Brush(13, 28, 7, hue=0.05, saturation=0.12, value=0.05, streak=0.07, fidelity=0.16), 1.6
    )
    easel.cover(
        rng, scene, angle, Brush(5, 20, 4, hue=0.04, value=0.04, fidelity=0.12), 7.0, detail(scene, 1.5, least=0.03)
    )
    return easel.finish(0.9, 0.2)
