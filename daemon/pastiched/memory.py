"""A worker's memory: what it took at most, and whether an exception means that there was not enough."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

CGROUPS, OWN_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
UNKNOWN_ROOM = 4_000_000_000
_SAID_BY_ALLOCATORS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cannot allocate memory",
    # OpenVINO's.
    "failed to allocate",
    "can't alloc",
    "bad_alloc",
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


def available_bytes(device: torch.device) -> int:
    """Memory that a job could still take: of the device, or of the process, which a container or a limit may bind."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return min((*_system_room(), *_cgroup_room(), *_address_room()), default=UNKNOWN_ROOM)


def _system_room() -> list[int]:
    if sys.platform == "linux":
        return [1024 * n for n in _numbers(Path("/proc/meminfo"), "MemAvailable:")]
    if sys.platform == "win32":
        import ctypes

        status = (ctypes.c_ulonglong * 8)(64)
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return [int(status[2])]
    return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2]


def _cgroup_room(root: Path = CGROUPS, own: Path = OWN_CGROUPS) -> list[int]:
    """Of every control group that this process is in, version 2 and 1; what is only cached counts as free."""
    room = []
    for line in _text(own).splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top, files = (
            (root, ("memory.max", "memory.current"))
            if not controllers
            else (root / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes"))
        )
        group = top / place.lstrip("/")
        for folder in (group, *group.parents):
            limit, used = (_text(folder / name).strip() for name in files)
            if limit.isdigit() and used.isdigit():
                cached = sum(_numbers(folder / "memory.stat", "inactive_file"))
                room.append(max(0, int(limit) - int(used) + cached))
            if folder == top:
                break
    return room


def _address_room() -> list[int]:
    if sys.platform == "win32":
        return []
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return []
    return [max(0, limit - 1024 * n) for n in _numbers(Path("/proc/self/status"), "VmSize:")]


def _numbers(file: Path, name: str) -> list[int]:
    """The number behind a name at the start of a line, if it is there."""
    fields = (line.split() for line in _text(file).splitlines())
    return [int(words[1]) for words in fields if len(words) > 1 and words[0] == name]


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


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


def claim(nbytes: int) -> None:
    """Raises what torch raises where the process cannot have so much more memory. It is asked for and given back
    untouched, which takes microseconds and no memory."""
    import torch

    torch.empty(nbytes, dtype=torch.uint8)


def free_unused(device: torch.device) -> None:
    """Gives memory that nothing uses back to the device and to the system; takes a tenth of a second."""
    gc.collect()
    give_back(device)


def give_back(device: torch.device) -> None:
    """The same for what is known to be unused, without looking for garbage: takes a few milliseconds."""
    import torch

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
