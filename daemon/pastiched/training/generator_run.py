"""What both recipes for a generator have in common: the network, its running average, sheets, checkpoints, export."""

from __future__ import annotations

import copy
import datetime
import io
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pastiched.evaluation.scenes import render
from pastiched.imaging.scale import NATIVE_PIXELS
from pastiched.networks.features import FeatureNetwork
from pastiched.networks.generator import Generator
from pastiched.networks.noise import noise_field
from pastiched.storage import write_atomically
from pastiched.trained_model import (
    MAX_THUMBNAIL,
    THUMBNAIL_SIDE,
    check_card,
    default_title,
    read_trained_model,
    write_trained_model,
)
from pastiched.training.data import CropSupply, Shares, centre_crops
from pastiched.training.folder_distance import FolderDistance
from pastiched.training.report import CHECKPOINTS, write_plot, write_report
from pastiched.training.run import Run, Training
from pastiched.training.running_average import early, follow

DECAY = 0.998
"""Of the running average of the generator, which previews and exports are made with."""
PHOTO_CROPS = (0.5, 1.0)
NATIVE_SIZE = 192
"""Side of crops whose strokes suit pictures of NATIVE_PIXELS, as those of Fast; larger crops have larger ones."""
SHEET_COLUMNS, SHEET_SIDE = 8, 256
SCENE = "architecture"
"""What the thumbnails of all models show."""


@dataclass(frozen=True, kw_only=True)
class GeneratorTraining(Training):
    """`rate` of the generator at the start. `crops`: which share of a style picture's short side a crop has, least and
    most: small shares make large strokes. A preview sheet, figures and a checkpoint every `preview_every` steps."""

    name: str
    title: str = ""
    description: str = ""
    licence: str = ""
    features: FeatureNetwork
    rate: float
    crops: tuple[float, float] = (0.5, 0.9)
    preview_every: int = 500
    plot: bool = False
    recipe: str


class GeneratorRun(Run):
    """The generator and its running average."""

    plan: GeneratorTraining

    def __init__(self, plan: GeneratorTraining) -> None:
        super().__init__(plan)
        self._latest: dict[str, float] = {}
        check_card(self._card())
        torch.manual_seed(plan.seed)
        self.network = Generator().to(plan.device)
        if plan.init:
            self.network.load_state_dict(read_trained_model(plan.init).load())
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.features = plan.features.to(plan.device)
        self._line.say(f"Measuring {len(plan.styles)} style pictures and {len(plan.photos)} photographs.")
        self._distance = FolderDistance(self.features, plan)
        self._shown: int | None = None

    @abstractmethod
    def healthy(self, pastiches: list[Tensor]) -> bool:
        """Looks at pictures that the running average has just made, and sees to it where something is wrong."""

    @property
    def due(self) -> bool:
        return super().due or self.step % self.plan.preview_every == 0

    @property
    def shares(self) -> Shares:
        return PHOTO_CROPS, self.plan.crops

    def supply(self) -> CropSupply:
        plan = self.plan
        return CropSupply(plan.photos, plan.styles, plan.size, plan.batch, plan.seed, self.shares, self.step)

    def follow(self) -> None:
        """Brings the running average on by one step."""
        follow(self.average, self.network, early(DECAY, self.step))

    def state(self) -> dict[str, Any]:
        return {"network": self.network.state_dict(), "average": self.average}

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average = state["average"]

    def averaged(self) -> Generator:
        # A copy: a new one would draw random numbers, and the run would go on with others than after a resumption.
        network = copy.deepcopy(self.network).eval().requires_grad_(False)
        network.load_state_dict(self.average)
        return network

    def save(self) -> None:
        """The checkpoint; and every so often a model to choose, a sheet, figures and the page of all of it."""
        due = self._shown != self.step and (self.step % self.plan.preview_every == 0 or self._done() >= 1)
        # What the guards decide is in the checkpoint, so that a run which is resumed knows of it.
        pastiches = self._look() if due else []
        super().save()
        if due:
            self._show(pastiches)
            self._shown = self.step

    def _look(self) -> list[Tensor]:
        """Pastiches of the fixed photographs, measured."""
        pastiches = self._distance.paint(self.averaged())
        if not self.healthy(pastiches):
            return self._distance.paint(self.averaged())
        self._latest = self._distance.figures(pastiches)
        self.note(self._latest)
        return pastiches

    def _show(self, pastiches: list[Tensor]) -> None:
        plan = self.plan
        folder = plan.out / CHECKPOINTS
        folder.mkdir(exist_ok=True)
        self._write(folder / f"step-{self.step:06d}.safetensors")
        sheet = make_sheet(self._distance.photos, pastiches, centre_crops(plan.styles, SHEET_SIDE, SHEET_COLUMNS))
        write_atomically(plan.out / f"sheet-{self.step:06d}.png", lambda part: sheet.save(part, "PNG"))
        write_report(plan.out)
        if plan.plot:
            write_plot(plan.out)

    def export(self) -> Path:
        """NAME.safetensors in the run's folder, the card inside."""
        path = self.plan.out / f"{self.plan.name}.safetensors"
        self._write(path)
        write_report(self.plan.out)
        return path

    def _write(self, path: Path) -> None:
        write_trained_model(path, self.average, self._card(), thumbnail(self.averaged()))

    def _card(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "name": plan.name, "title": plan.title or default_title(plan.name), "description": plan.description,
            "licence": plan.licence, "recipe": plan.recipe, "date": datetime.date.today().isoformat(),
            "command": plan.command, "started_from": self.started_from, "device": plan.device, "steps": self.step,
            "seed": plan.seed, "size": plan.size, "data": plan.data, "figures": self._latest,
            "native_pixels": round(NATIVE_PIXELS * (plan.size / NATIVE_SIZE) ** 2),
        }  # fmt: skip


def make_sheet(photos: list[Tensor], pastiches: list[Tensor], styles: list[Tensor]) -> Image.Image:
    """A row of style pictures, then rows of photographs with their pastiches below, 3 x H x W in [0, 1] each."""
    rows = [styles[:SHEET_COLUMNS]]
    for first in range(0, min(len(photos), 2 * SHEET_COLUMNS), SHEET_COLUMNS):
        rows += [photos[first : first + SHEET_COLUMNS], pastiches[first : first + SHEET_COLUMNS]]
    sheet = Image.new("RGB", (SHEET_COLUMNS * SHEET_SIDE, len(rows) * SHEET_SIDE), "white")
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            sheet.paste(to_image(picture), (column * SHEET_SIDE, row * SHEET_SIDE))
    return sheet


def thumbnail(network: Generator) -> bytes:
    """A rendered scene as the generator paints it: a JPEG file of 256 x 256, small enough for a card."""
    scene = render(SCENE, THUMBNAIL_SIDE * 3 // 2)
    left = (scene.width - THUMBNAIL_SIDE) // 2
    pixels = np.asarray(scene.crop((left, 0, left + THUMBNAIL_SIDE, THUMBNAIL_SIDE)), np.float32) / 255
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(next(network.parameters()).device)
    with torch.inference_mode():
        made = network(x, noise_field(0, THUMBNAIL_SIDE, THUMBNAIL_SIDE).to(x.device))[0].cpu()
    for quality in (80, 65, 50, 30, 10):
        buffer = io.BytesIO()
        to_image(made).save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= MAX_THUMBNAIL:
            break
    return buffer.getvalue()


def to_image(x: Tensor) -> Image.Image:
    """3 x H x W in [0, 1]."""
    return Image.fromarray((x.permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy())
