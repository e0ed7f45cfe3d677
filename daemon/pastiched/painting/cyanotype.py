"""Blueprint ferns: pressed ferns, grasses and seed heads printed by the sun on hand-coated paper."""

import numpy as np

from .canvas import Points, disc, ribbon, silhouette
from .fields import Field, Paint, Values, blur, noise, smoothstep
from .palette import ramp

BLUES = "04102e 0a2458 14468c 3f7fba 8fbcd8 dcebee f8f8ec"


def _stem(
    foot: Values | tuple[float, float], length: float, turn: float, bend: float, count: int = 40
) -> tuple[Points, Values]:
    """A bent stalk from its foot: its line, and its direction (radians) at each point."""
    t = np.linspace(0, 1, count)
    course = turn + bend * t**1.5
    steps = np.stack([np.cos(course), np.sin(course)], axis=1) * length / count
    line = np.asarray(foot) + np.cumsum(steps, axis=0)
    return line.astype(np.float32), course


def _fern(x: float, y: float, length: float, turn: float, bend: float) -> list[Points]:
    """A frond: two rows of toothed leaflets that shorten towards the tip."""
    line, course = _stem((x, y), length, turn, bend, 60)
    size = length / 0.6
    shapes = [ribbon(line, np.linspace(0.010, 0.002, 60) * size)]
    for k in range(9, 59, 3):
        t = k / 60
        reach = length * 0.27 * float(np.sin(np.pi * (0.16 + 0.83 * t)) ** 0.9)
        for side in (-1.0, 1.0):
            leaf, way = _stem(line[k], reach, course[k] + side * 1.05, -side * 0.35, 16)
            s = np.linspace(0, 1, 16)
            shapes.append(ribbon(leaf, (0.0035 + 0.0035 * (1 - s)) * size * (0.4 + 0.6 * (1 - t))))
            for m in range(1, 16):
                lobe = 0.0155 * size * (1 - 0.75 * s[m]) * (1.15 - 0.75 * t)
                for inner in (-1.0, 1.0):
                    tip = leaf[m] + lobe * np.array([np.cos(way[m] + inner * 1.0), np.sin(way[m] + inner * 1.0)])
                    shapes.append(ribbon(np.stack([leaf[m], tip]).astype(np.float32), np.array([0.8, 0.45]) * lobe))
    return shapes


def _umbel(rng: np.random.Generator, x: float, y: float, length: float, turn: float) -> list[Points]:
    """Wild carrot: a stalk with rays, each with a little head of flowers."""
    line, course = _stem((x, y), length, turn, float(rng.normal(0, 0.3)))
    shapes = [ribbon(line, np.linspace(0.010, 0.006, len(line)))]
    for spread in np.linspace(-1.25, 1.25, 13):
        ray, way = _stem(line[-1], 0.13 * (1.0 - 0.18 * abs(spread)), course[-1] + spread, -0.35 * spread, 12)
        shapes.append(ribbon(ray, 0.0035))
        for fan in np.linspace(-1.3, 1.3, 7):
            tip = ray[-1] + 0.028 * np.array([np.cos(way[-1] + fan), np.sin(way[-1] + fan)])
            shapes.append(ribbon(np.stack([ray[-1], tip]).astype(np.float32), 0.002))
            shapes.extend(
                disc(float(tip[0] + dx), float(tip[1] + dy), float(rng.uniform(0.003, 0.006)))
                for dx, dy in rng.normal(0, 0.005, (3, 2))
            )
    return shapes


def _broad(x: float, y: float, length: float, turn: float, bend: float) -> tuple[Points, list[Points]]:
    """A broad leaf, and its veins."""
    line, course = _stem((x, y), length, turn, bend, 40)
    t = np.linspace(0, 1, 40)
    outline = ribbon(line, length * 0.44 * np.sin(np.pi * np.clip(t * 1.02, 0, 1) ** 0.8) ** 0.85 + 0.003)
    veins = [ribbon(line, np.linspace(0.009, 0.002, 40))]
    for k in range(4, 36, 3):
        half = 0.24 * length * np.sin(np.pi * t[k] ** 0.8) ** 0.85
        for side in (-1.0, 1.0):
            vein, _ = _stem(line[k], half, course[k] + side * 0.85, -side * 0.35, 10)
            veins.append(ribbon(vein, np.linspace(0.005, 0.0015, 10)))
    return outline, veins


