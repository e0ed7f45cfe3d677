"""The figures of style, texture, structure and grid are what their definitions say, computed anew in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from pastiched.evaluation.figures import Gauge
from pastiched.models import default_model
from pastiched.networks.features import FeatureNetwork
from tests.unit.tiny_networks import picture

Array = NDArray[np.float64]
STAGES = (("1_1", "1_2"), ("2_1", "2_2"), ("3_1", "3_2", "3_3", "3_4"), ("4_1", "4_2", "4_3", "4_4"), ("5_1",))


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return default_model("features").load()


def layer(x: Array, weights: dict[str, Tensor], name: str) -> Array:
    """A convolution of C x H x W without its edges."""
    kernel, bias = (weights[f"{name}.{part}"].double().numpy() for part in ("weight", "bias"))
    windows = sliding_window_view(x, kernel.shape[2:], axis=(1, 2))
    return np.einsum("chwij,ocij->ohw", windows, kernel, optimize=True) + bias[:, None, None]


def features(x: Array, weights: dict[str, Tensor]) -> tuple[list[Array], list[Array]]:
    """Channels x positions of relu1_1 to relu5_1, before and behind the linear maps."""
    x = layer(x, weights, "preprocess")
    small, wide = [], []
    for k, stage in enumerate(STAGES):
        if k:
            x = x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
            x = x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2).max((2, 4))
        for name in stage:
            x = np.maximum(layer(np.pad(x, ((0, 0), (1, 1), (1, 1)), "reflect"), weights, f"conv{name}"), 0)
            if name.endswith("_1"):
                small.append(x.reshape(len(x), -1))
                mapped = layer(x, weights, f"linear{name}")
                wide.append(mapped.reshape(len(mapped), -1))
    return small, wide


def style_distance(a: Sequence[Array], b: Sequence[Array]) -> float:
    def square(p: Array, q: Array) -> float:
        means = np.mean((p.mean(1) - q.mean(1)) ** 2)
        deviations = np.mean((np.sqrt(p.var(1, ddof=1) + 1e-5) - np.sqrt(q.var(1, ddof=1) + 1e-5)) ** 2)
        return float(means + deviations)

    return float(np.mean([square(p, q) for p, q in zip(a, b, strict=True)]))


def wasserstein(a: Array, b: Array) -> float:
    p, q = np.cov(a, bias=True), np.cov(b, bias=True)
    common = np.sqrt(np.linalg.eigvals(p @ q).real.clip(0)).sum()
    return float(((a.mean(1) - b.mean(1)) ** 2).sum() + np.trace(p + q) - 2 * common)


def ssim(a: Array, b: Array) -> float:
    line = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2

    def mean(x: Array) -> Array:
        return (sliding_window_view(x, (11, 11)) * window).sum((2, 3))

    ma, mb = mean(a), mean(b)
    va, vb, ab = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    return float(np.mean((2 * ma * mb + 1e-4) * (2 * ab + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))))


def grid(grey: Array) -> float:
    worst = 0.0
    for values in (grey, grey.T):
        height, width = values.shape
        tapered = (values - values.mean()) * np.hanning(height)[:, None] * np.hanning(width)
        waves = np.exp(-2j * np.pi * np.outer(np.arange(height), np.arange(height)) / height)
        # By Parseval's theorem the sum over the frequencies across is the sum over the columns.
        lines = (np.abs(waves @ tapered) ** 2).sum(1)
        for at in (height // 2, height // 4):
            near = [lines[at + k] for k in (*range(-12, -3), *range(4, 13))]
            worst = max(worst, float(np.mean([lines[at + k] for k in (-1, 0, 1)]) / np.mean(near)))
    return worst


def test_figures_are_what_their_definitions_say(weights: dict[str, Tensor]) -> None:
    photograph, style, pastiche = (picture(64, 80, seed) for seed in (1, 2, 3))
    pastiche = (pastiche + 0.03 * (torch.arange(80) % 2)).clamp(0, 1)
    gauge = Gauge(FeatureNetwork(weights))
    found = gauge.measure(pastiche, gauge.photograph(photograph), gauge.style(style))

    c, s, x = (tensor[0].double().numpy() for tensor in (photograph, style, pastiche))
    (c_small, c_wide), (s_small, s_wide), (x_small, x_wide) = (features(array, weights) for array in (c, s, x))
    c_grey, x_grey = (np.tensordot((0.299, 0.587, 0.114), array, 1) for array in (c, x))
    ratios = [wasserstein(a, b) / wasserstein(d, b) for a, b, d in zip(x_small, s_small, c_small, strict=True)]
    wanted = {
        "style%": 100 * style_distance(x_wide, s_wide) / style_distance(c_wide, s_wide),
        "w2%": 100 * float(np.mean(ratios)),
        "content": float(np.mean([np.mean((x_wide[k] - c_wide[k]) ** 2) for k in (3, 4)])),
        "ssim": ssim(x_grey, c_grey),
        "grid": grid(x_grey),
    }
    assert wanted["grid"] > 2, "the stripes are seen"
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=5e-5, abs=1e-5)
