"""Poppy wash: poppies in a summer meadow, transparent washes on rough white paper."""

import numpy as np
from numpy.typing import NDArray

from .canvas import Points, disc, ribbon, silhouette, spline, tooth
from .fields import Field, Paint, blur, grid, noise, smoothstep, warp
from .palette import colour


class Sheet:
    """A sheet of rough paper that takes washes. Pigment only ever darkens it (Beer-Lambert)."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.relief = tooth(rng, width, height)
        self.frays = [np.stack([noise(rng, width, height, cell, 4) for _ in "xy"], axis=2) for cell in (18, 70)]
        self.pools = [noise(rng, width, height, cell, 5) for cell in (50, 60, 75, 90, 110, 130)]
        self.paint: Paint = np.broadcast_to(colour("fbf8f0"), (height, width, 3)).copy()

    def wash(self, tints: str, where: Field, amount: float = 1.0, wet: float = 0.0, edge: float = 0.6) -> None:
        """One wash over the coverage `where` (0..1).

        Pigments of `tints` mingle in it; `wet` px softens the border (wet in wet), `edge` is how much pigment
        gathers where the wash dried.
        """
        margin = int(12 + 8 * wet)
        rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
        if not len(rows):
            return
        # Only the wetted part of the sheet is worked on: most washes are small.
        part = (
            slice(max(0, rows[0] - margin), rows[-1] + margin + 1),
            slice(max(0, columns[0] - margin), columns[-1] + margin + 1),
        )
        near, wide = self.frays[0][part], self.frays[1][part]
        reach = 1.1 + wet * 0.9
        mask = warp(where[part], near[..., 0] * reach + wide[..., 0] * wet, near[..., 1] * reach + wide[..., 1] * wet)
        mask = blur(mask, 0.6 + wet) if wet > 0 else mask
        pool, bloom = self._pool()[part], np.abs(self._pool()[part] - 0.4)
        rim = np.clip(mask - blur(mask, 4.0), 0, 1) * mask * edge * 1.8
        grain = 0.80 + 0.42 * (1.0 - self.relief[part]) * (0.6 + 0.3 * pool)
        strength = mask * (0.88 + 0.22 * pool - 0.16 * smoothstep(0.0, 0.12, bloom)) * grain + rim
        shares = [np.exp(1.6 * self._pool()[part]) for _ in tints.split()]
        absorb = (
            sum(
                share[..., None] * -np.log(np.clip(colour(code), 0.03, 0.99))
                for share, code in zip(shares, tints.split(), strict=True)
            )
            / sum(shares)[..., None]
        )
        self.paint[part] *= np.exp(-absorb * np.clip(strength * amount, 0, 4)[..., None])

    def _pool(self) -> Field:
        """One of the sheet's pools of pigment, turned some way."""
        pool = self.pools[int(self.rng.integers(len(self.pools)))]
        return pool[:: int(self.rng.choice((-1, 1))), :: int(self.rng.choice((-1, 1)))]

    def lift(self, where: Field, amount: float) -> None:
        """Pigment lifted off, back towards the paper."""
        mask = warp(where, self.frays[0][..., 0] * 1.1, self.frays[0][..., 1] * 1.1)
        self.paint += (colour("fdfaf2") - self.paint) * (mask * amount)[..., None]

    def shapes(self, outlines: list[Points]) -> Field:
        """Coverage of outlines on this sheet."""
        return silhouette(self.width, self.height, outlines)


def _blob(rng: np.random.Generator, x: float, y: float, size: float, squash: float, rough: float = 0.16) -> Points:
    t = np.linspace(0, 2 * np.pi, 11, endpoint=False)
    radius = size * (1.0 + rng.normal(0, rough, len(t)))
    points = list(zip((x + radius * np.cos(t)).tolist(), (y + squash * radius * np.sin(t)).tolist(), strict=True))
    return spline(points, closed=True, steps=10)