def _grass(rng: np.random.Generator, x: float, y: float, length: float, turn: float) -> list[Points]:
    """A grass with its ear."""
    line, course = _stem((x, y), length, turn, float(rng.normal(0, 0.5)))
    shapes = [ribbon(line, 0.004)]
    for k in range(18, 40):
        for side in (-1.0, 1.0):
            grain, _ = _stem(line[k], 0.038 * (1.25 - k / 40), course[k] + side * 0.45, 0.0, 6)
            shapes.append(ribbon(grain, np.array([0.003, 0.007, 0.009, 0.007, 0.004, 0.001])))
    return shapes


def paint_cyanotype(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    tone: Field = np.zeros((height, width), dtype=np.float32)

    def lay(where: Field, thin: float, soft: float = 0.6) -> None:
        """A plant on the glass: it keeps the sun off, less where it is `thin` or does not touch the paper."""
        nonlocal tone
        tone = tone + (1.0 - tone) * blur(where, soft) * thin

    for fx, fy, length, turn, bend in (
        (0.34, 1.04, 0.60, -1.2, -0.5), (0.86, 1.05, 0.62, -1.95, 0.5), (1.38, 0.30, 0.50, 2.7, 0.5),
        (0.60, -0.05, 0.45, 1.8, -0.4),
    ):  # fmt: skip
        lay(silhouette(width, height, _fern(fx, fy, length, turn, bend)), 0.30, 3.5)
    for lx, ly, length, turn, bend in (
        (0.40, 0.30, 0.36, -0.75, 0.5), (1.01, 0.80, 0.38, -0.35, -0.5), (-0.02, 0.62, 0.32, -0.35, 0.5),
        (0.44, 0.86, 0.34, -0.55, 0.4), (1.40, 0.24, 0.34, -2.6, -0.4), (0.74, 0.52, 0.28, -0.3, 0.5),
    ):  # fmt: skip
        outline, veins = _broad(lx, ly, length, turn, bend)
        cover = silhouette(width, height, [outline])
        cells = noise(rng, width, height, 9, 2)
        rim = np.clip(cover - blur(cover, 5.0), 0, 1) * cover
        leaf = np.clip(0.46 + 0.08 * cells + 0.7 * rim, 0, 1)
        tone = tone * (1 - cover) + np.maximum(0.6 * tone, leaf) * cover
        lay(silhouette(width, height, veins) * cover, 0.85)
    for fx, fy, length, turn, bend in (
        (0.20, 1.04, 0.92, -1.75, 0.95), (0.66, 1.06, 0.95, -1.62, 0.25), (1.20, 1.05, 0.90, -1.45, -0.9),
        (-0.04, 0.16, 0.50, 0.30, -0.6), (1.40, 0.60, 0.44, -2.75, -0.5), (0.90, -0.04, 0.46, 1.15, 0.8),
    ):  # fmt: skip
        lay(silhouette(width, height, _fern(fx, fy, length, turn, bend)), 0.90)
    for ux, uy, length, turn in (
        (0.47, 1.04, 0.52, -1.75), (0.96, 1.04, 0.62, -1.62), (0.04, 1.04, 0.44, -1.45), (0.40, 0.40, 0.26, -1.75),
        (1.12, 0.44, 0.26, -1.35),
    ):  # fmt: skip
        lay(silhouette(width, height, _umbel(rng, ux, uy, length, turn)), 0.92)
    for gx in (0.09, 0.30, 0.56, 0.80, 1.07, 1.30):
        for _ in range(2):
            root, tall = gx + float(rng.normal(0, 0.04)), float(rng.uniform(0.40, 0.85))
            lay(silhouette(width, height, _grass(rng, root, 1.03, tall, -1.57 + float(rng.normal(0, 0.2)))), 0.85)
    coat = noise(rng, height, width, 26, 3, stretch=9.0).T + 0.7 * noise(rng, width, height, 22, 3, stretch=9.0)
    pool = noise(rng, width, height, 160, 4)
    grain = noise(rng, width, height, 3, 2)
    ground = np.clip(0.21 + 0.075 * coat + 0.05 * pool, 0.03, 0.5)
    exposed = ground + (0.97 - ground) * tone * (0.93 + 0.05 * pool) + 0.016 * grain * (1.2 - tone)
    salt = smoothstep(2.3, 2.9, noise(rng, width, height, 5, 2) + 0.3 * coat)
    return np.clip(ramp(BLUES, np.clip(exposed + 0.4 * salt, 0, 1)), 0, 1).astype(np.float32)
