"""Large pictures are painted a second time with a small brush, which gives what a broader one leaves out.

At 24 megapixels a stroke of the usual brush is a broad soft band to who looks closely: the strokes within it come from
the finer painting, as bands of a pyramid are merged (Burt & Adelson 1983). Seen as a whole, nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from pastiched.imaging.detail import half_band
from pastiched.imaging.scale import (
    NATIVE_PIXELS,
    Enlargement,
    WorkingSize,
    strips,
    working_size,
    working_sizes,
)
from pastiched.imaging.tensors import resize_wrapped

LEAST_GROWTH = 6.0
"""In pixels from the first painting to the picture, for a finer one to be worth its time."""
LARGEST = 25_000_000
"""Pixels of the finer painting, and what `working_size` makes of that: up to 39 megapixels the picture's own size,
above that 16 megapixels, brought to the picture's."""
USUAL_BRUSH = 100
"""Who takes a broader one wants no fine strokes."""


@dataclass(frozen=True)
class PaintingSizes:
    """From coarse to fine; the brush is that of `painted[-1]`."""

    painted: list[WorkingSize]
    refined: WorkingSize | None = None

    @property
    def all(self) -> list[WorkingSize]:
        return [*self.painted, self.refined] if self.refined else self.painted

    @property
    def last(self) -> WorkingSize:
        return self.all[-1]

    @property
    def area(self) -> int:
        """Of all together."""
        return sum(size.area for size in self.all)


def painting_sizes(
    width: int, height: int, brush_size: float, wrap: tuple[bool, bool], multiple: int, native: int | None = None
) -> PaintingSizes:
    """For a picture of that size; `brush_size` in percent. `native`: of a network that wants no underpainting, as
    `working_size` takes it."""
    if native is None:
        sizes = working_sizes(width, height, brush_size, wrap, multiple)
    else:
        sizes = [working_size(width, height, brush_size, wrap, multiple, native)]
    wanted = min(width * height, LARGEST)
    if brush_size > USUAL_BRUSH or wanted < LEAST_GROWTH * sizes[-1].area:
        return PaintingSizes(sizes)
    return PaintingSizes(sizes, working_size(width, height, 100 * (NATIVE_PIXELS / wanted) ** 0.5, wrap, multiple))


def refine(
    painting: Tensor, finer: Tensor, wrap: tuple[bool, bool], pause: Callable[[], None] = lambda: None
) -> Tensor:
    """`finer`, changed in place: what takes more than four pixels of `painting` comes from that. 1 x 3 x H x W. `pause`
    is called now and then; something else may be painted there."""
    (small_height, small_width), (height, width) = painting.shape[-2:], finer.shape[-2:]
    difference = painting - resize_wrapped(finer, small_width, small_height, wrap)
    broad = Enlargement(half_band(difference, wrap), width, height, wrap)
    for first, count in strips(height, width):
        pause()
        finer[:, :, first : first + count].add_(broad.rows(first, count))
    return finer.clamp_(0, 1)
