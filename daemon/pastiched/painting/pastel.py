"""Lavender chalk: lavender rows under an evening sky, soft pastel on dark toothed paper."""

import numpy as np
from PIL import Image, ImageDraw

from .canvas import below, disc, ribbon, silhouette, spline, tooth
from .fields import Field, Paint, grid, noise, ridge, smoothstep
from .palette import colour, mix, ramp, vary
from .strokes import trace


def _scene(rng: np.random.Generator, width: int, height: int) -> tuple[Paint, Field]:
    """Colours and chalk directions."""
    x, y = grid(width, height)
    cloud = noise(rng, width, height, 170, 4, stretch=3.0)
    paint = ramp("3a4a9a 7a6ac0 e08aa8 ffb070 ffe08a", np.clip(y * 2.25 + 0.04 * cloud, 0, 1))
    lit = ramp("8a5aa8 f0709a ff9a6a ffe4a0", np.clip(0.35 + y * 1.3 + 0.2 * cloud, 0, 1))
    paint = mix(paint, lit, smoothstep(0.2, 1.0, cloud) * (y < 0.45) * 0.9)
    paint = mix(paint, colour("ffe9a0"), np.exp(-((np.hypot(x - 0.42, y - 0.36) / 0.12) ** 2)) * 0.9)
    paint = mix(paint, colour("fff6d0"), smoothstep(0.05, 0.045, np.hypot(x - 0.42, y - 0.36)))
    angle = (-0.35 + 0.25 * cloud).astype(np.float32)
    for base, swing, codes in ((0.40, 0.030, "5a5ab0 8a7ac8 d8a0b8"), (0.445, 0.022, "2f4f7a 4f8a8a d8b86a")):
        line = ridge(rng, width, base, swing, width * 0.3)
        lump = noise(rng, width, height, 50, 3, stretch=2.0)
        cover = below(line, y, height)
        paint = mix(paint, ramp(codes, np.clip(0.45 + 0.3 * lump - (y - line[None]) * 3, 0, 1)), cover)
        angle = np.where(cover > 0.5, 0.3 + 0.3 * lump, angle)
    horizon = 0.475
    field = smoothstep(horizon - 0.003, horizon + 0.003, y)
    depth = np.clip(y - horizon, 1e-3, 1)
    row = (x - 0.50) / (depth + 0.02)
    wave = np.sin(row * 5.2)
    tuft = noise(rng, width, height, 16, 3)
    bloom = ramp(
        "2a1a5a 5a2f9a 8a4fd0 c07ae8 f0b0f0", np.clip(0.50 + 0.34 * wave + 0.15 * tuft + 0.12 * np.cos(row * 5.2), 0, 1)
    )
    soil = ramp("3a1f2a 8a4a3a d88a4a f0c070", np.clip(0.5 + 0.35 * tuft - 0.4 * depth, 0, 1))
    ground = mix(bloom, soil, smoothstep(-0.55, -0.85, wave))
    ground = mix(ground, colour("ffc890"), np.exp(-(((x - 0.42) / 0.30) ** 2) - depth * 7) * 0.55)
    paint = mix(paint, ground, field)
    along = np.arctan2(np.ones_like(x), (x - 0.50) / (depth + 0.02))
    angle = np.where(field > 0.5, along + 0.5 * np.sign(x - 0.5) * smoothstep(-0.3, 0.6, wave), angle)
    house = [
        ([(0.86, 0.50), (0.86, 0.435), (1.02, 0.435), (1.02, 0.50)], "f0d8a8"),
        ([(0.845, 0.438), (0.885, 0.385), (0.995, 0.385), (1.035, 0.438)], "d0583a"),
        ([(1.02, 0.50), (1.02, 0.44), (1.09, 0.445), (1.09, 0.50)], "b8889a"),
        ([(0.90, 0.485), (0.90, 0.455), (0.92, 0.455), (0.92, 0.485)], "3a3a7a"),
        ([(0.96, 0.50), (0.96, 0.455), (0.98, 0.455), (0.98, 0.50)], "2a4a7a"),
    ]
    for outline, tint in house:
        paint = mix(paint, colour(tint), silhouette(width, height, [np.array(outline, dtype=np.float32)]))
    for tx, top, wide in (
        (0.79, 0.27, 0.036),
        (0.835, 0.32, 0.030),
        (1.13, 0.24, 0.042),
        (1.18, 0.31, 0.034),
        (1.235, 0.28, 0.036),
        (0.07, 0.30, 0.032),
        (0.125, 0.34, 0.026),
    ):
        spine = spline([(tx, 0.51), (tx, 0.42), (tx + 0.004, top)])
        t = np.linspace(0, 1, len(spine))
        tree = silhouette(
            width, height, [ribbon(spine, wide * np.sin(np.clip(0.25 + t * 2.89, 0, np.pi)) ** 0.6 + 0.001)]
        )
        side = np.clip(0.55 - (x - tx) / wide * 0.9 + 0.2 * tuft, 0, 1)
        paint = mix(paint, ramp("0f2a3a 1f4f4a 4f7f3a d8b04a", side), tree)
        angle = np.where(tree > 0.5, 1.45, angle)
    oak = np.hypot(x - 0.25, (y - 0.40) * 1.15) / 0.085 + 0.2 * noise(rng, width, height, 40, 3)
    crown = smoothstep(1.02, 0.95, oak)
    paint = mix(
        paint, colour("3a2030"), silhouette(width, height, [ribbon(spline([(0.25, 0.52), (0.252, 0.44)]), 0.02)])
    )
    paint = mix(
        paint,
        ramp("1a2f4a 2f5f4a 7f9a3a f0c050", np.clip(0.55 + (x - 0.25) * 4 - (y - 0.40) * 3 + 0.15 * tuft, 0, 1)),
        crown,
    )
    return paint, np.where(crown > 0.5, 0.8 + 0.8 * tuft, angle).astype(np.float32)


