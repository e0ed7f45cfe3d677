"""From what the network painted at working size to the result: size, colours, mask, alpha and depth, strip by strip."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from pastiche.pixels import PixelBuffer
from pastiched.engines.base import Callbacks, EngineJob
from pastiched.engines.inputs import Photograph
from pastiched.imaging.colour import Light, keep_chroma, keep_light
from pastiched.imaging.detail import crisp, detail_gain, half_band
from pastiched.imaging.scale import Enlargement, Rows, resample, strips
from pastiched.imaging.tensors import DEPTHS, PictureCanvas, PictureView

Enlarge = Callable[[int, int], Tensor]
"""(first row, rows) -> the pastiche's rows at full size, which may be changed."""
SOFT_FROM = 1.25
"""Enlargement from which what the network's upsampling leaves at the finest is seen."""
DOUBLED_AGAIN = 2_000_000
"""Pixels up to which paint is worth doubling a second time before it is brought to the picture's size."""


def finish(
    job: EngineJob,
    photograph: Photograph,
    pastiche: Rows,
    strength: float,
    wrap: tuple[bool, bool],
    callbacks: Callbacks,
    begin: float = 0.8,
    soft: bool = False,
) -> PixelBuffer:
    """`pastiche`, at the size the network works at, and `strength` (0..1) as the network had it; tells progress from
    `begin` to 1.

    `soft`: the pastiche is the network's own, not refined: it has nothing finer than four pixels a period, only the
    weave that its upsampling leaves. Where it is enlarged, that is smoothed away and edges become crisp; and a broad
    brush leaves out the photograph's detail.
    """
    view = photograph.view
    height, width = view.shape
    if job.options["colour"] == "keep":
        pastiche = _in_kept_light(photograph, pastiche, callbacks)
    canvas = PictureCanvas(width, height, job.content.format.channels, DEPTHS[job.options["depth"]])
    mask = PictureView(job.mask) if job.mask is not None else None
    if mask is not None:
        mask.check_finite()
    # Asked for up to three times for a strip, or not at all.
    original = functools.lru_cache(1)(photograph.rows)
    if strength == 0:
        enlarge: Enlarge = lambda first, count: original(first, count).clone()  # noqa: E731
    elif photograph.own_size:
        enlarge = lambda first, count: pastiche(first, count).clone()  # noqa: E731
    else:
        detail = min(1.0, (100 / job.options["brush_size"]) ** 1.5) if soft else 1.0
        whole = pastiche(0, photograph.size.height)
        enlarge = _enlarger(photograph, original, whole, strength, wrap, detail, soft)
    for first, count in strips(height, width):
        callbacks.between_steps()
        callbacks.progress("finish", begin + (1 - begin) * first / height)
        out = enlarge(first, count)
        if job.options["colour"] == "keep":
            out = keep_chroma(out.clamp_(0, 1), original(first, count))
        if mask is not None:
            out = torch.lerp(original(first, count), out.clamp_(0, 1), mask.rows(first, count))
        canvas.put(first, out)
        if view.has_alpha:
            view.alpha_into(canvas.array[first : first + count, :, 3], first, canvas.format.depth)
    return canvas.buffer()


def _in_kept_light(photograph: Photograph, pastiche: Rows, callbacks: Callbacks) -> Rows:
    """The pastiche with the photograph's light."""
    own, wanted = Light(), Light()
    for first, count in strips(photograph.size.height, photograph.size.width):
        callbacks.check()
        own.add(pastiche(first, count))
        wanted.add(photograph.working_rows(first, count))
    return lambda first, count: keep_light(pastiche(first, count), own, wanted)


def _enlarger(
    photograph: Photograph, original: Rows, pastiche: Tensor, strength: float, wrap: tuple[bool, bool], detail: float,
    soft: bool,
) -> Enlarge:  # fmt: skip
    """Pastiche + gain x (photograph - photograph at working size), where `detail` limits the gain. What is small is
    gathered before it is enlarged: so paint gets crisp edges only where the photograph does not give its own.
    """
    height, width = photograph.view.shape
    small = photograph.small
    soft = soft and width >= SOFT_FROM * pastiche.shape[3]
    if soft:
        pastiche, small = half_band(pastiche, wrap), half_band(small, wrap)
    gain = torch.lerp(torch.ones(()), detail * detail_gain(pastiche, small, wrap), strength)
    paint = pastiche - gain * small
    if soft:
        paint = _crisped(paint, width, wrap)
    if width < paint.shape[3]:
        paint, gain = resample(paint, width, height), resample(gain, width, height)
        return lambda first, count: (
            paint[:, :, first : first + count] + gain[:, :, first : first + count] * original(first, count)
        )
    wide_paint, wide_gain = (Enlargement(x, width, height, wrap) for x in (paint, gain))
    return lambda first, count: wide_paint.rows(first, count).addcmul_(
        wide_gain.rows(first, count), original(first, count)
    )


def _crisped(paint: Tensor, width: int, wrap: tuple[bool, bool]) -> Tensor:
    """At its own size or doubled, and what is small doubled again, as long as it stays within `width`."""
    paint = crisp(paint, 2 if width >= 2 * paint.shape[3] else 1, wrap)
    while width >= 2 * paint.shape[3] and paint.shape[2] * paint.shape[3] <= DOUBLED_AGAIN:
        paint = crisp(paint, 2, wrap)
    return paint
