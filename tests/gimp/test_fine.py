"""Promises of the Fine method in GIMP: it grows before one's eyes, and can be ended with what is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filter_dialog import PAINTED, FilterDialog, Part, grey_picture, jobs, wait_until_idle
from pixels import load, paint
from real_gimp import Gimp
from setting import Setting
from window import IMAGE
from wire import wait_for

from pastiche.job import StyleRef
from pastiche.options import defaults

Facts = dict[str, Any]
SOON = 8.0
"""Seconds within which a job must be gone."""
PATIENCE = 120.0
"""Seconds for a picture, on a machine that does other things as well."""
LAPTOP = (1366, 768)
TO_THE_LAYERS = 8
"""Fields from the seed to the layers of the content."""
BADGE: Part = (0.9, 0.02, 0.985, 0.06)
STYLE = "rose-window"


@pytest.fixture(scope="session")
def fine(setting: Setting) -> Facts:
    return setting.gimp.facts_of("fine.py")


def case(fine: Facts, name: str) -> Facts:
    assert "trouble" not in fine[name], fine[name]["trouble"]
    return dict(fine[name])


def test_a_script_paints_as_the_headless_client_does(setting: Setting, fine: Facts) -> None:
    facts = case(fine, "draft")
    assert facts["status"] == "success", facts["message"]
    content, result = (load(fine["folder"], picture) for picture in (facts["content"]["straight"], facts["result"]))
    options = {"method": "fine", "effort": "draft", "iterations": 4, "scales": 1, "averaging": 50.0}
    expected = paint(setting, content, [StyleRef(STYLE)], **options, style_layers="relu1_1:2,relu3_1:1")
    assert np.array_equal(result, expected)
    assert not np.array_equal(result, content)


def test_the_layer_remembers_what_fine_was_told(fine: Facts) -> None:
    options = json.loads(case(fine, "draft")["parasite"])["options"]
    assert (options["method"], options["effort"], options["iterations"]) == ("fine", "draft", 4)
    assert (options["style_layers"], options["content_layers"]) == ("relu1_1:2,relu3_1:1", "")


def test_a_wrong_text_is_refused_in_a_sentence(fine: Facts) -> None:
    facts = case(fine, "nonsense")
    assert (facts["status"], facts["layers"]) == ("execution-error", 1)
    assert "content-layers" in facts["message"]
    assert "Traceback" not in facts["message"]


def test_what_a_method_does_not_heed_cannot_hurt_it_and_is_not_remembered(fine: Facts) -> None:
    facts = case(fine, "nonsense_that_fast_does_not_heed")
    assert (facts["status"], facts["layers"]) == ("success", 2), facts["message"]
    remembered = json.loads(facts["parasite"])["options"]
    assert remembered | {"depth": "8"} == defaults()


def test_steps_that_go_astray_leave_a_picture_and_a_sentence(fine: Facts) -> None:
    facts = case(fine, "astray")
    assert (facts["status"], facts["layers"]) == ("success", 2), facts["message"]
    assert "went astray" in fine["said"]


@pytest.fixture
def picture(setting: Setting) -> Path:
    return grey_picture(setting, "picture", 640, 480)


@pytest.fixture
def small_picture(setting: Setting) -> Path:
    return grey_picture(setting, "small picture", 128, 96)


@pytest.fixture
def patient(setting: Setting, alone: Callable[..., Setting]) -> Gimp:
    """With a profile of its own, so that Fine is not what other tests find; and the usual daemon."""
    return alone(start=False, home=setting.daemon_home).gimp


def begin(setting: Setting, dialog: FilterDialog) -> str:
    """Paints the full picture with Fine; the job's id, when the first picture of it has been seen."""
    wait_until_idle(setting)
    before = dialog.pixels(PAINTED).copy()
    dialog.press_paint()
    job = wait_for(lambda: next((i for i, state in jobs(setting).items() if state == "running"), ""), "the full job")
    wait_for(lambda: not np.array_equal(dialog.pixels(PAINTED), before), "a first picture", PATIENCE)
    return job


def test_the_picture_grows_cancel_leaves_nothing_and_stop_and_keep_a_layer(
    setting: Setting, patient: Gimp, picture: Path
) -> None:
    with patient.window(picture) as window:
        untouched = window.title()
        dialog = FilterDialog.open(window)
        dialog.wait_until_drawn()
        wait_until_idle(setting)
        window.wait_until_calm()
        fast = dialog.pixels(BADGE).copy()
        dialog.choose_fine()
        wait_for(lambda: not np.array_equal(dialog.pixels(BADGE), fast), "the words that it is a draft")
        job = begin(setting, dialog)
        dialog.press_escape()
        wait_for(lambda: job not in jobs(setting), "the end of the job", SOON)
        assert dialog.is_open
        assert window.title() == untouched
        job = begin(setting, dialog)
        seen = dialog.pixels(PAINTED).copy()
        wait_for(lambda: not np.array_equal(dialog.pixels(PAINTED), seen), "a second picture", PATIENCE)
        window.screenshot("fine-grows")
        dialog.stop_and_keep()
        window.wait_for("2 layers")
        dialog.wait_until_closed()
        assert job not in jobs(setting)
        window.undo()
        window.wait_for("1 layer")
        assert "Traceback" not in window.said


def test_closing_the_image_ends_it(setting: Setting, patient: Gimp, picture: Path) -> None:
    with patient.window(picture) as window:
        dialog = FilterDialog.open(window)
        dialog.wait_until_drawn()
        dialog.choose_fine()
        job = begin(setting, dialog)
        window.focus(IMAGE)
        window.key("ctrl+w")
        window.wait_until_gone(IMAGE)
        wait_for(lambda: job not in jobs(setting), "the end of the job", SOON)
        dialog.wait_until_closed()
        assert "Traceback" not in window.said


def test_all_of_it_fits_a_laptop_wrong_texts_wait_and_again_paints_with_fine(
    setting: Setting, patient: Gimp, small_picture: Path
) -> None:
    width, height = LAPTOP
    with patient.window(small_picture, screen=f"{width}x{height}") as window:
        dialog = FilterDialog.open(window)
        dialog.wait_until_drawn()
        dialog.choose_fine()
        dialog.choose_draft()
        dialog.unfold_advanced()
        wait_until_idle(setting)
        window.wait_until_calm()
        window.screenshot("fine-on-a-laptop")
        left, top, wide, high = window.place(dialog.pattern)
        assert left >= 0 and top >= 0 and left + wide <= width and top + high <= height
        window.key("alt+d", *["Tab"] * TO_THE_LAYERS)
        window.type("relu9")
        window.wait_until_calm()
        window.screenshot("fine-with-a-wrong-text")
        dialog.press_paint()
        window.wait_until_calm()
        assert dialog.is_open and not jobs(setting)
        window.key(*["BackSpace"] * len("relu9"))
        wait_until_idle(setting)
        dialog.press_paint()
        window.wait_for("2 layers", PATIENCE)
        dialog.wait_until_closed()
        window.action("Pastiche Again")
        wait_for(lambda: "fine" in methods(setting), "a job of Fine", PATIENCE)
        window.wait_for("3 layers", PATIENCE)


def methods(setting: Setting) -> set[str]:
    """Of the jobs that are there now."""
    with setting.client() as client:
        return {str(job["method"]) for job in client.status().jobs}
