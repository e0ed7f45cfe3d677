"""Style pictures that the user brings: files, open images and layers."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from gi.repository import GdkPixbuf, Gimp, Gio, GLib

from pastiche.atomic_file import atomic_file
from pastiche.connection import Home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import StyleRef
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche_gimp.content import Box, reduced, seen
from pastiche_gimp.methods import TRAINED
from pastiche_gimp.recipe import Recipe, StyleChoice
from pastiche_gimp.words import _

KEPT = "kept:"
"""Prefix of the names of pictures that came from open images: they lie in the daemon's home, not in the library."""
KEPT_NAME = re.compile(r"[0-9a-f]{16}")
KEPT_SIDE = 2048
LARGEST_SIDE = 4096
LIBRARY_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
"""What the daemon's library reads by itself; anything else that GIMP opens is kept as PNG."""


def style_refs(choices: Iterable[StyleChoice], home: Home) -> list[StyleRef]:
    """The styles of a job. Raises PasticheError(UNKNOWN_STYLE) where a kept picture is gone."""
    refs = []
    for choice in choices:
        if choice.name.startswith(KEPT):
            refs.append(StyleRef(pixels=read_kept(choice.name, home), weight=choice.weight))
        else:
            refs.append(StyleRef(choice.name, weight=choice.weight))
    return refs


def kept_path(name: str, home: Home) -> Path | None:
    """The file of a kept picture; None for a name that is none. Names never become part of a path unchecked."""
    digest = name.removeprefix(KEPT)
    return home.folder / "kept" / f"{digest}.png" if KEPT_NAME.fullmatch(digest) else None


def read_kept(name: str, home: Home) -> PixelBuffer:
    """A kept picture's pixels. Raises PasticheError(UNKNOWN_STYLE)."""
    path = kept_path(name, home)
    try:
        if path is not None:
            return from_pixbuf(GdkPixbuf.Pixbuf.new_from_file(str(path)))
    except GLib.Error:
        pass
    raise PasticheError(
        ErrorCode.UNKNOWN_STYLE,
        _("The style picture of this pastiche is not here any more."),
        _("Choose another style."),
    )


def keep_layer(item: Any, home: Home) -> str:
    """Keeps a reduced copy of an image or a layer as a style; its name. Raises PasticheError."""
    if isinstance(item, Gimp.Image):
        copy = item.duplicate()
        try:
            merged = copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
            picture = _reduced_layer(merged, KEPT_SIDE)
        finally:
            copy.delete()
    else:
        picture = _reduced_layer(item, KEPT_SIDE)
    return keep_pixels(picture, home)


def keep_pixels(picture: PixelBuffer, home: Home) -> str:
    """Keeps an 8-bit picture as a style; its name. Raises PasticheError(UNWRITABLE)."""
    digest = hashlib.sha256(repr(picture.format).encode() + bytes(picture.data)).hexdigest()[:16]
    path = home.folder / "kept" / f"{digest}.png"
    if not path.exists():
        _make_folder(path.parent)
        _write_png(picture, path, overwrite=True)
    return KEPT + digest


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = _("The style picture cannot be kept.")
        raise PasticheError(ErrorCode.UNWRITABLE, sentence, error.strerror or str(error)) from None


def _write_png(picture: PixelBuffer, path: Path, overwrite: bool = False) -> None:
    """Completely or not at all: GIMP's own Cancel ends a plug-in at any moment."""
    _ok, data = to_pixbuf(picture).save_to_bufferv("png", [], [])
    with atomic_file(path, overwrite) as file:
        file.write(data)


def add_file(path: Path, home: Home, taken: Collection[str] = ()) -> str:
    """Copies a picture into the user's styles folder; its name in the library, none of those that are `taken`.

    Nothing is overwritten; a copy of the same bytes is used again. Raises PasticheError(UNREADABLE).
    """
    folder = home.styles_folder
    suffix = path.suffix.lower()
    _make_folder(folder)
    try:
        known = next((other for other in folder.iterdir() if _same_bytes(other, path)), None)
        if known:
            return known.stem
        stem = _free_stem(readable(path.stem).replace(";", ",").replace("=", "-").strip(". ") or "style", folder, taken)
        if suffix in LIBRARY_SUFFIXES and _opens(path):
            with path.open("rb") as source, atomic_file(folder / (stem + suffix), overwrite=False) as copy:
                shutil.copyfileobj(source, copy)
        else:
            _write_png(_file_pixels(path, LARGEST_SIDE), folder / f"{stem}.png")
    except (OSError, GLib.Error) as error:
        raise _unreadable(path, error) from None
    return stem


