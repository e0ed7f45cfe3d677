"""Pictures on their way to a style, so that the feature network knows where optimization leads."""

from __future__ import annotations

import torch
from torch import Tensor

from pastiched.networks.student import Student

PICTURES_SHARE = 2
"""Of the photographs of a batch, one in so many."""
LIFE = 48
EVERY = 2
STEP = 0.03


class Practice:
    """`pictures`, half as many as `photos`, N x 3 x S x S in [0, 1]: photographs that the student itself pulls towards
    styles, step by step.

    Optimization finds whatever the network overlooks; shown to the teacher, such pictures cease to be overlooked.
    """

    def __init__(self, student: Student, photos: Tensor, styles: Tensor) -> None:
        self._student = student
        self._count = max(1, len(photos) // PICTURES_SHARE)
        self.pictures = photos[: self._count].clone()
        self._styles = styles[: self._count].clone()
        self._momentum = torch.zeros_like(self.pictures)
        self._age = torch.arange(self._count) * (LIFE // self._count)
        self._calls = 0

    def advance(self, photos: Tensor, styles: Tensor) -> None:
        """Every other call one step; a picture that has lived long enough gives way to the first of `photos`."""
        self._calls += 1
        if self._calls % EVERY:
            return
        for index in (self._age >= LIFE).nonzero().flatten().tolist():
            self.pictures[index], self._styles[index] = photos[0], styles[0]
            self._momentum[index], self._age[index] = 0, 0
        with torch.no_grad(), torch.autocast(photos.device.type, torch.bfloat16):
            targets = [_statistics(m) for m in self._student(self._styles)]
        x = self.pictures.clone().requires_grad_()
        with torch.autocast(photos.device.type, torch.bfloat16):
            maps = self._student(x)
        loss = torch.zeros((), device=x.device)
        for own, (mean, covariance) in zip((_statistics(m) for m in maps), targets, strict=True):
            loss = loss + (own[0] - mean).square().sum() + (own[1] - covariance).square().sum().sqrt()
        (gradient,) = torch.autograd.grad(loss, x)
        size = gradient.square().mean((1, 2, 3), keepdim=True).sqrt() + 1e-12
        self._momentum.mul_(0.8).add_(gradient / size, alpha=0.2)
        fading = 1 - self._age.to(x).view(-1, 1, 1, 1) / LIFE
        self.pictures = (self.pictures - STEP * fading * self._momentum).clamp_(0, 1).detach()
        self._age += 1


def _statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    flat = maps.float().flatten(2)
    mean = flat.mean(2)
    centred = flat - mean[:, :, None]
    return mean, centred @ centred.transpose(1, 2) / flat.shape[2]
