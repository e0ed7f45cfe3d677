"""The registry: what ships is whole, small, and what its card says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pastiched.models import SHIPPED, ModelError, default_model, main, shipped_models


def test_every_shipped_file_is_whole_and_has_a_card() -> None:
    assert {model.path.name for model in shipped_models()} == {path.name for path in SHIPPED.glob("*.safetensors")}
    for model in shipped_models():
        model.verify()
        assert model.card["steps"] > 0 and model.card["command"] and model.card["licence"] and model.card["data"]
    assert main([]) == 0


def test_fast_weights_are_half_precision_and_under_5_megabytes() -> None:
    model = default_model("fast")
    assert model.path.stat().st_size < 5_000_000
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 25_000_000


def test_a_damaged_or_missing_file_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "weights"
    shutil.copytree(SHIPPED, copy)
    model = shipped_models(copy)[0]
    data = bytearray(model.path.read_bytes())
    data[-1] ^= 1
    model.path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        model.load()
    model.path.unlink()
    with pytest.raises(ModelError, match="missing"):
        model.load()