def file_pixels(file: Gio.File) -> PixelBuffer:
    """A picture file as GIMP opens it, in sRGB. Raises PasticheError(UNREADABLE)."""
    path = file.get_path()
    if path is None:
        raise PasticheError(ErrorCode.UNREADABLE, _("Only files on this computer can be styles."))
    return _file_pixels(Path(path), LARGEST_SIDE)


def readable(name: str) -> str:
    """A file's name as it can be shown, also one that is no UTF-8."""
    return name.encode("utf-8", "replace").decode("utf-8")


def display_stem(file: Gio.File) -> str:
    """What a picture file is called, without its ending."""
    name = readable(str(file.get_basename()))
    return name.rpartition(".")[0] or name


def from_pixbuf(pixbuf: Any) -> PixelBuffer:
    """A pixbuf's rows without their padding, role "style"."""
    width, height, channels = pixbuf.get_width(), pixbuf.get_height(), pixbuf.get_n_channels()
    stride, row, data = pixbuf.get_rowstride(), width * channels, pixbuf.get_pixels()
    rows = data if stride == row else b"".join(data[y * stride : y * stride + row] for y in range(height))
    return PixelBuffer(PixelFormat("style", width, height, channels, "u8"), rows[: row * height])


def to_pixbuf(pixels: PixelBuffer) -> Any:
    """An 8-bit picture as a pixbuf."""
    shape = pixels.format
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(pixels.data)),
        GdkPixbuf.Colorspace.RGB,
        shape.channels == 4,
        8,
        shape.width,
        shape.height,
        shape.row_bytes,
    )


def titles_of(recipe: Recipe, library: Iterable[dict[str, Any]]) -> dict[str, str]:
    """What a recipe's styles, or its model, are called, in the words of the daemon's library."""
    entries = [entry for entry in library if (entry.get("method") == TRAINED) == bool(recipe.model)]
    known = {str(entry.get("name")).casefold(): _(str(entry.get("title"))) for entry in entries}
    names = [recipe.model] if recipe.model else [choice.name for choice in recipe.styles]
    own = _("Own Picture")
    return {name: own if name.startswith(KEPT) else known.get(name.casefold(), name) for name in names}


def _reduced_layer(layer: Any, longest: int) -> PixelBuffer:
    """All of a layer as the user sees it; of a merged image, which has nothing visible, there is none."""
    if layer is None:
        sentence = _("Nothing of that image can be seen.")
        raise PasticheError(ErrorCode.BAD_PICTURE, sentence, _("Choose another picture."))
    with seen(layer) as (drawable, shift):
        box = Box(0, 0, layer.get_width(), layer.get_height()).moved(*shift)
        return reduced(drawable, box, longest, "style")


def _file_pixels(path: Path, longest: int) -> PixelBuffer:
    if not path.is_file():
        raise PasticheError(
            ErrorCode.UNREADABLE,
            _("There is no style picture {name}.").format(name=readable(path.name)),
            _("Choose another one."),
        )
    try:
        image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(path)))
    except GLib.Error as error:
        raise _unreadable(path, error) from None
    if image is None:
        raise _unreadable(path, None)
    try:
        layers = image.get_layers()
        layer = layers[0] if len(layers) == 1 else image.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        return _reduced_layer(layer, longest)
    finally:
        image.delete()


def _unreadable(path: Path, error: Exception | None) -> PasticheError:
    reason = error.message if isinstance(error, GLib.Error) else str(error or "")
    sentence = _("{name} cannot be used as a style picture.").format(name=readable(path.name))
    return PasticheError(ErrorCode.UNREADABLE, f"{sentence} {reason}".strip(), _("Choose another picture."))


def _opens(path: Path) -> bool:
    try:
        return GdkPixbuf.Pixbuf.get_file_info(str(path))[0] is not None
    except (GLib.Error, TypeError):
        return False


def _same_bytes(one: Path, other: Path) -> bool:
    if not one.is_file() or one.stat().st_size != other.stat().st_size:
        return False
    return one.read_bytes() == other.read_bytes()


def _free_stem(stem: str, folder: Path, taken: Collection[str]) -> str:
    names = {path.stem.casefold() for path in folder.iterdir()} | {name.casefold() for name in taken}
    free, number = stem, 2
    while free.casefold() in names:
        free, number = f"{stem}-{number}", number + 1
    return free
