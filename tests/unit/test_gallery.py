"""The style gallery that ships, and the library that finds styles by name."""

import hashlib
import io
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pastiche.errors import ErrorCode, PasticheError
from pastiche.protocol import MAX_THUMBNAIL
from pastiched.painting.atelier import PICTURES, QUALITY
from pastiched.styles import GALLERY, Style, StyleLibrary

ENTRIES: list[dict[str, Any]] = json.loads((GALLERY / "gallery.json").read_text(encoding="utf-8"))


def picture(path: Path, form: str) -> Path:
    Image.new("RGB", (8, 8), "teal").save(path, form)
    return path


@pytest.fixture
def library(tmp_path: Path) -> StyleLibrary:
    return StyleLibrary(tmp_path)


def names(library: StyleLibrary, source: str) -> list[str]:
    return [style.name for style in library.list() if style.source == source]


def test_the_gallery_is_the_ateliers_table() -> None:
    assert len(ENTRIES) >= 16
    assert [entry["name"] for entry in ENTRIES] == [p.slug for p in PICTURES]
    assert all(entry["licence"] == "CC0-1.0" and entry["description"] for entry in ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry["name"]))
def test_every_picture_is_large_intact_and_has_a_thumbnail(entry: dict[str, Any]) -> None:
    path = GALLERY / entry["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    with Image.open(path) as image:
        assert image.size == (entry["width"], entry["height"])
        assert min(image.size) >= 768
    with Image.open(GALLERY / entry["thumbnail"]) as thumbnail:
        assert max(thumbnail.size) == 192


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry["name"]))
def test_every_picture_is_filled_with_texture(entry: dict[str, Any]) -> None:
    """A picture without local contrast gives a style no statistics: no eighth of it may be flat."""
    with Image.open(GALLERY / entry["file"]) as image:
        grey = np.asarray(image.convert("L").resize((512, 512), Image.Resampling.BOX), dtype=np.float32)
    blocks = grey.reshape(8, 64, 8, 64).transpose(0, 2, 1, 3).reshape(64, 64, 64)
    detail = np.abs(np.diff(blocks, axis=2)).mean(axis=(1, 2))
    assert np.quantile(detail, 0.1) > 0.8
    assert np.ptp(np.quantile(grey, (0.02, 0.98))) > 90


def test_the_gallery_stays_below_four_megabytes() -> None:
    assert sum(path.stat().st_size for path in GALLERY.rglob("*") if path.is_file()) < 4_000_000


def test_no_two_pictures_have_the_same_technique_or_title() -> None:
    for field in ("technique", "title"):
        found = [entry[field] for entry in ENTRIES]
        assert len(set(found)) == len(found)


