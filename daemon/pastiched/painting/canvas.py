"""What paint lies on and how light meets it: outlines drawn smoothly, paper, relief."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .fields import Field, Paint, Values, blur, noise, slope

Points = Values
"""A line or outline: floats (n, 2), x and y in units of the picture's height."""


def spline(points: Sequence[tuple[float, float]], closed: bool = False, steps: int = 16) -> Points:
    """Catmull-Rom curve through the points: (n, 2)."""
    control = np.asarray(points, dtype=np.float32)
    if closed:
        control = np.concatenate([control[-1:], control, control[:2]])
    else:
        control = np.concatenate([2 * control[:1] - control[1:2], control, 2 * control[-1:] - control[-2:-1]])
    t = np.linspace(0.0, 1.0, steps, endpoint=False, dtype=np.float32)[None, :, None]
    p0, p1, p2, p3 = (control[i : len(control) - 3 + i, None, :] for i in range(4))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    flat = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, control[-2:-1]])


def silhouette(width: int, height: int, outlines: Sequence[Points]) -> Field:
    """Coverage 0..1 of the filled outlines, antialiased (drawn at three times the size)."""
    cover = np.zeros((height, width), dtype=np.float32)
    if not outlines:
        return cover
    # Only the part of the sheet that the outlines reach is drawn: most are small.
    corners = np.concatenate(outlines) * height
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int) - 1, 0, (width, height)).tolist()
    right, foot = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 2, 0, (width, height)).tolist()
    if left >= right or top >= foot:
        return cover
    sheet = Image.new("L", ((right - left) * 3, (foot - top) * 3), 0)
    pen = ImageDraw.Draw(sheet)
    for outline in outlines:
        pen.polygon(((outline * height - (left, top)) * 3).ravel().tolist(), fill=255)
    small = sheet.resize((right - left, foot - top), Image.Resampling.BOX)
    cover[top:foot, left:right] = np.asarray(small, dtype=np.float32) / 255.0
    return cover


def ribbon(line: Points, thickness: Values | float) -> Points:
    """The outline of a line of given full thickness (scalar or one value per point): (2n, 2)."""
    along = np.gradient(line, axis=0)
    length = np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / length
    half = np.broadcast_to(np.asarray(thickness, dtype=np.float32), len(line))[:, None] / 2.0
    return np.concatenate([line + normal * half, (line - normal * half)[::-1]]).astype(np.float32)


def disc(x: float, y: float, radius: float, squash: float = 1.0) -> Points:
    """A circle or ellipse (vertical radius times `squash`)."""
    t = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    return np.stack([x + radius * np.cos(t), y + radius * squash * np.sin(t)], axis=1).astype(np.float32)


def below(line: Values, y: Field, height: int) -> Field:
    """Coverage 0..1 of everything under a horizon line (width,), with a one-pixel soft edge."""
    return np.clip((y - line[None, :]) * height + 0.5, 0.0, 1.0).astype(np.float32)


def tooth(rng: np.random.Generator, width: int, height: int, pit: float = 5.0) -> Field:
    """The relief of rough paper, 0..1 with an even distribution: pits of about `pit` px and fibres."""
    pits = noise(rng, width, height, pit, 2) + 0.5 * noise(rng, width, height, 2.8 * pit, 2)
    fibres = noise(rng, width, height, 3.0, 1, stretch=6.0) + noise(rng, height, width, 3.0, 1, stretch=6.0).T
    relief = pits + 0.3 * fibres
    order = np.argsort(np.argsort(relief, axis=None)).reshape(relief.shape)
    return (order / relief.size).astype(np.float32)


def light_relief(paint: Paint, relief: Field, strength: float, gloss: float = 0.0) -> Paint:
    """Lights the paint's thickness (any unit) from the upper left: shaded ridges, and highlights when `gloss` > 0."""
    right, down = slope(relief)
    facing = -(right + down) * strength
    shade = np.clip(1.0 + facing, 0.45, 1.6)[..., None]
    lit = paint * shade
    if gloss > 0.0:
        shine = np.clip(facing - 0.22, 0.0, 1.0) * gloss
        lit = lit + shine[..., None] * (1.0 - lit)
    return np.clip(lit, 0.0, 1.0).astype(np.float32)


def glow(paint: Paint, sigma: float, amount: float) -> Paint:
    """Light spilling over: a blurred copy screened on the picture."""
    spill = blur(paint, sigma) * amount
    return np.asarray(1.0 - (1.0 - paint) * (1.0 - spill), dtype=np.float32)
