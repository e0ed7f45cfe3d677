"""Ink mountains: a misty gorge in ink on absorbent paper, with touches of mineral colour."""

import numpy as np

from .canvas import Points, below, disc, ribbon, silhouette, spline, tooth
from .fields import Field, Paint, blur, grid, noise, ridge, smoothstep, warp
from .palette import colour


def _bleed(rng: np.random.Generator, mask: Field, reach: float) -> Field:
    """Ink creeping along the paper's fibres: edges frayed by `reach` px and softened."""
    height, width = mask.shape
    frayed = warp(mask, noise(rng, width, height, 14, 4) * reach, noise(rng, width, height, 14, 4) * reach)
    return 0.8 * frayed + 0.2 * blur(frayed, 2.5 + reach)


def _stain(paint: Paint, ink: str, amount: Field) -> Paint:
    """Transparent ink or pigment laid on: light is absorbed, never covered."""
    absorb = -np.log(np.clip(colour(ink), 0.02, 0.995))
    return np.asarray(paint * np.exp(-absorb * np.clip(amount, 0, 3)[..., None]), dtype=np.float32)


def _mountain(rng: np.random.Generator, x: Field, y: Field, line: np.ndarray, density: float, grip: float) -> Field:
    """Ink of one range: dark broken brushwork at the crest, rock texture, mist at the foot."""
    height, width = y.shape
    cover = _bleed(rng, below(line, y, height), 2.0)
    depth = np.clip(y - line[None, :], 0, 1)
    sides = noise(rng, width, height, 120, 4)
    slant = warp(noise(rng, height, width, 44, 4, stretch=3.5).T.copy(), depth * height * 0.55, np.zeros_like(x))
    folds = 1.0 - np.abs(slant + 0.35 * sides)
    strokes = smoothstep(0.45, 0.95, folds) * np.exp(-depth * 5.0)
    dry = smoothstep(-0.6, 0.7, noise(rng, width, height, 5, 2, stretch=3.0) + 0.9)
    crest = np.exp(-depth * 55.0) * np.clip(0.7 + 0.5 * sides, 0, 1)
    mist = np.exp(-((depth / grip) ** 1.4)) * np.clip(1.0 + 0.35 * sides, 0.1, 2)
    return np.asarray(
        cover * density * (0.50 * mist + 0.75 * strokes * dry * grip * 3.2 + 0.55 * crest * dry), dtype=np.float32
    )


