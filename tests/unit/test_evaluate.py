"""Pairs painted to be looked at, with whatever options are to be compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pastiched import evaluate


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for name in ("photo.png", "style.png"):
        Image.linear_gradient("L").resize((40, 32)).convert("RGB").save(tmp_path / name)
    file = tmp_path / "pairs.txt"
    file.write_text("photo.png style.png\n")
    return file


def run(pairs: Path, *options: str) -> int:
    return evaluate.main([str(pairs), "--out", str(pairs.parent / "out"), *options])


def test_options_reach_the_method(pairs: Path) -> None:
    assert run(pairs, "--option", "strength=0", "--option", "brush-size=100") == 0
    painted, photograph = Image.open(pairs.parent / "out" / "01.png"), Image.open(pairs.parent / "photo.png")
    assert painted.tobytes() == photograph.tobytes()
    assert len((pairs.parent / "out" / "list.txt").read_text().split()) == 3


@pytest.mark.parametrize("pair", ["speed=9", "strength=much", "strength", "strength=101", "colour=sepia"])
def test_a_wrong_option_is_a_sentence(pairs: Path, capsys: pytest.CaptureFixture[str], pair: str) -> None:
    assert run(pairs, "--option", pair) == 2
    said = capsys.readouterr().err
    assert said.startswith("pastiched evaluate: ") and said.count("\n") == 1
