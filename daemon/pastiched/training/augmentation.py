"""Differentiable augmentation (DiffAugment, Zhao et al. 2020): what a discriminator is shown of real and of generated
pictures alike, so that it cannot learn a small folder by heart, with slopes through to the generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """Shares of the side (`translation`, each way; `cutout`, of a grey square) and whether light and contrast vary.

    `chance` of each for each picture, 0..1.
    """

    translation: float = 0.125
    cutout: float = 0.25
    light: bool = True
    chance: float = 0.5

    def __call__(self, x: Tensor) -> Tensor:
        """x, B x C x H x W about [-1, 1] -> the same shape, each picture changed in a way of its own."""
        if self.chance <= 0:
            return x
        if self.light:
            x = self._relit(x)
        return self._cut(self._translated(x))

    def _chosen(self, x: Tensor) -> Tensor:
        """B x 1 x 1 x 1, 1 with the chance, else 0. Drawn on the processor: the same on every device."""
        return (torch.rand(len(x), 1, 1, 1) < self.chance).to(x)

    def _relit(self, x: Tensor) -> Tensor:
        """Brightness +-0.25, contrast 0.75..1.25, of values in [-1, 1]."""
        chosen = self._chosen(x)
        brightness = (torch.rand(len(x), 1, 1, 1).to(x) - 0.5) * 0.5 * chosen
        contrast = 1 + (torch.rand(len(x), 1, 1, 1).to(x) - 0.5) * 0.5 * chosen
        mean = x.mean((1, 2, 3), keepdim=True)
        return (x - mean) * contrast + mean + brightness

    def _translated(self, x: Tensor) -> Tensor:
        """What comes in from outside is 0, the middle of the range."""
        height, width = x.shape[2:]
        chosen = self._chosen(x).flatten().tolist()
        shifts = [[int(self.translation * side) for side in (height, width)]] * len(x)
        moved = []
        for picture, on, most in zip(x, chosen, shifts, strict=True):
            down, right = (int(torch.randint(-m, m + 1, ()).item()) if on else 0 for m in most)
            padded = F.pad(picture, (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)))
            top, left = max(-down, 0), max(-right, 0)
            moved.append(padded[:, top : top + height, left : left + width])
        return torch.stack(moved)

    def _cut(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        mask = torch.ones(len(x), 1, height, width)
        tall, wide = int(self.cutout * height), int(self.cutout * width)
        for k, on in enumerate((torch.rand(len(x)) < self.chance).tolist()):
            if on and tall and wide:
                middle = (int(torch.randint(height, ()).item()), int(torch.randint(width, ()).item()))
                top, left = max(0, middle[0] - tall // 2), max(0, middle[1] - wide // 2)
                mask[k, :, top : middle[0] + tall // 2, left : middle[1] + wide // 2] = 0
        return x * mask.to(x)
