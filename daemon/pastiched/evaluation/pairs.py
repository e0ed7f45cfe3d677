"""Which photograph is painted in which style: a list, two folders, or the fixed suite."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from pastiche.errors import ErrorCode, PasticheError
from pastiched.evaluation.scenes import EDITION, SCENES, render
from pastiched.imaging.unreadable import UNREADABLE
from pastiched.models import file_sha256
from pastiched.styles import GALLERY, SUFFIXES

SUITE_SIDE = 384
SUITE_STYLES = (
    "starlit-swirl", "indigo-wave", "sea-mosaic", "ink-mountains",
    "lavender-chalk", "storm-engraving", "rose-window", "poppy-wash",
)  # fmt: skip
"""Strong strokes, flat inks, mosaic, ink, pastel, engraving, glass, watercolour."""
MARK = ("Source", "pastiched evaluate")
"""Text in the PNG files of the suite's photographs: no other file is ever rendered over."""

ADVICE = "Give a list with a line PHOTO STYLE for each pair, or a folder with the folders photos and styles in it."


@dataclass(frozen=True)
class Picture:
    """A picture file. `identity` is the same for the same picture on any machine."""

    path: Path
    identity: str


@dataclass(frozen=True)
class Pair:
    """What is painted, and in which style."""

    photograph: Picture
    style: Picture


def read_pairs(source: Path) -> list[Pair]:
    """From a text file with a line each, PHOTO STYLE (relative to the file), or from a folder with the folders `photos`
    and `styles`, paired in the order of their names, the shorter one over and over.

    Raises PasticheError(UNREADABLE).
    """
    names = _from_folders(source) if source.is_dir() else _from_list(source)
    known = {path: _identify(path) for path in {path for pair in names for path in pair}}
    return [Pair(known[photograph], known[style]) for photograph, style in names]


def suite(folder: Path) -> list[Pair]:
    """Every scene in every style of the suite, 48 pairs; `render_suite` puts the photographs into `folder`."""
    scenes = [Picture(_scene(folder, name), f"scene {name} {EDITION}") for name in SCENES]
    styles = [_identify(GALLERY / f"{name}.jpg") for name in SUITE_STYLES]
    return [Pair(scene, style) for scene in scenes for style in styles]


def render_suite(folder: Path, side: int) -> None:
    """Renders the photographs of the suite, `side` pixels wide. Raises PasticheError(UNWRITABLE) where the folder has
    anything else in it, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        if not _rendered(path):
            said = f"{path} is none of the suite's photographs, which are rendered into that folder."
            raise PasticheError(ErrorCode.UNWRITABLE, said, "Choose another folder with --out.")
    for name in SCENES:
        mark = PngInfo()
        mark.add_text(*MARK)
        render(name, side).save(_scene(folder, name), pnginfo=mark)


def read_picture(path: Path) -> Image.Image:
    """A picture file as RGB, turned upright. Raises PasticheError(UNREADABLE)."""
    try:
        with Image.open(path) as file:
            return ImageOps.exif_transpose(file).convert("RGB")
    except UNREADABLE:
        raise _no_picture(path) from None


def reduced(picture: Image.Image, side: int) -> Image.Image:
    """To `side` pixels on its long side where it is larger."""
    if max(picture.size) <= side:
        return picture
    scale = side / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _scene(folder: Path, name: str) -> Path:
    return folder / f"{name}.png"


def _rendered(path: Path) -> bool:
    if path.suffix != ".png" or path.stem not in SCENES or not path.is_file():
        return False
    try:
        with Image.open(path) as picture:
            return picture.info.get(MARK[0]) == MARK[1]
    except UNREADABLE:
        return False


def _from_list(file: Path) -> list[tuple[Path, Path]]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise _no_pairs(f"The list of pairs {file} cannot be read: {error.strerror or 'it is no text file'}.") from None
    except UnicodeDecodeError:
        raise _no_pairs(f"The list of pairs {file} is no text file.") from None
    pairs = []
    for number, line in enumerate(lines, 1):
        try:
            words = shlex.split(line)
        except ValueError:
            raise _no_pairs(f"Line {number} of {file} has a quotation mark without its partner.") from None
        if not words:
            continue
        if len(words) != 2:
            raise _no_pairs(f"Line {number} of {file} has {len(words)} names.")
        pairs.append((file.parent / words[0], file.parent / words[1]))
    if not pairs:
        raise _no_pairs(f"The list of pairs {file} is empty.")
    return pairs


def _from_folders(folder: Path) -> list[tuple[Path, Path]]:
    photographs, styles = (_pictures(folder / name) for name in ("photos", "styles"))
    count = max(len(photographs), len(styles))
    return [(photographs[k % len(photographs)], styles[k % len(styles)]) for k in range(count)]


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise _no_pairs(f"There is no folder {folder}.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != ".")
    if not found:
        raise _no_pairs(f"There are no pictures in {folder}.")
    return found


def _identify(path: Path) -> Picture:
    if not path.is_file():
        raise PasticheError(ErrorCode.UNREADABLE, f"There is no picture {path}.", "Correct the list or the folder.")
    try:
        # Only the beginning is read: what is no picture at all is found before anything is painted.
        Image.open(path).close()
        return Picture(path, f"sha256 {file_sha256(path)}")
    except UNREADABLE:
        raise _no_picture(path) from None


def _no_picture(path: Path) -> PasticheError:
    return PasticheError(ErrorCode.UNREADABLE, f"{path} cannot be read as a picture.")


def _no_pairs(sentence: str) -> PasticheError:
    return PasticheError(ErrorCode.UNREADABLE, sentence, ADVICE)
