"""Training of the Fast network."""

from __future__ import annotations

import datetime
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from pastiched.networks.features import FeatureNetwork
from pastiched.networks.pastiche_net import PasticheNet, noise_field, noise_fields
from pastiched.training.data import CropSupply, PictureFolder, centre_crop
from pastiched.training.losses import (
    content_loss,
    grid_loss,
    lattice_loss,
    likeness_loss,
    repetition_loss,
    rim_loss,
    style_losses,
)
from pastiched.training.matrix_optimizer import MatrixOptimizer
from pastiched.training.model_card import ModelCard
from pastiched.training.stamps import stamp_loss
from pastiched.training.weighting import Weights

DECAY = 0.998
WARM_STEPS = 100
DEFAULT_MINUTES = 55.0


@dataclass(frozen=True)
class FastTraining:
    """One training run. It ends after `steps`, or after `minutes` of training (over all its resumptions)."""

    out: Path
    photos: PictureFolder
    styles: PictureFolder
    held_photos: PictureFolder
    held_styles: PictureFolder
    features: FeatureNetwork
    device: str = "cpu"
    steps: int | None = None
    minutes: float | None = None
    size: int = 192
    batch: int = 8
    rate: float = 1e-3
    seed: int = 0
    init: Path | None = None
    resume: bool = False
    command: str = ""
    data_note: str = ""
    weights: Weights = field(default_factory=Weights)

    def run(self, say: Callable[[str], None] = print) -> Path:
        """Trains, with checkpoint and preview sheet every 250 steps; returns the exported safetensors."""
        self.out.mkdir(parents=True, exist_ok=True)
        run = _Run(self)
        supply = CropSupply(self.photos, self.styles, self.size, self.batch, self.seed + run.step)
        with (self.out / "metrics.jsonl").open("a", encoding="utf-8") as metrics:
            for photos, styles in supply:
                if (done := run.done()) >= 1:
                    break
                run.advance(photos.to(self.device), styles.to(self.device), done)
                if run.step % 50 == 0:
                    metrics.write(json.dumps(line := run.take_means()) + "\n")
                    metrics.flush()
                    say(" ".join(f"{k} {v:.4g}" for k, v in line.items()))
                if run.step % 250 == 0:
                    run.save()
        run.save()
        return run.export()


