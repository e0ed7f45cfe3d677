"""Riverbank dots: a sunlit river in small touches of pure colour."""

import numpy as np
from PIL import Image, ImageDraw

from .canvas import below, disc, ribbon, silhouette, spline
from .fields import Field, Paint, grid, noise, ridge, smoothstep
from .palette import colour, mix, ramp, turn_hue, vary
from .strokes import SCALE


def _foliage(rng: np.random.Generator, paint: Paint, trees: list[tuple[float, float, float, str]]) -> Paint:
    """Tree crowns lit from the left, clumped by noise, over their trunks."""
    height, width = paint.shape[:2]
    x, y = grid(width, height)
    for cx, cy, size, greens in trees:
        trunk = spline([(cx - 0.01, cy + size * 2.4), (cx + 0.01, cy + size), (cx, cy)])
        mask = silhouette(width, height, [ribbon(trunk, size * 0.16)])
        paint = mix(paint, ramp("3a1f4a 7a4a5a c98a5a", np.clip(0.5 - (x - cx) * 9, 0, 1)), mask)
        lump = noise(rng, width, height, size * height * 0.55, 4)
        far = np.hypot(x - cx, (y - cy) * 0.9) / size + 0.16 * lump
        lit = np.clip(0.52 - (x - cx + 0.7 * (y - cy)) / size * 0.38 + 0.15 * lump, 0, 1)
        paint = mix(paint, ramp(greens, lit), smoothstep(1.02, 0.92, far))
    return paint


def _scene(rng: np.random.Generator, width: int, height: int) -> Paint:
    x, y = grid(width, height)
    cloud = noise(rng, width, height, 150, 4, stretch=2.2)
    sky = ramp("4f8fd8 86b8ea c8dcf0 ffe6bc ffc98a", np.clip(y * 2.3 + 0.05 * cloud, 0, 1))
    paint = mix(
        sky, ramp("a9a4e4 f8c8c0 ffe6b8", np.clip(0.5 + 0.25 * cloud, 0, 1)), smoothstep(0.3, 1.3, cloud) * 0.85
    )
    far_bank = ridge(rng, width, 0.385, 0.020, width * 0.14)
    paint = mix(
        paint,
        ramp("5a5aa8 5f8fa8 9ab88a", np.clip(0.5 + 0.3 * noise(rng, width, height, 40, 3), 0, 1)),
        below(far_bank, y, height),
    )
    paint = _foliage(
        rng,
        paint,
        [
            (0.06 + i * 0.105, 0.375 + 0.012 * (i % 3), 0.05 + 0.018 * (i % 2), "2f4a8a 2f7f6a 8fb84a e8d860")
            for i in range(13)
        ],
    )
    # The water mirrors what stands above it, broken by ripples.
    water_line = 0.45
    rows = np.arange(height)
    start = int(water_line * height)
    ripple = noise(rng, width, height, 26, 3, stretch=6.0)
    depth = np.clip((y - water_line) / (1 - water_line), 0, 1)
    mirror = np.clip(2 * start - rows[:, None] * 1.0 + ripple * (3 + 34 * depth), 0, start - 1).astype(np.intp)
    columns = np.clip(np.arange(width)[None, :] + ripple * 14 * depth, 0, width - 1).astype(np.intp)
    mirrored = paint[mirror, columns] * np.array([0.80, 0.88, 0.96], dtype=np.float32)
    water = mix(mirrored, ramp("1f4a9a 3f8fc0 ffe0a0", np.clip(0.45 + 0.3 * ripple, 0, 1)), 0.20 + 0.35 * depth)
    sparkle = smoothstep(0.9, 1.5, ripple) * np.exp(-(((x - 0.93) / 0.10) ** 2))
    water = mix(water, colour("fff2b0"), sparkle)
    paint = mix(paint, water, smoothstep(water_line - 0.003, water_line + 0.003, y))
    sun = np.hypot(x - 0.93, y - 0.25)
    paint = mix(paint, colour("fff0a8"), np.clip(np.exp(-((sun / 0.10) ** 2)) * 0.9 + (sun < 0.045), 0, 1))
    for bx, by, size, sail in (
        (0.50, 0.53, 0.13, "fff6e4"),
        (0.72, 0.485, 0.08, "ff9a5a"),
        (1.14, 0.60, 0.17, "fff0d0"),
    ):
        mast = by - size * 1.25
        sails = [[(bx, mast), (bx + size * 0.62, by - size * 0.12), (bx, by - size * 0.1)]]
        sails.append(
            [
                (bx - size * 0.06, mast + size * 0.2),
                (bx - size * 0.4, by - size * 0.12),
                (bx - size * 0.06, by - size * 0.1),
            ]
        )
        hull = [
            (bx - size * 0.55, by - size * 0.06),
            (bx + size * 0.7, by - size * 0.06),
            (bx + size * 0.5, by + size * 0.1),
            (bx - size * 0.4, by + size * 0.1),
        ]
        for outline, tint in ((sails[0], sail), (sails[1], "c0b0e0"), (hull, "7a2f4a")):
            drawn = np.array(outline, dtype=np.float32)
            mask = silhouette(width, height, [drawn])
            flipped = drawn * (1, -0.75) + (0, 1.75 * by + size * 0.2)
            paint = mix(paint, colour(tint), silhouette(width, height, [flipped.astype(np.float32)]) * 0.45)
            paint = mix(paint, colour(tint), mask)
    bank = (
        0.99 - 0.30 * np.exp(-(((np.arange(width) / height) / 0.55) ** 2)) + 0.012 * ridge(rng, width, 0, 1, 80)
    ).astype(np.float32)
    meadow = noise(rng, width, height, 34, 4, stretch=2.5)
    grass = ramp("1f4a6a 2f7f4a 8fc04a f0e06a", np.clip(0.5 + 0.22 * meadow + (y - bank[None, :]) * -1.2 + 0.2, 0, 1))
    paint = mix(paint, grass, below(bank, y, height))
    flowers = [
        disc(float(fx), float(fy), float(rng.uniform(0.005, 0.010)))
        for fx, fy in zip(rng.random(150) * 0.75, rng.uniform(0.7, 1.0, 150), strict=True)
    ]
    field = silhouette(width, height, flowers) * below(bank + 0.03, y, height)
    paint = mix(paint, ramp("e8304a ff7ab0 fff0f0", np.clip(0.5 + 0.4 * noise(rng, width, height, 30, 1), 0, 1)), field)
    return _foliage(
        rng,
        paint,
        [(0.13, 0.24, 0.20, "1a2a6a 1f5f5a 4f9f4a b8d04a fff08a"), (0.335, 0.36, 0.11, "2a2a7a 2f6f6a 7fb04a ffe070")],
    )


