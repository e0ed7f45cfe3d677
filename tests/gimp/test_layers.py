"""Promises of `plug-in-pastiche` for every kind of layer, each called without a dialog in a real GIMP."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pixels import PROFILE_STEP, adobe_rgb, around, buffer, difference, linear_light, load, paint, srgb
from real_gimp import made
from setting import Setting

from pastiche.job import StyleRef

STYLE = [StyleRef("rose-window")]
NAME = "Rose window (Pastiche)"
WHOLE = (
    *("rgb", "between_others", "rgba_with_offsets", "linear_16_bit", "floating_point", "adobe_rgb", "text", "group"),
    *("in_a_group", "masked", "mask_being_edited", "filtered", "one_pixel"),
)
SELECTED = ("hard_selection", "feathered_selection", "selection_over_the_edge", "selected_and_masked")
GREY = ("grey", "grey_with_alpha", "grey_kept")
PLAIN = (
    *("rgb", "rgba_with_offsets", "linear_16_bit", "floating_point", "adobe_rgb", "text", "group", "filtered"),
    *("masked", "one_pixel"),
)
OTHERS = ("every_argument", "style_file", "new_image_of_it")
ALL = (*WHOLE, *SELECTED, *GREY, *OTHERS)
COARSE = ("linear_16_bit", "adobe_rgb")
"""Their own numbers are coarser than sRGB's: in the shadows, or everywhere a bit."""

LUMINANCE = np.array([0.2225, 0.7169, 0.0606])
"""What each colour adds to a grey, at the white of ICC profiles (D50)."""

Facts = dict[str, Any]
Case = Callable[[str], Facts]


@pytest.fixture(scope="session")
def style_picture(setting: Setting) -> Path:
    rows = np.linspace(0, 255, 64).astype("u1")
    picture = np.stack([np.add.outer(rows, rows[::-1]), np.subtract.outer(rows, rows), np.outer(rows, rows)], -1)
    path = made(setting.gimp.workspace / "pictures") / "my waves.png"
    Image.fromarray(picture.astype("u1")).save(path)
    return path


@pytest.fixture(scope="session")
def layers(setting: Setting, style_picture: Path) -> Facts:
    return setting.gimp.facts_of("layers.py", STYLE_FILE=style_picture)


@pytest.fixture
def case(layers: Facts) -> Case:
    """The facts of a case, with its folder."""

    def facts(name: str) -> Facts:
        found = layers[name]
        assert "trouble" not in found, found["trouble"]
        assert found["status"] == "success", found["message"]
        return {"folder": layers["folder"], **found}

    return facts


def content_of(facts: Facts, managed: bool = False) -> Any:
    """What the user sees of the layer; `managed`: converted to sRGB by GIMP's colour management."""
    return load(facts["folder"], facts["content"]["managed" if managed else "straight"])


def result_of(facts: Facts) -> Any:
    return load(facts["folder"], facts["result"])


def region(facts: Facts) -> tuple[int, int, int, int]:
    """The part of the layer that the pastiche covers: left, top, width, height."""
    (x, y), (left, top) = facts["offsets"], facts["before"]["offsets"]
    return x - left, y - top, facts["result"]["width"], facts["result"]["height"]


@pytest.mark.parametrize("name", ALL)
def test_one_layer_comes_just_above_its_source(case: Case, name: str) -> None:
    facts = case(name)
    assert facts["added"] == [facts["new"]]
    if facts["same_image"]:
        assert facts["just_above"]
        assert facts["same_parent"]
    assert (facts["mode"], facts["opacity"]) == ("normal", 100.0)


@pytest.mark.parametrize("name", ALL)
def test_the_source_is_left_untouched_to_the_last_byte(case: Case, name: str) -> None:
    facts = case(name)
    before, after = facts["before"], facts["after"]
    if name in ("grey", "grey_with_alpha"):
        # The image became a coloured one; that its greys are the same is seen in the pastiche.
        for changed in ("pixels", "type", "base"):
            del before[changed], after[changed]
    others = after.pop("others")
    assert [item for item in others if item != facts["new"]] == before.pop("others")
    # But for a mark by which the pastiche finds it again: a random number.
    if after["parasites"] == ["pastiche-source"]:
        assert re.fullmatch("[0-9a-f]{32}", facts["mark"])
        after["parasites"] = []
    assert after == before


