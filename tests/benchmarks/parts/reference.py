"""A fixed workload, so that figures compare between machines: GMAC/s of plain 3x3 convolutions and of a product.

It runs in a process of its own, which ends before anything else is measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

if __name__ == "__main__":
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1]))

from parts.findings import Cell, Findings, Table, spread

LAYERS, CHANNELS, SIDE = 8, 96, 128
GEMM = 2048
CONVOLUTIONS = LAYERS * 9 * CHANNELS**2 * SIDE**2
PRODUCT = GEMM**3
WARMING = 2
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Workload:
    """A thing to do of so many multiply-adds."""

    run: Callable[[], Any]
    multiply_adds: int


def name_of(library: str, type_name: str, what: str = "convolutions") -> str:
    return f"{library} {type_name}, {what}"


def rates(repeats: int) -> dict[str, list[float]]:
    """GMAC/s of each repeat, by what `name_of` gives, measured now in another process."""
    command = [sys.executable, __file__, "--repeats", str(repeats)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def measure(repeats: int, when: str) -> Findings:
    found = {name: spread(values, max) for name, values in rates(repeats).items()}
    rows: list[list[Cell]] = [[name, figures["median"], figures["best"]] for name, figures in found.items()]
    table = Table(f"Reference workload, {when}: GMAC/s", ["by", "median", "best"], rows)
    return Findings({"GMAC/s": found}, [table])


def workloads() -> dict[str, Workload]:
    found = {}
    for type_name, dtype in TYPES.items():
        found[name_of("PyTorch", type_name)] = Workload(_torch_convolutions(dtype), CONVOLUTIONS)
        found[name_of("PyTorch", type_name, "product")] = Workload(_torch_product(dtype), PRODUCT)
    # Its Python package tells its makers of every import; it can do without.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError:
        return found
    for type_name, hint in (("float32", "f32"), ("bfloat16", "bf16")):
        settings = {
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }

        def compiled(graph: Any, settings: dict[str, Any] = settings) -> Callable[[], Any]:
            request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()
            values = request.get_input_tensor().data
            values[:] = np.random.default_rng(1).random(values.shape, np.float32)
            return lambda: request.infer()

        found[name_of("OpenVINO", type_name)] = Workload(compiled(_convolution_graph()), CONVOLUTIONS)
        found[name_of("OpenVINO", type_name, "product")] = Workload(compiled(_product_graph()), PRODUCT)
    return found


def _kernels() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    deviation: float = (2 / (9 * CHANNELS)) ** 0.5
    return deviation * torch.randn(LAYERS, CHANNELS, CHANNELS, 3, 3, generator=generator)


def _torch_convolutions(dtype: torch.dtype) -> Callable[[], Any]:
    kernels = [kernel.to(dtype, memory_format=torch.channels_last) for kernel in _kernels()]
    picture = torch.rand(1, CHANNELS, SIDE, SIDE).to(dtype, memory_format=torch.channels_last)

    def run() -> Any:
        x = picture
        for kernel in kernels:
            x = F.conv2d(x, kernel, padding=1).relu_()
        return x

    return run


def _torch_product(dtype: torch.dtype) -> Callable[[], Any]:
    a, b = (torch.rand(GEMM, GEMM).to(dtype) for _ in range(2))
    return lambda: a @ b


def _convolution_graph() -> Any:
    from openvino import Model, Type
    from openvino import opset13 as op

    x = picture = op.parameter([1, CHANNELS, SIDE, SIDE], Type.f32)
    for kernel in _kernels():
        x = op.relu(op.convolution(x, op.constant(kernel.numpy()), [1, 1], [1, 1], [1, 1], [1, 1]))
    return Model([x], [picture])


def _product_graph() -> Any:
    from openvino import Model, Type
    from openvino import opset13 as op

    a = op.parameter([GEMM, GEMM], Type.f32)
    b = op.constant(np.random.default_rng(0).random((GEMM, GEMM), np.float32))
    return Model([op.matmul(a, b, False, False)], [a])


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    known = workloads()
    found: dict[str, list[float]] = {name: [] for name in known}
    for repeat in range(WARMING + repeats):
        for name, workload in known.items():
            began = time.perf_counter()
            workload.run()
            if repeat >= WARMING:
                found[name].append(workload.multiply_adds / (time.perf_counter() - began) / 1e9)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
