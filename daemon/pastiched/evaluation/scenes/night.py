"""A town after dark."""

from __future__ import annotations

import numpy as np

from pastiched.painting.fields import Paint, blur, grid, noise, smoothstep
from pastiched.painting.palette import colour, ramp


def night(rng: np.random.Generator, width: int, height: int) -> Paint:
    """A town across the water after dark: most of it nearly black, the lamps burnt out."""
    x, y = grid(width, height)
    shore = 0.62
    picture = ramp("#04060d #070b18 #111a30 #2a2a3c", y / shore)
    picture += (
        (rng.random((height, width, 1)) > 0.9993)
        * (0.25 + 0.5 * rng.random((height, width, 1)))
        * (y < 0.45)[..., None]
    )
    light = np.zeros_like(picture)
    left = -0.05
    while left < 1.55:
        wide, tall = float(rng.uniform(0.06, 0.16)), float(rng.uniform(0.1, 0.38))
        inside = (x > left) & (x < left + wide) & (y > shore - tall) & (y < shore)
        picture = np.where(inside[..., None], colour("#0a0c12") * float(rng.uniform(0.5, 1.6)), picture)
        columns, rows = max(2, int(wide / 0.02)), max(3, int(tall / 0.028))
        for column in range(columns):
            for row in range(rows):
                if rng.random() > 0.34:
                    continue
                window_x, window_y = left + (column + 0.3) * wide / columns, shore - tall + (row + 0.3) * tall / rows
                here = (np.abs(x[0] - window_x - 0.004) < 0.0045), (np.abs(y[:, 0] - window_y - 0.006) < 0.007)
                warm = colour(("#ffcf7a", "#ffe6b8", "#bcd6ff")[int(rng.integers(3))]) * float(rng.uniform(0.35, 1.0))
                light[np.ix_(here[1], here[0])] = warm
        left += wide + float(rng.uniform(-0.01, 0.02))
    for lamp in np.linspace(0.06, 1.46, 11):
        at = float(lamp + rng.normal(0, 0.012))
        light += 1.3 * smoothstep(0.006, 0.003, np.hypot(x - at, y - 0.585))[..., None] * colour("#ffd08a")
    glowing = light + 1.1 * blur(light, height / 90) + 2.2 * blur(light, height / 22)
    picture = picture + glowing
    mirror = np.clip(
        2 * shore - y + 0.012 * noise(rng, width, height, height / 30, 3, stretch=7.0) * (1 + 2 * (y - shore)),
        0,
        shore - 0.002,
    )
    there = np.clip((mirror * height).astype(np.intp), 0, height - 1)
    across = np.broadcast_to(np.arange(width), (height, width))
    streaks = picture[there, across]
    tall_blur = blur(streaks, height / 60)
    water = 0.28 * streaks + 0.52 * tall_blur + colour("#03060b")
    lake = water * (1.1 - 0.8 * (y - shore))[..., None]
    return np.asarray(np.where((y < shore)[..., None], picture, lake), dtype=np.float32)