@pytest.mark.parametrize("name", WHOLE)
def test_the_pastiche_covers_its_source(case: Case, name: str) -> None:
    facts = case(name)
    straight = facts["content"]["straight"]
    assert region(facts) == (0, 0, straight["width"], straight["height"])
    assert facts["name"] == NAME


@pytest.mark.parametrize("name", [name for name in WHOLE if name not in COARSE])
def test_it_is_what_the_headless_client_makes_of_the_same_pixels(setting: Setting, case: Case, name: str) -> None:
    facts = case(name)
    expected = paint(setting, content_of(facts), STYLE)
    assert difference(result_of(facts), expected) == 0


def test_it_is_that_in_the_numbers_of_a_linear_image_too(setting: Setting, case: Case) -> None:
    facts = case("linear_16_bit")
    expected = linear_light(paint(setting, content_of(facts), STYLE)) * 65535
    assert np.abs(load(facts["folder"], facts["stored"]) - expected).max() <= 1


def test_it_is_that_in_the_numbers_of_another_profile_too(setting: Setting, case: Case) -> None:
    facts = case("adobe_rgb")
    painted, stored = paint(setting, content_of(facts), STYLE), load(facts["folder"], facts["stored"])
    assert (stored >= 255 * adobe_rgb(painted, -3 * PROFILE_STEP) - 1).all()
    assert (stored <= 255 * adobe_rgb(painted, 3 * PROFILE_STEP) + 1).all()


@pytest.mark.parametrize("name", SELECTED)
def test_a_selection_sends_its_surroundings_along_and_covers_only_its_own_part(
    setting: Setting, case: Case, name: str
) -> None:
    facts = case(name)
    content = content_of(facts)
    inner = left, top, width, height = region(facts)
    rows, columns = around(inner, content.shape[1], content.shape[0])
    painted = paint(setting, content[rows, columns], STYLE)
    cut = painted[top - rows.start :, left - columns.start :][:height, :width]
    assert difference(result_of(facts), cut) == 0


@pytest.mark.parametrize("name", PLAIN)
def test_without_any_style_the_photograph_comes_back(case: Case, name: str) -> None:
    facts = case(f"{name}_plain")
    own, stored = (load(facts["folder"], facts[what]) for what in ("own", "stored"))
    if name in COARSE:
        # What sRGB cannot show is brought to its edge.
        content = content_of(facts)
        inside = ((content > 0) & (content < np.iinfo(content.dtype).max)).all(axis=2, keepdims=True)
        assert inside.mean() > 0.4
        assert difference(stored * inside, own * inside) <= 1
    else:
        assert difference(result_of(facts), content_of(facts)) == 0
    # GIMP's colour management goes another way, by the ICC profiles.
    step = 257 if facts["result"]["depth"] == "u16" else 1
    assert difference(content_of(facts), content_of(facts, managed=True)) <= 2 * step


@pytest.mark.parametrize("name", ["hard_selection", "feathered_selection", "selection_over_the_edge"])
def test_without_any_style_the_selected_part_comes_back_in_its_place(case: Case, name: str) -> None:
    facts = case(f"{name}_plain")
    left, top, width, height = region(facts)
    assert difference(result_of(facts), content_of(facts)[top:, left:][:height, :width]) == 0


def selection_at(facts: Facts) -> Any:
    """The image's selection where the pastiche is."""
    x, y = facts["offsets"]
    width, height = facts["result"]["width"], facts["result"]["height"]
    return load(facts["folder"], facts["selected"])[y : y + height, x : x + width]


@pytest.mark.parametrize("name", ["hard_selection", "feathered_selection", "selection_over_the_edge"])
def test_the_selection_becomes_the_mask_of_the_pastiche(case: Case, name: str) -> None:
    facts = case(name)
    mask = load(facts["folder"], facts["mask"])
    assert np.array_equal(mask, selection_at(facts))
    assert not facts["edits_mask"]
    everything = load(facts["folder"], facts["selected"])
    if name != "selection_over_the_edge":
        assert everything.sum() == mask.sum(), "some of the selection is not covered"
    assert (len(np.unique(mask)) > 20) == (name == "feathered_selection")


@pytest.mark.parametrize("name", ["masked", "mask_being_edited"])
def test_a_masked_layer_gives_its_mask_to_the_pastiche(case: Case, name: str) -> None:
    facts = case(name)
    assert facts["mask"]
    mask = load(facts["folder"], facts["mask"])
    assert 0 < mask.mean() < 255
    assert (mask[50, 70], mask[0, 0]) == (255, 0)
    assert not facts["edits_mask"]
    assert facts["before"]["edit_mask"] is (name == "mask_being_edited")


