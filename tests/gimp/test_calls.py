"""Promises about the ways to call the plug-in: from Script-Fu, once more, by two GIMPs at a time, without libraries."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pixels import load, paint
from real_gimp import Done, made
from setting import Setting

from pastiche.job import StyleRef

Facts = dict[str, Any]
SCHEME = """
(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{picture}")))
       (layers (car (gimp-image-get-layers image))))
  (plug-in-pastiche #:run-mode RUN-NONINTERACTIVE #:image image #:drawables layers
                    #:styles "{style}" #:strength 40 #:colour "keep")
  (gimp-file-save RUN-NONINTERACTIVE image "{saved}"))
"""


@pytest.fixture
def photograph(setting: Setting) -> Path:
    path = made(setting.gimp.workspace / "pictures") / "photograph.png"
    Image.radial_gradient("L").convert("RGB").resize((160, 120)).save(path)
    return path


def script_fu(setting: Setting, photograph: Path, style: str) -> tuple[Done, Path]:
    saved = made(setting.gimp.workspace / "saved") / f"{style}.xcf"
    code = " ".join(SCHEME.format(picture=photograph, style=style, saved=saved).split())
    command = ["gimp-console", "-i", "--batch-interpreter=plug-in-script-fu-eval", "-b", code, "--quit"]
    return setting.gimp.execute(command), saved


def test_script_fu_calls_it_with_named_arguments_and_the_file_remembers(setting: Setting, photograph: Path) -> None:
    done, saved = script_fu(setting, photograph, "ink-mountains")
    assert done.rc == 0, done.said
    facts = setting.gimp.facts_of("saved.py", PICTURE=saved)["saved"]
    assert "trouble" not in facts, facts
    pastiche, source = facts["layers"]
    assert pastiche["name"] == "Ink mountains (Pastiche)"
    assert source["parasite"] == ""
    options = json.loads(pastiche["parasite"])["options"]
    assert (options["strength"], options["colour"]) == (40.0, "keep")
    words = saved.read_bytes()
    assert str(setting.gimp.home).encode() not in words
    assert str(setting.daemon_home).encode() not in words


def test_a_failure_ends_a_script_fu_script(setting: Setting, photograph: Path) -> None:
    done, saved = script_fu(setting, photograph, "no-such-style")
    assert done.rc != 0
    assert not saved.exists()


@pytest.fixture(scope="session")
def again(setting: Setting) -> Facts:
    return setting.gimp.facts_of("again.py")


def pictures(again: Facts, name: str) -> list[Any]:
    facts = again[name]
    assert "trouble" not in facts, facts["trouble"]
    assert facts["status"] == "success", facts["message"]
    return [load(again["folder"], picture) for picture in facts["pictures"]]


def test_again_paints_a_photograph_with_the_values_of_last_time(setting: Setting, again: Facts) -> None:
    pastiche, source = pictures(again, "again_on_a_photograph")
    assert np.array_equal(pastiche, paint(setting, source, [StyleRef("indigo-wave")]))


def test_again_on_a_pastiche_begins_from_its_original(setting: Setting, again: Facts) -> None:
    new, old, source = pictures(again, "again_on_a_pastiche")
    assert np.array_equal(old, paint(setting, source, [StyleRef("rose-window")]))
    assert np.array_equal(new, paint(setting, source, [StyleRef("indigo-wave")]))
    assert [layer["visible"] for layer in again["again_on_a_pastiche"]["layers"]] == [True, False, True]


def test_a_pastiche_whose_original_is_gone_is_not_painted_again(again: Facts) -> None:
    facts = again["again_after_the_original_is_gone"]
    assert facts["status"] == "execution-error"
    assert "original" in facts["message"]
    assert len(facts["layers"]) == 1


def test_the_settings_need_no_window_in_a_script(again: Facts) -> None:
    assert again["settings_without_a_window"] == {"status": "success"}


def test_two_gimps_at_a_time_share_one_daemon(setting: Setting, alone: Callable[..., Setting]) -> None:
    shared = alone(start=not setting.full)
    facts: list[Facts] = []

    def work() -> None:
        facts.append(shared.gimp.facts_of("slow.py", CASES="quick"))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(one["quick"]["status"], one["quick"]["layers"]) for one in facts] == [("success", 2)] * 2, facts


def test_without_zmq_a_helper_carries_the_pixels_or_a_sentence_says_what_is_missing(
    setting: Setting, alone: Callable[..., Setting]
) -> None:
    libraries = setting.gimp.workspace / "libraries-without-zmq"
    hidden = shutil.ignore_patterns("zmq", "pyzmq*", "cp3*")
    shutil.copytree(setting.gimp.facts["libraries"], libraries, ignore=hidden, dirs_exist_ok=True)
    facts = alone(start=False, libraries=libraries, home=setting.daemon_home).gimp.facts_of("slow.py", CASES="quick")
    quick = facts["quick"]
    if setting.full:
        assert (quick["status"], quick["layers"]) == ("success", 2), quick["message"]
    else:
        assert quick["status"] == "execution-error"
        assert "zmq" in quick["message"].lower() or "install" in quick["message"].lower(), quick["message"]
