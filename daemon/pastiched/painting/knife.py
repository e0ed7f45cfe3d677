"""Harbour knife: fishing boats in a burning evening harbour, slabs of paint laid with a palette knife."""

import numpy as np

from .canvas import light_relief, silhouette
from .fields import Field, Paint, blur, grid, noise, slope, smoothstep
from .palette import colour, mix, ramp, vary


def _scene(rng: np.random.Generator, width: int, height: int) -> tuple[Paint, Field]:
    """Colours, and the slabs' directions."""
    x, y = grid(width, height)
    shore = 0.50
    cloud = noise(rng, width, height, 130, 4, stretch=2.6)
    sun = np.hypot(x - 0.86, (y - 0.40) * 1.1)
    sky = ramp("fff3c0 ffd05a f88a3a d84a4a 8a3a7a 3f3a80 26356a", np.clip(sun * 1.12 + 0.10 * cloud, 0, 1))
    sky = mix(
        sky,
        ramp("5a4a90 e07a6a ffd890", np.clip(0.75 - sun * 0.9 + 0.2 * cloud, 0, 1)),
        smoothstep(0.4, 1.1, cloud) * 0.8,
    )
    sky = mix(sky, colour("fffbe0"), smoothstep(0.062, 0.05, sun))
    paint, angle = sky, (0.35 * cloud - 0.2).astype(np.float32)
    left = -0.02
    while left < width / height:
        wide, tall = (
            rng.uniform(0.035, 0.085),
            rng.uniform(0.05, 0.16) * (1.0 - 0.6 * np.exp(-(((left - 0.84) / 0.2) ** 2))),
        )
        box = np.array(
            [(left, shore), (left, shore - tall), (left + wide, shore - tall), (left + wide, shore)], dtype=np.float32
        )
        roof = np.array(
            [
                (left - 0.006, shore - tall),
                (left + wide * 0.5, shore - tall - rng.uniform(0.015, 0.05)),
                (left + wide + 0.006, shore - tall),
            ],
            dtype=np.float32,
        )
        wall = rng.choice(["c8705a", "e0a060", "6a5a90", "f0c890", "8a4a5a", "4a6a90"])
        mask = silhouette(width, height, [box])
        paint = mix(paint, colour(str(wall)), mask)
        paint = mix(paint, colour("7a2f3a"), silhouette(width, height, [roof]))
        for row in np.arange(shore - tall + 0.015, shore - 0.02, 0.03):
            for column in np.arange(left + 0.010, left + wide - 0.012, 0.022):
                pane = np.array(
                    [(column, row), (column + 0.010, row), (column + 0.010, row + 0.015), (column, row + 0.015)],
                    dtype=np.float32,
                )
                paint = mix(
                    paint, colour("ffdf80" if rng.random() < 0.5 else "3a3560"), silhouette(width, height, [pane])
                )
        angle = np.where(mask > 0.5, np.pi / 2, angle)
        left += wide * rng.uniform(0.8, 1.0)
    boats = (
        (0.30, 0.70, 0.30, "1f4f7a", "f4e6d0"),
        (1.06, 0.66, 0.24, "b03a2a", "ffd9a0"),
        (0.68, 0.585, 0.14, "2a6a6a", "f0c0a0"),
        (0.95, 0.88, 0.36, "20406a", "f8f0e0"),
    )
    for bx, by, size, hull_tint, sail_tint in boats:
        s = size
        hull = [
            (bx - 0.5 * s, by - 0.10 * s),
            (bx + 0.58 * s, by - 0.14 * s),
            (bx + 0.42 * s, by + 0.07 * s),
            (bx - 0.38 * s, by + 0.07 * s),
        ]
        stripe = [
            (bx - 0.49 * s, by - 0.10 * s),
            (bx + 0.57 * s, by - 0.14 * s),
            (bx + 0.55 * s, by - 0.10 * s),
            (bx - 0.47 * s, by - 0.065 * s),
        ]
        cabin = [
            (bx - 0.32 * s, by - 0.11 * s),
            (bx - 0.30 * s, by - 0.28 * s),
            (bx - 0.08 * s, by - 0.28 * s),
            (bx - 0.06 * s, by - 0.12 * s),
        ]
        mast = [
            (bx + 0.04 * s, by - 0.12 * s),
            (bx + 0.045 * s, by - 1.0 * s),
            (bx + 0.07 * s, by - 1.0 * s),
            (bx + 0.08 * s, by - 0.12 * s),
        ]
        sail = [(bx + 0.09 * s, by - 0.92 * s), (bx + 0.46 * s, by - 0.26 * s), (bx + 0.09 * s, by - 0.22 * s)]
        for outline, tint, turn in (
            (mast, "3a2030", 1.57),
            (sail, sail_tint, 1.1),
            (cabin, "f0d0a0", 1.57),
            (hull, hull_tint, -0.05),
            (stripe, "fff0d0", -0.05),
        ):
            mask = silhouette(width, height, [np.array(outline, dtype=np.float32)])
            paint = mix(paint, colour(tint), mask)
            angle = np.where(mask > 0.5, turn, angle)
    water = smoothstep(shore - 0.002, shore + 0.002, y) * (1 - _boat_cover(boats, width, height))
    ripple = noise(rng, width, height, 22, 3, stretch=7.0)
    depth = np.clip((y - shore) / (1 - shore), 0, 1)
    rows = np.clip((shore - (y - shore) * 0.85) * height + ripple * (2 + 16 * depth), 0, height - 1).astype(np.intp)
    columns = np.clip(np.arange(width)[None, :] + ripple * (4 + 16 * depth), 0, width - 1).astype(np.intp)
    mirrored = paint[rows, columns] * np.array([0.95, 0.76, 0.70], dtype=np.float32)
    sea = mix(mirrored, ramp("152a5a 1f5a80 3fa0a0", np.clip(0.45 + 0.28 * ripple, 0, 1)), 0.18 + 0.42 * depth)
    glitter = np.exp(-(((x - 0.86) / (0.05 + 0.13 * depth)) ** 2)) * smoothstep(-0.3, 0.6, ripple)
    sea = mix(sea, colour("ffcf60"), glitter * 0.9)
    paint = mix(paint, sea, water)
    return paint, np.where(water > 0.5, 0.06 * ripple, angle).astype(np.float32)


