"""Pairs painted to be looked at and measured, and models told apart by their medians."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched import evaluate
from pastiched.engines.base import EngineJob, StyleInput
from pastiched.engines.fast import FastEngine
from pastiched.engines.silence import Silent
from pastiched.evaluation.bench import measuring_network
from pastiched.evaluation.comparison import compare
from pastiched.evaluation.figures import FIGURES, Gauge, StyleStandard
from pastiched.evaluation.record import read_record
from pastiched.evaluation.scenes import render
from pastiched.evaluation.sheet import write_sheets
from pastiched.evaluation.studio import read_options, unusual
from pastiched.models import default_model
from pastiched.networks.features import FeatureNetwork
from tests.unit.tiny_networks import compact_weights


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of pairs with its pictures, painted and measured into `out` beside it."""
    folder = tmp_path_factory.mktemp("pairs of pictures")
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


@pytest.fixture(scope="module")
def as_users_see_it(base: Path) -> bytes:
    """Pixels of the first pair, painted by the engine as it is."""
    engine = FastEngine(torch.device("cpu"))
    photograph, style = (
        PixelBuffer(PixelFormat(role, *picture.size, 3, "u8"), picture.tobytes())
        for role, name in (("content", "photo.png"), ("style", "style.png"))
        if (picture := Image.open(base / name))
    )
    job = EngineJob(photograph, [StyleInput(style, None, 1.0)], None, check_options({}))
    return bytes(engine.run(job, Silent()).pastiche.data)


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
    lines = [shlex.split(line) for line in (base / "out" / "list.txt").read_text().splitlines()]
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
    assert found["as_users_see_it"] is False
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
        (["--as-users-see-it"], "another way of painting"),
        (["--option", "brush-size=100"], "another way of painting"),
        (["--option", "wrap=both"], "another way of painting"),
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
    given = read_options(["seed=0", "strength=90", "brush-size=100", "depth=8"])
    assert given == {"brush_size": 100.0, "depth": "8", "seed": 0, "strength": 90.0}
    assert unusual(given) == {"strength": 90.0}


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("speed=9", "no option 'speed'"),
        ("strength=much", "--strength must be a number"),
        ("strength", "--strength must be a number"),
        ("strength=101", "--strength must be between"),
        ("colour=sepia", "--colour must be one of"),
        ("depth=12", "--depth must be one of"),
        ("depth=16", "8 bits per channel only"),
        ("depth=32", "8 bits per channel only"),
        ("method=fine", "Choose it with --method"),
        ("method=fast", "Choose it with --method"),
    ],
)
def test_a_wrong_option_is_a_sentence(pairs: Path, capsys: pytest.CaptureFixture[str], pair: str, said: str) -> None:
    assert run(pairs, "--option", pair) == 2
    assert said in refused(capsys)


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
        (["--device", "meta"], "The device 'meta' cannot be used"),
        (["--device", "hpu"], "The device 'hpu' cannot be used"),
        (["--side", "20"], "--side is at least"),
        (["--side", "0"], "--side is at least"),
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


@pytest.mark.parametrize(("name", "size"), [("photo.png", (200, 30)), ("style.png", (4000, 1))])
def test_a_picture_too_small_to_be_measured_is_a_sentence(
    pairs: Path, capsys: pytest.CaptureFixture[str], name: str, size: tuple[int, int]
) -> None:
    Image.new("RGB", size).save(pairs.parent / name)
    pairs.write_text("photo.png style.png\n")
    assert run(pairs) == 2
    assert f"{name} is too small to be measured ({size[0]} x {size[1]} pixels)" in refused(capsys)
    assert not (pairs.parent / "out" / "01.png").exists()


@pytest.mark.parametrize(
    ("size", "measured_at"), [((3000, 40), (2400, 32)), ((2000, 250), (2048, 256)), ((90, 60), (768, 512))]
)
def test_a_long_style_picture_is_measured_no_longer_than_need_be(
    pairs: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], measured_at: tuple[int, int]
) -> None:
    sizes: list[tuple[int, int]] = []

    def style(_: Gauge, picture: Tensor) -> StyleStandard:
        sizes.append((picture.shape[3], picture.shape[2]))
        raise PasticheError(ErrorCode.ENGINE)

    monkeypatch.setattr(Gauge, "style", style)
    Image.new("RGB", size).save(pairs.parent / "style.png")
    assert run(pairs) == 2
    assert sizes == [measured_at]


