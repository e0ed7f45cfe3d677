"""Moonlit jungle: a linocut of great leaves under a coral moon, five inks on cream paper."""

import numpy as np

from .canvas import Points, disc, ribbon, silhouette, spline
from .fields import Field, Paint, blur, grid, noise, smoothstep, warp
from .palette import colour, mix

PAPER, CORAL, MUSTARD, JADE, TEAL, NIGHT = "f4e8cf", "e8604a", "eab13c", "4fae8a", "14686e", "0f2233"

MARGIN = 10
"""How far the edge of a block may wander, px."""


def _leaf(x: float, y: float, length: float, turn: float, wide: float, bend: float) -> tuple[Points, Points]:
    """A blade from its stalk (x, y): the midrib, and the outline around it."""
    t = np.linspace(0.0, 1.0, 40)
    course = turn + bend * t
    steps = np.stack([np.cos(course), np.sin(course)], axis=1) * (length / 40)
    rib = np.cumsum(steps, axis=0) + np.array([x, y])
    return rib.astype(np.float32), ribbon(rib.astype(np.float32), length * wide * np.sin(np.pi * t**0.8) ** 0.8)


def _veins(rib: Points, wide: float, count: int, lift: float) -> list[Points]:
    """Tapering cuts from the midrib to the edge, both sides."""
    cuts: list[Points] = [ribbon(rib, np.linspace(0.007, 0.002, len(rib)))]
    along = np.gradient(rib, axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9
    length = float(np.hypot(*(rib[-1] - rib[0])))
    for k in np.linspace(2, len(rib) - 5, count).astype(int):
        half = 0.46 * length * wide * float(np.sin(np.pi * (k / len(rib)) ** 0.8)) ** 0.8
        for side in (-1.0, 1.0):
            out = np.array([-along[k, 1], along[k, 0]]) * side
            tip = rib[k] + out * half + along[k] * half * lift
            middle = rib[k] + out * half * 0.5 + along[k] * half * lift * 0.32
            line = spline([tuple(rib[k]), tuple(middle), tuple(tip)], steps=6)
            cuts.append(ribbon(line, np.linspace(0.0055, 0.0016, len(line))))
    return cuts


def _monstera(rib: Points, wide: float) -> list[Points]:
    """Slits and holes between the veins of a split leaf."""
    along = np.gradient(rib, axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9
    length = float(np.hypot(*(rib[-1] - rib[0])))
    holes: list[Points] = []
    for k in range(6, len(rib) - 6, 5):
        half = 0.5 * length * wide * float(np.sin(np.pi * (k / len(rib)) ** 0.8)) ** 0.8
        for side in (-1.0, 1.0):
            out = np.array([-along[k, 1], along[k, 0]]) * side
            line = np.stack(
                [rib[k] + out * half * a + along[k] * half * 0.55 * a * a for a in np.linspace(0.42, 1.08, 8)]
            )
            holes.append(ribbon(line.astype(np.float32), np.linspace(0.004, 0.12, 8) * half))
            spot = rib[k] + out * half * 0.24
            holes.append(disc(float(spot[0]), float(spot[1]), 0.045 * half + 0.002, 1.3))
    return holes


class Press:
    """The print as it builds up: each block is inked, a little out of register, and rubbed unevenly."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng, self.width, self.height = rng, width, height
        fibre = noise(rng, width, height, 4, 2) + 0.6 * noise(rng, width, height, 3, 1, stretch=5)
        self.paint: Paint = np.clip(colour(PAPER) * (1.0 + 0.012 * fibre)[..., None], 0, 1).astype(np.float32)
        self.salt = noise(rng, width, height, 3.5, 2)
        self.pressure = noise(rng, width, height, 120, 3)
        self.grain = noise(rng, width, height, 6, 3)
        self.wobble = [noise(rng, width, height, 9, 2) * 0.8 for _ in "xy"]

    def block(self, tint: str, mask: Field) -> None:
        """Prints `mask` (0..1) in one ink."""
        shift = self.rng.normal(0, 0.7, 2)
        salt, pressure, grain = self._rolled(self.salt), self._rolled(self.pressure), self._rolled(self.grain)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return
        # Only the part of the sheet that the block touches is worked on.
        part = (
            slice(max(0, rows[0] - MARGIN), rows[-1] + MARGIN + 1),
            slice(max(0, columns[0] - MARGIN), columns[-1] + MARGIN + 1),
        )
        cut = blur(warp(mask[part], self.wobble[0][part] + shift[0], self.wobble[1][part] + shift[1]), 0.5)
        cut = smoothstep(0.35, 0.65, cut)
        rubbed = 1.0 - 0.75 * smoothstep(1.5, 2.3, salt[part] + 0.4 * pressure[part])
        mottle = (1.0 + 0.028 * grain[part])[..., None]
        inked = np.clip(colour(tint) * mottle, 0, 1).astype(np.float32)
        self.paint[part] = mix(self.paint[part], inked, cut * rubbed)

    def _rolled(self, field: Field) -> Field:
        down, right = self.rng.integers(0, (self.height, self.width))
        return np.roll(field, (int(down), int(right)), (0, 1))

    def shapes(self, outlines: list[Points]) -> Field:
        """Coverage of outlines on this print."""
        return silhouette(self.width, self.height, outlines)


def _gouges(rng: np.random.Generator, angle: Field, count: int, length: float, thick: float) -> list[Points]:
    """Short tapered cuts that follow an angle (radians)."""
    height, width = angle.shape
    cuts: list[Points] = []
    for x, y in rng.random((count, 2)) * (width / height, 1.0):
        turn = float(angle[min(height - 1, int(y * height)), min(width - 1, int(x * height))]) + rng.normal(0, 0.05)
        half = 0.5 * length * rng.uniform(0.5, 1.2)
        step = np.array([np.cos(turn), np.sin(turn)]) * half
        line = np.stack([(x, y) + step * a for a in (-1.0, -0.4, 0.3, 1.0)]).astype(np.float32)
        cuts.append(ribbon(line, np.array([0.2, 1.0, 0.9, 0.1]) * thick * rng.uniform(0.6, 1.2)))
    return cuts


def paint_linocut(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    x, y = grid(width, height)
    press = Press(rng, width, height)
    moon_x, moon_y, moon_r = 0.48 * width / height, 0.37, 0.215
    far = np.hypot(x - moon_x, y - moon_y)
    around = np.arctan2(y - moon_y, x - moon_x) + np.pi / 2
    night = np.ones_like(x)
    rings = np.asarray(around + 0.12 * noise(rng, width, height, 150, 2), dtype=np.float32)
    outside = (far > moon_r + 0.012).astype(np.float32)
    press.block(TEAL, night)
    press.block(NIGHT, np.clip(night - press.shapes(_gouges(rng, rings, 2600, 0.075, 0.0052)) * outside, 0, 1))
    press.block(
        PAPER,
        press.shapes(
            [
                disc(float(a), float(b), float(r))
                for a, b, r in zip(
                    rng.uniform(0, 1.34, 70), rng.uniform(0, 0.6, 70), rng.uniform(0.0025, 0.007, 70), strict=True
                )
            ]
        )
        * outside,
    )
    press.block(CORAL, press.shapes([disc(moon_x, moon_y, moon_r)]))
    moon_cuts = press.shapes(_gouges(rng, np.full_like(x, -0.25), 1500, 0.06, 0.0042))
    lit = smoothstep(0.06, -0.16, (x - moon_x) + (y - moon_y) * 0.8)
    press.block(MUSTARD, moon_cuts * (far < moon_r - 0.006) * (noise(rng, width, height, 40, 3) < lit * 3.2 - 1.4))
    hills = [
        spline(
            [
                (-0.1, 0.72),
                (0.15, 0.62),
                (0.35, 0.67),
                (0.6, 0.59),
                (0.85, 0.66),
                (1.1, 0.60),
                (1.45, 0.70),
                (1.5, 1.2),
                (-0.1, 1.2),
            ]
        )
    ]
    press.block(TEAL, press.shapes(hills))
    slope_angle = np.asarray(0.5 * np.sin(x * 9) + 0.25, dtype=np.float32)
    press.block(NIGHT, press.shapes(_gouges(rng, slope_angle, 1500, 0.09, 0.0048)) * press.shapes(hills))
    for k in range(9):
        root = (0.02 + 0.16 * k, 0.80 + 0.03 * (k % 3))
        for turn in np.linspace(-2.75, -0.40, 8):
            rib, blade = _leaf(
                *root,
                0.19 + 0.05 * float(rng.random()),
                float(turn + rng.normal(0, 0.1)),
                0.16,
                float(rng.normal(0, 0.5)),
            )
            press.block(JADE if k % 2 else TEAL, press.shapes([blade]))
            press.block(NIGHT, press.shapes([ribbon(rib, 0.004)]))
    fronds = (
        (0.02, 1.02, 0.62, -1.22, 0.52, 0.25, TEAL, JADE), (1.33, 1.04, 0.66, -1.98, 0.50, -0.20, TEAL, JADE),
        (0.40, 1.10, 0.48, -1.75, 0.50, -0.30, JADE, NIGHT), (0.98, 1.12, 0.50, -1.30, 0.52, 0.30, JADE, NIGHT),
        (-0.03, 0.62, 0.44, -0.62, 0.46, 0.35, JADE, TEAL), (1.38, 0.58, 0.46, -2.55, 0.46, -0.35, JADE, TEAL),
        (0.70, 1.14, 0.42, -1.55, 0.62, 0.05, TEAL, PAPER), (0.20, 1.14, 0.40, -1.25, 0.50, 0.45, MUSTARD, NIGHT),
        (1.17, 1.14, 0.40, -1.90, 0.50, -0.45, MUSTARD, NIGHT), (-0.04, 0.16, 0.36, 0.20, 0.42, 0.55, TEAL, JADE),
        (1.38, 0.14, 0.36, 2.95, 0.42, -0.55, TEAL, JADE), (0.10, -0.04, 0.34, 1.05, 0.40, -0.4, JADE, TEAL),
        (1.22, -0.05, 0.34, 2.1, 0.40, 0.4, JADE, TEAL),
    )  # fmt: skip
    for i, (lx, ly, length, turn, wide, bend, body, cut) in enumerate(fronds):
        rib, blade = _leaf(lx, ly, length, turn, wide, bend)
        mask = press.shapes([blade])
        rim = press.shapes(
            [(blade - blade.mean(axis=0)) * 1.0 + blade.mean(axis=0), ribbon(np.concatenate([blade, blade[:1]]), 0.011)]
        )
        press.block(NIGHT, rim)
        split = press.shapes(_monstera(rib, wide)) if i % 2 == 0 else np.zeros_like(x)
        leaf = mask * (1 - split)
        press.block(body, leaf)
        dark = press.shapes(_veins(rib, wide, 26, 0.75))
        press.block(cut, dark * leaf)
        shade = press.shapes(_gouges(rng, np.full_like(x, turn + 0.9), 1300, 0.035, 0.0034))
        press.block(NIGHT, shade * leaf * (noise(rng, width, height, 70, 3) > 0.35))
    for bx, by, size in ((0.30, 0.79, 0.055), (1.06, 0.80, 0.060), (0.685, 0.86, 0.045)):
        for ring, tint in ((1.0, CORAL), (0.62, MUSTARD)):
            petals = [
                _leaf(bx, by, size * 1.9 * ring, float(t), 0.42, 0.1)[1]
                for t in np.linspace(0, 2 * np.pi, 9, endpoint=False) + (0.3 if ring < 1 else 0)
            ]
            press.block(NIGHT, press.shapes([ribbon(np.concatenate([p, p[:1]]), 0.008) for p in petals]))
            press.block(tint, press.shapes(petals))
        press.block(NIGHT, press.shapes([disc(bx, by, size * 0.28)]))
        press.block(
            PAPER,
            press.shapes(
                [
                    disc(bx + size * 0.17 * np.cos(t), by + size * 0.17 * np.sin(t), 0.004)
                    for t in np.linspace(0, 6.28, 8)
                ]
            ),
        )
    return np.clip(press.paint, 0.0, 1.0).astype(np.float32)
