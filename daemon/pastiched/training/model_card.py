"""The model card beside a weight file: what it was made from, how, and how good it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ModelCard:
    """Everything a user or the registry may ask of a weight file."""

    id: str
    method: str
    title: str
    description: str
    licence: str
    data: dict[str, Any]
    steps: int
    image_steps: int
    seed: int
    date: str
    command: str
    started_from: str
    device: str
    figures: dict[str, float] = field(default_factory=dict)
    limits: str = ""

    def write(self, weights: Path) -> Path:
        """Writes `<weights>.json` with the file's sha256 and size; returns its path."""
        data = weights.read_bytes()
        card = {"file": weights.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} | asdict(self)
        path = weights.with_suffix(".json")
        path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return path
