"""In which numbers a network is computed."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Numbers:
    computed: torch.dtype
    coarse: bool = False
    """Whether 8 bits of a colour are all that is wanted: on a processor features may be kept in half as many bytes,
    and layers be computed in 8-bit integers."""

    @property
    def kept(self) -> torch.dtype:
        """Of features between the stages of a network."""
        return torch.bfloat16 if self.coarse and self.computed is torch.float32 else self.computed


EXACT = Numbers(torch.float32)
