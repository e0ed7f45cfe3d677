"""Brush strokes: bundles of bristles that follow a flow, with the thickness of the paint they leave."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .canvas import light_relief
from .fields import Field, Paint, Values, blur, slope
from .palette import vary

SCALE = 2
"""Strokes are drawn this many times larger than the picture, then reduced."""

Paths = Values
"""Strokes: floats (strokes, points, 2), x and y in px."""


@dataclass(frozen=True)
class Brush:
    """A brush and how it is loaded. Lengths in px of the picture."""

    width: float
    length: float
    bristles: int = 7
    hue: float = 0.12
    saturation: float = 0.12
    value: float = 0.07
    streak: float = 0.06
    fidelity: float = 0.25
    """A stroke ends where the scene differs from its colour by more than this."""


def trace(angle: Field, starts: Values, steps: int, stride: float) -> Paths:
    """Paths of `steps` points that follow the angle (radians, per pixel) from (n, 2) starts, both ways."""
    height, width = angle.shape
    cosine, sine = np.cos(angle), np.sin(angle)

    def walk(sign: float, count: int) -> list[Values]:
        point = starts.copy()
        course: list[Values] = []
        for _ in range(count):
            columns = np.clip(point[:, 0], 0, width - 1).astype(np.intp)
            rows = np.clip(point[:, 1], 0, height - 1).astype(np.intp)
            point = point + sign * stride * np.stack([cosine[rows, columns], sine[rows, columns]], axis=1)
            course.append(point)
        return course

    half = steps // 2
    back, forth = walk(-1.0, half), walk(1.0, steps - half - 1)
    return np.stack([*back[::-1], starts, *forth], axis=1).astype(np.float32)


def _shorten(paths: Paths, scene: Paint, fidelity: float) -> tuple[Paths, Values]:
    """Ends each stroke where the scene's colour leaves the one at its middle; returns paths and those colours."""
    height, width = scene.shape[:2]
    columns = np.clip(paths[..., 0], 0, width - 1).astype(np.intp)
    rows = np.clip(paths[..., 1], 0, height - 1).astype(np.intp)
    seen = scene[rows, columns]
    middle = paths.shape[1] // 2
    own = seen[:, middle]
    strays = np.abs(seen - own[:, None]).max(axis=2) > fidelity
    kept = paths.copy()
    for course in (range(middle + 1, paths.shape[1]), range(middle - 1, -1, -1)):
        ended = np.zeros(len(paths), dtype=bool)
        inward = -1 if course.step > 0 else 1
        for i in course:
            ended |= strays[:, i]
            kept[ended, i] = kept[ended, i + inward]
    return kept, own


def detail(scene: Paint, sigma: float = 2.0, quantile: float = 0.9, least: float = 0.05) -> Field:
    """Where a scene has edges, `least`..1: the chance that a fine brush is needed there. `sigma` px blur it first."""
    right, down = slope(blur(scene, sigma).mean(axis=2))
    edges = np.hypot(right, down)
    return np.asarray(np.clip(edges / np.quantile(edges, quantile), least, 1.0), dtype=np.float32)


class Easel:
    """A canvas that takes strokes. Keeps colour and thickness at `SCALE` times the size."""

    def __init__(self, ground: Paint) -> None:
        """`ground`: the primed canvas (h, w, 3)."""
        self.height, self.width = ground.shape[:2]
        size = (self.width * SCALE, self.height * SCALE)
        primed = Image.fromarray((np.clip(ground, 0, 1) * 255 + 0.5).astype(np.uint8))
        self.colour = primed.resize(size, Image.Resampling.BICUBIC)
        self.relief = Image.new("L", size, 60)
        self._colour_pen = ImageDraw.Draw(self.colour)
        self._relief_pen = ImageDraw.Draw(self.relief)

    def cover(
        self,
        rng: np.random.Generator,
        scene: Paint,
        angle: Field,
        brush: Brush,
        density: float,
        where: Field | None = None,
    ) -> None:
        """Covers the canvas with strokes of the scene's colours; `density` 1.0 paints each spot about once.

        `where` (0..1) is the chance that a stroke starts at a pixel.
        """
        count = int(density * self.width * self.height / (brush.width * brush.length * 0.8))
        starts = (rng.random((count, 2)) * (self.width, self.height)).astype(np.float32)
        if where is not None:
            chance = where[starts[:, 1].astype(np.intp), starts[:, 0].astype(np.intp)]
            starts = starts[rng.random(count) < chance]
        steps = int(np.clip(brush.length / 3.0, 5, 24))
        paths = trace(angle, starts, steps, brush.length / steps)
        paths, own = _shorten(paths, scene, brush.fidelity)
        self.lay(rng, paths, vary(rng, own, brush.hue, brush.saturation, brush.value), brush)

    def lay(self, rng: np.random.Generator, paths: Paths, tints: Values, brush: Brush) -> None:
        """Lays strokes (n, points, 2) of colours (n, 3), each a bundle of bristles, the newest on top."""
        along = np.gradient(paths, axis=1)
        length = np.hypot(along[..., 0], along[..., 1])[..., None] + 1e-6
        normal = np.stack([-along[..., 1], along[..., 0]], axis=2) / length
        taper = np.sin(np.linspace(0.35, np.pi - 0.35, paths.shape[1], dtype=np.float32))[None, :, None] ** 0.5
        widths = brush.width * rng.uniform(0.7, 1.25, len(paths)).astype(np.float32)
        across = np.linspace(-0.5, 0.5, brush.bristles, dtype=np.float32)
        thin = max(1, round(SCALE * brush.width / brush.bristles * 1.5))
        body = rng.uniform(70, 150, len(paths))
        for i in range(len(paths)):
            streaks = rng.normal(0.0, brush.streak, brush.bristles)
            ridge = 22.0 * (2.0 * np.abs(across)) ** 2 + rng.normal(0.0, 22.0, brush.bristles)
            for b in rng.permutation(brush.bristles):
                line = (paths[i] + normal[i] * (across[b] * widths[i]) * taper[0]) * SCALE
                tint = np.clip((tints[i] * (1.0 + streaks[b]) + 0.3 * streaks[b]) * 255, 0, 255).astype(int)
                spots = line.ravel().tolist()
                self._colour_pen.line(spots, fill=(int(tint[0]), int(tint[1]), int(tint[2])), width=thin)
                self._relief_pen.line(spots, fill=int(np.clip(body[i] + ridge[b], 0, 255)), width=thin)

    def finish(self, strength: float = 1.0, gloss: float = 0.35) -> Paint:
        """The painting (h, w, 3), lit from the upper left."""
        paint = np.asarray(self.colour, dtype=np.float32) / 255.0
        relief = blur(np.asarray(self.relief, dtype=np.float32) / 255.0, 1.0)
        lit = light_relief(paint, relief, strength * 1.6, gloss)
        picture = Image.fromarray((lit * 255 + 0.5).astype(np.uint8)).resize(
            (self.width, self.height), Image.Resampling.BOX
        )
        return np.asarray(picture, dtype=np.float32) / 255.0
