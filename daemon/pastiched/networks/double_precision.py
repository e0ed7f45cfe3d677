"""float64, on whatever device."""

from __future__ import annotations

from torch import Tensor


def where_doubles_are(x: Tensor) -> Tensor:
    """x on its own device, or on the processor where that has no float64 (MPS)."""
    return x.cpu() if x.device.type == "mps" else x


def double(x: Tensor) -> Tensor:
    """x as float64."""
    return where_doubles_are(x).double()