def _pine(
    rng: np.random.Generator, x: float, foot: float, size: float, lean: float
) -> tuple[list[Points], list[Points]]:
    """A leaning pine: ribbons of trunk and boughs, and fans of needles."""
    spine = spline(
        [(x, foot), (x + lean * 0.3, foot - size * 0.35), (x + lean * 0.2, foot - size * 0.65), (x + lean, foot - size)]
    )
    wood = [ribbon(spine, np.linspace(0.07, 0.012, len(spine)) * size)]
    needles: list[Points] = []
    for at in np.linspace(0.35, 0.98, 9):
        root = spine[int(at * (len(spine) - 1))]
        side = 1.0 if rng.random() < 0.55 else -1.0
        reach = size * (0.50 - 0.33 * at) * rng.uniform(0.7, 1.2)
        tip = root + np.array([side * reach, -0.10 * size + rng.uniform(-0.02, 0.12) * size])
        bough = spline([tuple(root), tuple((root + tip) / 2 + (0, 0.03 * size)), tuple(tip)])
        wood.append(ribbon(bough, np.linspace(0.025, 0.006, len(bough)) * size))
        for _ in range(int(6 + 12 * reach / size)):
            spot = bough[int(rng.integers(len(bough) // 3, len(bough)))] + rng.normal(0, 0.014 * size, 2) * (2.0, 1.0)
            for turn in rng.uniform(np.pi * 1.02, np.pi * 1.98, 13):
                far = spot + 0.068 * size * rng.uniform(0.6, 1.1) * np.array([np.cos(turn), np.sin(turn)])
                needles.append(
                    ribbon(np.stack([spot, far]).astype(np.float32), np.array([0.0050, 0.0015]) * size + 0.0008)
                )
    return wood, needles


def paint_ink_mountains(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    x, y = grid(width, height)
    relief = tooth(rng, width, height)
    age = noise(rng, width, height, 300, 4)
    paint = colour("f4e9d0") * (1.0 + 0.025 * age + 0.035 * (relief - 0.5))[..., None]
    paint = np.asarray(paint, dtype=np.float32)
    wide = width / height
    damp = np.clip(0.5 + 0.3 * noise(rng, width, height, 220, 5, stretch=2.0), 0, 1)
    paint = _stain(paint, "a9a89c", damp * (0.42 - 0.4 * y))
    sun = silhouette(width, height, [disc(0.30, 0.20, 0.072)])
    paint = _stain(
        paint, "d8341c", _bleed(rng, sun, 1.2) * (0.85 + 0.15 * age) * np.clip(1.35 - (y - 0.13) * 6.0, 0.25, 1)
    )
    granules = 0.82 + 0.36 * relief
    ranges = (
        (0.38, 0.060, 0.34, 0.55, 0.14, "6f7f8c"),
        (0.45, 0.085, 0.30, 0.75, 0.16, "53636c"),
        (0.57, 0.100, 0.24, 1.05, 0.17, "3d4a4c"),
        (0.74, 0.085, 0.26, 1.45, 0.20, "2a302e"),
    )
    for i, (base, swing, cell, density, grip, ink) in enumerate(ranges):
        line = ridge(rng, width, base, swing, height * cell, 6)
        centre = (0.95, 1.15, 0.15, 1.25)[i] * wide / 1.33
        line -= (0.16 * np.exp(-(((np.arange(width) / height - centre) / 0.15) ** 2))).astype(np.float32)
        paint = (
            paint
            + (colour("f1e8d2") - paint)
            * (0.72 * below(line, y, height) * np.exp(-np.clip(y - line[None], 0, 1) * 0.5))[..., None]
        )
        amount = _mountain(rng, x, y, line, density, grip) * granules
        paint = _stain(paint, ink, amount)
        depth = np.clip(y - line[None, :], 0, 1)
        tint = smoothstep(0.1, 1.2, noise(rng, width, height, 130, 4)) * below(line, y, height) * np.exp(-depth * 7.0)
        paint = _stain(paint, ("7fa6a8", "5f9a9a", "5a9080", "8a9a50")[i], tint * granules * 0.9)
        ochre = smoothstep(0.6, 1.5, noise(rng, width, height, 110, 4)) * below(line, y, height) * np.exp(-depth * 6.0)
        paint = _stain(paint, "c88a4a", ochre * granules * 0.7)
    lake = smoothstep(0.80, 0.86, y) * np.clip(0.4 + 0.5 * noise(rng, width, height, 9, 3, stretch=26.0), 0, 1)
    paint = _stain(paint, "7f9496", lake * 0.9 * granules)
    rocks = ridge(rng, width, 1.0, 0.035, height * 0.2, 6) - 0.26 * np.exp(-(((np.arange(width) / height) / 0.42) ** 2))
    rocks = rocks.astype(np.float32)
    paint = paint + (colour("eadfc6") - paint) * (0.9 * below(rocks, y, height))[..., None]
    paint = _stain(paint, "1c1f20", _mountain(rng, x, y, rocks, 1.9, 0.22) * granules)
    wet = noise(rng, width, height, 3, 2) * 0.25 + 1.0
    for px, foot, size, lean in ((0.17, 0.80, 0.50, 0.13), (0.33, 0.88, 0.30, -0.06), (0.05, 0.80, 0.36, -0.03)):
        wood, needles = _pine(rng, px, foot, size, lean)
        bark = _bleed(rng, silhouette(width, height, wood), 1.0)
        paint = _stain(
            paint, "1a1614", bark * wet * 1.15 * np.clip(0.8 + 0.5 * noise(rng, width, height, 6, 2), 0.2, 1.6)
        )
        shadow = blur(silhouette(width, height, needles), 5.0)
        paint = _stain(paint, "3f5a4a", shadow * 1.1 * granules)
        paint = _stain(paint, "141a18", _bleed(rng, silhouette(width, height, needles), 0.5) * wet * 0.95)
    hull = spline(
        [(0.90, 0.895), (0.97, 0.915), (1.05, 0.912), (1.10, 0.888), (1.04, 0.90), (0.97, 0.903)], closed=True
    )
    figure = [disc(1.0, 0.885, 0.010, 1.5), disc(1.0, 0.866, 0.014, 0.35)]
    pole = ribbon(np.array([(1.02, 0.84), (1.075, 0.955)], dtype=np.float32), 0.0022)
    paint = _stain(paint, "17191b", _bleed(rng, silhouette(width, height, [hull, *figure, pole]), 0.5) * 1.3)
    birds = [
        ribbon(
            spline(
                [
                    (bx - 0.016, by - 0.006),
                    (bx - 0.006, by - 0.008),
                    (bx, by),
                    (bx + 0.007, by - 0.010),
                    (bx + 0.018, by - 0.007),
                ]
            ),
            0.0028,
        )
        for bx, by in ((0.52, 0.17), (0.57, 0.145), (0.63, 0.165), (0.60, 0.20), (0.69, 0.15))
    ]
    paint = _stain(paint, "222222", _bleed(rng, silhouette(width, height, birds), 0.3) * 1.1)
    seal = (np.abs(x - 1.245) < 0.030) & (np.abs(y - 0.12) < 0.042)
    cuts = (
        (np.sin((x - 1.245) * 260) * np.sin((y - 0.12) * 190 + 1.0) > 0.35)
        & (np.abs(x - 1.245) < 0.024)
        & (np.abs(y - 0.12) < 0.036)
    )
    paint = _stain(paint, "b8261a", _bleed(rng, (seal & ~cuts).astype(np.float32), 0.6) * (0.75 + 0.4 * relief) * 1.2)
    splash = [
        disc(float(a), float(b), float(r))
        for a, b, r in zip(rng.random(60) * wide, rng.random(60), rng.exponential(0.0016, 60) + 0.0006, strict=True)
    ]
    paint = _stain(paint, "3a3a38", _bleed(rng, silhouette(width, height, splash), 0.6) * 0.7)
    return np.clip(paint, 0.0, 1.0).astype(np.float32)
