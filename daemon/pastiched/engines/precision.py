"""In which numbers a device computes fastest."""

from __future__ import annotations

import torch

from pastiched.inference.numbers import EXACT, Numbers
from pastiched.inference.stages import Stages
from pastiched.processor import bfloat16_is_faster


def fastest_type(device: torch.device) -> torch.dtype:
    """Half of float32's bytes where the device computes faster in them."""
    if device.type == "cpu":
        return torch.bfloat16 if bfloat16_is_faster() else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float32


def fastest_numbers(device: torch.device) -> Numbers:
    """That are enough for a picture of 8 bits."""
    return Numbers(fastest_type(device), coarse=device.type == "cpu")


def numbers_for_depth(depth: str, device: torch.device) -> Numbers:
    """The fastest that lose nothing of a picture of that depth (the option's value)."""
    return fastest_numbers(device) if depth == "8" else EXACT


def precision_note(stages: Stages) -> str:
    """For the report."""
    numbers = str(stages.numbers.computed).removeprefix("torch.") + (
        " with 8-bit integers where they suffice" if stages.quantized else ""
    )
    return f"precision {numbers}, computed by {stages.library}"
