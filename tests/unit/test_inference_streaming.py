"""Promises about pictures too large to be there as one tensor: strip by strip they become the same pastiche."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pastiched.engines import finishing, inputs
from pastiched.engines.fast import FastEngine
from pastiched.engines.inputs import Photograph
from pastiched.engines.trained import TrainedEngine
from pastiched.imaging.scale import strips
from tests.unit.engine_jobs import decibels, paint_marks, painted, scene
from tests.unit.trained_files import write_model

CPU = torch.device("cpu")
HEIGHT, WIDTH = 176, 160
JOBS: dict[str, dict[str, Any]] = {
    "style": {}, "match": {"colour": "match"}, "kept half": {"colour": "keep", "strength": 50}, "none": {"strength": 0},
    "joined": {"wrap": "both"},
}  # fmt: skip


@pytest.fixture(scope="module")
def at_own_size() -> FastEngine:
    return FastEngine(CPU, native=True)


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedEngine, Path]:
    """That paints at the photograph's own size."""
    return TrainedEngine(CPU), write_model(tmp_path_factory.mktemp("models"), native_pixels=HEIGHT * WIDTH)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.ascontiguousarray((scene(HEIGHT, WIDTH, 60, 120) * 255).round().astype(np.uint8))


@pytest.fixture(scope="module")
def holes() -> np.ndarray:
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[70:120, 40:140] = np.linspace(0, 120, 100, dtype=np.uint8)[None, :, None]
    return alpha


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    return np.tile(np.linspace(0, 255, WIDTH, dtype=np.uint8), (HEIGHT, 1))


def stream(monkeypatch: pytest.MonkeyPatch, area: int = HEIGHT * WIDTH) -> list[int]:
    """From now on pictures of that area are streamed; how many rows were asked for at once is noted."""
    asked: list[int] = []
    rows = Photograph.rows

    def noted(self: Photograph, first: int, count: int) -> torch.Tensor:
        asked.append(count)
        return rows(self, first, count)

    monkeypatch.setattr(inputs, "WHOLE_PIXELS", area - 1)
    monkeypatch.setattr(inputs, "SAMPLE_PIXELS", area)
    monkeypatch.setattr(finishing, "strips", lambda height, width: strips(height, width, 8_000))
    monkeypatch.setattr(Photograph, "rows", noted)
    return asked


@pytest.mark.parametrize("job", JOBS)
def test_a_streamed_picture_is_the_same_pastiche(
    at_own_size: FastEngine, photo: np.ndarray, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"styles": [paint_marks(96, 1)], "depth": "32", "tile": 80}
    whole = painted(at_own_size, photo, **given, **JOBS[job])
    asked = stream(monkeypatch)
    assert decibels(painted(at_own_size, photo, **given, **JOBS[job]), whole) >= 100
    assert asked and max(asked) < HEIGHT, "never the whole picture"


@pytest.mark.parametrize("options", [{}, {"colour": "keep"}])
def test_a_streamed_picture_with_holes_and_a_mask_is_the_same_pastiche(
    at_own_size: FastEngine, photo: np.ndarray, holes: np.ndarray, mask: np.ndarray, options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    layer = np.concatenate([photo, holes], 2)
    given = {"styles": [paint_marks(96, 1)], "mask": mask, "depth": "32", "tile": 80} | options
    whole = painted(at_own_size, layer, **given)
    asked = stream(monkeypatch)
    streamed = painted(at_own_size, layer, **given)
    assert asked and max(asked) < HEIGHT, "never the whole picture"
    assert decibels(streamed[..., :3], whole[..., :3]) >= 100
    assert np.array_equal(streamed[..., 3], whole[..., 3])


@pytest.mark.parametrize("job", ["match", "kept half", "joined"])
def test_a_trained_model_paints_a_streamed_picture_alike(
    look: tuple[TrainedEngine, Path], photo: np.ndarray, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, ink = look
    given: dict[str, Any] = {"model": ink, "depth": "32", "tile": 80, "brush_size": 100}
    whole = painted(engine, photo, **given, **JOBS[job])
    asked = stream(monkeypatch)
    assert decibels(painted(engine, photo, **given, **JOBS[job]), whole) >= 100
    assert len(asked) > 3, "strip by strip"


def test_an_underpainting_of_a_streamed_picture_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, area = FastEngine(CPU), 220 * 230
    photo = (scene(220, 230, 60, 120) * 255).round().astype(np.uint8)
    brush = 100 * math.sqrt(750_000 / area)
    given: dict[str, Any] = {"styles": [paint_marks(96, 1)], "depth": "32", "brush_size": brush}
    whole = painted(engine, photo, **given)
    asked = stream(monkeypatch, area)
    assert decibels(painted(engine, photo, **given, tile=96), whole) >= 80
    assert len(asked) > 3, "strip by strip"


def test_a_sample_of_a_streamed_picture_is_enough_to_match_its_colours(
    at_own_size: FastEngine, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"styles": [paint_marks(96, 1)], "depth": "32", "colour": "match"}
    whole = painted(at_own_size, photo, **given)
    stream(monkeypatch)
    monkeypatch.setattr(inputs, "SAMPLE_PIXELS", HEIGHT * WIDTH // 4)
    sampled = painted(at_own_size, photo, **given)
    assert decibels(sampled, whole) >= 35
    assert np.abs(sampled.mean((0, 1)) - whole.mean((0, 1))).max() < 0.01
