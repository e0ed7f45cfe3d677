"""Indigo wave: a colour woodcut of a breaking wave, a red sun and a far mountain."""

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Points, disc, ribbon, silhouette, spline
from .fields import Field, Paint, grid, noise, smoothstep, warp
from .palette import colour, mix, ramp

INK = "16264f"
CREST = (
    (-0.10, 0.62), (0.04, 0.46), (0.16, 0.28), (0.32, 0.14), (0.52, 0.085),
    (0.68, 0.13), (0.78, 0.24), (0.775, 0.36), (0.70, 0.42),
)  # fmt: skip
BELLY = (
    (0.02, 1.10), (0.34, 0.92), (0.47, 0.74), (0.455, 0.55), (0.475, 0.40),
    (0.555, 0.31), (0.64, 0.30), (0.675, 0.36), (0.66, 0.41),
)  # fmt: skip


def _loft(outer: Points, inner: Points, start: float, stop: float) -> Points:
    """The strip between two blends of a wave's outer and inner curve."""
    first, second = outer + (inner - outer) * start, outer + (inner - outer) * stop
    return np.concatenate([first, second[::-1]])


def _foam(rng: np.random.Generator, line: Points, size: float, count: int, outward: float) -> list[Points]:
    """Claws of foam: chains of shrinking discs that hook off the crest."""
    blobs: list[Points] = []
    along = np.gradient(line, axis=0)
    for _ in range(count):
        i = int(rng.integers(len(line)))
        course = np.arctan2(along[i, 1], along[i, 0]) + outward * rng.uniform(0.2, 1.5)
        x, y = line[i] + rng.normal(0.0, size * 0.4, 2)
        curl = rng.uniform(0.25, 0.6) * (-outward if rng.random() < 0.3 else 1.0)
        radius = size * rng.uniform(0.5, 1.0)
        for _ in range(int(rng.integers(3, 7))):
            blobs.append(disc(x, y, radius))
            x, y = x + np.cos(course) * radius * 1.15, y + np.sin(course) * radius * 1.15
            course, radius = course + curl, radius * 0.78
    return blobs


def _swell(rng: np.random.Generator, width: int, height: int, base: float, swing: float, peaks: float) -> Points:
    """A row of pointed waves across the picture: the line of crests."""
    x = np.linspace(-0.05, width / height + 0.05, 400)
    phase = x * peaks + rng.uniform(0, 6) + 0.5 * np.sin(x * 2.3 + rng.uniform(0, 6))
    crest = np.abs(np.sin(phase)) ** 0.75
    return np.stack([x, base - swing * (1 - crest) + swing], axis=1).astype(np.float32)


def _print(paint: Paint, tint: str, mask: Field, wood: Field) -> Paint:
    """One block printed: the ink is a little thinner where the wood's grain is raised."""
    return mix(paint, colour(tint), mask * np.clip(0.93 + 0.07 * wood, 0.0, 1.0))


