"""In which numbers a device computes fastest."""

from __future__ import annotations

import torch

from pastiched.inference.stages import Stages


def fastest_type(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor computes in it, else float32."""
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_has_bf16() else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float32


def type_for_depth(depth: str, device: torch.device) -> torch.dtype:
    """The fastest that loses nothing of a picture of that depth (the option's value)."""
    return fastest_type(device) if depth == "8" else torch.float32


def precision_note(stages: Stages) -> str:
    """For the report."""
    numbers = str(stages.dtype).removeprefix("torch.") + (
        " with 8-bit integers where they suffice" if stages.quantized else ""
    )
    return f"precision {numbers}, computed by {stages.library}"


def _cpu_has_bf16() -> bool:
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())
