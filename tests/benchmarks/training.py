"""Pictures a second in each phase of generator training: `python tests/benchmarks/training.py`. Prints JSON.

Crops of 256 pixels, 8 a step, as `pastiched train gan` makes them by default, from scikit-image's photographs and the
gallery; all threads unless OMP_NUM_THREADS says otherwise. Medians over the steps.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image
from skimage import data

from pastiched.models import default_model
from pastiched.networks.features import FeatureNetwork
from pastiched.styles import GALLERY
from pastiched.training.collection import survey
from pastiched.training.gan import GanRun, GanTraining

PHASES = {"reconstruction": 0.0, "style": 0.1, "adversarial": 0.5}
"""A share of the run at which each is on."""
PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")


def measure(folder: Path, device: str, size: int, batch: int, steps: int) -> dict[str, float]:
    """Pictures a second by phase."""
    for name in PHOTOGRAPHS:
        Image.fromarray(getattr(data, name)()[..., :3]).save(folder / f"{name}.png")
    photos = survey(folder, size, "photos", print_nothing)
    styles = survey(GALLERY, size, "styles", print_nothing)
    run = GanRun(
        GanTraining(
            out=folder / "run", name="benchmark", photos=photos, styles=styles, held_photos=photos.subset([]),
            held_styles=styles.subset([]), device=device, minutes=1, size=size, batch=batch,
            features=FeatureNetwork.load(default_model("features").path),
        )
    )  # fmt: skip
    supply = iter(run.supply())
    rates = {}
    for phase, done in PHASES.items():
        seconds = []
        for _ in range(steps + 1):
            began = time.perf_counter()
            crops, of_styles = next(supply)
            losses = run.advance(crops.to(device), of_styles.to(device), done)
            # Reading a loss waits for the device.
            float(losses["content"].detach())
            seconds.append(time.perf_counter() - began)
            run.step += 1
        assert run.phase == phase, run.phase
        rates[phase] = round(batch / statistics.median(seconds[1:]), 2)
    return rates


def print_nothing(sentence: str) -> None:
    """What the survey says of few pictures is known."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=16, help="in each phase")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rates = measure(Path(folder), options.device, options.size, options.batch, options.steps)
    told = {"device": options.device, "threads": torch.get_num_threads(), "size": options.size, "batch": options.batch}
    print(json.dumps(told | {"pictures a second": rates}, indent=1))


if __name__ == "__main__":
    main()