def test_a_feature_network_that_fails_without_a_word_is_a_sentence(
    pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def load(path: Path) -> None:
        raise RuntimeError

    monkeypatch.setattr(FeatureNetwork, "load", load)
    with pytest.raises(PasticheError, match=r"is no feature network \(RuntimeError\)"):
        measuring_network(pairs.parent / "tiny.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"network": "features"},
        {"network": None},
        {"model": [["id", "fast"]]},
        {"model": 3},
        {"options": []},
        {"pairs": {"a": 1}},
        {"pairs": ["photo / style"]},
        {"pairs": [None]},
        {"format": 1.5},
    ],
)
def test_a_file_that_only_looks_like_figures_is_a_sentence(
    base: Path, pairs: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    content = json.loads((base / "out" / "figures.json").read_text())
    earlier = pairs.parent / "odd.json"
    earlier.write_text(json.dumps(content | change))
    assert run(pairs, "--against", str(earlier)) == 2
    assert "odd.json is " in refused(capsys)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1" + 400 * "0", '"0.5"', "true"])
def test_figures_that_are_no_numbers_are_a_sentence(
    base: Path, pairs: Path, capsys: pytest.CaptureFixture[str], number: str
) -> None:
    content = json.loads((base / "out" / "figures.json").read_text())
    content["pairs"][0]["figures"]["ssim"] = "here"
    earlier = pairs.parent / "odd.json"
    earlier.write_text(json.dumps(content).replace('"here"', number))
    assert run(pairs, "--against", str(earlier)) == 2
    assert "odd.json is no figures.json" in refused(capsys)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("name", "written"),
    [("photo.png", "01.png"), ("style.png", "02.png"), ("style.png", "sheet.png"), ("pairs.txt", "list.txt")],
)
def test_what_is_read_is_not_written_over(
    pairs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, written: str
) -> None:
    monkeypatch.chdir(pairs.parent)
    pairs.write_text(pairs.read_text().replace(name, written))
    Path(name).rename(written)
    before = contents(Path())
    assert evaluate.main([written if name == "pairs.txt" else "pairs.txt", "--out", "."]) == 2
    assert f"{written} would be written over" in refused(capsys)
    assert contents(Path()) == before


def test_the_figures_to_compare_with_are_not_written_over(
    base: Path, pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = pairs.parent / "figures.json"
    earlier.write_bytes((base / "out" / "figures.json").read_bytes())
    before = contents(pairs.parent)
    assert run(pairs, "--against", str(earlier), out=".") == 2
    assert "figures.json would be written over" in refused(capsys)
    assert contents(pairs.parent) == before


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_links_do_not_hide_what_is_read(
    pairs: Path, capsys: pytest.CaptureFixture[str], other_weights: Path, link: Callable[[Path, Path], None]
) -> None:
    photo, out = pairs.parent / "photo.png", pairs.parent / "out"
    (out / "against").mkdir(parents=True)
    link(photo, out / "against" / "02.png")
    before = photo.read_bytes()
    assert run(pairs, "--against", str(other_weights)) == 2
    assert "02.png would be written over" in refused(capsys)
    assert photo.read_bytes() == before


def test_a_run_may_be_repeated_into_its_own_folder(pairs: Path) -> None:
    assert run(pairs, out=".") == 0
    once = figures(pairs, ".")
    assert run(pairs, out=".") == 0
    assert figures(pairs, ".") == once


@pytest.mark.parametrize(
    "options", [["--as-users-see-it"], ["--option", "brush-size=100"], ["--as-users-see-it", "--option", "seed=0"]]
)
def test_as_users_see_it_is_painted_from_coarse_to_fine(
    base: Path, pairs: Path, as_users_see_it: bytes, options: list[str]
) -> None:
    pairs.write_text("photo.png style.png\n")
    assert run(pairs, *options) == 0
    found = figures(pairs)
    assert (found["as_users_see_it"], found["options"]) == (True, {})
    painted = Image.open(pairs.parent / "out" / "01.png").tobytes()
    assert painted == as_users_see_it != Image.open(base / "out" / "01.png").tobytes()


def test_wrapped_edges_meet_at_any_size(pairs: Path) -> None:
    width, height = 201, 135
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(2 * np.pi * (x * k / width + y * m / height)) for k, m in ((2, 1), (3, 2), (5, 3))], -1)
    Image.fromarray(np.rint(127 + 100 * waves).astype(np.uint8)).save(pairs.parent / "photo.png")
    pairs.write_text("photo.png style.png\n")

    def seam(out: str, axis: int) -> float:
        p = np.asarray(Image.open(pairs.parent / out / "01.png"), float)
        return float(np.abs(p.take(0, axis) - p.take(-1, axis)).mean() / np.abs(np.diff(p, axis=axis)).mean())

    assert run(pairs, "--option", "wrap=both", out="wrapped") == run(pairs, out="plain") == 0
    assert figures(pairs, "wrapped")["as_users_see_it"] is True
    for axis in (0, 1):
        assert seam("wrapped", axis) < 1.3 < seam("plain", axis)


@pytest.mark.parametrize(
    ("method", "options", "as_users_see_it"),
    [
        ("fast", {}, False),
        ("fast", {"strength": 50.0}, False),
        ("fast", {"brush_size": 100.0}, True),
        ("fine", {}, True),
    ],
)
def test_older_figures_count_as_painted_once_but_with_a_brush_size(
    base: Path, tmp_path: Path, method: str, options: dict[str, Any], as_users_see_it: bool
) -> None:
    content = json.loads((base / "out" / "figures.json").read_text())
    del content["as_users_see_it"]
    earlier = tmp_path / "older.json"
    earlier.write_text(json.dumps(content | {"method": method, "options": options}))
    setting = read_record(earlier).setting
    assert setting.as_users_see_it is as_users_see_it
    assert setting.options == unusual(options)


def test_a_folder_of_that_name_with_other_pictures_is_left_alone_by_the_suite(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "portrait.png").write_bytes((base / "photo.png").read_bytes())
    assert evaluate.main(["--out", str(tmp_path), "--side", "64"]) == 2
    assert "portrait.png is none of the suite's photographs" in refused(capsys)
    assert [path.name for path in tmp_path.rglob("*.*")] == ["portrait.png"]


def test_help_names_every_exit_code_and_the_way_of_painting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        evaluate.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "exit codes: 0 done, 1 a median got worse, 2 bad input, 130 interrupted" in said
    assert "--as-users-see-it fast: paint from coarse to fine" in said


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
