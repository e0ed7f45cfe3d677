"""Lighthouse engraving: a lighthouse in a storm, cut in crossing lines and tinted by hand."""

import numpy as np

from .canvas import below, disc, ribbon, silhouette, spline, tooth
from .fields import Field, Paint, blur, grid, noise, ridge, smoothstep
from .palette import colour, mix, ramp

COARSENESS = 1.35
"""How much wider the lines lie than they are named below: a style's marks must be seen at a glance."""


def _lines(phase: Field, ink: Field, spacing: float) -> Field:
    """Engraved lines, 0..1: the level lines of `phase` (px), each as thick as `ink` (0..1) asks for."""
    spacing = spacing * COARSENESS
    right, down = np.gradient(phase)
    stretch = np.clip(np.hypot(right, down), 0.3, 3.0)
    # Where the phase runs faster than a pixel per pixel the cut stays as sharp: distances are divided by its slope.
    off = np.abs((phase / spacing) % 1.0 - 0.5) * 2.0
    edge = 1.4 * stretch / spacing
    return np.asarray(smoothstep(-1.0, 1.0, (np.clip(ink, 0, 1) * 1.06 - off) / edge * 1.6 - 0.1), dtype=np.float32)


def paint_engraving(rng: np.random.Generator, width: int, height: int) -> Paint:
    """The picture (h, w, 3)."""
    x, y = grid(width, height)
    px, py = x * height, y * height
    swirl = noise(rng, width, height, 260, 3)
    billow = noise(rng, width, height, 190, 5, stretch=1.4)
    lamp_x, lamp_y = 0.955, 0.235

    # Sky: billowing clouds modelled by bent lines, split by the beam.
    shade = blur(billow - np.roll(billow, (9, 9), (0, 1)), 4.0) * 2.6
    tone = np.clip(0.48 + 0.18 * billow + shade - 0.25 * y, 0.04, 0.97)
    turn = np.arctan2(y - lamp_y, x - lamp_x)
    far = np.hypot(x - lamp_x, y - lamp_y)
    beam = np.zeros_like(x)
    for direction, spread in ((np.pi - 0.10, 0.115), (0.16, 0.13)):
        off = np.abs(np.angle(np.exp(1j * (turn - direction)))).astype(np.float32)
        beam = np.maximum(beam, smoothstep(spread, spread * 0.72, off))
    beam *= np.exp(-far * 0.55)
    halo = np.exp(-((far / 0.085) ** 2))
    tone = np.clip(tone * (1 - 0.80 * beam) - 0.5 * halo, 0.02, 0.97)
    phase = py + 26 * billow + 14 * swirl
    cross = px * 0.62 + py * 0.62 + 18 * billow
    sheet = _lines(phase, tone * 0.80 + 0.06, 6.4)
    sheet = np.maximum(sheet, _lines(cross, (tone - 0.42) * 1.15, 6.4))
    tint = ramp("e8dcc0 cfd0c4 8fa8b4 56748c 34506e", np.clip(tone * 1.05, 0, 1))
    tint = mix(tint, colour("f6d98a"), np.clip(beam * 0.75 + halo, 0, 1))
    rain = _lines(
        px * 0.9 + py * 0.34 + 6 * swirl, np.clip(0.28 * noise(rng, width, height, 130, 3) - 0.12, 0, 0.3), 9.0
    )
    sheet = np.maximum(sheet, rain * (1 - beam))

    # Sea: rows of swells; lines follow each crest, foam is left white.
    for i, base in enumerate((0.60, 0.645, 0.70, 0.765, 0.84, 0.925)):
        swell = ridge(rng, width, 0.0, 0.012 + 0.004 * i, height * (0.20 + 0.06 * i), 4)
        wave_x = np.arange(width, dtype=np.float32) / height
        crest = base + swell + (0.012 + 0.006 * i) * (1 - 2 * np.abs(np.sin(wave_x * (7.5 - 0.8 * i) + i * 1.7)) ** 0.8)
        cover = below(crest.astype(np.float32), y, height)
        deep = np.clip(y - crest[None, :], 0, 1) / (0.055 + 0.012 * i)
        chop = noise(rng, width, height, 40 + 8 * i, 4, stretch=2.5)
        wave_tone = np.clip(0.10 + 0.95 * deep - 0.30 * deep**2 + 0.17 * chop, 0.0, 0.98)
        foam = smoothstep(0.5, 1.1, noise(rng, width, height, 26, 4, stretch=2.0) - deep * 2.4 + 0.9)
        wave_tone *= 1 - 0.92 * foam
        flow = (y - 0.75 * crest[None, :]) * height + 7 * chop
        cut = _lines(flow.astype(np.float32), wave_tone * 0.85, 5.4 + 0.35 * i)
        cut = np.maximum(cut, _lines(px * 0.5 - py * 0.9 + 9 * chop, (wave_tone - 0.60) * 1.3, 5.6))
        rim = np.exp(-((((y - crest[None, :]) * height) / 1.5) ** 2)) * smoothstep(-0.6, 0.2, chop + 0.4)
        sheet = np.where(cover > 0.5, np.maximum(cut, rim), sheet).astype(np.float32)
        water = ramp("f2ead4 a9cbc0 4f9a98 1f6a78 164a60", np.clip(wave_tone * 1.1, 0, 1))
        tint = mix(tint, water, cover)

    sheet, tint = _rock(rng, sheet, tint, x, y)
    sheet, tint = _tower(sheet, tint, x, y, lamp_x, lamp_y)
    gulls = [
        ribbon(
            spline(
                [
                    (gx - s, gy - 0.3 * s),
                    (gx - 0.4 * s, gy - 0.5 * s),
                    (gx, gy),
                    (gx + 0.45 * s, gy - 0.6 * s),
                    (gx + s, gy - 0.45 * s),
                ]
            ),
            0.16 * s,
        )
        for gx, gy, s in (
            (0.36, 0.44, 0.024),
            (0.45, 0.40, 0.018),
            (0.28, 0.36, 0.016),
            (0.54, 0.47, 0.015),
            (1.18, 0.42, 0.020),
        )
    ]
    sheet = np.maximum(sheet, silhouette(width, height, gulls))
    relief = tooth(rng, width, height, 4.0)
    paper = colour("f1e6cb") * (1.0 + 0.03 * noise(rng, width, height, 300, 4) + 0.03 * (relief - 0.5))[..., None]
    uneven = np.clip(0.78 + 0.10 * noise(rng, width, height, 110, 4) + 0.12 * (0.5 - relief), 0.2, 1)
    washed = paper * (1 - uneven[..., None] * (1 - tint))
    ink = sheet * np.clip(0.93 + 0.05 * noise(rng, width, height, 4, 2) - 0.10 * (relief > 0.93), 0, 1)
    return np.clip(mix(washed.astype(np.float32), colour("191a24"), ink.astype(np.float32)), 0, 1)


