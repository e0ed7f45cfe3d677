"""A model that was replaced under its name is another one in the dialog: another small picture, another tile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

PLUG_IN = Path(__file__).parents[2] / "gimp_plugin" / "pastiche-gimp"
PICTURE = {"name": "waves", "title": "Waves", "method": "fast", "source": "gallery"}


def model(revision: str, title: str = "Ink") -> dict[str, Any]:
    return {"name": "ink", "title": title, "method": "trained", "source": "user", "revision": revision}


@pytest.fixture
def dialog(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """Modules of the plug-in. Only GIMP's own Python has gi, of which nothing is needed here."""
    monkeypatch.syspath_prepend(str(PLUG_IN))
    before = set(sys.modules)
    monkeypatch.setitem(sys.modules, "gi", MagicMock())
    monkeypatch.setitem(sys.modules, "gi.repository", MagicMock())
    yield {name: import_module(f"pastiche_gimp.dialog.{name}") for name in ("thumbnails", "shelf")}
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "pastiche_gimp":
            del sys.modules[name]


def test_the_small_picture_of_a_replaced_model_is_fetched_anew(dialog: dict[str, ModuleType]) -> None:
    thumbnails = dialog["thumbnails"]
    known = {thumbnails.edition_of(style) for style in (PICTURE, model("a1"))}
    assert thumbnails.missing_thumbnails([PICTURE, model("a1")], known) == []
    assert thumbnails.missing_thumbnails([PICTURE, model("b2")], known) == [("ink", "b2")]


def test_a_replaced_model_is_another_tile_and_all_others_stay(dialog: dict[str, ModuleType], tmp_path: Path) -> None:
    news: list[tuple[str, str, str]] = []
    shelf = dialog["shelf"].Shelf(
        MagicMock(styles_folder=tmp_path),
        lambda style: news.append(("added", style.name, style.title)),
        lambda style: news.append(("removed", style.name, style.title)),
        lambda style: None,
    )
    shelf.fill([PICTURE, model("a1")], {})
    news.clear()
    shelf.fill([PICTURE, model("a1")], {})
    assert news == []
    shelf.fill([PICTURE, model("b2", "Blue ink")], {})
    assert news == [("removed", "ink", "Ink"), ("added", "ink", "Blue ink")]
    assert shelf.models == ["ink"]
