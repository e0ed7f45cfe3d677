"""What goes wrong in adversarial training, how it is noticed, and what is done."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from pastiched.imaging.colour import luminance
from pastiched.training.augmentation import Augmentation

BY_HEART = 0.2
"""How much more the style pictures of the training look like the style than others of the folder, of 0.1 to 0.9."""
CERTAIN = 0.05
"""Loss of the texture discriminator below which it has nothing left to learn; one that cannot tell has 0.32."""
MORE, MOST_CHANCE, WIDEST_CUT, LEAST_OFTEN = 0.15, 0.95, 0.5, 4
COLLAPSED = 0.2
"""Contrast of the pastiches, beside what is usual, below which there is hardly a picture left."""


@dataclass
class Leash:
    """How hard it is made for the discriminators: `augmentation`, and one step of theirs in `every` of all."""

    augmentation: Augmentation = dataclasses.field(default_factory=Augmentation)
    every: int = 1

    def tighten(self) -> bool:
        """One notch; False where it is as tight as it can be."""
        before = (self.augmentation, self.every)
        if self.augmentation.chance >= MOST_CHANCE:
            self.every = min(2 * self.every, LEAST_OFTEN)
        chance = min(self.augmentation.chance + MORE, MOST_CHANCE)
        self.augmentation = dataclasses.replace(self.augmentation, chance=chance, cutout=WIDEST_CUT)
        return before != (self.augmentation, self.every)

    def state(self) -> dict[str, float]:
        return {"chance": self.augmentation.chance, "cutout": self.augmentation.cutout, "every": self.every}

    def restore(self, state: dict[str, float]) -> None:
        self.augmentation = dataclasses.replace(self.augmentation, chance=state["chance"], cutout=state["cutout"])
        self.every = int(state["every"])


def memorising(trained_on: float, held_out: float | None, loss: float) -> str:
    """Why the discriminator seems to know its pictures by heart, "" where it does not.

    `trained_on`, `held_out`: its opinions of pictures (None: none are held out), `loss`: its own, of late.
    """
    if held_out is not None and trained_on - held_out > BY_HEART:
        return f"it takes its own style pictures for {trained_on:.2f} and others for {held_out:.2f}"
    return f"its loss has fallen to {loss:.3f}" if loss < CERTAIN else ""


def contrast(pictures: list[Tensor]) -> float:
    """Mean deviation of the luma within pictures, 3 x H x W each."""
    return float(torch.stack([luminance(x[None]).std() for x in pictures]).mean())


def collapsed(pastiches: list[Tensor], usual: float) -> bool:
    """Whether the pastiches have become a single colour; `usual` is the contrast of the photographs, or of the styles
    where those have less."""
    return contrast(pastiches) < COLLAPSED * usual
