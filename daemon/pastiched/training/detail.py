"""The fine detail of pictures."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def detail(y: Tensor, side: int) -> Tensor:
    """B x 3 x H x W -> grey B x 1 x H x W, float32, without what is broader than `side` pixels (odd)."""
    grey = y.float().mean(1, keepdim=True)
    padded = F.pad(grey, (side // 2,) * 4, "reflect")
    return grey - F.avg_pool2d(F.avg_pool2d(padded, (side, 1), 1), (1, side), 1)
