"""float64, on whatever device."""

from __future__ import annotations

from torch import Tensor


def double(x: Tensor) -> Tensor:
    """x as float64: on its own device, or on the processor where that has none (MPS)."""
    return (x.cpu() if x.device.type == "mps" else x).double()
