"""Pictures as floating-point numbers through an engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pastiche.options import check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.engines.base import Engine, EngineJob, StyleInput
from pastiched.engines.silence import Silent
from pastiched.inference import opening

DEPTHS = {"uint8": "u8", "uint16": "u16", "float32": "f32"}
TYPES = {depth: name for name, depth in DEPTHS.items()}


def compute_with(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By "OpenVINO" (the test is skipped where it is not here) or by "PyTorch", for networks opened from now on."""
    if library == "PyTorch":
        monkeypatch.setattr(opening, "openvino_works", lambda: False)
    elif not opening.openvino_works():
        pytest.skip("OpenVINO is not here")


class Guest(Silent):
    """Callbacks that let something else in, once, before that step (0 is the first) of a job."""

    def __init__(self, step: int, work: Callable[[], Any]) -> None:
        super().__init__()
        self.step, self._work = step, work

    def between_steps(self) -> None:
        self.step -= 1
        if self.step == -1:
            self._work()


class Listener(Silent):
    """Callbacks that remember how often they were told of progress."""

    def __init__(self) -> None:
        super().__init__()
        self.told = 0

    def progress(self, stage: str, fraction: float, detail: dict[str, Any] | None = None) -> None:
        self.told += 1


def buffer(array: np.ndarray, role: str = "content") -> PixelBuffer:
    """H x W x C, or H x W of a mask."""
    array = array[..., None] if array.ndim == 2 else array
    height, width, channels = array.shape
    form = PixelFormat(role, width, height, channels, DEPTHS[array.dtype.name])
    return PixelBuffer(form, np.ascontiguousarray(array).tobytes())


def painted(
    engine: Engine, photo: np.ndarray, styles: list[np.ndarray] | None = None, mask: np.ndarray | None = None,
    model: Path | None = None, callbacks: Any = None, **options: Any,
) -> np.ndarray:  # fmt: skip
    """The pastiche in the depth that the options say, as numbers of [0, 255] or of [0, 1]."""
    inputs = [StyleInput(buffer(style, "style"), None, 1.0 + i) for i, style in enumerate(styles or [])]
    if model is not None:
        options |= {"method": "trained", "model": model.stem}
    its_mask = None if mask is None else buffer(mask, "mask")
    job = EngineJob(buffer(photo), inputs, its_mask, check_options(options), model=model)
    result = engine.run(job, callbacks or Silent()).pastiche
    form = result.format
    return np.frombuffer(result.data, TYPES[form.depth]).reshape(form.height, form.width, form.channels)


def scene(height: int, width: int, top: int = 0, left: int = 0) -> np.ndarray:
    """A part of a photograph of that size, up to 512 x 512, in floating-point numbers."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[top : top + height, left : left + width] / np.float32(255))


def paint_marks(side: int, seed: int) -> np.ndarray:
    """A small style picture, 8 bit: coarse and fine marks of a few colours."""
    generator = np.random.default_rng(seed)
    colours = generator.integers(0, 256, (6, 3), dtype=np.uint8)
    coarse, fine = (generator.integers(0, 6, (side // cell + 1, side // cell + 1)) for cell in (24, 5))
    coarse, fine = (np.kron(x, np.ones((c, c), int))[:side, :side] for x, c in ((coarse, 24), (fine, 5)))
    return colours[np.where(fine > 2, fine, coarse)]


def decibels(a: np.ndarray, b: np.ndarray, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio."""
    error = float(np.mean((a.astype(float) - b.astype(float)) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(peak**2 / error)
