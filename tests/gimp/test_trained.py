"""Promises of the Trained method in GIMP: models are tiles of the gallery, and arguments of a call."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filter_dialog import PAINTED, FilterDialog, grey_picture, jobs, wait_until_idle
from pixels import load, paint
from real_gimp import Gimp
from setting import Setting
from trained_models import MAGENTA, NAME, TITLE, trained_model
from window import IMAGE, Window
from wire import wait_for

from pastiche.options import defaults

Facts = dict[str, Any]
LAYER = f"Trained: {TITLE} (Pastiche)"


@pytest.fixture
def picture(setting: Setting) -> Path:
    return grey_picture(setting, "picture", 640, 480)


@pytest.fixture(scope="module")
def trained(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """What the script found out, while the model is there."""
    style = grey_picture(setting, "a style", 64, 64)
    with trained_model(setting):
        yield setting.gimp.facts_of("trained.py", MODEL=NAME, STYLE_FILE=style)


@pytest.fixture
def patient(setting: Setting, alone: Callable[..., Setting]) -> Gimp:
    """With a profile of its own, so that Trained is not what other tests find; and the usual daemon."""
    return alone(start=False, home=setting.daemon_home).gimp


def case(trained: Facts, name: str) -> Facts:
    assert "trouble" not in trained[name], trained[name]["trouble"]
    return dict(trained[name])


def test_a_script_paints_as_the_headless_client_does(setting: Setting, trained: Facts) -> None:
    facts = case(trained, "named")
    assert facts["status"] == "success", facts["message"]
    content, result = (load(trained["folder"], picture) for picture in (facts["content"]["straight"], facts["result"]))
    expected = paint(setting, content, [], method="trained", model=NAME, strength=80.0)
    assert np.array_equal(result, expected)
    assert not np.array_equal(result, content)


def test_the_layer_is_called_after_the_model_and_remembers_it(trained: Facts) -> None:
    facts = case(trained, "named")
    assert facts["name"] == LAYER
    remembered = json.loads(facts["parasite"])
    assert (remembered["options"]["method"], remembered["options"]["model"]) == ("trained", NAME)
    assert remembered["styles"] == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unnamed", "No trained model is chosen. Choose one and try again."),
        ("unknown", 'There is no trained model named "no-such-model".'),
        ("no_name_at_all", "--model must be"),
        ("with_a_style_picture", "A trained model takes no style picture."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(trained: Facts, name: str, words: str) -> None:
    facts = case(trained, name)
    assert (facts["status"], facts["layers"]) == ("execution-error", 1)
    assert words in facts["message"]
    assert "Traceback" not in facts["message"]


def test_another_method_heeds_no_model_and_does_not_remember_it(trained: Facts) -> None:
    facts = case(trained, "model_that_fast_does_not_heed")
    assert (facts["status"], facts["layers"]) == ("success", 2), facts["message"]
    assert json.loads(facts["parasite"])["options"] | {"depth": "8"} == defaults()


def layers_of(setting: Setting, window: Window) -> list[Facts]:
    """The image's layers from the top: their names, and what they remember."""
    saved = window.save_as(setting.gimp.workspace / "pictures" / f"trained-{os.urandom(4).hex()}.xcf")
    facts = setting.gimp.facts_of("saved.py", PICTURE=saved)["saved"]
    assert "trouble" not in facts, facts
    return list(facts["layers"])


def preview_changes(setting: Setting, dialog: FilterDialog, do: Callable[[], None]) -> None:
    """Does something, and waits until the preview is another one, and complete."""
    before = dialog.pixels(PAINTED).copy()
    do()
    wait_for(lambda: not np.array_equal(dialog.pixels(PAINTED), before), "another preview")
    wait_until_idle(setting)
    dialog.window.wait_until_calm()


def opened(setting: Setting, window: Window) -> FilterDialog:
    dialog = FilterDialog.open(window)
    dialog.wait_until_drawn()
    wait_until_idle(setting)
    window.wait_until_calm()
    return dialog


def test_its_tile_chooses_a_model_and_the_pastiche_is_made_anew_until_the_model_is_gone(
    setting: Setting, patient: Gimp, picture: Path
) -> None:
    with trained_model(setting) as model, patient.window(picture) as window:
        dialog = opened(setting, window)
        window.screenshot("trained-offered")
        preview_changes(setting, dialog, lambda: dialog.click(MAGENTA))
        window.screenshot("trained-chosen")
        dialog.press_paint()
        window.wait_for("2 layers")
        dialog.wait_until_closed()
        dialog = opened(setting, window)
        window.screenshot("trained-made-anew")
        dialog.press_paint()
        window.wait_for("3 layers")
        dialog.wait_until_closed()
        window.action("Pastiche Again")
        window.wait_for("4 layers")
        model.unlink()
        dialog = FilterDialog.open(window)
        wait_until_idle(setting)
        window.wait_until_calm()
        window.screenshot("trained-model-is-gone")
        dialog.press_paint()
        window.wait_until_calm()
        assert dialog.is_open and not jobs(setting), "nothing can be painted without the model"
        dialog.press_escape()
        dialog.wait_until_closed()
        *pastiches, source = layers_of(setting, window)
        assert "Traceback" not in window.said
    assert [layer["name"] for layer in pastiches] == [f"{LAYER} #2", f"{LAYER} #1", LAYER]
    assert [layer["visible"] for layer in (*pastiches, source)] == [True, False, False, True]
    remembered = [json.loads(layer["parasite"]) for layer in pastiches]
    assert {(one["options"]["method"], one["options"]["model"]) for one in remembered} == {("trained", NAME)}
    assert len({one["source"] for one in remembered}) == 1


def test_a_model_that_is_added_meanwhile_can_be_chosen_by_the_method_and_a_style_leads_back(
    setting: Setting, patient: Gimp, picture: Path
) -> None:
    with patient.window(picture) as window:
        dialog = opened(setting, window)
        assert dialog.find(MAGENTA) is None
        with trained_model(setting):
            window.focus(IMAGE)
            window.focus(dialog.pattern)
            wait_for(lambda: dialog.find(MAGENTA), "the model's tile")
            preview_changes(setting, dialog, dialog.choose_trained)
            window.screenshot("trained-added-meanwhile")
            preview_changes(setting, dialog, lambda: dialog.click(MAGENTA, below=1))
            window.screenshot("trained-left-again")
            dialog.press_paint()
            window.wait_for("2 layers")
            dialog.wait_until_closed()
        pastiche, _source = layers_of(setting, window)
        assert not pastiche["name"].startswith("Trained")
        assert json.loads(pastiche["parasite"])["options"] | {"depth": "8"} == defaults()
        assert "Traceback" not in window.said
