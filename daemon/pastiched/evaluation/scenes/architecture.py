"""A tall building."""

from __future__ import annotations

import numpy as np

from pastiched.painting.canvas import disc, ribbon, silhouette, spline
from pastiched.painting.fields import Paint, grid, noise, smoothstep
from pastiched.painting.palette import colour, mix, ramp


def architecture(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The corner of a tall building seen from the street: straight lines that run together, in sun and in shade."""
    wide, tall = 2 * width, 2 * height
    x, y = grid(wide, tall)
    picture = ramp("#3f78b5 #7fb0dc #cfe1ee #efe9dc", y / 0.9)
    haze = noise(rng, wide, tall, tall / 2, 4, stretch=3.0)
    picture = mix(picture, colour("#ffffff"), 0.35 * smoothstep(0.3, 2.2, haze))
    corner, horizon = 0.62, 0.80
    street = np.clip((y - horizon) * tall, 0, 1)
    paving = ramp("#5a5a5c #84827e", 0.5 + 0.12 * noise(rng, wide, tall, tall / 20, 4, stretch=4.0) + 1.6 * (y - 0.93))
    picture = mix(picture, paving, street)
    for side, vanishing, stone, lamp in ((-1, -1.1, "#e9d3a8", 1.0), (1, 2.9, "#9a9290", 0.62)):
        run = (x - corner) / (vanishing - corner)
        depth = 1 - np.clip(run, 0, 0.97)
        storey = (horizon - y) / depth
        along = 3.4 * run / depth * (1.0 if side < 0 else 1.35)
        wall = (run > 0) & (run < 0.62) & (storey < 0.74) & (storey > -0.16)
        u, v = along * 3.0, (storey + 0.16) * 9.5
        cell_u, cell_v = u - np.floor(u), v - np.floor(v)
        shade = 0.92 + 0.05 * noise(rng, wide, tall, tall / 10, 4) + 0.05 * storey
        courses = np.abs((v * 5) % 1 - 0.5) > 0.44
        surface = colour(stone) * (lamp * np.where(courses, 0.86, 1.0) * shade)[..., None]
        ledge = cell_v > 0.90
        surface = np.where(ledge[..., None], surface * 1.12, surface)
        surface = np.where(((cell_v > 0.84) & ~ledge)[..., None], surface * 0.62, surface)
        window = (np.abs(cell_u - 0.5) < 0.27) & (cell_v > 0.16) & (cell_v < 0.76)
        frame = (np.abs(cell_u - 0.5) < 0.31) & (cell_v > 0.12) & (cell_v < 0.80)
        glass = ramp(
            "#0e151d #24384a #6f93ad",
            np.clip(0.25 + 0.5 * cell_v + 0.3 * np.sin(7 * np.floor(u) + 3 * np.floor(v)), 0, 1),
        )
        bars = (np.abs(cell_u - 0.5) < 0.02) | (np.abs(cell_v - 0.52) < 0.02)
        surface = np.where(frame[..., None], surface * 1.1, surface)
        surface = np.where(
            window[..., None], np.where(bars[..., None], colour("#d8d4cc") * lamp, glass * (0.6 + 0.5 * lamp)), surface
        )
        surface = np.where((window & (cell_v > 0.70))[..., None], surface * 0.45, surface)
        picture = np.where(wall[..., None], surface, picture)
        roof = (run > -0.012) & (run < 0.62) & (storey >= 0.74) & (storey < 0.77)
        picture = np.where(roof[..., None], colour("#6d5f58") * lamp, picture)
    pole = ribbon(spline([(1.33, 1.0), (1.33, 0.4), (1.31, 0.33), (1.24, 0.30)]), 0.012)
    lantern = disc(1.225, 0.315, 0.022, 0.8)
    picture = mix(picture, colour("#1a1c1f"), silhouette(wide, tall, [pole, lantern]))
    wire = ribbon(spline([(-0.1, 0.24), (0.5, 0.31), (1.25, 0.29), (1.6, 0.26)]), 0.0032)
    picture = mix(picture, colour("#1a1c1f"), silhouette(wide, tall, [wire]))
    return np.asarray(picture.reshape(height, 2, width, 2, 3).mean((1, 3)), dtype=np.float32)
