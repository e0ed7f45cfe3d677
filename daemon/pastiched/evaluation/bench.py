"""Pairs painted and measured one after the other."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiched.evaluation.figures import SMALLEST_SIDE, Figures, Gauge, PhotographStandard, StyleStandard
from pastiched.evaluation.pairs import Pair, read_picture, reduced
from pastiched.evaluation.studio import Studio
from pastiched.models import ModelError, default_model, file_sha256
from pastiched.networks.features import FeatureNetwork

STYLE_SIDE = 512
"""Style pictures are measured at this short side,"""
STYLE_LONG_SIDE = 2048
"""with at most this long side, unless the short one fell below what can be measured."""
KEPT = 16
"""Photographs and styles whose own figures are kept at a time."""


class Bench:
    """Measures the work of studios on photographs with `side` pixels on their long side."""

    def __init__(self, gauge: Gauge, side: int) -> None:
        self._gauge, self._side = gauge, side
        # Many pairs share a photograph or a style; the memory for them is bounded.
        self._photograph = lru_cache(KEPT)(self._measure_photograph)
        self._style = lru_cache(KEPT)(self._measure_style)

    def judge(self, pair: Pair, studio: Studio, path: Path) -> tuple[Figures, dict[str, Any]]:
        """Paints a pair into `path`; gives its figures and what it was painted with. Raises PasticheError, OSError."""
        photograph, standard = self._photograph(pair.photograph.path)
        style = self._style(pair.style.path)
        pastiche, model = studio.paint(photograph, read_picture(pair.style.path))
        pastiche.save(path)
        return self._gauge.measure(tensor(pastiche), standard, style), model

    def _measure_photograph(self, path: Path) -> tuple[Image.Image, PhotographStandard]:
        picture = reduced(read_picture(path), self._side)
        return picture, self._gauge.photograph(tensor(_measurable(picture, path)))

    def _measure_style(self, path: Path) -> StyleStandard:
        picture = _measurable(read_picture(path), path)
        shorter, longer = sorted(picture.size)
        scale = max(min(STYLE_SIDE / shorter, STYLE_LONG_SIDE / longer), SMALLEST_SIDE / shorter)
        size = round(picture.width * scale), round(picture.height * scale)
        return self._gauge.style(tensor(picture.resize(size, Image.Resampling.LANCZOS)))


def tensor(picture: Image.Image) -> Tensor:
    """RGB -> 1 x 3 x H x W in [0, 1]."""
    return torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)[None]


def measuring_network(file: Path | None) -> tuple[FeatureNetwork, dict[str, Any]]:
    """The compact feature network that ships, or a file's; and its id and sha256. Raises PasticheError(UNREADABLE)."""
    try:
        if file is None:
            model = default_model("features")
            return FeatureNetwork(model.load()), {"id": model.id, "sha256": model.sha256}
        return FeatureNetwork.load(file), {"id": file.stem, "sha256": file_sha256(file)}
    except ModelError as error:
        raise PasticheError(ErrorCode.UNREADABLE, str(error)) from None
    except Exception as error:
        # safetensors has errors of its own, and a network of another form fails in torch.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        said = f"{file} is no feature network ({reason[:80]})."
        raise PasticheError(
            ErrorCode.UNREADABLE, said, "Leave out --feature-network to use the one that ships."
        ) from None


def _measurable(picture: Image.Image, path: Path) -> Image.Image:
    if min(picture.size) < SMALLEST_SIDE:
        size = f"{picture.width} x {picture.height}"
        said = f"{path} is too small to be measured ({size} pixels)."
        raise PasticheError(ErrorCode.BAD_PICTURE, said, f"At least {SMALLEST_SIDE} pixels a side are needed.")
    return picture
