"""OpenVINO, where it can be loaded: on processors it is faster than PyTorch, and gives the same pictures."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor

from pastiche.failures import describe_failure
from pastiched.inference.numbers import Numbers
from pastiched.memory import give_back

VARIABLE = "PASTICHE_OPENVINO"
"""Set to 0 where PyTorch is to compute."""
WAITING = 20
"""Milliseconds between two looks at whether the result is still wanted."""
log = logging.getLogger(__name__)


@functools.cache
def openvino_works() -> bool:
    """Whether it is there and finds a processor that it knows."""
    if os.environ.get(VARIABLE) == "0":
        return False
    # Its Python package tells its makers of every import. Nothing that we use needs that, and it can do without.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        _core().get_property("CPU", "FULL_DEVICE_NAME")
    except ImportError:
        return False
    except Exception as error:
        log.warning("OpenVINO cannot be used; PyTorch computes.\n%s", describe_failure(error))
        return False
    return True


@functools.cache
def _core() -> Any:
    import openvino

    return openvino.Core()


class CompiledGraph:
    """A graph that runs. Inputs and outputs are contiguous tensors on the CPU; none is copied."""

    def __init__(self, graph: Any, dtype: torch.dtype) -> None:
        """`dtype`: in which numbers it computes, float32 or bfloat16."""
        self._graph = graph
        self._settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if dtype is torch.bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._compiled: Any = None
        self._request: Any = None
        self._compile()

    def _compile(self) -> None:
        self._compiled = _core().compile_model(self._graph, "CPU", self._settings)
        self._request = self._compiled.create_infer_request()

    def release(self) -> None:
        """Gives back what it keeps between runs: as much as a run takes."""
        if self._compiled is not None:
            self._compiled.release_memory()

    def run(self, inputs: dict[str, Tensor], outputs: list[Tensor], check: Callable[[], None]) -> None:
        """Writes into `outputs`. What `check` raises ends it within milliseconds."""
        check()
        if self._request is None:
            self._compile()
        for name, tensor in inputs.items():
            self._request.set_tensor(name, _shared(tensor))
        for index, tensor in enumerate(outputs):
            self._request.set_output_tensor(index, _shared(tensor))
        self._request.start_async()
        try:
            while not self._request.wait_for(WAITING):
                check()
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """A run that did not come to its end leaves some layers with its sizes and some with those of the one before:
        the next would fail, give something else, or crash where memory is given back. So the next compiles anew."""
        with suppress(RuntimeError):  # So it says that it failed, or was cancelled.
            self._request.cancel()
            self._request.wait()
        self.unload()

    def unload(self) -> None:
        """Gives everything back, the last run's tensors too; the next run compiles anew."""
        self._compiled = self._request = None


def _shared(x: Tensor) -> Any:
    """OpenVINO's view of a tensor's memory, which it keeps alive."""
    import openvino

    if x.dtype is torch.bfloat16:
        return openvino.Tensor(x.view(torch.int16).numpy(), list(x.shape), openvino.Type.bf16)
    return openvino.Tensor(x.numpy(), shared_memory=True)


class OpenVinoStages:
    """What stages by OpenVINO have in common: graphs, and somebody who may call a stage off."""

    library = "OpenVINO"
    quantized = False
    device = torch.device("cpu")

    def __init__(self, numbers: Numbers, graphs: list[Any]) -> None:
        self.numbers = numbers
        self.graphs = [CompiledGraph(graph, numbers.computed) for graph in graphs]
        self.check: Callable[[], None] = lambda: None

    def release(self) -> None:
        for graph in self.graphs:
            graph.release()
        give_back(self.device)

    @contextmanager
    def watched(self, check: Callable[[], None]) -> Iterator[None]:
        before, self.check = self.check, check
        try:
            yield
        except (RuntimeError, MemoryError):
            # Perhaps memory ran out, here or in between: what is tried next shall have all of it.
            for graph in self.graphs:
                graph.unload()
            raise
        finally:
            self.check = before
