"""Sea mosaic: two fishes under a golden sun, in stone and glass tesserae that follow every outline."""

import numpy as np
from numpy.typing import NDArray

from .canvas import Points, disc, ribbon, silhouette, spline
from .fields import Field, Paint, Values, blur, grid, noise, slope, smoothstep
from .palette import colour, mix, ramp, vary

FISH = (
    (0.30, 0.0), (0.24, -0.055), (0.12, -0.10), (-0.04, -0.095), (-0.16, -0.045), (-0.215, -0.02),
    (-0.33, -0.105), (-0.30, 0.0), (-0.33, 0.105), (-0.215, 0.02), (-0.16, 0.045), (-0.04, 0.095),
    (0.12, 0.10), (0.24, 0.055),
)  # fmt: skip


def _place(outline: Values, x: float, y: float, size: float, turn: float, flip: float) -> Points:
    turned = outline * (size * flip, size)
    cosine, sine = np.cos(turn), np.sin(turn)
    return np.asarray(turned @ np.array([[cosine, sine], [-sine, cosine]]) + (x, y), dtype=np.float32)


def _fish(
    paint: Paint, edges: Field, place: tuple[float, float, float, float, float], codes: str
) -> tuple[Paint, Field]:
    height, width = edges.shape
    x, y = grid(width, height)
    cx, cy, size, turn, flip = place
    dx, dy = (x - cx) / size, (y - cy) / size
    along = (dx * np.cos(turn) + dy * np.sin(turn)) * flip
    off = -dx * np.sin(turn) + dy * np.cos(turn)
    body = silhouette(width, height, [_place(spline(FISH, closed=True), *place)])
    scales = np.sin(along * 62 + np.cos(off * 40) * 1.4) * 0.10
    tint = ramp(codes, np.clip(0.5 - off * 5.0 + scales, 0, 1))
    tint = mix(
        tint, ramp("7a1f1a e06a28 ffc648", np.clip(0.5 + np.sin(off * 70) * 0.5, 0, 1)), smoothstep(-0.17, -0.20, along)
    )
    tint = mix(tint, colour("f6e6b8"), smoothstep(0.008, 0.0, np.abs(along - 0.165 + off * off * 6) - 0.006))
    paint = mix(paint, tint, body)
    fins = [
        spline([(0.10, -0.09), (0.02, -0.165), (-0.10, -0.135), (-0.07, -0.085)], closed=True),
        spline([(0.05, 0.09), (-0.02, 0.155), (-0.10, 0.11), (-0.04, 0.085)], closed=True),
    ]
    for fin in fins:
        mask = silhouette(width, height, [_place(fin, *place)])
        paint = mix(
            paint, ramp("8a2a1a f08a30 ffd060", np.clip(0.5 + 0.5 * np.sin(along * 90), 0, 1)), mask * (1 - body)
        )
        edges = np.maximum(edges, mask)
    for radius, tint_code in ((0.034, "fff4d8"), (0.019, "101820")):
        eye = silhouette(width, height, [_place(disc(0.225, -0.018, radius), *place)])
        paint = mix(paint, colour(tint_code), eye)
    return paint, np.maximum(edges, body)


