"""The plug-in's translations are complete, compiled and fit their originals."""

from __future__ import annotations

import inspect
import re
import string
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo

import catalogues
from pastiche.options import OPTIONS
from pastiched.engines import attempts, fine

LANGUAGES = ("de", "zh_CN")
LAYER = r"relu\d_\d"
"""A layer's name, whose underscore is no mnemonic's."""
IN_THE_DIALOG = (
    *("St_yles", "Mi_x several", "_Add Picture...", "Open Ima_ge or Layer...", "O_utput", "Ad_vanced", "_New Seed"),
    *("Convert a greyscale image to RG_B", "Be_fore / After", "Hold to See the Or_iginal", "_Help", "_Paint"),
    *("Rema_ke it from its original, with other settings", "_Just paint this layer as it is"),
)
GIMPS_OWN = {"": "lsrc", "de": "gszc", "zh_CN": "lsrc"}
"""The letters of Load and Save Settings, Reset, Cancel."""
NO_ROWS = ("depth", "model")
"""Options that the image decides, or the gallery."""
AT_WORK = ("_Help", "Be_fore / After", "Hold to See the Or_iginal", "Stop and _Keep")


def path_of(language: str) -> Path:
    return catalogues.LOCALE / language / "LC_MESSAGES" / "pastiche-gimp.po"


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_the_template_holds_what_the_plugin_says() -> None:
    with catalogues.TEMPLATE.open("rb") as file:
        written = {message.id for message in catalogues.read_po(file) if message.id}
    assert written == {message.id for message in catalogues.template() if message.id}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    translated = {m.id: m.string for m in catalogues.read(path_of(language)) if m.id and not m.fuzzy}
    missing = [m.id for m in catalogues.template() if m.id and not translated.get(m.id)]
    assert not missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_translation(language: str) -> None:
    with path_of(language).with_suffix(".mo").open("rb") as file:
        compiled = {message.id: message.string for message in read_mo(file) if message.id}
    assert compiled == {m.id: m.string for m in catalogues.read(path_of(language)) if m.id and m.string}


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_mnemonics_and_dots_survive_translation(language: str) -> None:
    for message in catalogues.read(path_of(language)):
        if not message.id:
            continue
        original, translation = str(message.id), str(message.string)
        assert fields(original) == fields(translation), original
        assert ("_" in original) == ("_" in translation), original
        assert original.endswith("...") == translation.endswith("..."), original
        assert len(re.findall("_", re.sub(LAYER, "", translation))) <= 1, original


def letters(texts: tuple[str, ...], language: str) -> list[str]:
    """The mnemonics of these texts, and of GIMP's own buttons beside them."""
    translated = {m.id: str(m.string) for m in catalogues.read(path_of(language))} if language else {}
    shown = [translated[text] if language else text for text in texts]
    found = [match[1].lower() for text in shown if (match := re.search("_(.)", re.sub(LAYER, "", text)))]
    return [*found, *GIMPS_OWN[language]]


@pytest.mark.parametrize("language", ("", *LANGUAGES))
def test_no_two_things_that_are_seen_at_once_have_the_same_mnemonic(language: str) -> None:
    rows = tuple(option.label for option in OPTIONS if option.name not in NO_ROWS)
    for texts in (IN_THE_DIALOG + rows, AT_WORK):
        found = letters(texts, language)
        assert sorted(found) == sorted(set(found))


def test_the_notes_that_the_dialog_tells_are_ones_that_engines_make() -> None:
    plug_in = catalogues.PLUG_IN / "pastiche_gimp" / "report_notes.py"
    beginnings = re.findall(r'^    "(.+)":', plug_in.read_text("utf-8"), re.MULTILINE)
    made = re.findall('"(.+?)"', inspect.getsource(fine) + inspect.getsource(attempts))
    assert len(beginnings) == 3
    assert [sum(note.startswith(beginning) for note in made) for beginning in beginnings] == [1, 1, 1]
