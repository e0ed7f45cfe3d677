"""Wheat in the wind: a ripe field under a turquoise sky, in thick strokes that follow the wind."""

import numpy as np

from .canvas import below, disc, ribbon, silhouette, spline
from .fields import Field, Paint, blur, grid, noise, ridge, smoothstep
from .palette import colour, colours, mix, ramp, vary
from .strokes import Brush, Easel, detail

HORIZON = 0.46


def _sky(rng: np.random.Generator, x: Field, y: Field) -> tuple[Paint, Field]:
    """Colours and directions of a sky of rolling clouds."""
    height, width = x.shape
    roll = noise(rng, width, height, 210, 3, stretch=1.8)
    paint = ramp("164a9a 1f86c0 4fb8c8 a8e0d0", np.clip(0.08 + y * 1.9 + 0.14 * roll, 0, 1))
    angle = -0.12 + 0.45 * roll
    for row, (level, size) in enumerate(((0.10, 0.085), (0.24, 0.065), (0.36, 0.040))):
        left = -0.1 + 0.13 * row
        while left < width / height + 0.1:
            count = int(rng.integers(4, 8))
            bank = np.full_like(x, -1.0)
            for k in range(count):
                puff = size * rng.uniform(0.6, 1.1) * (1.25 - abs(k / (count - 1) - 0.5))
                far = np.hypot(x - left, (y - level - 0.25 * size * rng.normal()) * 1.35) / puff
                bank = np.maximum(bank, 1.0 - far + 0.10 * roll)
                left += puff * 0.9
            inside = smoothstep(-0.02, 0.10, bank)
            light = np.clip(0.30 + 0.55 * bank - (y - level) / size * 0.42 + 0.10 * roll, 0, 1)
            paint = mix(paint, ramp("4f62b0 8a8ccc c8b4dc f8d8c8 fff4d8 fffef4", light), inside)
            down, right = np.gradient(blur(bank, 6.0))
            round_it = np.arctan2(right, -down)
            angle = np.where(bank > 0.0, np.arctan(np.tan(round_it) * 0.45), angle)
            left += size * rng.uniform(1.5, 4.0)
    return paint, angle.astype(np.float32)


def _field(rng: np.random.Generator, x: Field, y: Field) -> tuple[Paint, Field]:
    """Wheat bent by gusts; ears grow and shadows deepen towards the viewer."""
    height, width = x.shape
    depth = np.clip((y - HORIZON) / (1 - HORIZON), 0, 1)
    gust = noise(rng, width, height, 130, 3, stretch=3.0)
    stalk = noise(rng, height, width, 22, 3, stretch=4.0).T
    tone = np.clip(0.70 + 0.13 * gust + 0.15 * stalk * (0.3 + depth) - 0.22 * depth**2, 0, 1)
    paint = ramp("4a2350 8a4428 cc7c1c f4b41c ffdc4a fff6b0", tone)
    angle = -1.15 - 0.30 * gust + (1.0 - depth) ** 2 * 0.9
    return paint, angle.astype(np.float32)


