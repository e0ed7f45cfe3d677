"""Leaves in front of leaves."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from pastiched.painting.fields import Paint, blur, grid, noise, smoothstep
from pastiched.painting.palette import colour, mix, ramp


def foliage(rng: np.random.Generator, width: int, height: int) -> Paint:
    """Leaves behind leaves, the far ones out of focus."""
    picture = ramp("#0d1a0e #1f3a1c #4f7033", 0.45 + 0.25 * noise(rng, width, height, height / 3, 3))
    layers = ((130, 0.13, 0.45, height / 40), (190, 0.11, 0.7, height / 130), (150, 0.12, 1.0, 0.0))
    for count, size, brightness, unsharp in layers:
        scale = 1 if unsharp > 2 else 2
        sheet = Image.new("RGBA", (width * scale, height * scale), (0, 0, 0, 0))
        pen = ImageDraw.Draw(sheet)
        unit = height * scale
        for _ in range(count):
            middle = np.array([rng.uniform(-0.05, 1.55), rng.uniform(-0.05, 1.05)])
            angle, length = rng.normal(0.9, 0.7), size * rng.uniform(0.7, 1.3)
            along = np.array([np.cos(angle), np.sin(angle)])
            across = np.array([-along[1], along[0]])
            t = np.linspace(0, 1, 12)[:, None]
            belly = 0.26 * length * np.sin(np.pi * t) ** 0.8 * (1.15 - 0.5 * t)
            line = middle + along * length * (t - 0.5) + across * 0.12 * length * (t - 0.5) ** 2
            green = colour(("#3f6b25", "#5d8c2f", "#86b043", "#2f5a2c", "#a9bf52")[int(rng.integers(5))]) * brightness
            tilt = float(rng.uniform(0.75, 1.25))
            for side, shade in ((1, tilt), (-1, 0.72 * tilt)):
                half = np.concatenate([line, (line + side * across * belly)[::-1]]) * unit
                fill = tuple(int(v) for v in np.clip(green * shade, 0, 1) * 255)
                pen.polygon(half.ravel().tolist(), fill=(*fill, 255))
            vein = tuple(int(v) for v in np.clip(green * 1.35 + 0.06, 0, 1) * 255)
            pen.line((line * unit).ravel().tolist(), fill=(*vein, 255), width=max(1, round(0.0035 * unit)))
            for part in (3, 5, 7):
                for side in (1, -1):
                    tip = line[part] + side * across * belly[part] * 0.85 + along * 0.1 * length
                    rib = (np.stack([line[part], tip]) * unit).ravel().tolist()
                    pen.line(rib, fill=(*vein, 255), width=max(1, round(0.0016 * unit)))
        drawn = np.asarray(sheet.resize((width, height), Image.Resampling.BOX), np.float32) / 255
        if unsharp > 0:
            drawn = np.asarray(blur(drawn, unsharp), dtype=np.float32)
        opaque = drawn[..., 3]
        leaves = drawn[..., :3] / np.maximum(opaque, 1e-3)[..., None] if unsharp > 0 else drawn[..., :3]
        shadow = blur(opaque, height / 60)
        picture = mix(picture * (1 - 0.45 * shadow)[..., None], leaves, opaque)
    x, y = grid(width, height)
    dapple = smoothstep(-0.4, 1.4, noise(rng, width, height, height / 3.5, 3)) * (1.15 - 0.5 * y)
    glare = 0.05 * (dapple * (1.5 - x) / 1.5)[..., None] * colour("#fff3c0")
    return np.asarray(picture * (0.5 + 0.95 * dapple)[..., None] + glare, dtype=np.float32)
