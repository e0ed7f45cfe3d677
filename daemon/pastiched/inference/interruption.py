"""Stopping a network in the middle of a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

from pastiched.networks.convolution import Convolution


@contextmanager
def checks(network: nn.Module, check: Callable[[], None]) -> Iterator[None]:
    """Calls `check` before every convolution, so that a cancel takes effect within one layer."""
    hooks = [
        module.register_forward_pre_hook(lambda *_: check())
        for module in network.modules()
        if isinstance(module, Convolution)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
