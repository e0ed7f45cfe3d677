"""From what the network painted at working size to the result: size, colours, mask, alpha and depth, strip by strip."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pastiche.pixels import PixelBuffer
from pastiched.engines.base import Callbacks, EngineJob
from pastiched.engines.inputs import Photograph
from pastiched.imaging.colour import keep_chroma
from pastiched.imaging.scale import Enlargement, detail_gain, resize, strips
from pastiched.imaging.tensors import DEPTHS, PictureCanvas, PictureView


def finish(
    job: EngineJob,
    photograph: Photograph,
    pastiche: Tensor,
    strength: float,
    wrap: tuple[bool, bool],
    callbacks: Callbacks,
    begin: float = 0.8,
) -> PixelBuffer:
    """`pastiche` and `strength` (0..1) as the network had them; tells progress from `begin` to 1."""
    view = photograph.view
    height, width = view.shape
    canvas = PictureCanvas(width, height, job.content.format.channels, DEPTHS[job.options["depth"]])
    mask = PictureView(job.mask) if job.mask is not None else None
    if mask is not None:
        mask.check_finite()
    enlarge = _enlarger(photograph, pastiche, strength, wrap)
    for first, count in strips(height, width):
        callbacks.check()
        callbacks.progress("finish", begin + (1 - begin) * first / height)
        original = photograph.rows(first, count)
        out = enlarge(first, count, original)
        if job.options["colour"] == "keep":
            out = keep_chroma(out.clamp_(0, 1), original)
        if mask is not None:
            out = torch.lerp(original, out.clamp_(0, 1), mask.rows(first, count))
        canvas.put(first, out)
        if view.has_alpha:
            view.alpha_into(canvas.array[first : first + count, :, 3], first, canvas.format.depth)
    return canvas.buffer()


def _enlarger(
    photograph: Photograph, pastiche: Tensor, strength: float, wrap: tuple[bool, bool]
) -> Callable[[int, int, Tensor], Tensor]:
    """A function (first row, rows, the photograph's rows) -> the pastiche's rows at full size."""
    height, width = photograph.view.shape
    small, size = photograph.small, photograph.size
    if (size.width, size.height) == (width, height):
        return lambda first, count, _: pastiche[:, :, first : first + count].clone()
    if size.width * size.height > width * height:
        # The network worked on an enlarged picture: average back, with what enlarging and averaging lost.
        reduced, lost = resize(pastiche, width, height), resize(small, width, height)
        return lambda first, count, original: (
            reduced[:, :, first : first + count] + (1 - strength) * (original - lost[:, :, first : first + count])
        )
    gain = torch.lerp(torch.ones(()), detail_gain(pastiche, small, wrap), strength)
    # pastiche + gain x (original - small), with everything small gathered before it is enlarged.
    wide = Enlargement(torch.cat([pastiche - gain * small, gain], 1), width, height, wrap)

    def rows(first: int, count: int, original: Tensor) -> Tensor:
        strip = wide.rows(first, count)
        return strip[:, :3].addcmul_(strip[:, 3:], original)

    return rows