def _boat_cover(boats: tuple[tuple[float, float, float, str, str], ...], width: int, height: int) -> Field:
    outlines = []
    for bx, by, s, _, _ in boats:
        hull = ((-0.5, -0.10), (-0.3, -0.28), (-0.07, -0.28), (0.04, -0.13), (0.045, -1.0))
        sail = ((0.09, -0.92), (0.46, -0.26), (0.58, -0.14), (0.42, 0.07), (-0.38, 0.07))
        outlines.append((np.array(hull + sail) * s + (bx, by)).astype(np.float32))
    return silhouette(width, height, outlines)


def _slabs(
    rng: np.random.Generator,
    paint: Paint,
    relief: Field,
    scene: Paint,
    angle: Field,
    size: tuple[float, float],
    count: int,
    where: Field,
) -> None:
    """Lays `count` slabs of (length, width) px in place: streaks, ragged ends, ridges where the knife's edge ran."""
    height, width = relief.shape
    starts = rng.random((count, 2)) * (width, height)
    chosen = rng.random(count) < where[starts[:, 1].astype(np.intp), starts[:, 0].astype(np.intp)]
    starts = starts[chosen]
    rows, columns = starts[:, 1].astype(np.intp), starts[:, 0].astype(np.intp)
    own = vary(rng, scene[rows, columns], 0.10, 0.12, 0.05)
    for (cx, cy), tint, turn in zip(starts, own, angle[rows, columns] + rng.normal(0, 0.16, len(starts)), strict=True):
        length, wide = size[0] * rng.uniform(0.6, 1.3) / 2, size[1] * rng.uniform(0.6, 1.3) / 2
        along = np.array([np.cos(turn), np.sin(turn)])
        for _ in range(2):
            tips = np.array([(cx, cy) - along * length * 0.8, (cx, cy) + along * length * 0.8])
            tip_x, tip_y = (
                np.clip(tips[:, 0], 0, width - 1).astype(np.intp),
                np.clip(tips[:, 1], 0, height - 1).astype(np.intp),
            )
            if float(np.abs(scene[tip_y, tip_x] - scene[int(cy), int(cx)]).max()) > 0.30:
                length, wide = length * 0.55, max(1.6, wide * 0.75)
        reach = int(np.hypot(length, wide)) + 2
        left, top, right, bottom = (
            max(0, int(cx) - reach),
            max(0, int(cy) - reach),
            min(width, int(cx) + reach),
            min(height, int(cy) + reach),
        )
        dx = np.arange(left, right, dtype=np.float32)[None, :] - cx
        dy = np.arange(top, bottom, dtype=np.float32)[:, None] - cy
        u = (dx * np.cos(turn) + dy * np.sin(turn)) / length
        v = (dy * np.cos(turn) - dx * np.sin(turn)) / wide
        lanes = rng.normal(0, 1, 24).astype(np.float32)
        lanes = (lanes + np.roll(lanes, 1)) * 0.7
        lane = np.clip((v * 0.5 + 0.5) * 23, 0, 23).astype(np.intp)
        streak = lanes[lane]
        ragged = 0.05 * length**0.5 / 5.0
        ends = np.minimum(1.0 - 2.2 * ragged * np.abs(streak) - u, u + 1.0 - ragged * streak) * length
        cover = np.clip(np.minimum((1.0 - np.abs(v)) * wide, ends) + 0.5, 0.0, 1.0).astype(np.float32)
        # A knife picks up two colours and does not mix them: the second comes from where the slab ends.
        far_x, far_y = (
            np.clip(cx + np.cos(turn) * length * 1.6, 0, width - 1),
            np.clip(cy + np.sin(turn) * length * 1.6, 0, height - 1),
        )
        second = scene[int(far_y), int(far_x)]
        if float(np.abs(second - tint).max()) > 0.35:
            second = np.clip(tint * 1.25 + 0.05, 0, 1)
        share = np.clip(0.28 + 0.30 * streak + 0.15 * u, 0, 1) * cover
        body = tint * (1.0 + 0.05 * streak)[..., None]
        part = paint[top:bottom, left:right]
        part += (mix(body.astype(np.float32), second.astype(np.float32), share) - part) * cover[..., None]
        ridge = 0.55 * np.abs(v) ** 8 + 0.75 * np.clip(u, 0, 1) ** 6
        thick = 0.35 + ridge + 0.10 * streak + 0.10 * float(rng.random())
        under = relief[top:bottom, left:right]
        under += (thick + 0.25 * under - under) * cover


