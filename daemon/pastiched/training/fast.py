"""Training of the Fast network."""

from __future__ import annotations

import copy
import datetime
from collections import defaultdict
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
from pastiched.networks.noise import noise_field, noise_fields
from pastiched.networks.pastiche_net import PasticheNet
from pastiched.training.calm import calm_loss
from pastiched.training.data import CropSupply, centre_crops
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
from pastiched.training.peaks import measure_on
from pastiched.training.run import FROM_NOTHING, Run, Training, falling
from pastiched.training.running_average import early, follow
from pastiched.training.stamps import stamp_loss
from pastiched.training.weighting import Weights

DECAY = 0.998
WARM_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class FastTraining(Training):
    """`rate`: at the start; it falls by a cosine."""

    features: FeatureNetwork
    rate: float = 1e-3
    weights: Weights = field(default_factory=Weights)

    def run(self) -> Path:
        """Trains, with checkpoint and preview sheet every 250 steps; returns the exported safetensors."""
        return FastRun(self).go()


class FastRun(Run):
    """The network, its running average, the optimizer."""

    plan: FastTraining

    def __init__(self, plan: FastTraining) -> None:
        super().__init__(plan)
        torch.manual_seed(plan.seed)
        self.network = PasticheNet().to(plan.device)
        if plan.init:
            self.network.load_state_dict({k: v.float() for k, v in load_file(str(plan.init)).items()})
        self.features = plan.features.to(plan.device)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimizer = MatrixOptimizer(self.network, plan.rate)
        self.commands: dict[str, int] = {}
        self.resume()

    def state(self) -> dict[str, Any]:
        self.commands[self.plan.command] = self.step
        return {
            "network": self.network.state_dict(), "average": self.average, "optimizer": self.optimizer.state_dict(),
            "commands": self.commands,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        # Checkpoints from before there were peaks know none.
        self.average, self.commands = self.average | state["average"], state["commands"]

    def supply(self) -> CropSupply:
        plan = self.plan
        return CropSupply(plan.photos, plan.styles, plan.size, plan.batch, plan.seed, first=self.step)

    def advance(self, c: Tensor, s: Tensor, done: float) -> dict[str, Tensor]:
        w = self.plan.weights
        cosine = falling(done, 0.03)
        self.optimizer.scale_rates(min(1, (self.step + 1) / WARM_STEPS) * cosine)
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
        terms["rim"], terms["calm"] = rim_loss(y, c), calm_loss(y, c, s)
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
        follow(self.average, self.network, early(DECAY, self.step) if self.started_from == FROM_NOTHING else DECAY)
        return terms

    def averaged(self) -> PasticheNet:
        # A copy: a new one would draw random numbers, and the run would go on with others than after a resumption.
        network = copy.deepcopy(self.network).eval()
        network.load_state_dict(self.average)
        return network

    def save(self) -> None:
        """Checkpoint and preview sheet."""
        super().save()
        if len(self.plan.held_photos) and len(self.plan.held_styles):
            write_sheet(self.averaged(), self.plan, self.plan.out / f"sheet-{self.step:06d}.png")

    def figures(self) -> dict[str, float]:
        """Mean losses over the held-out photographs, each with one held-out style, at the training size."""
        plan, network = self.plan, self.averaged()
        totals: defaultdict[str, float] = defaultdict(float)
        pairs = _held_pairs(plan, plan.size)
        with torch.no_grad():
            for photo, style in pairs:
                c, s = photo[None].to(plan.device), style[None].to(plan.device)
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
        network = self.averaged()
        measure_on(network, plan.photos, plan.styles, plan.size, plan.seed)
        save_file({k: v.half().contiguous().cpu() for k, v in network.state_dict().items()}, str(path))
        ModelCard(
            id=plan.out.name,
            method="fast",
            title="Fast, any style picture",
            description="Feed-forward network that paints a photograph in the style of any picture (PasticheNet).",
            licence="MIT",
            data=plan.data,
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
        for photo, style in _held_pairs(plan, size, 6):
            c, s = photo[None].to(device), style[None].to(device)
            y = network(c, network.encode_style(s), noise_field(0, size, size).to(device))
            rows.append(torch.cat([c[0], s[0], y[0].clamp(0, 1)], 2))
    pixels = (torch.cat(rows, 1).permute(1, 2, 0) * 255).round().byte().cpu().numpy()
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)


def _held_pairs(plan: FastTraining, size: int, most: int | None = None) -> list[tuple[Tensor, Tensor]]:
    """Held-out photographs, each with a held-out style."""
    photos, styles = (centre_crops(pictures, size, most) for pictures in (plan.held_photos, plan.held_styles))
    return list(zip(photos, styles, strict=False))
