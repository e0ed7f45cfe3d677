"""How large the values become that layers are given, channel by channel: what 8-bit integers must be able to tell.

A network's weights carry them, as buffers named `peak` beside a layer's weight. Zeros where they were not measured: in
weights from before there were any, and while a network is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

SHARE = 0.97
"""Of pictures whose largest values are told in full. The rarest would make all the others coarse: they are cut
off."""
LEAST = 0.02
"""Of a layer's largest peak: no channel's is smaller."""


def hold_peaks(network: nn.Module, names: Iterable[str]) -> None:
    """For the convolutions of these names."""
    for name in names:
        layer = network.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        layer.register_buffer("peak", torch.zeros(layer.in_channels))
    network.register_load_state_dict_pre_hook(_without_peaks)  # type: ignore[no-untyped-call]


def peak_of(layer: nn.Module) -> Tensor | None:
    """Of each input channel, positive; None where they were not measured."""
    peak = getattr(layer, "peak", None)
    return peak if isinstance(peak, Tensor) and bool(peak.min() > 0) else None


@torch.no_grad()
def measure_peaks(network: nn.Module, runs: Iterable[Callable[[], Any]]) -> None:
    """Each run computes one picture by the network. Without runs nothing is known, and they are zeros."""
    layers = [layer for layer in network.modules() if isinstance(getattr(layer, "peak", None), Tensor)]
    seen: dict[nn.Module, list[Tensor]] = {layer: [] for layer in layers}

    def look(layer: nn.Module, given: tuple[Tensor]) -> None:
        largest = given[0].detach().float().abs().amax((0, 2, 3))
        # A channel may come in several phases.
        seen[layer].append(largest.view(len(layer.get_buffer("peak")), -1).amax(1).cpu())

    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        for run in runs:
            run()
    finally:
        for hook in hooks:
            hook.remove()
    for layer, largest in seen.items():
        peak = layer.get_buffer("peak").zero_()
        if largest:
            measured = torch.stack(largest).quantile(SHARE, 0)
            peak.copy_(measured.clamp_min(float(measured.max()) * LEAST))


def _without_peaks(network: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    for name, buffer in network.named_buffers():
        if name.endswith(".peak"):
            state.setdefault(prefix + name, torch.zeros_like(buffer))