def _rock(rng: np.random.Generator, sheet: Field, tint: Paint, x: Field, y: Field) -> tuple[Field, Paint]:
    """The cliff: faceted planes, each hatched its own way."""
    height, width = x.shape
    wave_x = np.arange(width) / height
    top = (
        0.60
        + 0.48 * smoothstep(0.18, 0.52, np.abs(wave_x - 1.0).astype(np.float32))
        + ridge(rng, width, 0, 0.012, 90, 5)
    )
    cover = below(top.astype(np.float32), y, height)
    facets = noise(rng, width, height, 90, 4) + 0.8 * noise(rng, height, width, 60, 3, stretch=2.0).T
    plane = np.floor(facets * 2.2)
    lit = np.clip(0.52 + 0.23 * np.sin(plane * 2.4) + (x - 1.0) * 0.9 + 0.14 * facets, 0.03, 0.98)
    turn = plane * 0.9 + 0.7
    phase = (x * np.cos(turn) + y * np.sin(turn)) * height + 5 * facets
    cut = np.maximum(
        _lines(phase.astype(np.float32), lit * 0.9, 5.2), _lines((x * 0.8 - y * 0.6) * height, (lit - 0.55) * 1.6, 5.0)
    )
    crack = np.abs(facets * 2.2 - np.round(facets * 2.2)) < 0.045
    cut = np.maximum(cut, crack * 0.9)
    rim = np.exp(-((((y - top[None, :]) * height) / 2.0) ** 2))
    sheet = np.where(cover > 0.5, np.maximum(cut, rim), sheet).astype(np.float32)
    stone = ramp("f0d8a8 d8a870 a8704f 6a4a48 43384a", np.clip(lit + 0.05 * facets, 0, 1))
    grass = smoothstep(0.05, 0.0, y - top[None, :] - 0.012 * facets)
    return sheet, mix(tint, mix(stone, colour("8f9a4a"), grass * 0.8), cover)


