"""Toucan pop: a toucan in bold outlines and coarse printed dots."""

import numpy as np

from .canvas import Points, disc, ribbon, silhouette, spline
from .fields import Field, Paint, grid, noise, smoothstep
from .palette import colour, mix

CREAM, INK, RED, YELLOW, CYAN = "fbf0d8", "14121c", "e8281e", "ffd21a", "2ab4e0"
PINK, GREEN, BLUE, BROWN = "ff6aa8", "1aa05a", "1c4ab8", "a8501c"

BODY = (
    (0.50, 0.30), (0.58, 0.235), (0.68, 0.25), (0.745, 0.34), (0.76, 0.48), (0.74, 0.64), (0.66, 0.80), (0.60, 0.98),
    (0.52, 1.06), (0.47, 0.98), (0.50, 0.84), (0.455, 0.70), (0.45, 0.54), (0.47, 0.42),
)  # fmt: skip
BIB = ((0.50, 0.34), (0.58, 0.36), (0.625, 0.45), (0.60, 0.56), (0.52, 0.61), (0.455, 0.56), (0.458, 0.46))
WING = (
    (0.70, 0.42), (0.77, 0.52), (0.80, 0.66), (0.78, 0.82), (0.73, 0.95), (0.66, 0.84), (0.63, 0.68), (0.64, 0.52),
)  # fmt: skip
BEAK = (
    (0.535, 0.28), (0.46, 0.215), (0.34, 0.20), (0.22, 0.255), (0.155, 0.36), (0.16, 0.44), (0.195, 0.415),
    (0.28, 0.39), (0.40, 0.40), (0.52, 0.40),
)  # fmt: skip
JAW = ((0.52, 0.375), (0.40, 0.385), (0.28, 0.38), (0.215, 0.405), (0.30, 0.435), (0.42, 0.45), (0.52, 0.425))
TIP = ((0.205, 0.27), (0.155, 0.36), (0.16, 0.44), (0.195, 0.415), (0.185, 0.36))
SHINE = ((0.22, 0.29), (0.30, 0.235), (0.40, 0.228), (0.32, 0.252), (0.25, 0.29))
LEAVES = (
    (0.02, 1.04, 0.55, -1.0, GREEN), (0.00, 0.82, 0.40, -0.45, CYAN), (0.24, 1.08, 0.42, -1.25, GREEN),
    (1.36, 1.02, 0.60, -2.2, GREEN), (1.38, 0.76, 0.42, -2.7, CYAN), (1.08, 1.10, 0.46, -1.85, GREEN),
    (0.02, -0.04, 0.44, 0.75, GREEN), (-0.03, 0.30, 0.30, 0.25, CYAN), (1.37, -0.02, 0.46, 2.35, GREEN),
    (1.40, 0.36, 0.30, 2.9, CYAN), (0.28, -0.06, 0.28, 1.2, CYAN), (1.06, -0.06, 0.28, 1.9, CYAN),
)  # fmt: skip
"""Stalk (x, y), length, direction (radians) and ink of each leaf."""


