"""`pastiched train peaks`: measures the peaks of a Fast network that is trained already (see `networks.peaks`)."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pastiched.networks.noise import noise_field
from pastiched.networks.pastiche_net import PasticheNet
from pastiched.networks.peaks import measure_peaks
from pastiched.training.collection import Collection
from pastiched.training.data import sample_crops

PAIRS = 160
WHOLE = (1.0, 1.0)


@dataclass(frozen=True)
class PeakMeasurement:
    """Of the network in `model`, a Fast network's safetensors with its card; never with what is held out."""

    model: Path
    photos: Collection
    styles: Collection
    out: Path
    side: int
    """Of photographs and styles, px."""
    seed: int
    device: str
    command: str

    def run(self) -> Path:
        """Writes the weights with their peaks, and the card, under the same names into `out`; returns the weights'
        path. Raises ValueError where `model` is no Fast network with a card, or lies in `out` itself; OSError,
        SafetensorError."""
        card, path = self._card(), self.out / self.model.name
        if path.exists():
            raise ValueError(f"{path.name} is in {self.out.name} already: choose another --out")
        weights = load_file(str(self.model))
        network = PasticheNet().eval().to(self.device)
        network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
        pairs = measure_on(network, self.photos, self.styles, self.side, self.seed)
        peaks = {name: x.half().cpu() for name, x in network.state_dict().items() if name.endswith(".peak")}
        save_file(weights | peaks, str(path))
        data = path.read_bytes()
        card |= {"file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        told = {"pairs": pairs, "seed": self.seed, "date": datetime.date.today().isoformat(), "command": self.command}
        card["peaks"] = told
        path.with_suffix(".json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return path

    def _card(self) -> dict[str, Any]:
        try:
            card = json.loads(self.model.with_suffix(".json").read_text("utf-8"))
        except ValueError:
            card = None
        if not isinstance(card, dict) or card.get("method") != "fast":
            raise ValueError(f"the card beside {self.model.name} is not that of a Fast network")
        return card


def measure_on(network: PasticheNet, photos: Collection, styles: Collection, side: int, seed: int) -> int:
    """Measures and keeps the network's peaks on photographs, each with one style; how many pairs. Without any, nothing
    is known of them. `side` of the pictures, px."""
    crops = [sample_crops(pictures, side, WHOLE, min(PAIRS, len(pictures)), seed) for pictures in (photos, styles)]
    count = max(map(len, crops)) if all(crops) else 0
    device = next(network.parameters()).device
    noise = noise_field(seed, side, side).to(device)

    def paint(number: int) -> Tensor:
        photo, style = (pictures[number % len(pictures)][None].to(device) for pictures in crops)
        painted: Tensor = network(photo, network.encode_style(style), noise)
        return painted

    def runs() -> Iterator[Callable[[], Tensor]]:
        for number in range(count):
            yield lambda: paint(number)  # noqa: B023 - it is run before the next one is made.

    with torch.no_grad():
        measure_peaks(network, runs())
    return count
