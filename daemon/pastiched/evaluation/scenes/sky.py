"""Clouds over a plain."""

from __future__ import annotations

import numpy as np

from pastiched.evaluation.scenes.relief import bump
from pastiched.painting.fields import Paint, blur, grid, noise, smoothstep
from pastiched.painting.palette import colour, mix, ramp


def sky(rng: np.random.Generator, width: int, height: int) -> Paint:
    """Summer clouds over a plain: two thirds of the picture are nothing but gradients."""
    x, y = grid(width, height)
    air = ramp("#2b5f9e #4f8ac4 #8fbbe0 #d3e4ee #f0ead9", y / 0.8 + 0.05 * (x - 0.75))
    density = noise(rng, width, height, height / 2.2, 6, stretch=1.7)
    density += 1.6 * bump(x, y, (0.42, 0.5), (0.24, 0.11)) + 1.5 * bump(x, y, (1.18, 0.4), (0.2, 0.12)) - 0.35
    cover = smoothstep(0.3, 0.95, density) * smoothstep(0.04, 0.3, y)
    lit = blur(density, height / 60)
    reach = max(1, height // 24)
    towards = np.roll(lit, (reach, reach), (0, 1))
    shade = np.clip(
        0.66 + 0.9 * (lit - towards) + 0.12 * density - 0.3 * smoothstep(0.3, 0.75, y) * (density - 0.8), 0, 1
    )
    picture = mix(air, ramp("#7d8794 #aab3bd #e3e4e4 #fffdf7", shade), 0.94 * cover)
    far = 0.80 + 0.012 * noise(rng, width, 4, width / 4, 4)[1]
    hills = np.clip((y - far[None]) * height + 0.5, 0, 1)
    picture = mix(picture, ramp("#7f93a3 #6c8580", (y - 0.79) / 0.05), hills)
    ground = noise(rng, width, height, height / 8, 5, stretch=6.0)
    field = ramp("#5c6a33 #8f8f45 #c2a95a #8a7a3c", 0.5 + 0.16 * ground + 0.9 * (y - 0.9))
    near = np.clip((y - 0.845) * height + 0.5, 0, 1)
    picture = mix(picture, field * (0.75 + 0.3 * smoothstep(-1, 1.2, ground))[..., None], near)
    trees = np.clip(
        1 - np.abs(y - 0.842) / (0.006 + 0.014 * smoothstep(0.2, 1.2, noise(rng, width, 4, width / 9, 5)[1])[None]),
        0,
        1,
    )
    return mix(picture, colour("#27361f"), smoothstep(0, 0.5, trees))