def paint_wheat(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    x, y = grid(width, height)
    scene, angle = _sky(rng, x, y)
    for base, swing, codes in (
        (0.405, 0.030, "2a3f9a 4a6ac0 8a9ad8"),
        (0.440, 0.016, "1f5a6a 2f8a6a 7fb85a d8d060"),
    ):
        line = ridge(rng, width, base, swing, width * 0.35, 4)
        lump = noise(rng, width, height, 46, 3, stretch=2.2)
        cover = below(line, y, height)
        scene = mix(scene, ramp(codes, np.clip(0.5 + 0.3 * lump - (y - line[None]) * 2, 0, 1)), cover)
        angle = np.where(cover > 0.5, 0.25 * lump, angle)
    wheat, lean = _field(rng, x, y)
    edge = ridge(rng, width, HORIZON, 0.006, width * 0.3, 3)
    cover = below(edge, y, height)
    scene, angle = mix(scene, wheat, cover), np.where(cover > 0.5, lean, angle)

    path = ribbon(
        spline([(0.74, HORIZON + 0.005), (0.70, 0.54), (0.80, 0.66), (0.66, 0.82), (0.40, 1.08)]),
        np.linspace(0.012, 0.22, 65) ** 1.0,
    )
    lane = silhouette(width, height, [path]) * cover
    turf = noise(rng, width, height, 24, 3, stretch=3.0)
    scene = mix(scene, ramp("3a1f5a 8a3a4a c8605a f0a07a", np.clip(0.5 + 0.3 * turf, 0, 1)), lane)
    scene = mix(scene, ramp("1f5a3a 4f9a3a a8c84a", np.clip(0.5 + 0.3 * turf, 0, 1)), lane * (np.abs(turf) < 0.35))
    angle = np.where(lane > 0.5, 2.0 - 0.5 * np.sin(6.0 * y), angle)

    things = np.zeros_like(x)
    for tx, foot, tall, wide in (
        (0.16, 0.475, 0.26, 0.055), (0.235, 0.475, 0.20, 0.045), (0.295, 0.472, 0.23, 0.048),
        (1.12, 0.472, 0.14, 0.040),
    ):  # fmt: skip
        spine = spline([(tx, foot), (tx + 0.006, foot - tall * 0.5), (tx + 0.022, foot - tall)])
        t = np.linspace(0, 1, len(spine))
        tree = silhouette(width, height, [ribbon(spine, wide * np.sin(np.clip(0.3 + 2.8 * t, 0, np.pi)) ** 0.7)])
        side = np.clip(0.5 + (x - tx) / wide * 0.8 + 0.2 * turf, 0, 1)
        scene = mix(scene, ramp("0f2a4a 1a5a4a 3f8f3a c8c83a", side), tree)
        angle = np.where(tree > 0.5, -1.35 + 0.3 * np.sin(40 * y), angle)
        things = np.maximum(things, tree)
    for outline, tint, turn in (
        ([(0.90, 0.475), (0.90, 0.425), (1.01, 0.425), (1.01, 0.475)], "fff0d8", 1.57),
        ([(1.01, 0.475), (1.01, 0.425), (1.065, 0.43), (1.065, 0.475)], "a8a0d0", 1.57),
        ([(0.885, 0.43), (0.915, 0.375), (1.03, 0.375), (1.08, 0.433), (1.015, 0.43)], "d8402a", 0.1),
        ([(0.945, 0.475), (0.945, 0.443), (0.965, 0.443), (0.965, 0.475)], "2a3a8a", 1.57),
    ):
        mask = silhouette(width, height, [np.array(outline, dtype=np.float32)])
        scene = mix(scene, colour(tint), mask)
        angle = np.where(mask > 0.5, turn, angle)
        things = np.maximum(things, mask)
    for cx, foot, size in ((0.13, 0.64, 0.085), (0.43, 0.560, 0.052), (1.20, 0.65, 0.100), (0.985, 0.545, 0.042)):
        shade = silhouette(width, height, [disc(cx - size * 0.7, foot + size * 0.03, size * 0.95, 0.25)])
        scene = mix(scene, ramp("4a2a7a 7a4a8a", np.clip(0.5 + 0.3 * turf, 0, 1)), shade * 0.85)
        stack = spline(
            [(cx - 0.80 * size, foot), (cx - 0.92 * size, foot - 0.50 * size), (cx - 0.55 * size, foot - 1.05 * size),
             (cx, foot - 1.50 * size), (cx + 0.55 * size, foot - 1.05 * size), (cx + 0.92 * size, foot - 0.50 * size),
             (cx + 0.80 * size, foot), (cx, foot + 0.10 * size)], closed=True)  # fmt: skip
        mask = silhouette(width, height, [stack])
        across = (x - cx) / size
        light = np.clip(
            0.52 + 0.62 * across + 0.10 * turf - 0.3 * np.exp(-(((y - foot + 0.5 * size) / (0.05 * size)) ** 2)), 0, 1
        )
        scene = mix(scene, ramp("3f2468 8a4440 d0781c f8b428 ffe880 fffbd0", light), mask)
        angle = np.where(mask > 0.5, 1.57 - 0.65 * across * np.sign(foot - 0.55 * size - y), angle)
        things = np.maximum(things, mask)

    easel = Easel(mix(scene * 0.8, colour("8a4a3a"), 0.25))
    near = (cover * smoothstep(0.60, 1.0, y)).astype(np.float32)
    angle = angle.astype(np.float32)
    easel.cover(rng, scene, angle, Brush(26, 90, 11, hue=0.14, value=0.09, streak=0.09, fidelity=0.5), 2.2)
    easel.cover(rng, scene, angle, Brush(16, 58, 8, hue=0.18, value=0.10, streak=0.09, fidelity=0.26), 1.9)
    easel.cover(rng, scene, angle, Brush(15, 74, 7, hue=0.16, value=0.15, streak=0.10, fidelity=0.6), 0.9, near)
    easel.cover(rng, scene, angle, Brush(9, 30, 5, hue=0.14, value=0.09, fidelity=0.18), 2.4, detail(scene, least=0.06))
    easel.cover(rng, scene, angle, Brush(9, 26, 5, hue=0.14, value=0.08, fidelity=0.3), 5.0, things)
    spots = np.stack([rng.uniform(0, width, 120), height * (0.56 + 0.46 * rng.random(120) ** 0.8)], axis=1)
    sizes = 3 + 9 * (spots[:, 1] / height - 0.5)
    tips = np.linspace(-1, 1, 5)[None, :, None] * np.array([1.0, -0.4]) * sizes[:, None, None]
    poppies = vary(rng, colours("e8301c ff5a3a c81c3a")[rng.integers(0, 3, 120)], 0.08, 0.1, 0.06)
    easel.lay(rng, (spots[:, None, :] + tips).astype(np.float32), poppies, Brush(8, 10, 4))
    return easel.finish(1.35, 0.55)
