"""Pairs painted to be looked at and measured, and models told apart by their medians."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from safetensors.torch import save_file

from pastiched import evaluate
from pastiched.evaluation.comparison import compare
from pastiched.evaluation.figures import FIGURES
from pastiched.evaluation.scenes import render
from pastiched.evaluation.sheet import write_sheets
from pastiched.evaluation.studio import read_options
from pastiched.models import default_model
from tests.unit.tiny_networks import compact_weights


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of pairs with its pictures, painted and measured into `out` beside it."""
    folder = tmp_path_factory.mktemp("pairs")
    render("portrait", 96).save(folder / "photo.png")
    render("foliage", 96).resize((48, 48)).save(folder / "style.png")
    save_file(compact_weights(), folder / "tiny.safetensors")
    (folder / "pairs.txt").write_text("photo.png style.png\nstyle.png style.png\n")
    assert evaluate.main([str(folder / "pairs.txt"), "--out", str(folder / "out")]) == 0
    return folder


@pytest.fixture
def pairs(base: Path, tmp_path: Path) -> Path:
    """A copy of the list with its pictures, not painted yet."""
    for name in ("photo.png", "style.png", "pairs.txt", "tiny.safetensors"):
        (tmp_path / name).write_bytes((base / name).read_bytes())
    return tmp_path / "pairs.txt"


@pytest.fixture
def other_weights(tmp_path: Path) -> Path:
    """Fast's weights, spoilt."""
    weights = default_model("fast").load()
    for name in weights:
        if name.startswith("trunk."):
            weights[name] = weights[name] * 0.5
    save_file(weights, str(tmp_path / "other.safetensors"))
    return tmp_path / "other.safetensors"


def run(pairs: Path, *options: str, out: str = "out") -> int:
    return evaluate.main([str(pairs), "--out", str(pairs.parent / out), *options])


def figures(pairs: Path, out: str = "out") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((pairs.parent / out / "figures.json").read_text())
    return found


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.startswith("pastiched evaluate: ") and said.count("\n") == 1 and said.endswith(".\n"), said
    return said


def test_options_reach_the_method(pairs: Path) -> None:
    assert run(pairs, "--option", "strength=0", "--option", "brush-size=100") == 0
    painted, photograph = Image.open(pairs.parent / "out" / "01.png"), Image.open(pairs.parent / "photo.png")
    assert painted.tobytes() == photograph.tobytes()
    row = figures(pairs)["pairs"][0]["figures"]
    assert (row["style%"], row["ssim"]) == pytest.approx((100, 1), abs=1e-3)


def test_pictures_list_figures_and_sheet_are_written(base: Path) -> None:
    lines = [line.split() for line in (base / "out" / "list.txt").read_text().splitlines()]
    assert [[Path(word).name for word in line] for line in lines] == [
        ["photo.png", "style.png", "01.png"],
        ["style.png", "style.png", "02.png"],
    ]
    assert Image.open(base / "out" / "02.png").size == (48, 48)
    found = figures(base / "pairs.txt")
    assert found["model"]["sha256"] == default_model("fast").sha256
    assert found["model"]["computed"].startswith("precision ")
    assert found["network"]["sha256"] == default_model("features").sha256
    assert (found["method"], found["options"], found["side"]) == ("fast", {}, 512)
    assert list(found["means"]) == list(found["medians"]) == [figure.name for figure in FIGURES]
    for name in ("style%", "palette"):
        first, second = (pair["figures"][name] for pair in found["pairs"])
        assert found["medians"][name] == pytest.approx((first + second) / 2, abs=1e-5)
    assert Image.open(base / "out" / "sheet.png").height == 2 * 256 + 4
    assert str(base) not in (base / "out" / "figures.json").read_text(), "the same wherever it is made"


