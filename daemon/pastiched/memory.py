"""A worker's memory: what it took at most, and whether an exception means that there was not enough."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_SAID_BY_ALLOCATORS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cannot allocate memory",
    # oneDNN's words for it, on the CPU.
    "could not create a primitive",
)
_SAID_BY_BROKEN_DEVICES = (
    "cuda error",
    "hip error",
    "device-side assert",
    "cublas_status",
    "cudnn_status",
    "ur_result",
    # Seen to go on after memory was there again: a new process is safe.
    "could not create a primitive",
)


def reset_peak(device: torch.device) -> None:
    """Starts the measure of a job anew; where the system cannot, the peak is that of the process so far."""
    if device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)
    if sys.platform == "linux":
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return


def peak_bytes(device: torch.device) -> dict[str, int]:
    """Most memory taken: of the process, and of the device where it has its own."""
    peak = {"process": _process_peak()}
    if device.type == "cuda":
        import torch

        peak["device"] = int(torch.cuda.max_memory_allocated(device))
    return peak


def _process_peak() -> int:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, torch or a backend ran out of memory."""
    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    said = str(error).lower()
    return any(words in said for words in _SAID_BY_ALLOCATORS)


def is_broken_device(error: BaseException) -> bool:
    """Whether the device's context is lost for this process: every later call in it would fail too."""
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in said for words in _SAID_BY_BROKEN_DEVICES)


def free_unused(device: torch.device) -> None:
    """Gives memory that nothing uses back to the device and to the system."""
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "xpu":
        torch.xpu.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    if sys.platform == "linux":
        import ctypes

        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):
            return
