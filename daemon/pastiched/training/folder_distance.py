"""How far pastiches are from a folder of style pictures as a whole: a Frechet distance of patches."""

from __future__ import annotations

import torch
from torch import Tensor

from pastiched.networks.features import FeatureNetwork
from pastiched.networks.generator import Generator
from pastiched.networks.noise import noise_field
from pastiched.training.collection import Collection
from pastiched.training.data import centre_crops
from pastiched.training.guards import contrast
from pastiched.training.losses import likeness_loss
from pastiched.training.run import Training
from pastiched.training.style_statistics import pooled
from pastiched.training.wasserstein import WassersteinTarget

SIDE = 256
PICTURES = 40
LEVEL = 2
"""relu3_1."""


class FolderDistance:
    """Of pastiches of up to 40 held-out photographs to the held-out style pictures, at 256 pixels; where none are held
    out, those of the training stand in.

    The distance is the root of the Gaussian Wasserstein-2 distance of the relu3_1 features of all places together
    (Frechet Inception distance, Heusel et al. 2017, with the feature network in Inception's place).
    """

    def __init__(self, network: FeatureNetwork, plan: Training) -> None:
        self._network, self._device = network, plan.device
        self.photos = _crops(plan.held_photos, plan.photos)
        styles = _crops(plan.held_styles, plan.styles)
        self.contrast = min(contrast(self.photos), contrast(styles))
        self._target = WassersteinTarget(*self._moments(styles))
        self._own = self._to_styles(self.photos)

    def paint(self, generator: Generator) -> list[Tensor]:
        """Of every photograph a pastiche, 3 x 256 x 256 in [0, 1], on the processor."""
        noise = noise_field(0, SIDE, SIDE).to(self._device)
        with torch.inference_mode():
            return [generator(photo[None].to(self._device), noise)[0].cpu() for photo in self.photos]

    def figures(self, pastiches: list[Tensor]) -> dict[str, float]:
        """`patchfd`; `patchfd_share` of the photographs' own distance; `content` as the training measures it."""
        distance = self._to_styles(pastiches)
        content = 0.0
        with torch.inference_mode():
            for photo, made in zip(self.photos, pastiches, strict=True):
                of_photo, of_made = (self._network(x[None].to(self._device)) for x in (photo, made))
                content += float(likeness_loss(self._network, of_made, of_photo)) / len(pastiches)
        figures = {"patchfd": distance, "patchfd_share": distance / max(self._own, 1e-6), "content": content}
        return {name: round(value, 4) for name, value in figures.items()}

    def _to_styles(self, pictures: list[Tensor]) -> float:
        return float(self._target.distance(*self._moments(pictures)).clamp_min(0).sqrt())

    def _moments(self, pictures: list[Tensor]) -> tuple[Tensor, Tensor]:
        return pooled(self._network, (x[None].to(self._device) for x in pictures))[LEVEL]


def _crops(held_out: Collection, others: Collection) -> list[Tensor]:
    """Raises ValueError where not one picture can be read."""
    if crops := centre_crops(held_out, SIDE, PICTURES) or centre_crops(others, SIDE, PICTURES):
        return crops
    raise ValueError("none of the pictures can be read to its end")