def _petal(x: float, y: float, size: float, turn: float, spread: float, squash: float) -> Points:
    """A ruffled petal that opens from (x, y)."""
    shape = np.array([(0.0, 0.05), (0.35, spread * 0.55), (0.8, spread * 0.75), (1.04, spread * 0.38), (0.96, 0.0),
                      (1.06, -spread * 0.35), (0.8, -spread * 0.8), (0.3, -spread * 0.5)])  # fmt: skip
    cosine, sine = np.cos(turn), np.sin(turn)
    turned = shape @ np.array([[cosine, sine], [-sine, cosine]]) * (size, size * squash) + (x, y)
    return spline([(float(a), float(b)) for a, b in turned], closed=True, steps=8)


def _poppy(sheet: Sheet, x: float, y: float, size: float, warm: bool) -> None:
    rng = sheet.rng
    reds = "ee2410 ff5a1c dc1438" if warm else "f05a8a ff8a5a ea2a3a"
    squash = rng.uniform(0.68, 0.9)
    facing = rng.uniform(0, 2 * np.pi)
    turns = [facing + bend + rng.normal(0, 0.1) for bend in (0.0, 2.9, 1.45, 4.4)]
    petals = [_petal(x, y, size * rng.uniform(0.85, 1.1), turn, rng.uniform(0.85, 1.05), squash) for turn in turns]
    sheet.lift(sheet.shapes(petals), 0.93)
    for turn, outline in zip(turns, petals, strict=True):
        petal = sheet.shapes([outline])
        sheet.wash(reds, petal, rng.uniform(0.55, 0.85), edge=0.9)
        far = size * 0.62
        spot = (x + far * np.cos(turn), y + far * np.sin(turn) * squash)
        sheet.lift(blur(sheet.shapes([_blob(rng, *spot, size * 0.22, 0.8)]), 6.0), 0.30)
        veins = []
        for bend in np.linspace(-0.45, 0.45, 7):
            tip = (x + size * 0.85 * np.cos(turn + bend), y + size * 0.85 * np.sin(turn + bend) * squash)
            veins.append(ribbon(spline([(x, y), ((x + tip[0]) / 2, (y + tip[1]) / 2 - 0.004), tip]), 0.0022))
        sheet.wash("b0101c", sheet.shapes(veins), 0.30, edge=0.0)
    heart = sheet.shapes([_blob(rng, x, y, size * 0.26, squash, 0.22)])
    sheet.wash("2a1a4a 1a1a2a 5a1a3a", heart, 1.5, wet=2.0)
    stamens = [
        disc(x + size * r * np.cos(t), y + size * r * squash * np.sin(t), 0.0035)
        for t, r in zip(rng.uniform(0, 6.28, 34), rng.uniform(0.24, 0.42, 34), strict=True)
    ]
    sheet.wash("1a1428", sheet.shapes(stamens), 1.6, edge=0.2)


def _stems(sheet: Sheet, heads: list[tuple[float, float, float, bool]]) -> None:
    rng = sheet.rng
    for x, y, size, _ in heads:
        foot = x + rng.uniform(-0.10, 0.10)
        stem = spline([(x, y), (x + 0.02 * rng.normal(), (y + 1.05) / 2), (foot, 1.08)])
        sheet.wash("3f7a2a 7fae3a 2a5f5a", sheet.shapes([ribbon(stem, 0.05 * size + 0.0035)]), 1.0)
    for _ in range(3):
        blades: list[Points] = []
        for _ in range(60):
            root, tall = rng.uniform(-0.05, 1.4), rng.uniform(0.12, 0.42)
            lean = rng.normal(0, 0.10)
            blade = spline([(root, 1.06), (root + lean * 0.3, 1.06 - tall * 0.6), (root + lean, 1.06 - tall)])
            blades.append(ribbon(blade, np.linspace(0.012, 0.001, len(blade)) * rng.uniform(0.4, 1.2)))
        sheet.wash("2f6f3a 9ab83a 1f5a6a d0b83a", sheet.shapes(blades), 0.75)