def _chalk(
    rng: np.random.Generator,
    paint: Paint,
    scene: Paint,
    angle: Field,
    relief: Field,
    width_px: float,
    length: float,
    density: float,
    press: float,
) -> Paint:
    """A layer of chalk: strokes that catch the tooth where `relief` stands above what `press` fills."""
    height, width = relief.shape
    count = int(density * width * height / (width_px * length))
    starts = (rng.random((count, 2)) * (width, height)).astype(np.float32)
    rows, columns = starts[:, 1].astype(np.intp), starts[:, 0].astype(np.intp)
    tints = (vary(rng, scene[rows, columns], 0.14, 0.18, 0.06) * 255).astype(int)
    paths = trace(angle + rng.normal(0, 0.06), starts, 7, length / 7)
    sheet = Image.fromarray((np.clip(paint, 0, 1) * 255).astype(np.uint8))
    load = Image.new("L", (width, height), 0)
    colour_pen, load_pen = ImageDraw.Draw(sheet), ImageDraw.Draw(load)
    weights = rng.integers(90, 255, count)
    for path, tint, weight in zip(paths, tints, weights, strict=True):
        spots = path.ravel().tolist()
        thick = max(1, round(width_px * rng.uniform(0.6, 1.2)))
        colour_pen.line(spots, fill=(int(tint[0]), int(tint[1]), int(tint[2])), width=thick)
        load_pen.line(spots, fill=int(weight), width=thick)
    loaded = np.asarray(load, dtype=np.float32) / 255.0
    level = 1.0 - press * loaded
    catch = smoothstep(level - 0.22, level + 0.22, relief) * (loaded > 0.05)
    over = np.asarray(sheet, dtype=np.float32) / 255.0
    return mix(paint, over, np.asarray(catch, dtype=np.float32))


def paint_pastel(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    scene, angle = _scene(rng, width, height)
    relief = tooth(rng, width, height, 2.6)
    paint = np.asarray(colour("4a3550") * (0.8 + 0.4 * relief)[..., None], dtype=np.float32)
    # The first layer is rubbed in with the hand, so the pits keep a deep shade of the colour above them.
    paint = mix(paint, np.asarray(scene * 0.74, dtype=np.float32), 0.62 + 0.3 * relief)
    paint = _chalk(rng, paint, scene * 0.85, angle + 0.5, relief, 18, 110, 2.6, 0.80)
    paint = _chalk(rng, paint, scene, angle, relief, 9, 70, 2.2, 0.92)
    paint = _chalk(rng, paint, np.clip(scene * 1.08 + 0.03, 0, 1), angle, relief, 5, 40, 2.0, 0.92)
    dots = [
        disc(float(a), float(0.50 + 0.5 * b**1.4), float(0.0012 + 0.004 * b))
        for a, b in rng.random((900, 2)) * (1.34, 1.0)
    ]
    flecks = silhouette(width, height, dots) * smoothstep(0.25, 0.5, relief)
    lavender = smoothstep(0.02, 0.10, scene[..., 2] - scene[..., 1])
    paint = mix(
        paint,
        ramp("d8a8ff ffd0f0 b080ff", np.clip(0.5 + 0.3 * noise(rng, width, height, 12, 1), 0, 1)),
        flecks * lavender * 0.85,
    )
    paint = _chalk(rng, paint, np.clip(scene * 1.12 + 0.05, 0, 1), angle - 0.3, relief, 3, 18, 0.9, 0.9)
    dust = noise(rng, width, height, 3, 2)
    return np.clip(paint * (1.0 + 0.03 * dust[..., None]), 0.0, 1.0).astype(np.float32)