def _tower(sheet: Field, tint: Paint, x: Field, y: Field, lamp_x: float, lamp_y: float) -> tuple[Field, Paint]:
    """The lighthouse: a tapered round tower with red bands, gallery, lantern and dome."""
    height, width = x.shape
    foot = 0.625
    half = 0.030 + 0.030 * np.clip((y - lamp_y) / (foot - lamp_y), 0, 1)
    tower = silhouette(
        width,
        height,
        [
            np.array(
                [
                    (lamp_x - 0.032, lamp_y + 0.04),
                    (lamp_x + 0.032, lamp_y + 0.04),
                    (lamp_x + 0.062, foot),
                    (lamp_x - 0.062, foot),
                ],
                dtype=np.float32,
            )
        ],
    )
    side = np.clip((x - lamp_x) / half, -1, 1)
    tone = np.clip(0.10 + 0.85 * smoothstep(-0.5, 1.0, side), 0, 0.95)
    bands = np.sin((y - lamp_y - 0.06) / (foot - lamp_y) * 24.0) > 0
    bent = (y + 0.012 * (1 - side**2)) * height
    cut = np.maximum(
        _lines(bent.astype(np.float32), tone * 0.85 + bands * 0.10, 4.6),
        _lines(x * height + 0 * y, (tone - 0.6) * 1.8, 4.6),
    )
    sheet = np.where(tower > 0.5, cut, sheet).astype(np.float32)
    tint = mix(tint, np.where(bands[..., None], colour("d2452e"), colour("faf2dc")).astype(np.float32), tower)
    parts = (
        ([(-0.045, 0.030), (0.045, 0.030), (0.040, 0.044), (-0.040, 0.044)], "5a4a48", True),
        ([(-0.026, -0.022), (0.026, -0.022), (0.026, 0.030), (-0.026, 0.030)], "ffe27a", False),
        ([(-0.032, -0.022), (-0.020, -0.044), (0.0, -0.054), (0.020, -0.044), (0.032, -0.022)], "b03a2a", True),
    )
    for outline, code, hatched in parts:
        drawn = np.array(outline, dtype=np.float32) + np.array([lamp_x, lamp_y], dtype=np.float32)
        mask = silhouette(width, height, [drawn])
        tint = mix(tint, colour(code), mask)
        lines = (
            _lines((x * 0.3 + y) * height, np.clip(0.35 + 6 * (x - lamp_x), 0.05, 0.9), 3.6)
            if hatched
            else np.zeros_like(x)
        )
        sheet = np.where(mask > 0.5, lines, sheet)
        sheet = np.maximum(sheet, silhouette(width, height, [ribbon(np.concatenate([drawn, drawn[:1]]), 0.0035)]))
    bars = [
        ribbon(np.array([(lamp_x + b, lamp_y - 0.022), (lamp_x + b, lamp_y + 0.03)], dtype=np.float32), 0.0025)
        for b in (-0.013, 0.0, 0.013)
    ]
    spike = ribbon(np.array([(lamp_x, lamp_y - 0.05), (lamp_x, lamp_y - 0.085)], dtype=np.float32), 0.004)
    windows = [disc(lamp_x - 0.008, lamp_y + d, 0.009, 1.6) for d in (0.11, 0.20, 0.29)]
    edges = [
        ribbon(np.array([(lamp_x + s * 0.032, lamp_y + 0.044), (lamp_x + s * 0.062, foot)], dtype=np.float32), 0.003)
        for s in (-1, 1)
    ]
    return np.maximum(sheet, silhouette(width, height, [*bars, spike, *windows, *edges])).astype(np.float32), tint
