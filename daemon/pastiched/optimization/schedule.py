"""From coarse to fine: at which sizes a picture is painted, and for how many steps each."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST_LONG_SIDE = 128
SMALLEST_SHORT_SIDE = 32


@dataclass(frozen=True)
class Scale:
    """One size and its steps."""

    width: int
    height: int
    iterations: int

    @property
    def work(self) -> float:
        """Megapixels that are gone over."""
        return self.width * self.height * self.iterations / 1e6


def schedule(
    width: int, height: int, iterations: int, scales: int, growth: float, wrap: tuple[bool, bool], multiple: int
) -> list[Scale]:
    """Sizes that double up to `width` x `height`; `scales` of them, 0 for all from 128 pixels on the long side on.

    The last has `iterations` steps, each before it `growth` times as many as the next; none of those is narrower than
    32 pixels. Wrapped sides are multiples of `multiple`, as the last's must be.
    """
    found: list[Scale] = []
    shrink, steps = 1, float(iterations)
    while True:
        sides = [
            max(multiple, round(side / shrink / multiple) * multiple) if wrapped else max(1, round(side / shrink))
            for side, wrapped in ((width, wrap[0]), (height, wrap[1]))
        ]
        enough = len(found) >= scales if scales else max(sides) < SMALLEST_LONG_SIDE
        if found and (enough or min(sides) < SMALLEST_SHORT_SIDE):
            return found[::-1]
        found.append(Scale(sides[0], sides[1], round(steps)))
        shrink *= 2
        steps *= growth
