"""Files of trained models with random weights, which paint something all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pastiched.networks.generator import Generator
from pastiched.trained_model import write_trained_model

THUMBNAIL = b"\xff\xd8\xff\xe0 the bytes of a picture"
CARD: dict[str, Any] = {
    "title": "", "description": "Black lines.", "licence": "CC0-1.0", "data": {"styles": 3, "photos": 5}, "steps": 10,
    "size": 256, "native_pixels": 40_000, "recipe": "gan", "seed": 0, "date": "2026-01-01",
    "command": "pastiched train gan", "started_from": "", "device": "cpu", "figures": {},
}  # fmt: skip


def random_generator(seed: int = 0) -> Generator:
    """One whose pictures have contrast, and depend on the photograph and on the noise."""
    torch.manual_seed(seed)
    generator = Generator()
    with torch.no_grad():
        generator.out.weight.mul_(40)
        for block in (generator.broad, *generator.trunk):
            block.gain.fill_(0.5)
    return generator


def write_model(path: Path, name: str = "ink", seed: int = 0, **card: Any) -> Path:
    """A file at `path`, or NAME.safetensors in it where it is a folder."""
    target = path if path.suffix else path / f"{name}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_trained_model(target, random_generator(seed).state_dict(), CARD | {"name": name} | card, THUMBNAIL)
    return target
