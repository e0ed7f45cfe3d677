"""A drawing in ink."""

from __future__ import annotations

import numpy as np

from pastiched.painting.canvas import Points, disc, ribbon, silhouette, spline
from pastiched.painting.fields import Paint, grid, noise
from pastiched.painting.palette import colour, mix, ramp


def line_art(rng: np.random.Generator, width: int, height: int) -> Paint:
    """A bicycle in ink on white paper, photographed a little unevenly lit."""
    x, y = grid(width, height)
    lines = _bicycle()
    for k in range(46):
        right, low = 0.16 + 0.0255 * k + float(rng.normal(0, 0.004)), 0.905 + float(rng.normal(0, 0.004))
        hatch = np.array([(right, low), (right - 0.05, low + 0.035 + 0.02 * float(rng.random()))])
        lines.append(ribbon(hatch, 0.0034))
    lines.append(ribbon(spline([(0.1, 0.902), (0.5, 0.898), (1.0, 0.905), (1.42, 0.9)]), 0.006))
    ink = silhouette(width, height, lines) * (0.93 + 0.05 * noise(rng, width, height, 6, 2))
    light = 0.85 - 0.4 * np.hypot(x - 0.55, y - 0.4) + 0.02 * noise(rng, width, height, 3, 1)
    return mix(ramp("#d9d3c7 #f3efe6 #fbf9f3", light), colour("#17161a"), np.clip(ink, 0, 1))


def _bicycle() -> list[Points]:
    """Outlines to be filled."""
    wheels = ((0.43, 0.66), (1.07, 0.66))
    lines = []
    for x, y in wheels:
        lines += [_ring(x, y, 0.235, 0.010), _ring(x, y, 0.215, 0.010), _ring(x, y, 0.025, 0.006)]
        for angle in np.linspace(0, 2 * np.pi, 18, endpoint=False):
            start = x + 0.025 * np.cos(angle), y + 0.025 * np.sin(angle)
            end = x + 0.215 * np.cos(angle + 0.25), y + 0.215 * np.sin(angle + 0.25)
            lines.append(ribbon(np.array([start, end]), 0.0028))
    crank, saddle, head = (0.70, 0.68), (0.625, 0.33), (0.955, 0.34)
    frame = (
        (wheels[0], crank), (crank, (0.975, 0.41)), ((0.645, 0.415), (0.965, 0.375)),
        (wheels[0], (0.645, 0.415)), (crank, saddle), (head, (0.985, 0.45)), ((0.985, 0.45), wheels[1]),
    )  # fmt: skip
    lines += [ribbon(np.array(tube), 0.016) for tube in frame]
    pedals = (((0.66, 0.755), (0.74, 0.605)), ((0.635, 0.757), (0.69, 0.757)), ((0.715, 0.603), (0.77, 0.603)))
    lines += [ribbon(np.array(part), 0.012) for part in pedals]
    chain = ([(0.70, 0.735), (0.55, 0.725), (0.43, 0.70)], [(0.70, 0.625), (0.55, 0.63), (0.43, 0.632)])
    lines += [_ring(*crank, 0.055, 0.008), *(ribbon(spline(half), 0.005) for half in chain)]
    seat = spline([(0.55, 0.325), (0.58, 0.30), (0.66, 0.31), (0.72, 0.325), (0.66, 0.34), (0.6, 0.355)], True)
    handlebar = spline([head, (0.965, 0.29), (1.02, 0.265), (1.075, 0.29), (1.07, 0.34), (1.03, 0.355)])
    return [*lines, seat, ribbon(handlebar, 0.014)]


def _ring(x: float, y: float, radius: float, thickness: float) -> Points:
    circle = disc(x, y, radius)
    return ribbon(np.concatenate([circle, circle[:1]]), thickness)