def paint_watercolour(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    y = grid(width, height)[1]
    sheet = Sheet(rng, width, height)
    drift = noise(rng, width, height, 240, 4, stretch=1.6)
    sheet.wash("5aa0e0 8ac0ea 3f78c8 b8a8e0", smoothstep(0.50, 0.0, y + 0.16 * drift), 0.95, wet=9.0, edge=0.5)
    sheet.wash(
        "ffd27a f8b08a ffc0b0", smoothstep(0.16, 0.0, np.abs(y - 0.40 + 0.05 * drift) - 0.04), 0.75, wet=12.0, edge=0.2
    )
    for base, swing, tints, amount in (
        (0.43, 0.030, "7f8fd0 a890c8 6fa0d8", 0.6),
        (0.50, 0.035, "5a90a0 7fa87a 8f80b8", 0.7),
        (0.57, 0.028, "6fa04a a8b84a 4f9080", 0.75),
    ):
        line = base + swing * noise(rng, width, 4, width * 0.25, 5)[1]
        sheet.wash(
            tints, np.clip((y - line) * height, 0, 1) * smoothstep(0.40, 0.10, y - line), amount, wet=1.0, edge=0.8
        )
    trees = [
        _blob(rng, tx, 0.49 - s * 0.5, s, 1.4)
        for tx, s in zip(np.linspace(0.02, 1.32, 15), rng.uniform(0.018, 0.05, 15), strict=True)
    ]
    sheet.wash("2f5f5a 4f8a3a 3a4a8a", sheet.shapes(trees), 0.8, wet=1.5)
    field = smoothstep(0.53, 0.62, y + 0.02 * drift)
    sheet.wash("a8c84a e0c850 6faa5a f0b060", field, 0.75, wet=6.0)
    tufts = noise(rng, height, width, 26, 4, stretch=4.0).T
    sheet.wash("3f8a4a 2a7060 8ab03a", field * smoothstep(-0.2, 0.9, tufts), 0.7, wet=2.0)
    sheet.wash("1f4f5a 2a3f7a 3f6a2a", smoothstep(0.72, 1.05, y + 0.06 * tufts), 0.95, wet=7.0)
    distant = [
        _blob(rng, float(a), float(b), float(0.006 + 0.05 * (b - 0.57) ** 1.0), 0.7)
        for a, b in zip(rng.uniform(0, 1.34, 150), 0.58 + 0.16 * rng.random(150) ** 1.5, strict=True)
    ]
    sheet.lift(sheet.shapes(distant), 0.75)
    sheet.wash("e8301c f0602a e03a5a", sheet.shapes(distant), 0.95, edge=0.7)
    heads = [
        (0.20, 0.50, 0.125, True), (0.47, 0.66, 0.105, False), (0.80, 0.46, 0.150, True), (1.13, 0.62, 0.125, False),
        (0.64, 0.84, 0.085, True), (0.30, 0.82, 0.080, True), (0.98, 0.86, 0.095, True),
        (0.06, 0.74, 0.075, False), (1.27, 0.40, 0.070, True),
    ]  # fmt: skip
    _stems(sheet, heads)
    for px, py, size, warm in heads:
        _poppy(sheet, px, py, size, warm)
    buds = [
        _blob(rng, float(a), float(b), 0.016, 1.5, 0.08)
        for a, b in ((0.36, 0.42), (0.60, 0.55), (0.99, 0.52), (0.10, 0.60), (1.22, 0.75))
    ]
    sheet.lift(sheet.shapes(buds), 0.6)
    sheet.wash("5f8a3a 9aa83a c83a3a", sheet.shapes(buds), 1.0)
    _spatter(sheet, rng.random((130, 2)))
    grain = _dry(sheet)
    return np.clip(grain, 0, 1).astype(np.float32)


def _spatter(sheet: Sheet, spots: NDArray[np.float64]) -> None:
    rng = sheet.rng
    drops = [disc(float(a * 1.34), float(b), float(min(0.009, 0.0012 + rng.exponential(0.0016)))) for a, b in spots]
    sheet.wash("e8402a c02a4a", sheet.shapes(drops[:60]), 0.7)
    sheet.wash("3f7fc8 4f8a4a", sheet.shapes(drops[60:110]), 0.6)
    sheet.lift(sheet.shapes(drops[110:]), 0.8)


def _dry(sheet: Sheet) -> Paint:
    """The dry sheet in raking light: its tooth shows faintly."""
    relief = blur(sheet.relief, 0.7)
    shade = 1.0 + 0.10 * (relief - np.roll(relief, (1, 1), (0, 1)))
    return np.asarray(sheet.paint * shade[..., None], dtype=np.float32)