def test_the_same_run_elsewhere_gives_the_same_figures_and_is_not_worse(
    base: Path, pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier, weights = base / "out" / "figures.json", default_model("fast").path
    assert run(pairs, "--against", str(earlier), "--model", str(weights), "--tolerance", "0") == 0
    again, once = figures(pairs), figures(base / "pairs.txt")
    assert again["model"]["sha256"] == once["model"]["sha256"]
    assert {**again, "model": None} == {**once, "model": None}
    printed = capsys.readouterr().out
    assert "01 photo / style " in printed and "+0.0 %" in printed and "worse" not in printed


def test_figures_that_were_better_are_told(base: Path, pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads((base / "out" / "figures.json").read_text())
    for pair in content["pairs"]:
        pair["figures"]["style%"] /= 1.2
        pair["figures"]["ssim"] /= 1.2
    earlier = pairs.parent / "better.json"
    earlier.write_text(json.dumps(content))
    assert run(pairs, "--against", str(earlier)) == 1
    worse = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.endswith("worse")]
    assert worse == ["style%"]


def test_a_spoilt_weight_file_is_worse(pairs: Path, other_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pairs, "--model", str(other_weights), "--against", str(default_model("fast").path)) == 1
    assert "  worse" in capsys.readouterr().out
    out = pairs.parent / "out"
    assert figures(pairs)["model"]["id"] == "other"
    assert figures(pairs, "out/against")["model"]["sha256"] == default_model("fast").sha256
    assert (out / "against" / "02.png").read_bytes() != (out / "02.png").read_bytes()
    assert Image.open(out / "sheet.png").width > 1000, "four pictures a row"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--option", "strength=50"], "other options"),
        (["--side", "64"], "another size"),
        (["--method", "fine"], "another method"),
        (["--feature-network", "tiny.safetensors"], "another network for measuring"),
        ([], "other pairs"),
    ],
)
def test_figures_of_other_runs_are_not_compared(
    base: Path, pairs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, change: list[str],
    said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(pairs.parent)
    if not change:
        pairs.write_text("photo.png photo.png\nstyle.png style.png\n")
    assert run(pairs, *change, "--against", str(base / "out" / "figures.json")) == 2
    assert said in refused(capsys)
    assert not Path("out").exists(), "refused before anything is painted"


def test_options_that_say_the_default_are_no_other_options() -> None:
    assert read_options(["seed=0", "strength=90", "brush-size=100"]) == {"brush_size": 100.0, "strength": 90.0}
    assert read_options(["strength=100"]) == {}


@pytest.mark.parametrize("pair", ["speed=9", "strength=much", "strength", "strength=101", "colour=sepia"])
def test_a_wrong_option_is_a_sentence(pairs: Path, capsys: pytest.CaptureFixture[str], pair: str) -> None:
    assert run(pairs, "--option", pair) == 2
    refused(capsys)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "gone.safetensors"], "gone.safetensors is no weight file of the method fast"),
        (["--model", "pairs.txt"], "pairs.txt is no weight file"),
        (["--model", "tiny.safetensors"], "tiny.safetensors is no weight file"),
        (["--model", "tiny.safetensors", "--method", "fine"], "'fine' takes no other weight file"),
        (["--method", "slow"], "no method 'slow'"),
        (["--against", "gone.json"], "gone.json cannot be read: No such file"),
        (["--against", "card.json"], "card.json is no figures.json"),
        (["--against", "pairs.txt"], "pairs.txt is no weight file"),
        (["--feature-network", "photo.png"], "photo.png is no feature network"),
        (["--device", "teapot"], "The device 'teapot' cannot be used"),
        (["--side", "20"], "--side is at least"),
        (["--tolerance", "-1"], "--tolerance is"),
        (["--tolerance", "nan"], "--tolerance is"),
    ],
)
def test_bad_input_is_a_sentence(
    pairs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(pairs.parent)
    Path("card.json").write_text('{"id": "fast-1"}')
    assert run(pairs, *options) == 2
    assert said in refused(capsys)


def test_a_picture_too_small_to_be_measured_is_a_sentence(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (200, 30)).save(pairs.parent / "photo.png")
    assert run(pairs) == 2
    assert "too small to be measured (200 x 30 pixels)" in refused(capsys)


def rows(**values: float | None) -> list[dict[str, float | None]]:
    return [dict.fromkeys((figure.name for figure in FIGURES), 1.0) | values]


@pytest.mark.parametrize(
    ("before", "now", "worse"),
    [
        ({"style%": 10.0}, {"style%": 10.4}, []),
        ({"style%": 10.0}, {"style%": 10.6}, ["style%"]),
        ({"style%": 10.0}, {"style%": 2.0}, []),
        ({"ssim": 0.5, "edge": 0.5}, {"ssim": 0.4, "edge": 0.6}, ["ssim"]),
        ({"ssim": -0.1}, {"ssim": -0.2}, ["ssim"]),
        ({"grid": 1.0, "repetition": 0.01}, {"grid": 1.39, "repetition": 0.09}, []),
        ({"grid": 1.0, "repetition": 0.0}, {"grid": 1.6, "repetition": 0.2}, ["grid", "repetition"]),
        ({"halo": None}, {"halo": None}, []),
        ({"content": 0.0}, {"content": 0.1}, ["content"]),
    ],
)
def test_worse_is_the_bad_direction_by_more_than_the_tolerance(
    before: dict[str, float | None], now: dict[str, float | None], worse: list[str]
) -> None:
    changes = compare(rows(**now), rows(**before), tolerance=5)
    assert [change.figure.name for change in changes if change.worse] == worse


def test_many_rows_take_several_sheets(tmp_path: Path) -> None:
    path = tmp_path / "cell.png"
    Image.new("RGB", (30, 20)).save(path)
    assert [sheet.name for sheet in write_sheets([[path]] * 16, tmp_path)] == ["sheet.png"]
    assert [sheet.name for sheet in write_sheets([[path, path]] * 17, tmp_path)] == ["sheet-1.png", "sheet-2.png"]
    assert Image.open(tmp_path / "sheet-2.png").size == (2 * 384 + 4, 256)