def _scene(rng: np.random.Generator, width: int, height: int) -> tuple[Paint, Field]:
    """Colours, and a field whose level lines the rows of tesserae follow."""
    x, y = grid(width, height)
    wander = noise(rng, width, height, 200, 2)
    sun_x, sun_y = 0.62, 0.13
    far = np.hypot(x - sun_x, y - sun_y)
    turn = np.arctan2(y - sun_y, x - sun_x)
    sky = ramp("fff0b0 f8c84a e8963a b8542e 7a2f3a", np.clip(far * 1.25 + 0.06 * np.sin(turn * 14), 0, 1))
    sky = mix(sky, ramp("f4d070 c07a28", np.clip(far * 1.4, 0, 1)), smoothstep(0.2, 0.6, np.sin(turn * 22)) * 0.75)
    sky = mix(sky, colour("fff2c4"), smoothstep(0.105, 0.10, far))
    sky = mix(sky, colour("c8401f"), smoothstep(0.010, 0.006, np.abs(far - 0.115)))
    level = far * 1.0
    paint = sky
    bases = (0.30, 0.40, 0.52, 0.66, 0.80, 0.92)
    codes = (
        "d8efe0 5fb8b8 2a7f9a",
        "a8e0d0 2f98a8 1a5a8a",
        "bfeadc 2a8fb0 16407a",
        "8fd8cc 1f78a0 122f66",
        "9fd8d0 1a6490 0f2350",
        "e8d8a0 c89a5a 7a5a3a",
    )
    for i, (base, ramp_codes) in enumerate(zip(bases, codes, strict=True)):
        crest = base + 0.030 * np.sin(x * (11 - i) + i * 2.1) + 0.010 * np.sin(x * 23 + i)
        deep = y - crest
        cover = np.clip(deep * height + 0.5, 0, 1).astype(np.float32)
        stripes = 0.10 * np.sin(deep * 150 + wander)
        paint = mix(paint, ramp(ramp_codes, np.clip(deep * 6.5 + stripes, 0, 1)), cover)
        level = level * (1 - cover) + deep * cover
    edges = np.zeros_like(x)
    for k in range(9):
        root = 0.06 + 0.16 * k + rng.uniform(-0.03, 0.03)
        tall = rng.uniform(0.16, 0.30)
        stem = [(root + 0.018 * np.sin(s * 1.6 + k), 1.02 - tall * s / 4) for s in range(5)]
        weed = silhouette(width, height, [ribbon(spline(stem), np.linspace(0.034, 0.006, 65))])
        paint = mix(
            paint,
            ramp(
                "1f5a3a 4f9a4a b8c850" if k % 2 else "8a2f4a d85a5a f8a070", np.clip(0.5 + 0.5 * np.sin(y * 80), 0, 1)
            ),
            weed,
        )
        edges = np.maximum(edges, weed)
    for place, fish in (
        ((0.43, 0.53, 0.92, -0.16, 1.0), "fff0c8 f8b040 e0582a 9a2030"),
        ((0.92, 0.745, 0.78, 0.13, -1.0), "fdf6dc e8d070 d88a3a 8a3a5a"),
    ):
        paint, edges = _fish(paint, edges, place, fish)
    bubbles = [
        disc(bx, by, r)
        for bx, by, r in (
            (0.78, 0.46, 0.020),
            (0.82, 0.41, 0.014),
            (0.80, 0.365, 0.010),
            (0.55, 0.70, 0.016),
            (0.53, 0.65, 0.011),
        )
    ]
    paint = mix(paint, colour("f4fbf0"), silhouette(width, height, bubbles))
    soft = np.zeros_like(edges)
    for sigma in (3, 8, 16):
        soft += blur(edges, sigma)
    near = np.clip(1.0 - np.abs(soft / 3.0 - 0.5) * 2.0, 0, 1)
    level = level * (1 - smoothstep(0.02, 0.25, near)) + (soft * 0.12) * smoothstep(0.02, 0.25, near)
    return paint, level.astype(np.float32)


def _tile(seeds: Values, angles: Values, width: int, height: int, reach: int) -> tuple[NDArray[np.int64], Field]:
    """Nearest seed of every pixel in the square metric turned by its angle, and how far off it lies (px)."""
    best = np.full((height, width), 1e9, dtype=np.float32)
    owner = np.zeros((height, width), dtype=np.int64)
    cosines, sines = np.cos(angles), np.sin(angles)
    for i, (sx, sy) in enumerate(seeds):
        left, top = max(0, int(sx) - reach), max(0, int(sy) - reach)
        right, bottom = min(width, int(sx) + reach + 1), min(height, int(sy) + reach + 1)
        dx = np.arange(left, right, dtype=np.float32)[None, :] - sx
        dy = np.arange(top, bottom, dtype=np.float32)[:, None] - sy
        far = np.maximum(np.abs(dx * cosines[i] + dy * sines[i]), np.abs(dy * cosines[i] - dx * sines[i]))
        window = best[top:bottom, left:right]
        nearer = far < window
        window[nearer] = far[nearer]
        owner[top:bottom, left:right][nearer] = i
    return owner, best


