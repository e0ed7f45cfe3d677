"""The device that a worker computes on: chosen before any backend is initialised, and proved with one real kernel.

Tried by the project: cpu. Not tried for want of a machine: cuda, rocm, xpu, mps.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pastiche.errors import ErrorCode, PasticheError

if TYPE_CHECKING:
    import torch

AUTO_ORDER = ("cuda", "xpu", "mps")
_NAME = re.compile(r"auto|cpu|mps|(?:cuda|rocm|xpu)(?::\d{1,3})?")


def known_device(name: str) -> bool:
    """Whether a name may be given to --device."""
    return _NAME.fullmatch(name) is not None


def restrict_environment(name: str, threads: int) -> None:
    """Hides the other backends from libraries that are loaded after this; to be called before torch is imported."""
    if name in ("cpu", "mps"):
        for variable in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
            os.environ[variable] = ""
        os.environ["ONEAPI_DEVICE_SELECTOR"] = "*:cpu"
    if threads:
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[variable] = str(threads)


@dataclass(frozen=True)
class Device:
    """A device that has computed something. `detail` is for the user: its name, or why another was not taken."""

    torch_device: torch.device
    kind: str
    detail: str

    def to_wire(self, name: str) -> dict[str, Any]:
        return {"name": name, "kind": self.kind, "state": "ready", "detail": self.detail}


def choose_device(name: str) -> Device:
    """The device of that name, or for "auto" the first that works. Raises PasticheError(NO_DEVICE) saying why not."""
    import torch

    if name == "cpu":
        return Device(torch.device("cpu"), "cpu", _describe(torch.device("cpu")))
    if name != "auto":
        wanted = "cuda" + name.removeprefix("rocm") if name.startswith("rocm") else name
        if problem := _problem(wanted):
            raise PasticheError(ErrorCode.NO_DEVICE, f"The device {name} cannot be used: {problem}.")
        return Device(torch.device(wanted), _kind(wanted), _describe(torch.device(wanted)))
    passed_over = []
    for candidate in AUTO_ORDER:
        if not _present(candidate):
            continue
        if problem := _problem(candidate):
            passed_over.append(f"{candidate} is present but cannot be used: {problem}.")
            continue
        return Device(torch.device(candidate), _kind(candidate), _describe(torch.device(candidate)))
    return Device(torch.device("cpu"), "cpu", " ".join([_describe(torch.device("cpu")), *passed_over]))


def _present(backend: str) -> bool:
    import torch

    module = torch.backends.mps if backend == "mps" else getattr(torch, backend, None)
    try:
        return module is not None and bool(module.is_available())
    except Exception:
        return False


def _problem(name: str) -> str:
    """Why a device cannot be used; "" if a small convolution on it gives what the CPU gives."""
    import torch

    if not _present(name.partition(":")[0]):
        return "PyTorch finds no such device, or was built without it"
    try:
        picture = torch.arange(75, dtype=torch.float32).reshape(1, 3, 5, 5) / 75
        weight = torch.arange(54, dtype=torch.float32).reshape(2, 3, 3, 3) / 54
        expected = torch.nn.functional.conv2d(picture, weight)
        computed = torch.nn.functional.conv2d(picture.to(name), weight.to(name)).cpu()
    except Exception as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")
    return "" if torch.allclose(expected, computed, rtol=1e-2, atol=1e-2) else "it computes wrong numbers"


def _kind(name: str) -> str:
    import torch

    backend = name.partition(":")[0]
    return "rocm" if backend == "cuda" and torch.version.hip else backend


def _describe(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    if device.type == "mps":
        return "Apple GPU"
    return f"CPU, {torch.get_num_threads()} threads."
