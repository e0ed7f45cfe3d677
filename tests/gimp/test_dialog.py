"""Promises of the filter's dialog, in a real window: what a user sees, and what the keys do."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from filter_dialog import GALLERY, PAINTED, FilterDialog, colours, grey_picture, jobs, paint_slowly, wait_until_idle
from real_gimp import Gimp, mark, marked_processes, plug_ins_of, words_of
from setting import Setting
from window import IMAGE
from wire import wait_for

from pastiche.connection import Home

SOON = 8.0
"""Seconds within which a job must be gone."""
LOG = "gimp-plug-in.log"


@pytest.fixture
def picture(setting: Setting) -> Path:
    return grey_picture(setting, "picture", 640, 480)


@pytest.fixture
def large_picture(setting: Setting) -> Path:
    return grey_picture(setting, "large picture", 3200, 2400)


@pytest.fixture
def patient(setting: Setting, alone: Callable[..., Setting]) -> Gimp:
    """With a profile of its own, so that the smallest brush is not what other tests find; and the usual daemon."""
    return alone(start=False, home=setting.daemon_home).gimp


def gimps(gimp: Gimp) -> list[int]:
    """The process numbers of GIMP itself in this run."""
    own = mark(gimp.workspace)
    mine = [pid for pid, owner in marked_processes() if owner == own]
    return [pid for pid in mine if words_of(pid).split(b"\0")[0] == b"gimp"]


def test_gallery_and_preview_are_drawn_return_paints_and_one_undo_takes_it_back(
    setting: Setting, picture: Path
) -> None:
    with setting.gimp.window(picture) as window:
        dialog = FilterDialog.open(window)
        dialog.wait_until_drawn()
        wait_until_idle(setting)
        window.wait_until_calm()
        assert colours(dialog.pixels(GALLERY)) > 2000
        assert colours(dialog.pixels(PAINTED)) > 500
        window.screenshot("dialog")
        window.key("Return")
        window.wait_for("2 layers")
        dialog.wait_until_closed()
        window.wait_until_calm()
        window.screenshot("result")
        window.undo()
        window.wait_for("1 layer")
        assert not window.titles(r"^\*"), "nothing is left to be undone"


def test_a_pastiche_is_made_anew_from_its_original_and_the_old_one_is_hidden(setting: Setting, picture: Path) -> None:
    with setting.gimp.window(picture) as window:
        for layers in ("2 layers", "3 layers"):
            dialog = FilterDialog.open(window)
            dialog.wait_until_drawn()
            window.screenshot(f"dialog-before-{layers[0]}-layers")
            window.key("Return")
            window.wait_for(layers)
            dialog.wait_until_closed()
        saved = window.save_as(setting.gimp.workspace / "pictures" / f"anew-{os.urandom(4).hex()}.xcf")
    facts = setting.gimp.facts_of("saved.py", PICTURE=saved)["saved"]
    assert "trouble" not in facts, facts
    new, old, source = facts["layers"]
    assert [layer["visible"] for layer in (new, old, source)] == [True, False, True]
    assert source["parasite"] == ""
    remembered = [json.loads(layer["parasite"])["source"] for layer in (new, old)]
    assert remembered[0] == remembered[1] != ""


def test_escape_during_the_work_ends_the_job_and_a_second_one_closes_the_dialog(
    setting: Setting, patient: Gimp, large_picture: Path
) -> None:
    with patient.window(large_picture) as window:
        before = window.title()
        dialog = FilterDialog.open(window)
        job = paint_slowly(setting, dialog)
        window.screenshot("dialog-at-work")
        dialog.press_escape()
        wait_for(lambda: job not in jobs(setting), "the end of the job", SOON)
        assert dialog.is_open
        wait_for(lambda: window.title() == before, "the image as it was", SOON)
        dialog.press_escape()
        dialog.wait_until_closed()
        wait_for(lambda: not jobs(setting), "the end of the previews", SOON)
        wait_for(lambda: window.title() == before, "the image as it was", SOON)
        wait_for(lambda: not plug_ins_of(patient), "the end of the plug-in", SOON)


def test_closing_the_image_during_the_work_ends_the_job_and_the_dialog(
    setting: Setting, patient: Gimp, large_picture: Path
) -> None:
    with patient.window(large_picture) as window:
        dialog = FilterDialog.open(window)
        job = paint_slowly(setting, dialog)
        window.focus(IMAGE)
        window.key("ctrl+w")
        window.wait_until_gone(IMAGE)
        wait_for(lambda: job not in jobs(setting), "the end of the job", SOON)
        dialog.wait_until_closed()
        wait_for(lambda: not jobs(setting), "the end of the previews", SOON)
        window.wait_until_calm()
        window.screenshot("image-closed-during-the-work")
        assert gimps(patient)
        assert "Traceback" not in window.said


def test_a_killed_gimp_takes_the_dialog_and_its_job_along(setting: Setting, patient: Gimp, large_picture: Path) -> None:
    with patient.window(large_picture) as window:
        dialog = FilterDialog.open(window)
        job = paint_slowly(setting, dialog)
        assert job in jobs(setting)
        for pid in gimps(patient):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not jobs(setting), "the end of the job", SOON)
        wait_for(lambda: not plug_ins_of(patient), "the end of the plug-in", SOON)


def test_the_dialog_starts_the_daemon_or_says_in_a_sentence_why_there_is_none(
    setting: Setting, picture: Path, alone: Callable[..., Setting]
) -> None:
    quiet = alone(start=False)
    assert not quiet.connection
    with quiet.gimp.window(picture) as window:
        dialog = FilterDialog.open(window)
        if setting.full:
            dialog.wait_until_drawn()
            assert quiet.connection
        else:
            sentence = wait_for(lambda: logged(quiet.home), "a sentence", 40)
            assert "daemon" in sentence
            assert "Traceback" not in sentence
        window.wait_until_calm()
        window.screenshot("dialog-without-a-daemon")
        dialog.press_escape()
        dialog.wait_until_closed()
        assert "1 layer" in window.title()


def logged(home: Home) -> str:
    """What the plug-in has written down."""
    file = home.log_file.with_name(LOG)
    return file.read_text("utf-8") if file.exists() else ""


def test_the_settings_open_without_an_image(setting: Setting, picture: Path) -> None:
    with setting.gimp.window(picture) as window:
        window.focus(IMAGE)
        window.key("ctrl+w")
        window.wait_until_gone(IMAGE)
        window.action("Pastiche Settings", "GNU Image Manipulation Program")
        window.wait_for("^Pastiche Settings$")
        window.wait_until_calm()
        window.screenshot("settings")
        window.focus("^Pastiche Settings$")
        window.key("Escape")
        window.wait_until_gone("^Pastiche Settings$")
        assert "Traceback" not in window.said