def _touch(
    rng: np.random.Generator,
    sheet: Image.Image,
    scene: Paint,
    spacing: float,
    size: float,
    contrast: float,
    edge: Field | None,
) -> None:
    """One pass of touches on a jittered grid; `contrast` is the share of complementary colours."""
    height, width = scene.shape[:2]
    gx, gy = np.meshgrid(np.arange(0, width + spacing, spacing), np.arange(0, height + spacing, spacing))
    spots = np.stack([gx.ravel(), gy.ravel()], axis=1) + rng.normal(0.0, spacing * 0.42, (gx.size, 2))
    rng.shuffle(spots)
    rows = np.clip(spots[:, 1], 0, height - 1).astype(np.intp)
    columns = np.clip(spots[:, 0], 0, width - 1).astype(np.intp)
    if edge is not None:
        chosen = rng.random(len(spots)) < edge[rows, columns]
        spots, rows, columns = spots[chosen], rows[chosen], columns[chosen]
    tints = vary(rng, turn_hue(scene[rows, columns], 0.0, 1.18), 0.34, 0.22, 0.06)
    tints = np.clip(tints + rng.normal(0.0, 0.05, tints.shape) * (1.0, 0.6, 1.2), 0, 1)
    other = rng.random(len(spots)) < contrast
    tints[other] = np.clip(turn_hue(tints[other], np.pi * 0.85, 0.9) * 0.8 + 0.12, 0, 1)
    pen = ImageDraw.Draw(sheet)
    radii = size * rng.uniform(0.7, 1.2, len(spots))
    for (px, py), tint, r in zip(spots * SCALE, (tints * 255).astype(int), radii * SCALE, strict=True):
        pen.ellipse((px - r, py - r * 0.86, px + r, py + r * 0.86), fill=(int(tint[0]), int(tint[1]), int(tint[2])))


def paint_dots(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    scene = _scene(rng, width, height)
    primed = mix(scene, colour("f2e2c0"), 0.55)
    sheet = Image.fromarray((primed * 255).astype(np.uint8)).resize((width * SCALE, height * SCALE))
    down, right = np.gradient(scene.mean(axis=2))
    edge = np.clip(np.hypot(down, right) * 14.0, 0.15, 1.0).astype(np.float32)
    _touch(rng, sheet, scene, 9.6, 7.8, 0.10, None)
    _touch(rng, sheet, scene, 9.0, 5.7, 0.10, None)
    _touch(rng, sheet, scene, 6.2, 3.5, 0.05, edge)
    small = sheet.resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / 255.0
