"""Starlit swirl: a night sky over a village, in loaded flow-following strokes."""

import numpy as np

from .canvas import Points, below, ribbon, silhouette, spline
from .fields import Field, Paint, blur, grid, noise, ridge, slope, smoothstep
from .palette import colour, mix, ramp
from .strokes import Brush, Easel, detail

STARS = (
    (0.13, 0.14, 0.050), (0.36, 0.09, 0.034), (0.55, 0.17, 0.028), (0.80, 0.10, 0.040),
    (0.98, 0.40, 0.036), (0.30, 0.47, 0.040), (0.72, 0.50, 0.026), (0.06, 0.40, 0.026),
)  # fmt: skip
MOON = (1.14, 0.17, 0.075)
EDDIES = ((0.60, 0.31, 0.15, 1.0), (0.85, 0.35, 0.10, -1.0))


def _sky(rng: np.random.Generator, x: Field, y: Field) -> tuple[Paint, Field]:
    """Colours and stroke directions of the sky."""
    height, width = x.shape
    wander = noise(rng, width, height, height * 0.35, 3)
    along_x, along_y = np.ones_like(x), 0.35 * np.sin(5.0 * x + wander)
    rings = np.zeros_like(x)
    tone = 0.30 + 0.22 * y + 0.10 * wander
    for cx, cy, size, turn in EDDIES:
        dx, dy = x - cx, y - cy
        far = np.hypot(dx, dy)
        pull = 7.0 * np.exp(-((far / (size * 1.25)) ** 2))
        along_x += pull * (-dy * turn - 0.25 * dx) / (far + 1e-3)
        along_y += pull * (dx * turn - 0.25 * dy) / (far + 1e-3)
        spiral = np.sin(far * 85.0 - turn * 2.0 * np.arctan2(dy, dx))
        rings += np.exp(-((far / (size * 1.1)) ** 2)) * (0.5 + 0.5 * spiral)
    bands = np.sin(26.0 * (y + 0.05 * np.sin(6.0 * x) + 0.02 * wander))
    paint = ramp("0c1445 16307f 2a5cb0 5b9fd0 b8dcdc", np.clip(tone + 0.13 * bands + 0.55 * rings, 0, 1))
    for cx, cy, size in (*STARS, MOON):
        dx, dy = x - cx, y - cy
        far = np.hypot(dx, dy) / size
        pull = 6.0 * np.exp(-((far / 2.2) ** 2))
        along_x += pull * -dy / (far * size + 1e-3)
        along_y += pull * dx / (far * size + 1e-3)
        halo = np.exp(-((far / 1.7) ** 2)) * (0.72 + 0.28 * np.sin(far * 9.0))
        paint = mix(paint, ramp("7fc4c8 f0e07a ffc62e", np.exp(-0.55 * far)), np.clip(halo * 1.7, 0, 1))
        paint = mix(paint, colour("fff6c8"), smoothstep(0.55, 0.35, far))
    crescent = np.hypot(x - MOON[0] - 0.032, y - MOON[1] + 0.018) > MOON[2] * 0.62
    moon = np.hypot(x - MOON[0], y - MOON[1]) < MOON[2] * 0.8
    paint = mix(paint, colour("ff9d1c"), (moon & crescent).astype(np.float32))
    return paint, np.arctan2(along_y, along_x).astype(np.float32)


def _cypress(rng: np.random.Generator) -> list[Points]:
    flames: list[Points] = []
    for lean, top, size in ((0.0, 0.16, 0.13), (0.06, 0.36, 0.10), (-0.055, 0.44, 0.09), (0.10, 0.60, 0.07)):
        spine = spline([(0.20 + lean, 1.05), (0.19 + lean, 0.8), (0.21 + lean, 0.55), (0.205 + lean * 0.6, top)])
        t = np.linspace(0.0, 1.0, len(spine))
        flames.append(ribbon(spine, size * (1.0 - t) ** 0.7 * (1.0 + 0.16 * np.sin(t * 23.0 + rng.uniform(0, 6)))))
    return flames


def paint_nocturne(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    x, y = grid(width, height)
    scene, angle = _sky(rng, x, y)
    for base, swing, codes, tilt in (
        (0.62, 0.035, "26408a 3f6fae 7fb0c0", 0.35),
        (0.70, 0.030, "123a5a 1f6a72 5aa58a", 0.45),
        (0.80, 0.022, "0d2a3f 1d5a4a 6f9a3f c9b84a", 0.30),
    ):
        line = ridge(rng, width, base, swing, width * 0.45, 3)
        cover = below(line, y, height)
        grain = noise(rng, width, height, 60, 4, stretch=2.5)
        depth = (y - line[None, :]) * 4.0
        hill = ramp(codes, np.clip(0.55 + 0.28 * grain - depth * 0.6 + 0.2 * np.sin(depth * 30.0), 0, 1))
        scene = mix(scene, hill, cover)
        right, _ = slope(np.broadcast_to(line[None, :] * height, x.shape))
        angle = np.where(cover > 0.5, np.arctan(blur(right, 12)) + tilt * np.sin(9.0 * x + 25.0 * depth * 0.2), angle)
    for i in range(17):
        left, foot = 0.40 + i * 0.058 + rng.uniform(-0.01, 0.01), 0.865 + 0.05 * np.sin(i * 1.9) + rng.uniform(0, 0.03)
        wide, tall = rng.uniform(0.045, 0.07), rng.uniform(0.035, 0.06)
        box = [(left, foot), (left, foot - tall), (left + wide, foot - tall), (left + wide, foot)]
        roof = [(left - 0.008, foot - tall), (left + wide / 2, foot - tall - 0.036), (left + wide + 0.008, foot - tall)]
        pane = [(left + a * wide, foot - b * tall) for a, b in ((0.3, 0.25), (0.3, 0.7), (0.62, 0.7), (0.62, 0.25))]
        if i == 8:
            roof = [(left, foot - tall), (left + wide / 2, foot - tall - 0.20), (left + wide, foot - tall)]
        wall = ramp("2b3f78 5a6fa0 8c8f98", np.array(rng.random()))
        for outline, tint in ((box, wall), (roof, colour("8a3a2a" if i % 3 else "2a2a52")), (pane, colour("ffc93a"))):
            mask = silhouette(width, height, [np.array(outline, dtype=np.float32)])
            scene = mix(scene, tint, mask)
            angle = np.where(mask > 0.5, 1.5 if outline is box else 0.5, angle)
    tree = silhouette(width, height, _cypress(rng))
    flame = noise(rng, height, width, 30, 3, stretch=4.0).T
    scene = mix(scene, ramp("0a140f 16301c 2f5a2a 6b6a24 8a4a20", np.clip(0.38 + 0.24 * flame, 0, 1)), tree)
    upright = -1.5 + 0.5 * np.sin(20.0 * y + 8.0 * x + flame * 0.5)
    angle = np.where(tree > 0.5, upright, angle).astype(np.float32)

    easel = Easel(mix(scene, colour("3a3524"), 0.45))
    easel.cover(rng, scene, angle, Brush(20, 74, 10, fidelity=0.5), 2.2)
    easel.cover(rng, scene, angle, Brush(11, 46, 7, hue=0.16, value=0.08, fidelity=0.22), 2.2)
    easel.cover(rng, scene, angle, Brush(6, 24, 4, hue=0.12, value=0.09, fidelity=0.16), 2.6, detail(scene))
    return easel.finish(1.0, 0.5)
