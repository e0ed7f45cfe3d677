"""Half the digits where the processor computes faster with them."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from pastiched.engines.precision import fastest_type


def mixed_precision(device: torch.device) -> AbstractContextManager[None]:
    """bfloat16 for convolutions where the device has it, and nothing elsewhere: float16 would need scaled losses."""
    return torch.autocast(device.type, torch.bfloat16, fastest_type(device) is torch.bfloat16)
