"""Every parameter is described once and checked by that description."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import BY_NAME, METHODS, OPTIONS, check_options, defaults


def test_defaults_are_allowed_values() -> None:
    assert check_options({}) == defaults() == check_options(defaults())


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.kind in ("float", "int")], ids=lambda o: o.name)
def test_both_ends_of_a_range_are_allowed_and_beyond_is_not(option: Any) -> None:
    for value in (option.minimum, option.maximum):
        assert option.check(value) == value
    for value in (option.minimum - 1, option.maximum + 1):
        with pytest.raises(PasticheError):
            option.check(value)


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.kind == "choice"], ids=lambda o: o.name)
def test_every_choice_is_allowed_and_the_refusal_names_them(option: Any) -> None:
    for choice in option.choices:
        assert option.check(choice) == choice
    with pytest.raises(PasticheError) as caught:
        option.check("no such thing")
    assert all(choice in caught.value.sentence for choice in option.choices)


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.form.startswith("LAYER")], ids=lambda o: o.name)
def test_layers_are_named_as_the_literature_does_and_the_refusal_shows_how(option: Any) -> None:
    for text in ("", "relu4_2", "relu4_2:1", "relu1_1:0.5,relu5_1:2.25", ",".join(["relu1_1:1"] * 16)):
        assert option.check(text) == text
    wrong = (
        "relu6_1",
        "relu1_5",
        "conv1_1",
        "relu1_1:",
        "relu1_1:-1",
        "relu1_1,",
        ",".join(["relu1_1"] * 17),
        "x\n",
        5,
    )
    for value in (*wrong, None, "relu1_1:1\n", "relu1_1:" + "9" * 99):
        with pytest.raises(PasticheError) as caught:
            option.check(value)
        assert option.form in caught.value.sentence


def test_a_trained_model_is_named_and_never_by_a_path() -> None:
    option = BY_NAME["model"]
    for text in ("", "ink", "my-drawings-2", "Ink", "x" * 40):
        assert option.check(text) == text
    for value in ("my ink", "../ink", "/models/ink.safetensors", "ink.safetensors", "x" * 41, "ink\n", "a\0", 5, None):
        with pytest.raises(PasticheError) as caught:
            option.check(value)
        assert option.form in caught.value.sentence


def test_every_text_has_a_pattern_and_a_form() -> None:
    texts = {option.name for option in OPTIONS if option.kind == "text"}
    assert texts == {"model", "content_layers", "style_layers"}
    assert all(BY_NAME[name].pattern and BY_NAME[name].form for name in texts)


def test_options_of_a_method_are_for_methods_that_there_are() -> None:
    assert all(set(option.methods) <= set(METHODS) for option in OPTIONS)
    common = {"method", "strength", "brush_size", "colour", "seed", "wrap", "depth"}
    assert {option.name for option in OPTIONS if not option.methods} == common


def test_pictures_of_any_size_can_be_painted_at_their_own_and_in_pieces() -> None:
    # A brush of 5 % works on 300 megapixels, about the largest picture that is taken.
    assert BY_NAME["brush_size"].check(5) == 5.0
    assert BY_NAME["tile"].default == 0
    assert {method for method in METHODS if method in BY_NAME["tile"].methods} == {"fast", "trained"}


BAD: dict[str, dict[str, Any]] = {
    "unknown": {"speed": 1},
    "text for a number": {"strength": "100"},
    "true for a number": {"strength": True},
    "NaN": {"strength": math.nan},
    "infinity": {"brush_size": math.inf},
    "a fraction for a whole number": {"seed": 1.5},
    "a number for a choice": {"depth": 8},
    "a list for a choice": {"colour": ["keep"]},
    "none": {"wrap": None},
}


@pytest.mark.parametrize("values", BAD.values(), ids=BAD.keys())
def test_a_bad_value_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(PasticheError) as caught:
        check_options(values)
    assert caught.value.code is ErrorCode.BAD_OPTION and len(caught.value.sentence) < 200


def test_values_come_back_in_their_own_type() -> None:
    checked = check_options({"strength": 50, "seed": 3.0})
    assert type(checked["strength"]) is float and type(checked["seed"]) is int


def test_flags_and_labels_are_made_for_people() -> None:
    assert BY_NAME["brush_size"].flag == "--brush-size"
    assert all(option.label and option.help for option in OPTIONS)
    shown = [option for option in OPTIONS if "_" in option.label]
    mnemonics = [option.label[option.label.index("_") + 1].lower() for option in shown]
    assert len(set(mnemonics)) == len(mnemonics)