class Print:
    """Newsprint that takes flat inks and screens of dots, each ink a little out of register."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.x, self.y = grid(width, height)
        fibre = noise(rng, width, height, 6, 2) + 0.5 * noise(rng, width, height, 30, 3)
        self.paint: Paint = np.clip(colour(CREAM) * (1.0 + 0.014 * fibre)[..., None], 0, 1).astype(np.float32)
        self._worn = noise(rng, width, height, 5, 2) + 0.5 * noise(rng, width, height, 70, 2)

    def ink(self, tint: str, mask: Field, shift: tuple[int, int] = (0, 0)) -> None:
        """One ink over `mask` (0..1), `shift` px (down, right) out of register and worn in places."""
        down, right = shift
        moved = np.pad(mask, 2, mode="edge")[2 - down : 2 - down + self.height, 2 - right : 2 - right + self.width]
        wear = 0.0 if tint == CREAM else 0.35
        self.paint = mix(self.paint, colour(tint), moved * (1.0 - wear * smoothstep(1.9, 2.6, self._worn)))

    def dots(
        self, tint: str, tone: Field, mask: Field, turn: float, shift: tuple[int, int] = (0, 0), pitch: float = 15.0
    ) -> None:
        """A screen of dots over `mask`, large as `tone` (0..1) asks; `pitch` px apart, `turn` radians."""
        u = (self.x * np.cos(turn) + self.y * np.sin(turn)) * self.height / pitch
        v = (self.y * np.cos(turn) - self.x * np.sin(turn)) * self.height / pitch
        far = np.hypot(u - np.round(u), v - np.round(v))
        radius = np.sqrt(np.clip(tone, 0, 1) / np.pi) * 1.12
        self.ink(tint, np.clip((radius - far) * pitch + 0.5, 0, 1) * (tone > 0.02) * mask, shift)

    def shapes(self, *outlines: Points) -> Field:
        """Coverage of outlines on this print."""
        return silhouette(self.width, self.height, outlines)


def _contour(outline: Points, thickness: float) -> Points:
    """The drawn contour, thicker below, like a brush pen."""
    closed = np.concatenate([outline, outline[:2]])
    low = (closed[:, 1] - closed[:, 1].min()) / np.ptp(closed[:, 1])
    return ribbon(closed, thickness * (0.65 + 0.7 * low))


def _backdrop(page: Print) -> None:
    """Rays and a burst behind the bird."""
    x, y = page.x, page.y
    middle = np.array([0.62, 0.46])
    far = np.hypot(x - middle[0], y - middle[1])
    ray = np.sin(np.arctan2(y - middle[1], x - middle[0]) * 11.0 + 0.4) * 40
    sunny, cool = np.clip(0.5 + ray, 0, 1), np.clip(0.5 - ray, 0, 1)
    page.ink(YELLOW, sunny)
    page.dots(RED, np.clip(far * 0.85 - 0.22, 0, 0.75), sunny, 0.4, (2, 1), 19.0)
    page.dots(CYAN, np.clip(0.72 - far * 0.55, 0.10, 1), cool, 0.26, (-1, 2), 19.0)
    turns = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    reach = np.where(np.arange(36) % 2, 0.43, 0.335)[:, None]
    burst = np.stack([np.cos(turns), np.sin(turns)], axis=1) * reach
    page.ink(INK, page.shapes((burst * 1.06 + middle + (0.010, 0.012)).astype(np.float32)))
    star = page.shapes((burst + middle).astype(np.float32))
    page.ink(CREAM, star)
    page.dots(PINK, np.clip(0.15 + (y - 0.10) * 0.75, 0, 0.8), star, 0.78, (1, 2), 17.0)


def _leaf(page: Print, x: float, y: float, length: float, turn: float, tint: str) -> None:
    """A leaf: one half flat, one half dotted."""
    t = np.linspace(0, 1, 30)
    course = turn + 0.35 * t * np.sign(np.cos(turn))
    steps = np.stack([np.cos(course), np.sin(course)], axis=1) * length / 30
    rib = (np.array([x, y]) + np.cumsum(steps, axis=0)).astype(np.float32)
    blade = ribbon(rib, 0.42 * length * np.sin(np.pi * t**0.75) ** 0.8 + 0.002)
    mask = page.shapes(blade)
    side = (page.x - x) * np.sin(turn) - (page.y - y) * np.cos(turn)
    page.ink(CREAM, mask)
    page.ink(tint, mask * np.clip(side * 60 + 0.5, 0, 1), (2, 2))
    page.dots(tint, np.clip(0.62 + side * 1.2, 0.2, 0.8), mask, 0.4, (2, 2))
    page.dots(BLUE, np.clip(side * 3.0, 0, 0.55), mask, 1.1, (0, 2))
    veins = [ribbon(rib, np.linspace(0.010, 0.003, 30))]
    for k in range(5, 26, 4):
        half = 0.19 * length * np.sin(np.pi * t[k] ** 0.75) ** 0.8
        for bend in (-0.9, 0.9):
            tip = rib[k] + half * np.array([np.cos(course[k] + bend), np.sin(course[k] + bend)])
            veins.append(ribbon(np.stack([rib[k], tip]).astype(np.float32), np.array([0.007, 0.002])))
    page.ink(INK, page.shapes(_contour(blade, 0.010), *veins))


def _branch(page: Print) -> None:
    line = spline([(-0.05, 0.90), (0.25, 0.865), (0.50, 0.885), (0.80, 0.85), (1.10, 0.87), (1.42, 0.82)])
    bough = ribbon(line, 0.075 + 0.012 * np.sin(np.linspace(0, 20, len(line))))
    mask = page.shapes(bough)
    page.ink(CREAM, mask)
    page.dots(BROWN, np.clip(0.35 + (page.y - 0.86) * 9, 0.15, 0.95), mask, 0.3, (1, 1), 14.0)
    swell = np.array([0.001, *[0.006] * 10, 0.001])
    grain = [
        ribbon(line[k : k + 12] + np.array([0, off], dtype=np.float32), swell)
        for k, off in ((4, 0.01), (14, -0.015), (40, 0.012), (58, -0.01), (66, 0.014))
    ]
    page.ink(INK, page.shapes(_contour(bough, 0.010), *grain))


def _toucan(page: Print) -> None:
    x, y = page.x, page.y
    body, bib, wing, beak, jaw = (spline(points, closed=True) for points in (BODY, BIB, WING, BEAK, JAW))
    page.ink(INK, page.shapes(body))
    nape = np.clip(0.62 - np.hypot(x - 0.68, y - 0.36) * 2.2, 0, 0.6)
    breast = np.clip(0.35 - np.abs(x - 0.50 - 0.1 * y) * 5, 0, 0.35) * (y > 0.62)
    page.dots(BLUE, nape + breast, page.shapes(body), 0.5)
    chest = page.shapes(bib)
    page.ink(CREAM, chest)
    page.dots(YELLOW, np.clip(0.25 + (y - 0.34) * 3.2, 0, 1), chest, 0.2, (1, 1))
    page.dots(RED, np.clip((y - 0.50) * 6, 0, 0.9), chest, 0.9, (2, 0))
    page.ink(INK, page.shapes(_contour(bib, 0.010)))
    page.ink(INK, page.shapes(wing))
    for k in range(4):
        quill = [(0.67 + 0.02 * k, 0.50 + 0.03 * k), (0.70 + 0.015 * k, 0.66), (0.715 + 0.008 * k, 0.86 - 0.02 * k)]
        page.ink(CYAN, page.shapes(ribbon(spline(quill), 0.007)))
    page.dots(CYAN, np.clip(0.55 - (x - 0.64) * 4, 0, 0.6), page.shapes(wing), 0.6)
    for outline in (beak, jaw):
        page.ink(CREAM, page.shapes(outline))
        page.ink(YELLOW, page.shapes(outline), (2, 2))
    page.dots(RED, np.clip(0.9 - (x - 0.15) * 3.2, 0, 1), page.shapes(beak), 0.4, (1, 2))
    page.dots(RED, np.clip((y - 0.30) * 4.0, 0, 0.7), page.shapes(beak, jaw), 0.4, (1, 2))
    page.dots(GREEN, np.clip((x - 0.44) * 8, 0, 0.8), page.shapes(beak), 1.0, (0, 2))
    page.ink(INK, page.shapes(_contour(beak, 0.013), _contour(jaw, 0.010)))
    page.ink(CREAM, page.shapes(spline(SHINE, closed=True)))
    page.ink(INK, page.shapes(spline(TIP, closed=True)))
    for size, tint in ((0.052, INK), (0.044, CYAN), (0.030, INK), (0.022, RED), (0.013, INK)):
        page.ink(tint, page.shapes(disc(0.585, 0.315, size)))
    page.ink(CREAM, page.shapes(disc(0.578, 0.307, 0.006)))
    for toe in (0.53, 0.56, 0.62, 0.65):
        bent = np.array([(toe, 0.82), (toe - 0.004, 0.87), (toe - 0.012, 0.91)], dtype=np.float32)
        claw = ribbon(bent, np.array([0.026, 0.024, 0.008]))
        page.ink(YELLOW, page.shapes(claw))
        page.ink(INK, page.shapes(_contour(claw, 0.006)))


def paint_halftone(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    page = Print(rng, width, height)
    _backdrop(page)
    for x, y, length, turn, tint in LEAVES:
        _leaf(page, x, y, length, turn, tint)
    _branch(page)
    _toucan(page)
    return np.clip(page.paint, 0, 1).astype(np.float32)
