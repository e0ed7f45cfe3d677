"""Promises in a real window, pressed as a user would press them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from real_gimp import made
from setting import Setting


@pytest.fixture
def grey_photograph(setting: Setting) -> Path:
    path = made(setting.gimp.workspace / "pictures") / "grey photograph.png"
    Image.linear_gradient("L").resize((320, 240)).save(path)
    return path


def test_one_undo_takes_back_the_pastiche_and_the_conversion_of_a_grey_image(
    setting: Setting, grey_photograph: Path
) -> None:
    with setting.gimp.window(grey_photograph) as window:
        grey = window.title()
        assert "1 layer" in grey
        window.action("Pastiche Again")
        coloured = window.wait_for("2 layers")
        window.screenshot("again-on-a-grey-image")
        assert "RGB color" in coloured
        assert "RGB color" not in grey
        window.undo()
        window.wait_for("1 layer")
        assert "RGB color" not in window.title()
        assert not window.titles(r"^\*"), "something is left to be undone"
        assert not window.titles("GIMP Message"), "GIMP complains"
        window.redo()
        window.wait_for("2 layers")
