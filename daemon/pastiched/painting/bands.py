"""Burning fjord: an expressionist evening in long wavy bands of oil and crayon on bare board."""

import numpy as np

from .canvas import Points, ribbon, silhouette, spline
from .fields import Field, Paint, blur, grid, noise, smoothstep
from .palette import colour, colours, mix, vary
from .strokes import Brush, Easel

SHORE = 0.56
BOARD = "b8824a"
TREE = (
    (((0.25, 0.80), (0.21, 0.90), (0.13, 0.94)), 0.036),
    (((0.25, 0.80), (0.28, 0.91), (0.35, 0.97)), 0.036),
    (((0.25, 0.80), (0.245, 0.90), (0.23, 0.99)), 0.030),
    (((0.245, 0.90), (0.26, 0.74), (0.215, 0.56), (0.245, 0.38), (0.20, 0.22)), 0.050),
    (((0.25, 0.68), (0.32, 0.55), (0.34, 0.44), (0.42, 0.36)), 0.026),
    (((0.225, 0.60), (0.14, 0.50), (0.12, 0.38), (0.04, 0.32)), 0.026),
    (((0.235, 0.46), (0.30, 0.36), (0.29, 0.26), (0.36, 0.18)), 0.020),
    (((0.235, 0.40), (0.15, 0.30), (0.16, 0.20), (0.09, 0.13)), 0.018),
    (((0.34, 0.46), (0.43, 0.47), (0.50, 0.42)), 0.012),
    (((0.12, 0.40), (0.03, 0.43), (-0.04, 0.40)), 0.012),
    (((0.205, 0.26), (0.25, 0.14), (0.23, 0.04)), 0.014),
    (((0.37, 0.41), (0.42, 0.28), (0.48, 0.24)), 0.010),
)  # fmt: skip
"""Roots, trunk and boughs: the points of their middle lines, in heights, and their full width at the thick end."""


