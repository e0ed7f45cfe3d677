"""Red chalk oak: an old bare tree on a windy hill, in red earth, sanguine and white chalk on warm paper."""

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Points, below, disc, ribbon, silhouette, spline, tooth
from .fields import Field, Paint, blur, grid, noise, ridge, slope, smoothstep
from .palette import colour, mix
from .strokes import SCALE, trace

PAPER, EARTH, WHITE, RED = "dec6a2", "4e180e", "fff8e8", "bc4422"


class Sheet:
    """Toned paper that takes sticks of chalk on its tooth."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.relief = tooth(rng, width, height, 3.0)
        tone = 1.0 + 0.025 * noise(rng, width, height, 60, 4) + 0.06 * (self.relief - 0.5)
        self.paint: Paint = np.asarray(colour(PAPER) * tone[..., None], dtype=np.float32)

    def rub(self, tint: str, amount: Field) -> None:
        """Dust rubbed in with the hand, 0..1."""
        self.paint = mix(self.paint, colour(tint), np.clip(amount * (0.75 + 0.4 * self.relief), 0, 1))

    def hatch(self, tint: str, amount: Field, angle: Field, stick: float, length: float, density: float) -> None:
        """Strokes of a stick `stick` px wide and `length` px long; number and pressure follow `amount` (0..1)."""
        count = int(density * self.width * self.height / (stick * length))
        starts = (self.rng.random((count, 2)) * (self.width, self.height)).astype(np.float32)
        wanted = amount[starts[:, 1].astype(np.intp), starts[:, 0].astype(np.intp)]
        kept = self.rng.random(count) < wanted
        paths = trace(np.asarray(angle, dtype=np.float32), starts[kept], 11, length / 11)
        weights = np.clip((0.35 + 0.65 * wanted[kept]) * self.rng.uniform(0.6, 1.2, len(paths)), 0.15, 1.0)
        load = Image.new("L", (self.width * SCALE, self.height * SCALE), 0)
        pen = ImageDraw.Draw(load)
        for path, weight in zip(paths, weights, strict=True):
            thick = SCALE * stick * float(self.rng.uniform(0.55, 1.2))
            # The stick is pressed in the middle of a stroke and lifted at its end.
            for first, last, part in ((0, 11, 0.62), (0, 9, 1.0)):
                spots = (path[first:last] * SCALE).ravel().tolist()
                pen.line(spots, fill=int(255 * weight * part), width=max(2, round(thick)))
        small = load.resize((self.width, self.height), Image.Resampling.BOX)
        self.press(tint, np.asarray(small, dtype=np.float32) / 255.0)

    def press(self, tint: str, load: Field) -> None:
        """A stick pressed on with `load` (0..1): it marks the heights of the tooth first."""
        level = 1.0 - 1.05 * load
        marked = smoothstep(level - 0.38, level + 0.30, self.relief) * smoothstep(0.0, 0.06, load)
        self.paint = mix(self.paint, colour(tint), np.asarray(marked * (0.45 + 0.5 * load), dtype=np.float32))


def _grow(
    rng: np.random.Generator, foot: tuple[float, float], turn: float, length: float, wide: float, limbs: list[Points]
) -> None:
    """A gnarled limb and, smaller, all that grow from it."""
    t = np.linspace(0, 1, 18)
    course = turn + np.cumsum(rng.normal(0, 0.16, 18)) * 0.8
    line = np.cumsum(np.stack([np.cos(course), np.sin(course)], axis=1) * length / 18, axis=0) + foot
    limbs.append(ribbon(line.astype(np.float32), wide * (1.0 - 0.45 * t)))
    limbs.append(disc(*foot, wide * 0.5))
    if wide < 0.0058:
        return
    side = rng.choice((-1.0, 1.0))
    for k, share in ((int(rng.integers(8, 12)), 0.52), (int(rng.integers(12, 16)), 0.58)):
        fork = course[k] + side * rng.uniform(0.45, 0.95)
        _grow(rng, tuple(line[k]), fork, length * rng.uniform(0.70, 0.92), wide * share, limbs)
        side = -side
    _grow(rng, tuple(line[-1]), course[-1] - 0.25 * (course[-1] + 1.57), length * 0.84, wide * 0.56, limbs)


def _tree(sheet: Sheet, foot: tuple[float, float], tall: float, lean: float) -> Field:
    """Draws a bare tree and returns where it stands (0..1)."""
    rng, (x, y) = sheet.rng, foot
    limbs: list[Points] = []
    _grow(rng, (x, y), -1.57 + lean, tall * 0.30, tall * 0.105, limbs)
    for reach in (-0.16, -0.07, 0.08, 0.17):
        root = spline([(x, y - 0.10 * tall), (x + 0.3 * reach * tall, y), (x + reach * tall, y + 0.05 * tall)])
        limbs.append(ribbon(root, np.linspace(0.08, 0.008, len(root)) * tall))
    return silhouette(sheet.width, sheet.height, limbs)


def _draw_tree(sheet: Sheet, tree: Field) -> None:
    """Dark earth for the mass, red and white where the light from the right strikes the bark."""
    shift = 7
    soft = blur(tree, 4.0)
    lit = np.clip((np.roll(soft, shift, 1) - np.roll(soft, -shift, 1)) * 1.3, -1, 1)
    along = slope(blur(tree, 6.0))
    bark = np.arctan2(along[0], -along[1])
    thick = np.clip(blur(tree, 7.0) * 1.8 - 0.7, 0, 1) * tree
    sheet.rub(EARTH, tree * 0.45)
    sheet.press(EARTH, np.asarray(tree * 0.80, dtype=np.float32))
    sheet.hatch(EARTH, thick, bark, 5, 34, 3.0)
    sheet.hatch(RED, np.clip(lit * 1.3, 0, 1) * thick, bark + 1.2, 5, 16, 4.0)
    sheet.hatch(WHITE, np.clip(lit * 1.6 - 0.25, 0, 1) * thick, bark + 1.2, 4, 13, 4.0)


def paint_sanguine(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    x, y = grid(width, height)
    sheet = Sheet(rng, width, height)
    cloud = noise(rng, width, height, 230, 4, stretch=1.7)
    glow = np.exp(-((np.hypot((x - 0.98) * 0.75, y - 0.42) / 0.27) ** 2))
    storm = np.clip(0.40 + 0.34 * cloud + 0.5 * (0.3 - y) - 0.9 * glow, 0, 1)
    light = np.clip(1.05 * glow - 0.22 * cloud, 0, 1)
    lines = [
        ridge(rng, width, base, swing, width * cell, 3)
        for base, swing, cell in ((0.60, 0.02, 0.4), (0.68, 0.03, 0.5), (0.79, 0.03, 0.6))
    ]
    sky = 1.0 - below(lines[0], y, height)
    roll = noise(rng, width, height, 300, 2)
    wind = -0.35 + 0.6 * roll + 0.5 * np.sin(3.0 * x - 2.0 * y)
    sheet.rub(RED, blur(storm, 10.0) * 0.40 * sky)
    sheet.rub(WHITE, blur(light, 10.0) * 0.60 * sky)
    sheet.hatch(RED, storm * sky, wind + 0.15, 12, 120, 1.6)
    sheet.hatch(EARTH, storm * sky, wind, 10, 120, 1.0)
    sheet.hatch(EARTH, np.clip(1.5 * storm - 0.55, 0, 1) * sky, wind + 0.75, 7, 90, 1.5)
    sheet.hatch(RED, np.clip(0.42 - np.abs(light - 0.35), 0, 1) * sky, wind + 0.2, 8, 80, 0.55)
    sheet.hatch(WHITE, light * sky, wind - 0.3, 10, 100, 2.0)

    far = _tree(sheet, (1.10, 0.665), 0.22, 0.1)
    farther = _tree(sheet, (0.86, 0.625), 0.13, -0.05)
    for k, line in enumerate(lines):
        cover = below(line, y, height)
        depth = np.clip((y - line[None]) / 0.17, 0, 1)
        lump = noise(rng, width, height, 80, 3, stretch=2.6)
        tilt = 0.30 * np.sin(5.0 * x + 2.0 * k) + 0.12 * lump + (0.25 - 0.1 * k)
        shade = np.clip((0.38 + 0.18 * k) + 0.26 * lump - 0.30 * depth + 0.25 * (x < 0.4), 0, 1) * cover
        sheet.rub(PAPER, cover * 0.9)
        sheet.rub(RED, blur(shade, 6.0) * 0.40)
        sheet.hatch(RED, np.clip(0.85 - shade, 0, 1) * cover, tilt + 0.3, 9, 70, 1.3)
        sheet.hatch(EARTH, shade, tilt, 8, 80, 1.9)
        sheet.hatch(EARTH, np.clip(shade - 0.45, 0, 1) * 1.6, tilt + 0.9, 6, 60, 1.4)
        sheet.hatch(
            WHITE, cover * np.clip(0.75 - 1.4 * depth - 0.35 * lump, 0, 1) * smoothstep(0.35, 0.9, x), tilt, 8, 70, 1.5
        )
        if k == 0:
            _draw_tree(sheet, farther)
        elif k == 1:
            _draw_tree(sheet, far)
    lane = silhouette(
        width,
        height,
        [ribbon(spline([(0.92, 0.80), (0.86, 0.84), (0.96, 0.90), (0.86, 1.04)]), np.linspace(0.02, 0.22, 49))],
    )
    sheet.hatch(WHITE, lane * 0.6, 1.9 - 1.1 * np.sin(14.0 * y), 8, 50, 2.0)
    sheet.hatch(RED, lane * 0.3, 1.9 - 1.1 * np.sin(14.0 * y), 6, 40, 1.0)
    blades = -1.4 + 0.45 * noise(rng, width, height, 80, 2)
    sheet.hatch(EARTH, np.clip((y - 0.84) * 4.0, 0, 0.8) * (1 - lane), blades, 5, 50, 1.8)
    _draw_tree(sheet, _tree(sheet, (0.40, 0.90), 0.98, 0.05))
    return np.clip(sheet.paint, 0, 1).astype(np.float32)
