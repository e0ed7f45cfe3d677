"""Small line charts as SVG: raw values faint, a smoothed line over them, phases of the run as shades behind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

WIDTH, HEIGHT = 420, 230
LEFT, RIGHT, TOP, BOTTOM = 58, 26, 46, 30
COLUMNS = 3
MOST_POINTS = 400
"""A curve of more points is drawn by the least and the greatest of each stretch."""
FEW_POINTS = 40
LEAST, MOST = 1e-290, 1e280
"""Values beyond are drawn at the rim: their differences could not be computed."""
OUTLIERS = 0.01
"""So many of the values at either end may lie outside, where they are far from all others: one spike does not flatten
the curve."""

STYLE = """\
.chart { --paper: #ffffff; --ink: #24292f; --faint: #6b7280; --rule: #e3e6ea; --line: #1f6fb2; --shade: #f2f5f8; }
@media (prefers-color-scheme: dark) {
  .chart { --paper: #16191d; --ink: #e6e8eb; --faint: #9aa3ad; --rule: #2c3238; --line: #7db8f0; --shade: #1e2329; }
}
.chart text { font: 11px system-ui, sans-serif; fill: var(--faint); }
.chart .title { font-size: 13px; font-weight: 600; fill: var(--ink); }
.chart .paper { fill: var(--paper); }
.chart .phase { fill: var(--shade); }
.chart .rule { stroke: var(--rule); }
.chart .raw { fill: none; stroke: var(--line); stroke-opacity: 0.35; }
.chart .smooth { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
.chart .point { fill: var(--line); }
"""


@dataclass(frozen=True)
class Curve:
    """One figure of a run: `values`, all finite, at `steps`, which rise."""

    name: str
    steps: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True)
class Span:
    """A phase of the run, from one step to another."""

    name: str
    first: float
    last: float


def draw_sheet(curves: Sequence[Curve], spans: Sequence[Span], title: str) -> str:
    """All charts in one SVG file, three in a row."""
    columns = max(1, min(COLUMNS, len(curves)))
    rows = math.ceil(len(curves) / columns)
    width, height = columns * WIDTH, 40 + max(1, rows) * HEIGHT
    charts = [
        draw(curve, spans, k % columns * WIDTH, 40 + k // columns * HEIGHT) for k, curve in enumerate(curves)
    ] or ['<text x="12" y="60">No figures yet.</text>']
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}">\n<style>\n{STYLE}</style>\n<rect class="paper" width="{width}" height="{height}"/>\n'
        f'<text class="title" x="12" y="26">{escape(title)}</text>\n' + "\n".join(charts) + "\n</svg>\n"
    )


def draw(curve: Curve, spans: Sequence[Span], x: int = 0, y: int = 0) -> str:
    """One chart as an SVG element of 420 x 230 at (x, y) of what it is put into; at least one point is needed."""
    values = [max(-MOST, min(MOST, value)) for value in curve.values]
    low, high = value_range(values)
    smooth = smoothed(values, low, high)
    first, last = min(curve.steps[0], *(s.first for s in spans), 0), max(curve.steps[-1], 1)
    frame = _Frame(first, last, low, high)
    name, latest = escape(curve.name), escape(readable(smooth[-1]))
    parts = [
        f'<svg class="chart" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' role="img" aria-label="{name}, now {latest}">',
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        *_shades(frame, spans),
        f'<text class="title" x="12" y="20">{name}</text>',
        f'<text x="{WIDTH - RIGHT}" y="20" text-anchor="end">{latest}</text>',
        *_axes(frame),
        *_lines(frame, curve.steps, values, smooth),
        "</svg>",
    ]
    return "\n".join(parts)


def value_range(values: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest value to be shown, never the same."""
    ranked, outside = sorted(values), int(OUTLIERS * len(values))
    least, greatest = ranked[outside], ranked[-1 - outside]
    low, high = (max(ranked[0], least - (greatest - least) / 2), min(ranked[-1], greatest + (greatest - least) / 2))
    if high - low <= max(LEAST, 1e-9 * max(abs(low), abs(high))):
        margin = abs(high) / 10 or 1.0
        return low - margin, high + margin
    return low, high


def smoothed(values: Sequence[float], low: float, high: float) -> list[float]:
    """Means over about a fortieth of the curve round each point, of values cut to what is shown."""
    half = len(values) // 80
    sums = [0.0, *accumulate(min(high, max(low, value)) for value in values)]
    out = []
    for k in range(len(values)):
        begin, end = max(0, k - half), min(len(values), k + half + 1)
        out.append((sums[end] - sums[begin]) / (end - begin))
    return out


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` + 1 round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999), 10 * power)
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def readable(value: float, apart: float | None = None) -> str:
    """`1,250`, `0.31`, `2e-07`: with the digits that tell numbers `apart` from each other, otherwise three."""
    size = abs(value)
    if not size:
        return "0"
    if max(size, apart or 0) >= 1e7 or 0 < (apart or size) < 1e-4:
        return f"{value:.2e}" if apart is None else f"{value:.1e}"
    apart = apart or max(size, 1e-4) / 100
    digits = max(0, -math.floor(math.log10(apart) + 1e-9))
    return f"{value:,.{min(digits, 9)}f}"


@dataclass(frozen=True)
class _Frame:
    """Steps and values as places on the chart, px."""

    first: float
    last: float
    low: float
    high: float

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        share = (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _shades(frame: _Frame, spans: Sequence[Span]) -> list[str]:
    parts = []
    for k, span in enumerate(spans):
        left, right = frame.x(span.first), frame.x(min(span.last, frame.last))
        if k % 2 == 0:
            size = f'width="{max(0.0, right - left):.1f}" height="{HEIGHT - TOP - BOTTOM}"'
            parts.append(f'<rect class="phase" x="{left:.1f}" y="{TOP}" {size}/>')
        name = span.name[: max(0, int((right - left) / 6.2))]
        if len(name) > 2:
            parts.append(f'<text x="{left + 3:.1f}" y="{TOP - 6}">{escape(name)}</text>')
    return parts


def _axes(frame: _Frame) -> list[str]:
    parts = []
    marks = ticks(frame.low, frame.high, 6)
    apart = marks[1] - marks[0] if len(marks) > 1 else None
    for value in marks:
        y = frame.y(value)
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        label = escape(readable(value, apart))
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for step in ticks(frame.first, frame.last, 4):
        if step == int(step):
            x = frame.x(step)
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{int(step):,}</text>')
    parts.append(f'<text x="12" y="{HEIGHT - BOTTOM + 16}">step</text>')
    return parts


def _lines(frame: _Frame, steps: Sequence[float], values: Sequence[float], smooth: Sequence[float]) -> list[str]:
    if len(values) <= FEW_POINTS:
        places = [f"{frame.x(s):.1f},{frame.y(v):.1f}" for s, v in zip(steps, values, strict=True)]
        points = [f'<circle class="point" r="2.5" cx="{p.split(",")[0]}" cy="{p.split(",")[1]}"/>' for p in places]
        return [f'<polyline class="smooth" points="{" ".join(places)}"/>', *points]
    raw: list[str] = []
    line: list[str] = []
    length = math.ceil(len(values) / MOST_POINTS)
    for begin in range(0, len(values), length):
        stretch = range(begin, min(begin + length, len(values)))
        ends = {min(stretch, key=lambda k: values[k]), max(stretch, key=lambda k: values[k])}
        raw.extend(f"{frame.x(steps[k]):.1f},{frame.y(values[k]):.1f}" for k in sorted(ends))
        line.append(f"{frame.x(steps[stretch[-1]]):.1f},{frame.y(smooth[stretch[-1]]):.1f}")
    return [
        f'<polyline class="raw" points="{" ".join(raw)}"/>',
        f'<polyline class="smooth" points="{" ".join(line)}"/>',
    ]
