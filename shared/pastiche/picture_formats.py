"""Which picture files there are, what each can hold, and the sentences of refusal that depend on that alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pastiche.errors import ErrorCode, PasticheError


@dataclass(frozen=True)
class PictureFormat:
    """A kind of file: `depths` as in the option depth, `longest` side in pixels (0 = no limit of its own)."""

    name: str
    extensions: tuple[str, ...]
    depths: tuple[str, ...]
    alpha: bool = True
    longest: int = 0


PNG = PictureFormat("PNG", (".png",), ("8", "16"))
JPEG = PictureFormat("JPEG", (".jpg", ".jpeg", ".jpe"), ("8",), alpha=False, longest=65_500)
WEBP = PictureFormat("WebP", (".webp",), ("8",), longest=16_383)
TIFF = PictureFormat("TIFF", (".tif", ".tiff"), ("8", "16", "32"))
FORMATS = (PNG, JPEG, WEBP, TIFF)
BY_EXTENSION = {extension: format for format in FORMATS for extension in format.extensions}
PILLOW_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
"""The only decoders that ever see a file."""


def output_format(path: Path) -> PictureFormat:
    """The format that the file's extension names. Raises PasticheError(UNWRITABLE)."""
    format = BY_EXTENSION.get(path.suffix.lower())
    if format is None:
        raise PasticheError(
            ErrorCode.UNWRITABLE,
            f"The output {path.name} has no extension that says which format to write.",
            "Use .png, .jpg, .webp or .tif.",
        )
    return format


def check_output(path: Path, depth: str, inputs: Iterable[Path], overwrite: bool) -> PictureFormat:
    """Everything about an output that can be refused before the work. Raises PasticheError: UNWRITABLE, BAD_OPTION.

    `inputs` are never overwritten, also not under another name; another existing file only with `overwrite`.
    """
    format = output_format(path)
    if depth not in format.depths:
        able = ", ".join(f.extensions[0] for f in FORMATS if depth in f.depths)
        raise PasticheError(
            ErrorCode.BAD_OPTION, f"A {format.name} file cannot hold {depth} bits per channel.", f"Use {able}."
        )
    try:
        if not path.parent.is_dir():
            raise PasticheError(ErrorCode.UNWRITABLE, f"There is no folder {path.parent}.", "Make it, or use -o.")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise PasticheError(ErrorCode.UNWRITABLE, f"The folder {path.parent} may not be written to.")
        if path.exists():
            _check_existing(path, inputs, overwrite)
    except OSError as error:
        raise PasticheError(ErrorCode.UNWRITABLE, f"{path.name} cannot be written: {error.strerror}.") from None
    return format


def _check_existing(path: Path, inputs: Iterable[Path], overwrite: bool) -> None:
    if any(given.exists() and path.samefile(given) for given in inputs):
        raise PasticheError(ErrorCode.UNWRITABLE, f"The output {path.name} is one of the inputs.")
    if not path.is_file():
        raise PasticheError(ErrorCode.UNWRITABLE, f"The output {path.name} is not a file that can be replaced.")
    if not overwrite:
        raise PasticheError(
            ErrorCode.UNWRITABLE, f"{path.name} exists already.", "Choose another name, or add --overwrite."
        )


def check_sides(format: PictureFormat, width: int, height: int) -> None:
    """Raises PasticheError(UNWRITABLE) for a picture too long for the format."""
    if format.longest and max(width, height) > format.longest:
        raise PasticheError(
            ErrorCode.UNWRITABLE,
            f"A {format.name} file cannot be longer than {format.longest} pixels.",
            "Use .png or .tif.",
        )
