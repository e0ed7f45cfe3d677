"""Training of the compact feature network: it learns what a teacher sees (knowledge distillation, Hinton et al. 2015;
of feature networks for style transfer: Wang et al. 2020)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from pastiched.networks.features import TAPS, FeatureNetwork
from pastiched.networks.student import WIDTHS, Student
from pastiched.training.data import CropSupply, centre_crops
from pastiched.training.matrix_optimizer import MatrixOptimizer
from pastiched.training.model_card import ModelCard
from pastiched.training.practice import PICTURES_SHARE, Practice
from pastiched.training.run import Run, Training, falling
from pastiched.training.teacher import Teacher

MATRIX_RATE, OTHER_RATE = 0.006, 0.004
WARM_STEPS = 50
SETTLED = 0.7
"""From this share of the run on, batch normalisation keeps the statistics it has, as in the folded network."""
FIGURE_SIZE = 160
CROPS = ((0.35, 1.0), (0.35, 1.0))
"""Shares of the short side, of photographs and styles."""


@dataclass(frozen=True, kw_only=True)
class FeatureTraining(Training):
    """Half of each batch are photographs, half styles."""

    teacher: FeatureNetwork
    teacher_name: str

    def run(self) -> Path:
        """Trains, with a checkpoint every 250 steps; returns the exported safetensors."""
        return FeatureRun(self).go()


class FeatureRun(Run):
    """The student, its optimizer, pictures to practise on."""

    plan: FeatureTraining

    def __init__(self, plan: FeatureTraining) -> None:
        super().__init__(plan)
        torch.manual_seed(plan.seed)
        folders = (plan.photos, plan.styles)
        sample = torch.stack([crop for folder in folders for crop in centre_crops(folder, FIGURE_SIZE, 32)])
        self.teacher = Teacher(plan.teacher.to(plan.device), WIDTHS, sample.to(plan.device))
        self.student = Student().to(plan.device)
        self.optimizer = MatrixOptimizer(
            self.student, MATRIX_RATE, OTHER_RATE, (0.9, 0.98), kernels=self.student.matrices()
        )
        self.practice: Practice | None = None
        if plan.init:
            try:
                self.student.unfold(load_file(str(plan.init)), self.teacher.bases)
            except (ValueError, KeyError):
                raise ValueError(f"{plan.init.name} is not a compact feature network") from None
        self.resume()

    def state(self) -> dict[str, Any]:
        return {"student": self.student.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.student.load_state_dict(state["student"])
        self.optimizer.load_state_dict(state["optimizer"])

    def supply(self) -> CropSupply:
        plan = self.plan
        return CropSupply(plan.photos, plan.styles, plan.size, plan.batch // 2, plan.seed, CROPS, self.step)

    def advance(self, photos: Tensor, styles: Tensor, done: float) -> dict[str, Tensor]:
        """One step on photographs, styles and pictures between them."""
        cosine = falling(done, 0.02)
        self.optimizer.scale_rates(min(1, (self.step + 1) / WARM_STEPS) * cosine)
        if self.practice is None:
            self.practice = Practice(self.student, photos, styles)
        self.student.eval()
        self.practice.advance(photos, styles)
        self.student.train(done < SETTLED)
        x = torch.cat([vary(torch.cat([photos, styles])), self.practice.pictures])
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16):
            wanted = self.teacher(x)
            got = self.student(x)
        losses = [(a.float() - b).square().sum(1).mean() for a, b in zip(got, wanted, strict=True)]
        self.student.zero_grad()
        torch.autograd.backward(torch.stack(losses).sum())
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        self.optimizer.step()
        return dict(zip(TAPS, losses, strict=True))

    def save(self) -> None:
        """The checkpoint, and the student's weights to start other runs from."""
        super().save()
        self.write(self.plan.out / "features.safetensors")

    def write(self, path: Path) -> None:
        """The folded network in half precision."""
        weights = self.student.folded(self.teacher.bases)
        save_file({name: tensor.half() for name, tensor in weights.items()}, str(path))

    def figures(self, network: FeatureNetwork) -> dict[str, float]:
        """Relative squared error behind the linear maps of each level, over the held-out pictures: 0 the same, 1 none
        of the teacher's variance explained."""
        held = (self.plan.held_photos, self.plan.held_styles)
        errors, variances = torch.zeros(len(TAPS)), torch.zeros(len(TAPS))
        with torch.no_grad():
            for crop in (crop for pictures in held for crop in centre_crops(pictures, FIGURE_SIZE)):
                x = crop[None].to(self.plan.device)
                for level, (own, theirs) in enumerate(zip(network(x), self.teacher.features(x), strict=True)):
                    weight, bias = network.linear(level)
                    mapped = F.conv2d(own, weight[:, :, None, None], bias)
                    errors[level] += (mapped - theirs).square().sum().cpu()
                    variances[level] += (theirs - theirs.mean((2, 3), keepdim=True)).square().sum().cpu()
        return {f"relative_error_{tap}": round(float(e), 4) for tap, e in zip(TAPS, errors / variances, strict=True)}

    def export(self) -> Path:
        """features.safetensors (fp16) and its card in the run's folder."""
        plan = self.plan
        path = plan.out / "features.safetensors"
        self.write(path)
        held = len(plan.held_photos) + len(plan.held_styles)
        network = FeatureNetwork.load(path).to(plan.device)
        ModelCard(
            id=plan.out.name,
            method="features",
            title="Compact feature network",
            description="Sees content and style as VGG-19 does, with 16 times fewer weights.",
            licence="MIT",
            data=plan.data | {"teacher": plan.teacher_name},
            steps=self.step,
            image_steps=self.step * (plan.batch + plan.batch // 2 // PICTURES_SHARE),
            seed=plan.seed,
            date=datetime.date.today().isoformat(),
            command=plan.command,
            started_from=self.started_from,
            device=plan.device,
            figures=self.figures(network) if held else {},
        ).write(path)
        return path


def vary(x: Tensor) -> Tensor:
    """Some of the pictures mixed with another, recoloured or made noisy; B x 3 x S x S in [0, 1]."""
    count = len(x)

    def chosen(share: float) -> Tensor:
        return (torch.rand(count, 1, 1, 1, device=x.device) < share).to(x.dtype)

    def between(low: float, high: float, channels: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(count, channels, 1, 1, device=x.device)

    x = torch.lerp(x, x.roll(1, 0), chosen(0.2) * between(0.2, 0.8))
    x = torch.lerp(x, x * between(0.5, 1.5, 3) + between(-0.2, 0.2, 3), chosen(0.4))
    return (x + torch.randn_like(x) * chosen(0.3) * between(0.01, 0.15)).clamp(0, 1)
