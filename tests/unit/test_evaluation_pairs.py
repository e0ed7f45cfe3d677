"""Pairs are read from lists, folders and the suite; what cannot be a pair is said in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pastiche.errors import PasticheError
from pastiched.evaluation.pairs import SUITE_STYLES, read_pairs, read_picture, reduced, render_suite, suite
from pastiched.evaluation.scenes import SCENES, render
from pastiched.styles import GALLERY, StyleLibrary


def put(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (8, 6), (value, 0, 0)).save(path)
    return path


def test_a_list_names_pictures_relative_to_itself_quoted_where_needed(tmp_path: Path) -> None:
    put(tmp_path / "a b.png"), put(tmp_path / "s.png", 1)
    file = tmp_path / "pairs.txt"
    file.write_text("\n'a b.png' s.png\n\ns.png s.png\n")
    first, second = read_pairs(file)
    assert first.photograph.path == tmp_path / "a b.png" and first.style.path == tmp_path / "s.png"
    assert first.style.identity == second.photograph.identity != first.photograph.identity


def test_folders_are_paired_in_order_and_the_shorter_one_again_and_again(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "c.webp"):
        put(tmp_path / "photos" / name)
    for name in ("2.png", "1.png"):
        put(tmp_path / "styles" / name)
    (tmp_path / "photos" / "notes.txt").write_text("not a picture")
    pairs = [(pair.photograph.path.stem, pair.style.path.stem) for pair in read_pairs(tmp_path)]
    assert pairs == [("a", "1"), ("b", "2"), ("c", "1")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one.png", "Line 1 of .* has 1 names"),
        ("one.png one.png\none.png one.png one.png", "Line 2 of .* has 3 names"),
        ("'one.png one.png", "Line 1 of .* quotation mark"),
        ("\n  \n", "is empty"),
        ("one.png gone.png", "There is no picture .*gone.png"),
        ("one.png pairs.txt", "pairs.txt cannot be read as a picture"),
    ],
)
def test_a_list_that_is_wrong_is_refused_by_line_or_name(tmp_path: Path, text: str, said: str) -> None:
    put(tmp_path / "one.png")
    file = tmp_path / "pairs.txt"
    file.write_text(text)
    with pytest.raises(PasticheError, match=said):
        read_pairs(file)


def test_what_is_no_list_and_no_pair_of_folders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PasticheError, match=r"gone.txt cannot be read: No such file"):
        read_pairs(tmp_path / "gone.txt")
    with pytest.raises(PasticheError, match=r"There is no folder .*photos"):
        read_pairs(tmp_path)
    put(tmp_path / "photos" / "a.png")
    (tmp_path / "styles").mkdir()
    with pytest.raises(PasticheError, match=r"There are no pictures in .*styles"):
        read_pairs(tmp_path)
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PasticheError, match="is no text file"):
        read_pairs(tmp_path / "binary.txt")


def test_a_picture_cut_off_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    render("foliage", 96).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(PasticheError, match=r"half\.png cannot be read"):
        read_picture(path)


def test_pictures_are_turned_upright_and_only_made_smaller(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (30, 10)).save(tmp_path / "turned.jpg", exif=exif)
    upright = read_picture(tmp_path / "turned.jpg")
    assert upright.size == (10, 30) and upright.mode == "RGB"
    assert reduced(upright, 60) is upright
    assert reduced(upright, 15).size == (5, 15)


def test_the_suite_is_six_photographs_in_eight_styles_of_the_gallery(tmp_path: Path) -> None:
    shipped = {style.name for style in StyleLibrary(tmp_path).list()}
    assert set(SUITE_STYLES) <= shipped
    pairs = suite(tmp_path / "suite")
    assert not (tmp_path / "suite").exists()
    render_suite(tmp_path / "suite", 96)
    assert len(pairs) == 48 == len({(pair.photograph, pair.style) for pair in pairs})
    assert {pair.photograph.path.stem for pair in pairs} == set(SCENES)
    assert {pair.style.path.parent for pair in pairs} == {GALLERY}
    assert Image.open(pairs[0].photograph.path).size == (96, 64)


def test_the_suite_is_rendered_over_itself_and_over_nothing_else(tmp_path: Path) -> None:
    render_suite(tmp_path, 96)
    render_suite(tmp_path, 64)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.png" for name in SCENES}
    assert Image.open(tmp_path / "sky.png").size == (64, 43)


@pytest.mark.parametrize("name", ["holiday.png", "portrait.png", "sky.jpg", "notes.txt", "night.png"])
def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path, name: str) -> None:
    render_suite(tmp_path, 64)
    if name == "night.png":
        (tmp_path / name).write_bytes(b"no picture")
    else:
        Image.new("RGB", (8, 6)).save(tmp_path / name, format="PNG")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(PasticheError, match=f"{name} is none of the suite's photographs.*Choose another"):
        render_suite(tmp_path, 96)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def values(name: str) -> np.ndarray:
    return np.asarray(render(name, 192), np.float32).mean(2)


@pytest.mark.parametrize("name", list(SCENES))
def test_a_scene_is_the_same_each_time_and_has_light_and_dark(name: str) -> None:
    assert render(name, 96).tobytes() == render(name, 96).tobytes()
    low, high = np.quantile(values(name), (0.01, 0.995))
    assert high - low > 100


def test_scenes_are_what_they_are_called() -> None:
    assert np.median(values("night")) < 32, "really dark"
    upper = values("sky")[:30]
    assert np.abs(np.diff(upper, axis=1)).mean() < 2.5, "smooth"
    across = {name: np.abs(np.diff(values(name), axis=1)).mean() for name in SCENES}
    assert min(across["foliage"], across["architecture"]) > 3 * across["sky"], "full of edges"
    assert np.quantile(values("line-art"), 0.3) > 220, "mostly paper"