def test_a_selection_on_a_masked_layer_counts_with_the_mask(case: Case) -> None:
    facts, masked = case("selected_and_masked"), case("masked")
    own = load(masked["folder"], masked["mask"])
    left, top, width, height = region(facts)
    expected = own[top : top + height, left : left + width] * (selection_at(facts) / 255)
    assert np.abs(load(facts["folder"], facts["mask"]) - expected).max() <= 1


def test_filters_that_are_still_editable_are_seen(case: Case) -> None:
    filtered, plain = case("filtered_plain"), case("rgb_plain")
    inverted = 255 - result_of(filtered).astype(int)
    assert np.abs(inverted - result_of(plain)).max() <= 1


@pytest.mark.parametrize("name", ["grey", "grey_with_alpha"])
def test_a_grey_image_becomes_a_coloured_one(setting: Setting, case: Case, name: str) -> None:
    facts = case(name)
    assert not facts["grey"]
    result = result_of(facts)
    assert difference(result, paint(setting, content_of(facts), STYLE)) == 0
    assert (result[..., 0].astype(int) - result[..., 2]).std() > 5, "it has no colours"


def test_a_grey_image_stays_grey_where_that_is_wanted(setting: Setting, case: Case) -> None:
    facts = case("grey_kept")
    assert facts["grey"]
    assert facts["type"] == "gray-image"
    luminance = linear_light(paint(setting, content_of(facts), STYLE)) @ LUMINANCE
    assert np.abs(result_of(facts)[..., 1] - srgb(luminance) * 255).max() <= 1


@pytest.mark.parametrize("name", ["linear_16_bit", "floating_point", "new_image_of_it"])
def test_fine_gradations_survive(case: Case, name: str) -> None:
    facts = case(name)
    assert facts["precision"] == facts["before"]["precision"]
    assert len(np.unique(result_of(facts)[..., :3] % 257)) > 100, "only the steps of 8 bits are left"


def test_a_new_image_leaves_the_old_one_alone(setting: Setting, case: Case) -> None:
    facts = case("new_image_of_it")
    assert not facts["same_image"]
    assert facts["image_parasites"] == ["icc-profile"]
    expected = paint(setting, content_of(facts), STYLE)
    assert np.abs(linear_light(result_of(facts)) - linear_light(expected)).max() * 65535 <= 3


def test_every_argument_reaches_the_daemon(setting: Setting, case: Case) -> None:
    facts = case("every_argument")
    styles = [StyleRef("indigo-wave", weight=2.0), StyleRef("ink-mountains")]
    options = {"strength": 60.0, "brush_size": 150.0, "colour": "keep", "seed": 7, "wrap": "both"}
    assert difference(result_of(facts), paint(setting, content_of(facts), styles, **options)) == 0
    remembered = json.loads(facts["parasite"])
    assert {name: remembered["options"][name] for name in options} == options
    assert [(style["name"], style["weight"]) for style in remembered["styles"]] == [
        ("indigo-wave", 2.0),
        ("ink-mountains", 1.0),
    ]


def test_a_picture_file_is_a_style(setting: Setting, case: Case, style_picture: Path) -> None:
    facts = case("style_file")
    pixels = np.asarray(Image.open(style_picture))
    expected = paint(setting, content_of(facts), [StyleRef(pixels=buffer("style", pixels))])
    assert difference(result_of(facts), expected) <= 1
    assert facts["name"] == "my waves (Pastiche)"


@pytest.mark.parametrize("name", ALL)
def test_the_pastiche_remembers_how_it_was_made_and_nothing_of_this_computer(
    setting: Setting, case: Case, name: str
) -> None:
    facts = case(name)
    assert facts["parasites"] == ["pastiche"]
    assert "pastiche" not in " ".join(facts["image_parasites"])
    text = facts["parasite"]
    remembered = json.loads(text)
    assert {"format", "styles", "options", "models", "source", "region"} <= set(remembered)
    assert all(len(model["sha256"]) == 64 for model in remembered["models"])
    connection = setting.connection
    assert connection
    secrets = {connection.server_public, connection.client_public, connection.client_secret, str(connection.pid)}
    places = {str(setting.gimp.home), setting.gimp.home.name, str(setting.daemon_home), connection.jobs, "ipc:", "tcp:"}
    assert not [word for word in (secrets - {str(connection.pid)}) | places if word in text]
    assert "/" not in text
