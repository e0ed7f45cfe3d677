"""The plug-in's translations are complete, compiled and fit their originals."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo

import catalogues

LANGUAGES = ("de", "zh_CN")


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
        assert len(re.findall("_", translation)) <= 1, original
