"""Promises about calls that cannot be carried out: a status, one sentence, and never a success without a layer."""

from __future__ import annotations

from typing import Any

import pytest
from real_gimp import made
from setting import Setting

Facts = dict[str, Any]
WORDS = {
    "unknown_style": "no style",
    "style_with_a_path": "style",
    "forgotten_kept_style": "not here any more",
    "kept_style_with_a_path": "style",
    "no_style": "style",
    "too_many_styles": "at most",
    "weight_below_zero": "weight",
    "style_file_that_is_missing": "nothing.png",
    "style_file_that_is_no_picture": "letter.png",
    "style_file_that_is_cut_off": "cut.png",
    "style_file_that_is_a_folder": "style picture",
    "style_file_in_the_network": "",
    "two_layers": "one layer at a time",
    "channel": "not channels",
    "selection_beside_the_layer": "selection",
    "layer_of_another_image": "another image",
    "indexed_image": "Mode > RGB",
    "floating_selection": "floating selection",
}


@pytest.fixture(scope="session")
def refusals(setting: Setting) -> Facts:
    folder = made(setting.gimp.workspace / "pictures")
    (folder / "letter.png").write_text("Dear painter, this is no picture.")
    (folder / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40")
    return setting.gimp.facts_of("refusals.py", BAD_FILE=folder / "letter.png", CUT_FILE=folder / "cut.png")


@pytest.fixture
def case(refusals: Facts, request: pytest.FixtureRequest) -> Facts:
    facts: Facts = refusals[request.param]
    assert "trouble" not in facts, facts["trouble"]
    return facts


@pytest.mark.parametrize("case", WORDS, indirect=True)
def test_it_is_an_error_and_no_layer_comes(case: Facts) -> None:
    assert case["status"] in ("execution-error", "calling-error"), case
    assert case["layer"] is None


@pytest.mark.parametrize(("case", "words"), WORDS.items(), indirect=["case"], ids=WORDS)
def test_the_message_says_what_is_wrong(case: Facts, words: str) -> None:
    message = case["message"]
    assert words in message, message
    assert len(message) > 20
    assert not [bad for bad in ("Traceback", "Error:", "Exception", "\n", "/tmp/") if bad in message], message


@pytest.mark.parametrize("case", WORDS, indirect=True)
def test_the_image_stays_as_it_was(case: Facts) -> None:
    assert case["untouched"]


@pytest.mark.parametrize("case", ["no_layer"], indirect=True)
def test_without_a_layer_nothing_is_painted(case: Facts) -> None:
    assert case["status"] != "success"
    assert case["untouched"]


@pytest.mark.parametrize("case", ["afterwards"], indirect=True)
def test_the_next_call_works(case: Facts) -> None:
    assert case["status"] == "success", case["message"]
    assert case["layers"] == 2
