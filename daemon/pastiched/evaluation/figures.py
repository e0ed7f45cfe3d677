"""The figures by which a pastiche is judged, and the gauge that takes them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pastiched.evaluation.checkerboard import grid
from pastiched.evaluation.colours import palette, palette_distance
from pastiched.evaluation.flat_areas import flat_area, noise
from pastiched.evaluation.halos import Silhouettes, halo, silhouettes
from pastiched.evaluation.observation import Observation, Observer
from pastiched.evaluation.repetition import repetition, self_likeness
from pastiched.evaluation.structure import edge_strength, similarity
from pastiched.imaging.colour import luminance
from pastiched.networks.features import FeatureNetwork

DIGITS = 5
SMALLEST_SIDE = 32
"""Pixels: below, relu5_1 has no deviation."""
Figures = dict[str, float | None]
"""By name. None: the picture cannot show it, for instance halo without a silhouette."""


@dataclass(frozen=True)
class Figure:
    """One figure. `harmless`: up to this value nobody sees a difference."""

    name: str
    meaning: str
    higher_is_better: bool = False
    harmless: float | None = None


FIGURES = (
    Figure("style%", "style still missing, means and deviations; 100 = nothing done"),
    Figure("w2%", "the same for full covariances: sees texture"),
    Figure("content", "distance of relu4_1 and relu5_1 from the photograph"),
    Figure("ssim", "structural similarity to the photograph", higher_is_better=True),
    Figure("edge", "the same of edges", higher_is_better=True),
    Figure("grid", "checkerboard at 1/2 and 1/4 of the sampling rate", harmless=1.4),
    Figure("noise", "finest grain on even areas, levels of 255", harmless=1.0),
    Figure("halo", "rims along silhouettes, levels of 255", harmless=1.0),
    Figure("palette", "distance of the colours from the style's, Lab units"),
    Figure("repetition", "marks stamped over and over; 0..1", harmless=0.1),
)


@dataclass(frozen=True)
class PhotographStandard:
    """What a pastiche is compared with on the photograph's side."""

    size: tuple[int, int]
    observation: Observation
    grey: Tensor
    edges: Tensor
    flat: Tensor | None
    silhouettes: Silhouettes | None
    self_likeness: Tensor | None


@dataclass(frozen=True)
class StyleStandard:
    """What a pastiche is compared with on the style's side."""

    observation: Observation
    palette: NDArray[np.float64]
    self_likeness: Tensor | None


class Gauge:
    """Takes all figures. Those of style and content depend on the feature network: compare only what was measured with
    the same. All pictures are 1 x 3 x H x W, sRGB in [0, 1], at least 32 pixels a side."""

    def __init__(self, network: FeatureNetwork) -> None:
        self._observer = Observer(network)

    @torch.inference_mode()
    def photograph(self, picture: Tensor) -> PhotographStandard:
        """Of a photograph at the size of its pastiches."""
        grey = luminance(picture)
        return PhotographStandard(
            (picture.shape[3], picture.shape[2]),
            self._observer.observe(picture),
            grey,
            edge_strength(grey),
            flat_area(grey),
            silhouettes(grey),
            self_likeness(grey),
        )

    @torch.inference_mode()
    def style(self, picture: Tensor) -> StyleStandard:
        """Of a style picture, by custom with its short side at 512 pixels."""
        moments = replace(self._observer.observe(picture), deep=())
        return StyleStandard(moments, palette(picture), self_likeness(luminance(picture)))

    @torch.inference_mode()
    def measure(self, pastiche: Tensor, photograph: PhotographStandard, style: StyleStandard) -> Figures:
        """All of FIGURES by name. Raises ValueError where the pastiche has another size than the photograph."""
        if (size := (pastiche.shape[3], pastiche.shape[2])) != photograph.size:
            raise ValueError(f"the pastiche has {size} pixels, the photograph {photograph.size}")
        own, grey = self._observer.observe(pastiche), luminance(pastiche)
        figures = {
            "style%": self._observer.style_left(own, photograph.observation, style.observation),
            "w2%": self._observer.texture_left(own, photograph.observation, style.observation),
            "content": self._observer.content_distance(own, photograph.observation),
            "ssim": similarity(grey, photograph.grey),
            "edge": similarity(edge_strength(grey), photograph.edges),
            "grid": grid(grey),
            "noise": noise(grey, photograph.flat),
            "halo": halo(grey, photograph.silhouettes),
            "palette": palette_distance(palette(pastiche), style.palette),
            "repetition": repetition(self_likeness(grey), photograph.self_likeness, style.self_likeness),
        }
        return rounded(figures)


def rounded(figures: Mapping[str, float | None]) -> Figures:
    """To the digits that are written, so that a run is never better or worse than its own file."""
    return {name: None if value is None else round(value, DIGITS) for name, value in figures.items()}


def means(rows: Sequence[Mapping[str, float | None]]) -> Figures:
    """By figure, over the pictures that have it."""
    return {figure.name: statistics.fmean(values) if (values := _values(rows, figure)) else None for figure in FIGURES}


def medians(rows: Sequence[Mapping[str, float | None]]) -> Figures:
    """By figure, over the pictures that have it."""
    return {figure.name: statistics.median(values) if (values := _values(rows, figure)) else None for figure in FIGURES}


def _values(rows: Sequence[Mapping[str, float | None]], figure: Figure) -> list[float]:
    return [value for row in rows if (value := row[figure.name]) is not None]