def test_no_two_pictures_have_the_same_colours() -> None:
    """One of two styles with the same palette is too many: their shares of 64 colours differ by a fifth."""
    shares = []
    for entry in ENTRIES:
        with Image.open(GALLERY / entry["thumbnail"]) as image:
            code = (np.asarray(image.convert("RGB")).reshape(-1, 3) // 64) @ (16, 4, 1)
        shares.append(np.bincount(code, minlength=64) / len(code))
    for first, second in itertools.combinations(range(len(ENTRIES)), 2):
        differing = float(np.abs(shares[first] - shares[second]).sum()) / 2
        assert differing > 0.2, (ENTRIES[first]["name"], ENTRIES[second]["name"])


@pytest.mark.parametrize("slug", ["rose-window", "storm-engraving", "burning-fjord"])
def test_painting_again_gives_the_shipped_picture(slug: str) -> None:
    chosen = next(p for p in PICTURES if p.slug == slug)
    size = (chosen.width // 4, chosen.height // 4)
    with Image.open(GALLERY / f"{slug}.jpg") as image:
        shipped = np.asarray(image.resize(size, Image.Resampling.BOX), dtype=np.float64)
    file = io.BytesIO()
    chosen.render().save(file, "JPEG", quality=QUALITY)
    with Image.open(file) as image:
        painted = np.asarray(image.resize(size, Image.Resampling.BOX), dtype=np.float64)
    error = float(np.mean((shipped - painted) ** 2))
    assert error < 255.0**2 / 10**4.0, "below 40 dB"


def test_the_library_shows_the_gallery_first_then_the_users_pictures(tmp_path: Path, library: StyleLibrary) -> None:
    picture(tmp_path / "Zebra.png", "PNG")
    picture(tmp_path / "my_cat.JPG", "JPEG")
    picture(tmp_path / "barn.webp", "WEBP")
    picture(tmp_path / "ants.tiff", "TIFF")
    assert [style.name for style in library.list()] == [
        *(entry["name"] for entry in ENTRIES),
        "ants",
        "barn",
        "my_cat",
        "Zebra",
    ]
    assert library.find("my_cat") == Style("my_cat", "my cat", "", tmp_path / "my_cat.JPG", None, "user")


def test_a_missing_folder_leaves_the_gallery(tmp_path: Path) -> None:
    assert len(StyleLibrary(tmp_path / "none").list()) == len(ENTRIES)


def test_files_that_are_no_pictures_are_not_listed(tmp_path: Path, library: StyleLibrary) -> None:
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder.png").mkdir()
    picture(tmp_path / ".hidden.png", "PNG")
    assert names(library, "user") == []


def test_equal_names_get_a_number(tmp_path: Path, library: StyleLibrary) -> None:
    picture(tmp_path / "rose-window.png", "PNG")
    picture(tmp_path / "tree.jpg", "JPEG")
    picture(tmp_path / "Tree.png", "PNG")
    assert sorted(map(str.casefold, names(library, "user"))) == ["rose-window-2", "tree", "tree-2"]
    assert library.find("rose-window").source == "gallery"
    assert library.find("rose-window-2").path == tmp_path / "rose-window.png"


def test_names_of_trained_models_are_taken_too(tmp_path: Path) -> None:
    picture(tmp_path / "Ink.png", "PNG")
    library = StyleLibrary(tmp_path, lambda: ["ink"])
    assert names(library, "user") == ["Ink-2"] and library.find("ink-2").path == tmp_path / "Ink.png"


def test_case_and_spaces_around_a_name_do_not_matter(library: StyleLibrary) -> None:
    assert library.find(" Rose-Window ").name == "rose-window"


@pytest.mark.parametrize("name", ["../x", "../secret.png", "/etc/passwd", "thumbnails/rose-window", "", ".", "a\0b"])
def test_a_name_never_leaves_the_library(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "secret.png", "PNG")
    picture(tmp_path / "x", "PNG")
    (tmp_path / "styles").mkdir()
    with pytest.raises(PasticheError) as caught:
        StyleLibrary(tmp_path / "styles").find(name)
    assert caught.value.code == ErrorCode.UNKNOWN_STYLE


def test_a_misspelt_name_brings_the_nearest(library: StyleLibrary) -> None:
    with pytest.raises(PasticheError, match=r'Did you mean "starlit-swirl"\?'):
        library.find("starlight-swirl")


def test_the_library_needs_no_heavy_imports() -> None:
    code = "import sys, pastiched.styles; print({'torch', 'numpy', 'PIL'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_a_thumbnail_is_the_file_unless_that_is_missing_or_too_large(
    tmp_path: Path, library: StyleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "thumbnail.jpg"
    monkeypatch.setattr(library, "find", lambda _: Style("wave", "Wave", "", tmp_path / "wave.jpg", file, "gallery"))
    assert library.thumbnail("WAVE") == ("wave", b"")
    for size, expected in ((0, 0), (MAX_THUMBNAIL, MAX_THUMBNAIL), (MAX_THUMBNAIL + 1, 0)):
        file.write_bytes(bytes(size))
        assert library.thumbnail("WAVE") == ("wave", bytes(expected))
