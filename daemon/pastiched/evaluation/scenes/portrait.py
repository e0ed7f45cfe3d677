"""A face before an unsharp room."""

from __future__ import annotations

import numpy as np

from pastiched.evaluation.scenes.relief import bump
from pastiched.painting.canvas import silhouette, spline
from pastiched.painting.fields import Field, Paint, blur, grid, noise, slope, smoothstep
from pastiched.painting.palette import colour, mix, ramp


def portrait(rng: np.random.Generator, width: int, height: int) -> Paint:
    """A face in soft light from the left, modelled as a relief, before an unsharp room."""
    x, y = grid(width, height)
    room = ramp("#1b1f22 #4a4238 #8a7458", 0.5 + 0.28 * blur(noise(rng, width, height, height / 2.5, 2), height / 20))
    cx = 0.73

    def egg(at_y: float, half: float, tall: float) -> Field:
        return 1 - ((x - cx) / half) ** 2 - ((y - at_y) / tall) ** 2

    hair_shape = np.maximum(egg(0.38, 0.268, 0.315), 0.9 * egg(0.55, 0.262, 0.34))
    strands = noise(rng, height, width, height / 12, 4, stretch=9.0).T
    hair = ramp("#140d0a #3a2216 #80502e", 0.38 + 0.16 * strands + 0.5 * bump(x, y, (cx - 0.13, 0.2), (0.1, 0.09)))
    right_arm = [(0.62, 0.79), (0.42, 0.845), (0.24, 0.93), (0.18, 1.1)]
    outline = right_arm[::-1] + [(2 * cx + 0.02 - px, py) for px, py in right_arm]
    shoulders = silhouette(width, height, [spline(outline, True)])
    cloth = ramp(
        "#16283a #2c4a66 #5f86a6",
        0.66 - 0.42 * x + 0.05 * noise(rng, width, height, 5, 2) + 0.16 * np.sin(19 * x + 7 * y),
    )
    neck = silhouette(
        width, height, [spline([(0.625, 0.6), (0.62, 0.8), (0.73, 0.88), (0.84, 0.8), (0.835, 0.6)], True)]
    )
    face = np.maximum(egg(0.435, 0.198, 0.282), egg(0.5, 0.172, 0.262))
    relief = 0.36 * np.sqrt(np.clip(face, 0, 1))
    relief += 0.052 * bump(x, y, (cx, 0.475), (0.02, 0.06)) + 0.035 * bump(x, y, (cx, 0.525), (0.024, 0.02))
    for side in (-1, 1):
        relief -= 0.030 * bump(x, y, (cx + side * 0.078, 0.415), (0.036, 0.022))
        relief += 0.020 * bump(x, y, (cx + side * 0.105, 0.515), (0.045, 0.05))
        relief += 0.010 * bump(x, y, (cx + side * 0.078, 0.372), (0.045, 0.012))
        relief += 0.012 * bump(x, y, (cx + side * 0.022, 0.532), (0.010, 0.010))
    relief += 0.014 * bump(x, y, (cx, 0.602), (0.044, 0.010)) + 0.016 * bump(x, y, (cx, 0.628), (0.036, 0.011))
    relief += 0.030 * bump(x, y, (cx, 0.69), (0.05, 0.035)) - 0.012 * bump(x, y, (cx, 0.655), (0.04, 0.010))
    right, down = slope(blur(relief, height / 110) * height)
    light = (0.62 * right + 0.42 * down + 0.66) / np.sqrt(right**2 + down**2 + 1)
    light = np.clip(0.16 + 0.86 * np.clip(light, 0, None), 0, 1.05)
    skin = ramp("#3b1a12 #8d4f39 #cf9272 #f0c6a6 #fbe4d0", light)
    for side in (-1, 1):
        skin = mix(skin, skin * colour("#ff9d8c"), 0.35 * bump(x, y, (cx + side * 0.11, 0.53), (0.05, 0.04)))
        eye_x = cx + side * 0.078
        lids = (0.043**2 - (x - eye_x) ** 2) / 0.043**2
        opening = 0.0165 * np.clip(lids, 0, 1) ** 0.8
        open_ = smoothstep(-0.002, 0.002, opening - np.abs(y - 0.418)) * (lids > 0)
        iris = np.hypot(x - eye_x + 0.002, y - 0.416)
        ball = ramp("#f2ece6 #b9aaa2", np.abs(x - eye_x) / 0.05)
        ball = mix(
            ball,
            ramp("#121010 #121010 #4b6b62 #6c8f80 #1c2624", iris / 0.0165, (0, 0.36, 0.42, 0.8, 1)),
            smoothstep(0.0175, 0.0155, iris),
        )
        ball = mix(ball, colour("#ffffff"), smoothstep(0.0045, 0.003, np.hypot(x - eye_x + 0.007, y - 0.410)))
        skin = mix(skin, ball * smoothstep(0.018, -0.004, 0.418 - y)[..., None], open_)
        lash = np.exp(-(((y - 0.418 + opening) / 0.0035) ** 2)) * (lids > 0)
        skin = mix(skin, colour("#1c100c"), 0.85 * lash)
        brow_y = 0.372 - 0.02 * np.clip(lids, -0.6, 1)
        brow = np.exp(-(((y - brow_y - 0.006) / 0.0075) ** 2)) * smoothstep(-0.75, -0.2, lids)
        skin = mix(skin, colour("#2c1911"), 0.72 * brow)
        skin = mix(skin, colour("#4a2018"), 0.6 * bump(x, y, (cx + side * 0.015, 0.546), (0.007, 0.004)))
    lips = smoothstep(0.0, 0.3, 1 - ((x - cx) / 0.066) ** 2 - ((y - 0.612) / 0.03) ** 2)
    skin = mix(skin, skin * colour("#e08078"), 0.75 * lips)
    parting = 0.611 + 0.006 * np.cos((x - cx) * 60)
    skin = mix(
        skin, colour("#43140f"), np.exp(-(((y - parting) / 0.004) ** 2)) * smoothstep(0.066, 0.05, np.abs(x - cx))
    )
    throat = ramp("#3b1a12 #8d4f39 #c98c6c #e6b896", 0.66 - 1.9 * (x - 0.68) - 0.6 * smoothstep(0.84, 0.7, y))
    picture = mix(room, hair, smoothstep(0.0, 0.05, hair_shape + 0.02 * strands))
    picture = mix(picture, throat, neck)
    picture = mix(picture, cloth, shoulders * (1 - neck * smoothstep(0.87, 0.84, y)))
    fringe = smoothstep(0.235, 0.205, y + 0.35 * np.abs(x - cx + 0.05) ** 1.5 + 0.006 * strands)
    return mix(picture, mix(skin, hair, fringe), smoothstep(0.0, 0.03, face))