def paint_wave(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    x, y = grid(width, height)
    grain = noise(rng, width, height, 22, 4, stretch=16.0)
    bend = noise(rng, width, height, 260, 2)
    wood = np.sin(warp(grain, bend * 6, bend * 14) * 3.0 + y * 60.0)
    speck = noise(rng, width, height, 3, 2)
    wood = np.asarray(np.clip(0.7 * wood + 0.5 * speck, -2, 1), dtype=np.float32)

    sky = np.clip(1.25 - y * 2.4, 0, 1) ** 1.4
    paint = ramp("f3e3c0 efcfa0 e2a37a c4705c", np.clip(sky + 0.035 * wood, 0, 1))
    rays = np.sin(np.arctan2(y - 0.30, x - 1.03) * 36.0)
    paint = mix(paint, colour("f0b988"), smoothstep(0.1, 0.3, rays) * np.clip(0.62 - y, 0, 1))
    for tone, level in (("f8ecd0", 0.9), ("f8ecd0", 1.5)):
        bank = noise(rng, width, height, 90, 3, stretch=4.5)
        paint = _print(paint, tone, smoothstep(level, level + 0.05, bank) * (y < 0.5), wood)
    sun = silhouette(width, height, [disc(1.03, 0.30, 0.135)])
    paint = _print(paint, "c8321f", sun, wood)

    def area(*outlines: Points) -> Field:
        return silhouette(width, height, outlines)

    peak = np.array(
        [(0.80, 0.66), (0.98, 0.53), (1.075, 0.44), (1.12, 0.435), (1.20, 0.52), (1.42, 0.66)], dtype=np.float32
    )
    paint = _print(paint, "3f5f86", area(peak), wood)
    cap = spline([(1.03, 0.485), (1.075, 0.44), (1.12, 0.435), (1.165, 0.485)])
    snow = np.concatenate([cap, np.array([(1.14, 0.478), (1.12, 0.51), (1.10, 0.475), (1.075, 0.515), (1.06, 0.48)])])
    paint = _print(paint, "f8f0dc", area(snow.astype(np.float32)), wood)

    for base, swing, peaks, blues, step in (
        (0.60, 0.030, 9.0, "7fa8b4 a9c6c0", 0.011),
        (0.665, 0.045, 6.5, "4f86a6 8fb9bf", 0.014),
    ):
        line = _swell(rng, width, height, base, swing, peaks)
        paint = _stripes(paint, line, blues, step, 16, wood)
    paint = _breaker(rng, paint, wood)
    for base, swing, peaks, blues, step in (
        (0.78, 0.085, 4.4, "2b5f94 9cc3c8 1c3f78 6fa3bd", 0.019),
        (0.885, 0.075, 3.6, "17356b 7fb0c4 24528c c8dcd2", 0.023),
    ):
        line = _swell(rng, width, height, base, swing, peaks)
        paint = _stripes(paint, line, blues, step, 14, wood)
        tips = line[(line[:, 1] < base + 0.45 * swing)]
        foam = _foam(rng, tips, 0.012, 190, -1.0)
        paint = _spume(paint, foam, 1.28, wood)
    key = noise(rng, width, height, 4, 1)
    paint = paint * (1.0 - 0.05 * np.clip(key - 1.2, 0, 2)[..., None])
    fibre = noise(rng, width, height, 3, 2, stretch=5.0)
    lit = paint + 0.018 * fibre[..., None] + 0.02 * wood[..., None]
    return np.asarray(np.clip(lit, 0.0, 1.0), dtype=np.float32)


def _grown(outline: Points, factor: float) -> Points:
    middle = outline.mean(axis=0)
    return np.asarray(middle + (outline - middle) * factor, dtype=np.float32)


def _spume(paint: Paint, foam: list[Points], rim: float, wood: Field) -> Paint:
    """Foam, every bubble with its own cut outline, later ones over earlier ones."""
    height, width = paint.shape[:2]
    ink, white = (Image.new("L", (width * 3, height * 3), 0) for _ in range(2))
    ink_pen, white_pen = ImageDraw.Draw(ink), ImageDraw.Draw(white)
    for blob in foam:
        edge = (_grown(blob, rim) * (height * 3)).ravel().tolist()
        body = (blob * (height * 3)).ravel().tolist()
        ink_pen.polygon(edge, fill=255)
        white_pen.polygon(edge, fill=0)
        ink_pen.polygon(body, fill=0)
        white_pen.polygon(body, fill=255)
    for tint, sheet in ((INK, ink), ("f8f0de", white)):
        mask = np.asarray(sheet.resize((width, height), Image.Resampling.BOX), dtype=np.float32) / 255.0
        paint = _print(paint, tint, mask, wood)
    core = silhouette(width, height, [_grown(b, 0.5) - np.float32(0.002) for b in foam[::3]])
    return mix(paint, colour("a9cbd0"), core * mask * 0.75)


def _stripes(paint: Paint, line: Points, blues: str, step: float, count: int, wood: Field) -> Paint:
    """A swell: bands of colour that repeat the crest line, each closed by a cut line of ink."""
    height, width = paint.shape[:2]
    tints = blues.split()
    drop = 0.0
    for k in range(count):
        shape = line + np.array([0.012 * k, drop], dtype=np.float32)
        body = np.concatenate([shape, np.array([(3.0, 2.0), (-3.0, 2.0)], dtype=np.float32)])
        paint = _print(paint, tints[k % len(tints)], silhouette(width, height, [body]), wood)
        paint = _print(paint, INK, silhouette(width, height, [ribbon(shape, 0.0045 if k else 0.007)]), wood)
        drop += step * (0.55 + 0.06 * k)
    return paint


def _breaker(rng: np.random.Generator, paint: Paint, wood: Field) -> Paint:
    """The great wave: strips lofted between its back and its hollow, then the foam."""
    height, width = paint.shape[:2]
    outer, inner = spline(CREST, steps=40), spline(BELLY, steps=40)
    cuts = np.cumsum([0.0, 0.05, 0.10, 0.05, 0.11, 0.05, 0.12, 0.05, 0.12, 0.06, 0.11, 0.05, 0.08, 0.05])
    cuts = cuts / cuts[-1]
    tints = ("f6eedb", "1d3f7a", "8fbac4", "17356b", "c9dcd0", "27589a", "79aabf")
    for k in range(len(cuts) - 1):
        strip = _loft(outer, inner, float(cuts[k]), float(cuts[k + 1]))
        paint = _print(paint, tints[k % len(tints)], silhouette(width, height, [strip]), wood)
    for k, cut in enumerate(cuts):
        line = outer + (inner - outer) * float(cut)
        thick = 0.009 if k in (0, len(cuts) - 1) else 0.0045
        paint = _print(paint, INK, silhouette(width, height, [ribbon(line, thick)]), wood)
    for fraction in np.linspace(0.02, 0.98, 46):
        line = outer + (inner - outer) * float(fraction)
        first = int(rng.integers(0, len(line) - 60))
        piece = line[first : first + int(rng.integers(30, 110))]
        thin = 0.0028 * np.sin(np.linspace(0.1, 3.0, len(piece)))
        paint = _print(paint, INK, silhouette(width, height, [ribbon(piece, thin)]), wood)
    lip = outer[len(outer) // 4 :]
    foam = _foam(rng, lip, 0.019, 240, -1.0) + _foam(rng, inner[len(inner) * 2 // 3 :], 0.013, 90, 1.0)
    tip = outer[len(outer) * 3 // 5 :]
    foam += _foam(rng, tip, 0.026, 90, 1.0)
    paint = _spume(paint, foam, 1.2, wood)
    spray = [
        disc(float(a + rng.normal(0, 0.07)), float(b + rng.normal(-0.01, 0.07)), float(rng.uniform(0.002, 0.006)))
        for a, b in tip[rng.integers(0, len(tip), 260)]
    ]
    return _print(paint, "f8f0de", silhouette(width, height, spray), wood)