class _Run:
    """The state of a running training: network, averaged network, optimizer, where it stands."""

    def __init__(self, plan: FastTraining) -> None:
        self.plan = plan
        torch.manual_seed(plan.seed)
        self.network = PasticheNet().to(plan.device)
        if plan.init:
            self.network.load_state_dict({k: v.float() for k, v in load_file(str(plan.init)).items()})
        self.features = plan.features.to(plan.device)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimizer = MatrixOptimizer(self.network, plan.rate)
        self.step, self.seconds, self.clock = 0, 0.0, time.monotonic()
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.started_from = plan.init.stem if plan.init else "random weights"
        self.commands: dict[str, int] = {}
        if plan.resume and (plan.out / "checkpoint.pt").exists():
            self._load(torch.load(plan.out / "checkpoint.pt", weights_only=True, map_location=plan.device))

    def _load(self, state: dict[str, Any]) -> None:
        if "network" not in state:
            raise ValueError(f"{self.plan.out.name} holds a run of another method")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step, self.seconds = state["average"], state["step"], state["seconds"]
        self.started_from, self.commands = state["started_from"], state.get("commands", {})
        torch.set_rng_state(state["random"].cpu())

    def done(self) -> float:
        """Share of the run that is behind us, 0..1."""
        plan = self.plan
        if plan.steps is not None:
            return self.step / plan.steps
        return self._seconds() / (60 * (DEFAULT_MINUTES if plan.minutes is None else plan.minutes))

    def _seconds(self) -> float:
        return self.seconds + time.monotonic() - self.clock

    def advance(self, c: Tensor, s: Tensor, done: float) -> None:
        """One step on photographs c and styles s, B x 3 x S x S in [0, 1]."""
        plan, w = self.plan, self.plan.weights
        cosine = 0.485 * (1 + math.cos(math.pi * done)) + 0.03
        self.optimizer.set_rate(plan.rate * min(1, (self.step + 1) / WARM_STEPS) * cosine)
        c, s = (x.contiguous(memory_format=torch.channels_last) for x in (c, s))
        noise = noise_fields(c.shape[2], c.shape[3], len(c)).to(c.device)
        with torch.autocast(c.device.type, torch.bfloat16):
            with torch.no_grad():
                of_content, of_style = self.features(c), self.features(s)
            y = self.network(c, self.network.encode_style(s), noise)
            own = self.features(y)
            terms = {"content": content_loss(own, of_content)}
        terms["likeness"] = likeness_loss(self.features, own, of_content)
        terms["style"], terms["texture"] = style_losses(self.features, own, of_style, of_content)
        terms["grid"], terms["repetition"] = grid_loss(y), repetition_loss(y, s)
        half = max(1, len(c) // 2)
        terms["lattice"], terms["stamps"] = lattice_loss(y), stamp_loss(y[:half], c[:half], s[:half])
        terms["rim"] = rim_loss(y, c)
        terms["outside"] = (F.relu(y - 1) + F.relu(-y)).mean()
        if self.step % 4 == 0:
            with torch.autocast(c.device.type, torch.bfloat16):
                same = self.network(c[:half], self.network.encode_style(c[:half]), noise[:half])
            terms["identity"] = F.mse_loss(same, c[:half])
        loss = sum((getattr(w, name, 1.0) * term for name, term in terms.items()), torch.zeros((), device=c.device))
        self.network.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1
        with torch.no_grad():
            decay = min(DECAY, self.step / (self.step + 9)) if self.started_from == "random weights" else DECAY
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)
        for name, term in terms.items():
            self.sums[name] += float(term.detach())
            self.sums["n_" + name] += 1

    def take_means(self) -> dict[str, float]:
        means = {k: v / self.sums["n_" + k] for k, v in self.sums.items() if not k.startswith("n_")}
        self.sums.clear()
        return {"step": self.step, "seconds": round(self._seconds(), 1)} | {k: round(v, 5) for k, v in means.items()}

    def averaged(self) -> PasticheNet:
        network = PasticheNet().to(self.plan.device).eval()
        network.load_state_dict(self.average)
        return network

    def save(self) -> None:
        """Checkpoint (written beside and moved into place) and preview sheet."""
        self.commands[self.plan.command] = self.step
        state = {
            "network": self.network.state_dict(), "average": self.average, "optimizer": self.optimizer.state_dict(),
            "step": self.step, "seconds": self._seconds(), "random": torch.get_rng_state(),
            "started_from": self.started_from, "commands": self.commands,
        }  # fmt: skip
        part = self.plan.out / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.plan.out / "checkpoint.pt")
        if len(self.plan.held_photos) and len(self.plan.held_styles):
            write_sheet(self.averaged(), self.plan, self.plan.out / f"sheet-{self.step:06d}.png")

    def figures(self) -> dict[str, float]:
        """Mean losses over the held-out photographs, each with one held-out style, at the training size."""
        plan, network = self.plan, self.averaged()
        totals: defaultdict[str, float] = defaultdict(float)
        pairs = list(zip(plan.held_photos.files, plan.held_styles.files, strict=False))
        with torch.no_grad():
            for photo, style in pairs:
                c, s = (centre_crop(data, plan.size)[None].to(plan.device) for data in (photo, style))
                y = network(c, network.encode_style(s), noise_field(0, plan.size, plan.size).to(plan.device))
                own = self.features(y)
                of_content = self.features(c)
                first, second = style_losses(self.features, own, self.features(s), of_content)
                values = {"content": content_loss(own, of_content), "style": first, "texture": second}
                values |= {"grid": grid_loss(y), "repetition": repetition_loss(y, s), "lattice": lattice_loss(y)}
                for name, value in values.items():
                    totals[name] += float(value) / len(pairs)
        return {f"held_out_{k}": round(v, 4) for k, v in totals.items()}

    def export(self) -> Path:
        """fast.safetensors (fp16) and its card in the run's folder."""
        plan = self.plan
        path = plan.out / "fast.safetensors"
        save_file({k: v.half().contiguous().cpu() for k, v in self.average.items()}, str(path))
        ModelCard(
            id="fast-2",
            method="fast",
            title="Fast, any style picture",
            description="Feed-forward network that paints a photograph in the style of any picture (PasticheNet).",
            licence="MIT",
            data={
                "photographs": len(plan.photos),
                "styles": len(plan.styles),
                "held_out": [len(plan.held_photos), len(plan.held_styles)],
                "note": plan.data_note,
            },
            steps=self.step,
            image_steps=self.step * plan.batch,
            seed=plan.seed,
            date=datetime.date.today().isoformat(),
            command="; then ".join(f"{command} (to step {last})" for command, last in self.commands.items()),
            started_from=self.started_from,
            device=plan.device,
            figures=self.figures(),
        ).write(path)
        return path


def write_sheet(network: PasticheNet, plan: FastTraining, path: Path) -> None:
    """Rows of photograph, style, pastiche from the first held-out pictures: the same ones each time."""
    size, device, rows = 256, plan.device, []
    with torch.no_grad():
        for photo, style in zip(plan.held_photos.files[:6], plan.held_styles.files[:6], strict=False):
            c, s = (centre_crop(data, size)[None].to(device) for data in (photo, style))
            y = network(c, network.encode_style(s), noise_field(0, size, size).to(device))
            rows.append(torch.cat([c[0], s[0], y[0].clamp(0, 1)], 2))
    pixels = (torch.cat(rows, 1).permute(1, 2, 0) * 255).round().byte().cpu().numpy()
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
