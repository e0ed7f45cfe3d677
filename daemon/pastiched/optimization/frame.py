"""A narrow frame round the picture while it is painted: it is seen, but does not count, and is cut off afterwards.

Without it optimization hides what the style asks for at the edges, where features see their own reflection.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from pastiched.networks.features import MULTIPLE


@dataclass(frozen=True)
class Frame:
    """Pixels on the left and right (`across`), and above and below (`down`): 16, or 0 where opposite edges meet."""

    across: int = 0
    down: int = 0

    @classmethod
    def of(cls, width: int, height: int, wrap: tuple[bool, bool]) -> Frame:
        """Of a picture of this size; one that is too small to be reflected gets none."""
        across, down = (
            0 if wrapped or side <= MULTIPLE else MULTIPLE for wrapped, side in zip(wrap, (width, height), strict=True)
        )
        return cls(across, down)

    def put_on(self, x: Tensor) -> Tensor:
        """1 x C x H x W with its edges reflected outwards."""
        if not self.across and not self.down:
            return x
        return F.pad(x, (self.across, self.across, self.down, self.down), "reflect")

    def take_off(self, x: Tensor) -> Tensor:
        return x[:, :, self.down : x.shape[2] - self.down, self.across : x.shape[3] - self.across]
