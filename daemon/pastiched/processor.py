"""What this machine's processor computes fast."""

from __future__ import annotations

import functools
import time

import torch

SIDE, RUNS = 384, 5
WORTHWHILE = 0.8
"""Of float32's time, for bfloat16 to be worth its lost digits."""


@functools.cache
def bfloat16_is_faster() -> bool:
    """Measured, in some ten milliseconds: processors that have instructions for it multiply between half and eight
    times as fast with them as in float32."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported()) and _seconds(torch.bfloat16) < WORTHWHILE * _seconds(torch.float32)


@functools.cache
def multiplies_integers() -> bool:
    """Whether it has instructions that multiply 8-bit integers and add up in 32 bits (VNNI, AMX). Without them integers
    are hardly faster than float32, or their sums are cut off."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        has = capabilities()
        return any(has.get(name) for name in ("avx512_vnni", "avx_vnni", "amx_int8"))
    supported = getattr(torch.cpu, "_is_vnni_supported", None)
    return bool(supported and supported())


def _seconds(dtype: torch.dtype) -> float:
    """The best time of a product of two matrices."""
    matrix, times = torch.ones(SIDE, SIDE, dtype=dtype), []
    for _ in range(RUNS):
        began = time.perf_counter()
        torch.mm(matrix, matrix)
        times.append(time.perf_counter() - began)
    return min(times)
