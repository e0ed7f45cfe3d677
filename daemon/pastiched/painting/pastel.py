"""Lavender chalk: lavender rows under an evening sky, soft pastel on dark toothed paper."""

import numpy as np
from PIL import Image, ImageDraw

from .canvas import below, ribbon, silhouette, spline, tooth
from .fields import Field, Paint, grid, noise, ridge, smoothstep
from .palette import colour, mix, ramp, turn_hue, vary
from .strokes import SCALE, detail, trace


def _scene(rng: np.random.Generator, width: int, height: int) -> tuple[Paint, Field, Field]:
    """Colours, chalk directions, and where there is something to be drawn with a fine stick (0..1)."""
    x, y = grid(width, height)
    cloud = noise(rng, width, height, 170, 4, stretch=3.0)
    paint = ramp("2a6a9a 5aa8b8 b8d8b8 ffd08a ffb060", np.clip(y * 2.25 + 0.04 * cloud, 0, 1))
    lit = ramp("6a8ac0 f0a0a8 ffb47a ffecb8", np.clip(0.35 + y * 1.3 + 0.2 * cloud, 0, 1))
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
        "1c1a4a 33358a 5a58c0 8c84dc d0b8f0", np.clip(0.50 + 0.34 * wave + 0.15 * tuft + 0.12 * np.cos(row * 5.2), 0, 1)
    )
    soil = ramp("2f2a1f 6a7a3a c8b04a f4dc80", np.clip(0.5 + 0.35 * tuft - 0.4 * depth, 0, 1))
    ground = mix(bloom, soil, smoothstep(-0.55, -0.85, wave))
    ground = mix(ground, colour("ffc890"), np.exp(-(((x - 0.42) / 0.30) ** 2) - depth * 7) * 0.55)
    paint = mix(paint, ground, field)
    along = np.arctan2(np.ones_like(x), (x - 0.50) / (depth + 0.02))
    angle = np.where(field > 0.5, along + 0.5 * np.sign(x - 0.5) * smoothstep(-0.3, 0.6, wave), angle)
    things = np.zeros_like(x)
    house = [
        ([(0.86, 0.50), (0.86, 0.435), (1.02, 0.435), (1.02, 0.50)], "f0d8a8"),
        ([(0.845, 0.438), (0.885, 0.385), (0.995, 0.385), (1.035, 0.438)], "d0583a"),
        ([(1.02, 0.50), (1.02, 0.44), (1.09, 0.445), (1.09, 0.50)], "b8889a"),
        ([(0.90, 0.485), (0.90, 0.455), (0.92, 0.455), (0.92, 0.485)], "3a3a7a"),
        ([(0.96, 0.50), (0.96, 0.455), (0.98, 0.455), (0.98, 0.50)], "2a4a7a"),
    ]
    for outline, tint in house:
        mask = silhouette(width, height, [np.array(outline, dtype=np.float32)])
        paint, things = mix(paint, colour(tint), mask), np.maximum(things, mask)
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
        angle, things = np.where(tree > 0.5, 1.45, angle), np.maximum(things, tree)
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
    return paint, np.where(crown > 0.5, 0.8 + 0.8 * tuft, angle).astype(np.float32), things


class Pastels:
    """Dark toothed paper, and sticks of soft pastel that catch on its heights."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.relief = tooth(rng, width, height, 3.0)
        self.paint: Paint = np.asarray(colour("2c2440") * (0.85 + 0.3 * self.relief)[..., None], dtype=np.float32)

    def layer(
        self, scene: Paint, angle: Field, stick: float, length: float, density: float, press: float, where: Field
    ) -> None:
        """Strokes `stick` px wide and `length` px long in the scene's colours; `where` (0..1) is their chance."""
        rng = self.rng
        count = int(density * self.width * self.height / (stick * length))
        starts = (rng.random((count, 2)) * (self.width, self.height)).astype(np.float32)
        starts = starts[rng.random(count) < where[starts[:, 1].astype(np.intp), starts[:, 0].astype(np.intp)]]
        rows, columns = starts[:, 1].astype(np.intp), starts[:, 0].astype(np.intp)
        tints = (vary(rng, scene[rows, columns], 0.20, 0.20, 0.07) * 255).astype(int)
        paths = trace(angle, starts, 9, length / 9)
        size = (self.width * SCALE, self.height * SCALE)
        sheet = Image.fromarray((np.clip(self.paint, 0, 1) * 255).astype(np.uint8)).resize(size)
        load = Image.new("L", size, 0)
        colour_pen, load_pen = ImageDraw.Draw(sheet), ImageDraw.Draw(load)
        for path, tint in zip(paths, tints, strict=True):
            thick = max(2, round(SCALE * stick * float(rng.uniform(0.55, 1.2))))
            weight = press * float(rng.uniform(0.65, 1.15))
            spots = (path * SCALE).ravel().tolist()
            colour_pen.line(spots, fill=(int(tint[0]), int(tint[1]), int(tint[2])), width=thick)
            # The stick is lifted at the end of a stroke.
            load_pen.line(spots, fill=int(min(255, 255 * 0.65 * weight)), width=thick)
            load_pen.line(spots[:-4], fill=int(min(255, 255 * weight)), width=thick)
        loaded = self._small(load)
        level = 1.0 - 1.05 * loaded
        catch = smoothstep(level - 0.38, level + 0.30, self.relief) * smoothstep(0.0, 0.06, loaded)
        self.paint = mix(self.paint, self._small(sheet), np.asarray(catch, dtype=np.float32))

    def _small(self, sheet: Image.Image) -> Field:
        return np.asarray(sheet.resize((self.width, self.height), Image.Resampling.BOX), dtype=np.float32) / 255.0


def paint_pastel(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    scene, angle, things = _scene(rng, width, height)
    scene = np.clip((turn_hue(scene, 0.0, 1.15) - 0.5) * 1.25 + 0.48, 0, 1).astype(np.float32)
    pastels = Pastels(rng, width, height)
    everywhere = np.ones_like(angle)
    # The first layer is rubbed in with the hand, so the pits keep a deep shade of the colour above them.
    pastels.paint = mix(pastels.paint, np.asarray(scene * 0.62, dtype=np.float32), 0.60 + 0.2 * pastels.relief)
    pastels.layer(np.clip(scene * 0.62, 0, 1), angle + 0.6, 22, 120, 1.8, 0.62, everywhere)
    pastels.layer(np.clip(scene * 0.86, 0, 1), angle - 0.25, 15, 90, 1.7, 0.78, everywhere)
    pastels.layer(scene, angle, 11, 64, 1.5, 0.86, everywhere)
    pastels.layer(scene, angle, 6, 26, 2.4, 0.95, detail(scene, quantile=0.93, least=0.06))
    pastels.layer(scene, angle, 4, 12, 6.0, 1.1, things)
    bright = smoothstep(0.50, 0.75, scene.max(axis=2)).astype(np.float32)
    pastels.layer(np.clip(scene * 1.16 + 0.07, 0, 1), angle + 0.2, 8, 34, 0.55, 0.95, bright)
    return np.clip(pastels.paint, 0, 1).astype(np.float32)
