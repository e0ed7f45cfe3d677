"""Running out of memory is told from other failures."""

from __future__ import annotations

import pytest
import torch

from pastiched.memory import claim, is_broken_device, is_out_of_memory, peak_bytes, reset_peak


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you"),
        RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
    ],
    ids=["python", "cpu", "mps", "cuda"],
)
def test_every_kind_of_want_of_memory_is_recognised(error: BaseException) -> None:
    assert is_out_of_memory(error) and not is_broken_device(error)


def test_a_real_allocation_that_cannot_be_had_is_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        claim(2**55)
    assert is_out_of_memory(caught.value) and not is_broken_device(caught.value)


def test_what_is_claimed_is_given_back_untouched() -> None:
    device = torch.device("cpu")
    reset_peak(device)
    before = peak_bytes(device)["process"]
    claim(80_000_000)
    assert peak_bytes(device)["process"] - before < 20_000_000


def test_a_device_whose_context_is_lost_is_recognised() -> None:
    lost = RuntimeError("CUDA error: an illegal memory access was encountered")
    assert is_broken_device(lost) and not is_out_of_memory(lost)
    assert not is_broken_device(ValueError("CUDA error")) and not is_out_of_memory(ValueError("out of memory"))


def test_the_peak_is_that_of_the_job() -> None:
    device = torch.device("cpu")
    reset_peak(device)
    before = peak_bytes(device)["process"]
    held = bytearray(b"x") * 80_000_000
    during = peak_bytes(device)["process"]
    assert len(held) and during - before > 60_000_000