def paint_knife(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    scene, angle = _scene(rng, width, height)
    paint = mix(scene * 0.75, colour("5a2f2a"), 0.15)
    relief = (0.1 * noise(rng, width, height, 4, 2)).astype(np.float32)
    right, down = slope(blur(scene, 1.5).mean(axis=2))
    edges = np.hypot(right, down)
    detail = np.clip(blur((edges / np.quantile(edges, 0.94)).astype(np.float32), 3.0), 0.02, 1.0)
    everywhere = np.ones_like(relief)
    area = width * height
    for size, density, where in (
        ((96.0, 36.0), 3.4, everywhere),
        ((62.0, 22.0), 1.8, np.clip(0.55 + detail, 0, 1)),
        ((34.0, 12.0), 2.6, np.clip(detail * 1.2, 0.06, 1)),
        ((18.0, 6.0), 3.2, np.clip(detail - 0.12, 0, 1)),
        ((10.0, 4.0), 2.5, np.clip(detail - 0.25, 0, 1)),
    ):
        _slabs(
            rng, paint, relief, scene, angle, size, int(density * area / (size[0] * size[1])), where.astype(np.float32)
        )
    weave = 0.05 * noise(rng, width, height, 3, 1)
    return light_relief(np.clip(paint, 0, 1).astype(np.float32), blur(relief, 0.8) + weave, 0.8, 0.6)
