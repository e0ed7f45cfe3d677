"""The promise of the option `tile`: whatever it says, the pastiche is the same, without a seam."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pastiched.engines import refining
from pastiched.engines.fast import FastEngine
from pastiched.engines.trained import TrainedEngine
from tests.unit.engine_jobs import Listener, decibels, paint_marks, painted, scene
from tests.unit.trained_files import write_model

CPU = torch.device("cpu")
NATIVE = 750_000
STYLES = [paint_marks(96 + 16 * seed, seed) for seed in range(3)]


@pytest.fixture(scope="module")
def engine() -> FastEngine:
    return FastEngine(CPU)


@pytest.fixture(scope="module")
def ink(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models"))


def own_size(photo: np.ndarray) -> float:
    """The brush size at which the network works at the photograph's own size."""
    return 100 * math.sqrt(NATIVE / (photo.shape[0] * photo.shape[1]))


def drawn(case: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the job but its options, the options) of one of many different jobs."""
    random = np.random.default_rng(case)
    height, width = (int(side) for side in random.integers(150, 421, 2))
    photo = scene(height, width, *(int(place) for place in random.integers(0, 90, 2)))
    job: dict[str, Any] = {"styles": STYLES[: 1 + case % 3]}
    if case % 5 == 1:
        alpha = np.zeros((height, width, 1), np.float32)
        alpha[height // 5 :, : -width // 4] = np.linspace(0.1, 1, height - height // 5)[:, None, None]
        photo = np.concatenate([photo, alpha], 2)
    if case % 4 == 2:
        job["mask"] = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
    options = {
        "wrap": ("none", "horizontal", "both")[case % 3],
        "colour": ("style", "keep", "match")[case // 2 % 3],
        "strength": 62.0 if case % 5 == 4 else 100.0,
        "brush_size": own_size(photo)
        if case % 7 == 3 and 50_000 < height * width < 80_000
        else float(random.uniform(360, 400)),
        "seed": case,
        "tile": int(random.choice([112, 128, 144])),
    }
    return job | {"photo": photo}, options


@pytest.mark.parametrize("case", range(20))
def test_a_pastiche_in_tiles_is_the_one_at_once(engine: FastEngine, case: int) -> None:
    job, options = drawn(case)
    at_once, in_tiles = Listener(), Listener()
    whole = painted(engine, **job, callbacks=at_once, depth="32", **(options | {"tile": 0}))
    tiled = painted(engine, **job, callbacks=in_tiles, depth="32", **options)
    assert in_tiles.told > at_once.told + 4, "there are several"
    assert float(whole[..., :3].std()) > 0.05
    assert decibels(tiled, whole) >= 80


@pytest.mark.parametrize("case", range(0, 20, 3))
def test_a_pastiche_of_8_bits_in_tiles_is_the_one_at_once(engine: FastEngine, case: int) -> None:
    """In the fastest numbers that the processor has, integers among them."""
    job, options = drawn(case)
    whole = painted(engine, **job, depth="8", **(options | {"tile": 0}))
    assert decibels(painted(engine, **job, depth="8", **options) / 255, whole / 255) >= 60


@pytest.mark.parametrize("case", range(6))
def test_a_refined_pastiche_in_tiles_is_the_one_at_once(
    engine: FastEngine, case: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refining, "USUAL_BRUSH", 400)
    monkeypatch.setattr(refining, "LEAST_GROWTH", 1.1)
    job, options = drawn(case)
    options["brush_size"] = 400
    whole, tiled = (painted(engine, **job, depth="32", **(options | {"tile": tile})) for tile in (0, options["tile"]))
    monkeypatch.setattr(refining, "LEAST_GROWTH", 1e9)
    assert decibels(painted(engine, **job, depth="32", **(options | {"tile": 0})), whole) < 40, "it is refined"
    assert decibels(tiled, whole) >= 80


@pytest.mark.parametrize("case", [1, 5, 10])
def test_a_trained_pastiche_in_tiles_is_the_one_at_once(ink: Path, case: int) -> None:
    engine, (job, options) = TrainedEngine(CPU), drawn(case)
    job["styles"] = None
    options["brush_size"] /= 3
    whole = painted(engine, **job, model=ink, depth="32", **(options | {"tile": 0}))
    tiled = painted(engine, **job, model=ink, depth="32", **options)
    assert decibels(tiled, whole) >= 80


@pytest.mark.parametrize("case", [1, 5, 10])
def test_a_refined_trained_pastiche_too(ink: Path, case: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refining, "LEAST_GROWTH", 1.1)
    engine, (job, options) = TrainedEngine(CPU), drawn(case)
    job["styles"] = None
    options["brush_size"] = 100
    whole, tiled = (painted(engine, **job, model=ink, depth="32", **(options | {"tile": t})) for t in (0, 112))
    assert decibels(tiled, whole) >= 80
    monkeypatch.setattr(refining, "LEAST_GROWTH", 1e9)
    assert decibels(painted(engine, **job, model=ink, depth="32", **(options | {"tile": 0})), whole) < 40


def steps(picture: np.ndarray, axis: int) -> np.ndarray:
    """Mean absolute difference of neighbours across every joint that there could be."""
    return np.abs(np.diff(picture.astype(float), axis=axis)).mean((1 - axis, 2))


@pytest.mark.parametrize(("wrap", "depth"), [("none", "8"), ("both", "32")])
def test_no_joint_is_seen(engine: FastEngine, ink: Path, wrap: str, depth: str) -> None:
    """Joints may lie anywhere: so there is no seam at any row or column."""
    photo = scene(224, 240, 40, 100)
    options = {"depth": depth, "wrap": wrap, "brush_size": own_size(photo)}
    for make, job in ((engine, {"styles": STYLES[:1]}), (TrainedEngine(CPU), {"model": ink})):
        its = options if "styles" in job else options | {"brush_size": own_size(photo) / math.sqrt(NATIVE / 40_000)}
        whole, tiled = (painted(make, photo, **job, **its, tile=tile) for tile in (0, 96))
        for axis in (0, 1):
            ratios = steps(tiled, axis) / steps(whole, axis)
            assert ratios.min() > 0.98 and ratios.max() < 1.02, (ratios.min(), ratios.max())
