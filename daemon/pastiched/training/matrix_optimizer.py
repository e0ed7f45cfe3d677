"""Muon for the kernels of a network, Adam for everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

SMALLEST = 8
"""Kernels with fewer rows or columns are left to Adam: they have hardly a spectrum to even out."""


class MatrixOptimizer:
    """Kernels O x I x K x K are matrices O x IKK to Muon (Jordan et al. 2024), in the network's own memory; the weights
    of linear layers are matrices already.

    Steps are of the size that Adam's are at the same rate. `kernels`: which ones; otherwise all that are large enough.
    `other_rate`: for everything else, where it is not the same. Raises ValueError where PyTorch has no Muon (before
    2.9).
    """

    def __init__(
        self,
        network: nn.Module,
        rate: float,
        other_rate: float | None = None,
        betas: tuple[float, float] = (0.9, 0.99),
        kernels: Sequence[nn.Parameter] | None = None,
    ) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise ValueError("this training needs PyTorch 2.9 or later (for the optimizer Muon)")
        parameters = list(network.parameters())
        if kernels is None:
            kernels = [p for p in parameters if p.ndim > 1 and min(p.shape[0], p[0].numel()) > SMALLEST]
        chosen = {id(p) for p in kernels}
        self._kernels = [(p, nn.Parameter(p.data.view(len(p), -1))) for p in kernels]
        matrices = [matrix for _, matrix in self._kernels]
        others = [p for p in parameters if id(p) not in chosen]
        self._rates = rate, rate if other_rate is None else other_rate
        self._optimizers: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(matrices, lr=rate, momentum=0.95, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
            torch.optim.Adam(others, lr=self._rates[1], betas=betas),
        )

    def scale_rates(self, share: float) -> None:
        """Of the rates that were given."""
        for rate, optimizer in zip(self._rates, self._optimizers, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = share * rate

    def step(self) -> None:
        for kernel, matrix in self._kernels:
            matrix.grad = None if kernel.grad is None else kernel.grad.view_as(matrix)
        for optimizer in self._optimizers:
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return {str(k): optimizer.state_dict() for k, optimizer in enumerate(self._optimizers)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for k, optimizer in enumerate(self._optimizers):
            optimizer.load_state_dict(state[str(k)])
