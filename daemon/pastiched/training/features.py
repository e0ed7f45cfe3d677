"""Training of the compact feature network: it learns what a teacher sees (knowledge distillation, Hinton et al. 2015;
of feature networks for style transfer: Wang et al. 2020)."""

from __future__ import annotations

import datetime
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from pastiched.networks.features import TAPS, FeatureNetwork
from pastiched.networks.student import WIDTHS, Student
from pastiched.training.data import CropSupply, PictureFolder, centre_crop
from pastiched.training.model_card import ModelCard
from pastiched.training.practice import PICTURES_SHARE, Practice
from pastiched.training.teacher import Teacher

DEFAULT_MINUTES = 60.0
MATRIX_RATE, OTHER_RATE = 0.006, 0.004
WARM_STEPS = 50
SETTLED = 0.7
"""From this share of the run on, batch normalisation keeps the statistics it has, as in the folded network."""
SAVE_EVERY, TELL_EVERY = 250, 50
FIGURE_SIZE = 160


@dataclass(frozen=True)
class FeatureTraining:
    """One training run. It ends after `steps`, or after `minutes` of training (over all its resumptions)."""

    out: Path
    photos: PictureFolder
    styles: PictureFolder
    held_photos: PictureFolder
    held_styles: PictureFolder
    teacher: FeatureNetwork
    teacher_name: str
    device: str = "cpu"
    steps: int | None = None
    minutes: float | None = None
    size: int = 96
    batch: int = 8
    seed: int = 0
    init: Path | None = None
    resume: bool = False
    command: str = ""
    data_note: str = ""

    def run(self, say: Callable[[str], None] = print) -> Path:
        """Trains, with a checkpoint every 250 steps; returns the exported safetensors."""
        self.out.mkdir(parents=True, exist_ok=True)
        run = _Run(self)
        half = self.batch // 2
        supply = CropSupply(self.photos, self.styles, self.size, half, self.seed + run.step, (0.35, 1.0))
        with (self.out / "metrics.jsonl").open("a", encoding="utf-8") as metrics:
            for photos, styles in supply:
                if (done := run.done()) >= 1:
                    break
                run.advance(photos.to(self.device), styles.to(self.device), done)
                if run.step % TELL_EVERY == 0:
                    metrics.write(json.dumps(line := run.take_means()) + "\n")
                    metrics.flush()
                    say(" ".join(f"{k} {v:.4g}" for k, v in line.items()))
                if run.step % SAVE_EVERY == 0:
                    run.save()
        run.save()
        return run.export()


class _Run:
    """The state of a running training: student, optimizers, pictures to practise on, where it stands."""

    def __init__(self, plan: FeatureTraining) -> None:
        self.plan = plan
        torch.manual_seed(plan.seed)
        pictures = plan.photos.files[:32] + plan.styles.files[:32]
        sample = torch.stack([centre_crop(data, FIGURE_SIZE) for data in pictures])
        self.teacher = Teacher(plan.teacher.to(plan.device), WIDTHS, sample.to(plan.device))
        self.student = Student().to(plan.device)
        matrices = self.student.matrices()
        chosen = {id(matrix) for matrix in matrices}
        others = [p for p in self.student.parameters() if id(p) not in chosen]
        if not hasattr(torch.optim, "Muon"):
            raise ValueError("training the feature network needs PyTorch 2.9 or later (for the optimizer Muon)")
        self.optimizers: dict[float, torch.optim.Optimizer] = {
            MATRIX_RATE: torch.optim.Muon(
                matrices, lr=MATRIX_RATE, momentum=0.95, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
            ),
            OTHER_RATE: torch.optim.Adam(others, lr=OTHER_RATE, betas=(0.9, 0.98)),
        }
        self.practice: Practice | None = None
        self.step, self.seconds, self.clock = 0, 0.0, time.monotonic()
        self.sums, self.counted = [0.0] * len(TAPS), 0
        self.started_from = "random weights"
        if plan.init:
            try:
                self.student.unfold(load_file(str(plan.init)), self.teacher.bases)
            except (ValueError, KeyError):
                raise ValueError(f"{plan.init.name} is not a compact feature network") from None
            self.started_from = plan.init.stem
        if plan.resume and (plan.out / "checkpoint.pt").exists():
            self._load(torch.load(plan.out / "checkpoint.pt", weights_only=True, map_location=plan.device))

    def _load(self, state: dict[str, Any]) -> None:
        if "student" not in state:
            raise ValueError(f"{self.plan.out.name} holds a run of another method")
        self.student.load_state_dict(state["student"])
        for optimizer, kept in zip(self.optimizers.values(), state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.seconds, self.started_from = state["step"], state["seconds"], state["started_from"]
        torch.set_rng_state(state["random"].cpu())

    def done(self) -> float:
        """Share of the run that is behind us, 0..1."""
        plan = self.plan
        if plan.steps is not None:
            return self.step / plan.steps
        return self._seconds() / (60 * (DEFAULT_MINUTES if plan.minutes is None else plan.minutes))

    def _seconds(self) -> float:
        return self.seconds + time.monotonic() - self.clock

    def advance(self, photos: Tensor, styles: Tensor, done: float) -> None:
        """One step on photographs and styles, B/2 x 3 x S x S in [0, 1], and on pictures between them."""
        for rate, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                warm = min(1.0, (self.step + 1) / WARM_STEPS)
                group["lr"] = rate * warm * (0.49 * (1 + math.cos(math.pi * done)) + 0.02)
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
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        torch.autograd.backward(torch.stack(losses).sum())
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        for optimizer in self.optimizers.values():
            optimizer.step()
        self.step += 1
        self.sums = [total + float(loss.detach()) for total, loss in zip(self.sums, losses, strict=True)]
        self.counted += 1

    def take_means(self) -> dict[str, float]:
        means = [round(total / self.counted, 5) for total in self.sums]
        self.sums, self.counted = [0.0] * len(TAPS), 0
        return {"step": self.step, "seconds": round(self._seconds(), 1)} | dict(zip(TAPS, means, strict=True))

    def save(self) -> None:
        """The checkpoint, and the student's weights to start other runs from; written beside and moved into place."""
        state = {
            "student": self.student.state_dict(), "optimizers": [o.state_dict() for o in self.optimizers.values()],
            "step": self.step, "seconds": self._seconds(), "random": torch.get_rng_state(),
            "started_from": self.started_from,
        }  # fmt: skip
        part = self.plan.out / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.plan.out / "checkpoint.pt")
        self.write(self.plan.out / "features.safetensors")

    def write(self, path: Path) -> None:
        """The folded network in half precision."""
        weights = self.student.folded(self.teacher.bases)
        save_file({name: tensor.half() for name, tensor in weights.items()}, str(path))

    def figures(self, network: FeatureNetwork) -> dict[str, float]:
        """Relative squared error behind the linear maps of each level, over the held-out pictures: 0 the same, 1 none
        of the teacher's variance explained."""
        files = self.plan.held_photos.files + self.plan.held_styles.files
        errors, variances = torch.zeros(len(TAPS)), torch.zeros(len(TAPS))
        with torch.no_grad():
            for data in files:
                x = centre_crop(data, FIGURE_SIZE)[None].to(self.plan.device)
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
            id="features-1",
            method="features",
            title="Compact feature network",
            description="Sees content and style as VGG-19 does, with 16 times fewer weights.",
            licence="MIT",
            data={
                "photographs": len(plan.photos),
                "styles": len(plan.styles),
                "held_out": [len(plan.held_photos), len(plan.held_styles)],
                "teacher": plan.teacher_name,
                "note": plan.data_note,
            },
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