def paint_mosaic(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3). The layout is Hausner's (2001): centroids of an oriented square Voronoi diagram."""
    scene, level = _scene(rng, width, height)
    right, down = slope(blur(level, 2.0))
    cross, square = blur(right * right - down * down, 5.0), blur(2.0 * right * down, 5.0)
    angle = 0.5 * np.arctan2(square, cross)
    size = 11.5
    gx, gy = np.meshgrid(np.arange(size / 2, width, size), np.arange(size / 2, height, size))
    seeds = (np.stack([gx.ravel(), gy.ravel()], axis=1) + rng.normal(0, 6.0, (gx.size, 2))).astype(np.float32)
    tone = blur(scene, 1.2)
    edge_right, edge_down = slope(tone.mean(axis=2))
    lighter = 1.0 / (1.0 + 60.0 * np.hypot(edge_right, edge_down))
    rows, columns = np.mgrid[0:height, 0:width]
    for _ in range(13):
        at = (np.clip(seeds[:, 1], 0, height - 1).astype(np.intp), np.clip(seeds[:, 0], 0, width - 1).astype(np.intp))
        owner, _ = _tile(seeds, angle[at], width, height, 20)
        mass = np.bincount(owner.ravel(), lighter.ravel(), len(seeds)) + 1e-6
        moved_x = np.bincount(owner.ravel(), (columns * lighter).ravel(), len(seeds)) / mass
        moved_y = np.bincount(owner.ravel(), (rows * lighter).ravel(), len(seeds)) / mass
        alive = mass > 1e-3
        seeds[alive] = np.stack([moved_x, moved_y], axis=1)[alive]
    at = (np.clip(seeds[:, 1], 0, height - 1).astype(np.intp), np.clip(seeds[:, 0], 0, width - 1).astype(np.intp))
    owner, _ = _tile(seeds, angle[at], width, height, 20)
    count = np.bincount(owner.ravel(), minlength=len(seeds)) + 1e-6
    tints = np.stack([np.bincount(owner.ravel(), scene[..., c].ravel(), len(seeds)) / count for c in range(3)], axis=1)
    tints = vary(rng, tints.astype(np.float32), 0.12, 0.14, 0.07)
    gap = np.zeros((height, width), dtype=np.float32)
    gap[:, 1:] = np.maximum(gap[:, 1:], owner[:, 1:] != owner[:, :-1])
    gap[1:, :] = np.maximum(gap[1:, :], owner[1:, :] != owner[:-1, :])
    joint = blur(gap, 1.0)
    grout = smoothstep(0.26, 0.48, joint)
    tilt = rng.normal(0, 1.0, (len(seeds), 2))[owner]
    offset = np.stack([columns - seeds[owner, 0], rows - seeds[owner, 1]], axis=2)
    facet = (tilt * offset).sum(axis=2) * 0.016
    vein = noise(rng, width, height, 5, 3) * 0.035 + noise(rng, width, height, 16, 2) * 0.02
    edge_x, edge_y = slope(blur(gap, 1.6))
    bevel = -(edge_x + edge_y) * -0.9
    stone = tints[owner] * (1.0 + facet + vein + bevel)[..., None]
    glint = smoothstep(1.4, 2.2, rng.normal(0, 1, len(seeds)).astype(np.float32)[owner] + facet * 4)
    stone = stone + (0.30 * glint * (1 - grout))[..., None]
    mortar = colour("4a4440") * (1.0 + 0.18 * noise(rng, width, height, 3, 2))[..., None]
    return np.clip(mix(np.clip(stone, 0, 1).astype(np.float32), mortar.astype(np.float32), grout), 0, 1)
