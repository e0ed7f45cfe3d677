"""Promises about other languages: GIMP's menu and the filter's window speak the user's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from filter_dialog import GALLERY, FilterDialog, colours, grey_picture
from real_gimp import made
from setting import Setting

WRITE_LABEL = """
from pathlib import Path
from gi.repository import Gimp
label = Gimp.get_pdb().lookup_procedure("plug-in-pastiche").get_menu_label()
Path({path!r}).write_text(label, "utf-8")
"""


@dataclass(frozen=True)
class Language:
    code: str
    name: str
    label: str

    @property
    def environment(self) -> dict[str, str]:
        locale = "de_DE" if self.code == "de" else self.code
        return {"LANGUAGE": self.code, "LANG": f"{locale}.UTF-8"}


LANGUAGES = (
    Language("de", "Neuronaler Stil (Pastiche)", "_Neuronaler Stil (Pastiche)..."),
    Language("zh_CN", "神经风格 (Pastiche)", "神经风格 (Pastiche)(_N)..."),
)
each_language = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)


@pytest.fixture
def picture(setting: Setting) -> Path:
    return grey_picture(setting, "picture", 640, 480)


@each_language
def test_the_menu_speaks_the_language(setting: Setting, language: Language) -> None:
    path = made(setting.gimp.workspace / "labels") / f"{language.code}.txt"
    done = setting.gimp.run(WRITE_LABEL.format(path=str(path)), **language.environment)
    assert done.rc == 0, done.said
    assert path.read_text("utf-8") == language.label


@each_language
def test_the_dialog_is_found_and_speaks_in_the_language(setting: Setting, picture: Path, language: Language) -> None:
    with setting.gimp.window(picture, **language.environment) as window:
        dialog = FilterDialog.open(window, language.name.partition(" (")[0], language.name)
        dialog.wait_until_drawn()
        window.wait_until_calm()
        window.screenshot(f"dialog-{language.code}")
        assert colours(dialog.pixels(GALLERY)) > 2000
        dialog.press_escape()
        dialog.wait_until_closed()