def _bands(phase: Field, tints: str) -> Paint:
    """Bands of colour along the level lines of a phase (one band a unit), in an order that does not repeat soon."""
    table = colours(tints)
    number = np.floor(phase).astype(np.intp)
    part = phase - number
    order = (number * 7 + (number // 3) * 5) % len(table)
    following = ((number + 1) * 7 + ((number + 1) // 3) * 5) % len(table)
    return mix(table[order], table[following], smoothstep(0.84, 1.0, part))


def _along(phase: Field) -> Field:
    """The direction of the level lines of a field, radians."""
    down, right = np.gradient(blur(phase, 3.0))
    return np.asarray(np.arctan2(right, -down), dtype=np.float32)


def _limb(rng: np.random.Generator, easel: Easel, line: Points, wide: float) -> None:
    """A limb of the tree: overlapping strokes along it, dark, with a few glowing ones on the side of the sun."""
    table = colours("140e1c 1f1228 2f1a34 120c14 5a2434")
    for first in range(0, len(line) - 8, 5):
        thick = wide * (1.0 - 0.75 * first / len(line))
        piece = line[first : first + 14][None]
        easel.lay(rng, piece, table[int(rng.integers(5))][None], Brush(thick, 60, max(3, int(thick / 2)), streak=0.05))
        if rng.random() < 0.6:
            side = piece + np.array([thick * 0.34, 0.0])
            easel.lay(rng, side, vary(rng, colours("d8501c"), 0.2, 0.1, 0.1), Brush(max(2.5, thick * 0.22), 60, 2))


def _scene(rng: np.random.Generator, width: int, height: int) -> tuple[Paint, Field]:
    """Colours, and the directions of the bands."""
    x, y = grid(width, height)
    sway = noise(rng, width, height, 330, 2, stretch=1.8)
    swell = 0.045 * np.sin(4.1 * x + 0.8) + 0.028 * np.sin(8.3 * x - 3.0 * y) + 0.022 * sway
    sun_x, sun_y = 0.93, 0.30
    far = np.hypot(x - sun_x, (y - sun_y) * 1.15)
    near = np.exp(-((far / 0.26) ** 2))
    sky_phase = (y + swell * (1.2 - y)) * 21.0 * (1 - near) + (far * 24.0 + 0.45 * sway) * near
    heat = np.clip(1.05 - far * 0.85 - 0.05 * sway, 0, 1)
    sky = mix(
        _bands(sky_phase, "d8381c f0701c f8a82c b82a2a e85a3a f8c850 7a2040 e04a20"),
        _bands(sky_phase, "fff0b0 ffc838 ff9a24 ffe070 f8782c"),
        smoothstep(0.60, 0.85, heat),
    )
    sky = mix(sky, _bands(sky_phase, "2a2a6a 5a2a5a a82a3a 3a5a8a d8502a"), smoothstep(0.42, 0.10, heat))
    sky = mix(sky, colour("fff8d0"), smoothstep(0.070, 0.062, far))
    water_phase = (y + 0.5 * swell + 0.012 * np.sin(19 * x + 6 * sway)) * 40.0
    sea = _bands(water_phase, "0f2a4a 1a4a6a 2f7a84 12203a 1f5f6a 5aa898 16345a")
    glitter = smoothstep(0.13, 0.02, np.abs(x - sun_x + 0.04 * np.sin(30 * y)) - 0.25 * (y - SHORE))
    sea = mix(sea, _bands(water_phase, "f8a82c e8501c ffd860 7a2040"), glitter * (np.floor(water_phase) % 2 == 0))
    below_shore = smoothstep(SHORE - 0.002, SHORE + 0.002, y)
    scene, phase = mix(sky, sea, below_shore), np.where(below_shore > 0.5, water_phase, sky_phase)

    hills = (
        ([(-0.05, 0.55), (0.10, 0.44), (0.26, 0.40), (0.42, 0.47), (0.60, 0.54), (0.78, 0.562), (0.78, 0.62),
          (-0.05, 0.62)],
         "2a2456 4a3a7a 1a1a3f 6a4a84 28506a", 0.9),
        ([(1.38, 0.48), (1.24, 0.46), (1.12, 0.52), (1.00, 0.556), (0.96, 0.575), (1.38, 0.60)],
         "1f1f4a 3a2f6a 5a2a4f 1a3a5a", -0.8),
    )  # fmt: skip
    for outline, tints, lean in hills:
        mask = silhouette(width, height, [spline(outline, closed=True)])
        slant = (y - lean * 0.55 * x + 0.6 * swell) * 27.0
        scene, phase = mix(scene, _bands(slant, tints), mask), np.where(mask > 0.5, slant, phase)
    bank = spline([(-0.05, 0.83), (0.16, 0.76), (0.40, 0.80), (0.62, 0.90), (0.86, 0.96), (1.10, 1.03), (1.1, 1.2),
                   (-0.05, 1.2)], closed=True)  # fmt: skip
    mask = silhouette(width, height, [bank])
    slant = (0.9 * y - 0.33 * x + swell) * 24.0
    scene = mix(scene, _bands(slant, "12281f 2f5a2a 7a8a2a 1a1a2a c8902a 3a2a2a 244a3a"), mask)
    phase = np.where(mask > 0.5, slant, phase)
    return scene, _along(phase.astype(np.float32))


def paint_bands(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    scene, angle = _scene(rng, width, height)
    tree = [(spline(points), wide) for points, wide in TREE]
    limbs = [ribbon(line, np.linspace(wide, wide * 0.25, len(line))) for line, wide in tree]
    scene = mix(scene, colour("2a1830"), silhouette(width, height, limbs))
    ground = np.asarray(colour(BOARD) * (1 + 0.05 * noise(rng, width, height, 4, 2))[..., None], dtype=np.float32)
    easel = Easel(mix(scene, ground, 0.55))
    easel.cover(
        rng, scene, angle, Brush(17, 190, 8, hue=0.06, saturation=0.1, value=0.06, streak=0.08, fidelity=0.5), 2.2
    )
    easel.cover(
        rng, scene, angle, Brush(11, 130, 6, hue=0.08, saturation=0.1, value=0.09, streak=0.09, fidelity=0.28), 1.9
    )
    easel.cover(rng, scene, angle, Brush(6, 80, 3, hue=0.1, value=0.13, fidelity=0.24), 0.8)
    for line, wide in tree:
        _limb(rng, easel, line * height, wide * height)
    return easel.finish(0.9, 0.3)
