"""TIFF files of 8, 16 and 32 bits through tifffile, with the EXIF directory that it cannot write by itself."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from pastiche.colour_profiles import srgb_profile
from pastiche.exif import (
    COLOUR_SPACE,
    EXIF_IFD,
    GPS_IFD,
    ORIENTATION,
    PIXEL_HEIGHT,
    PIXEL_WIDTH,
    RESOLUTION_UNIT,
    SRGB,
    X_RESOLUTION,
    Y_RESOLUTION,
    Metadata,
)

if TYPE_CHECKING:
    import numpy as np

ASCII, LONG, SHORT, BYTE = 2, 4, 3, 1
BIG = 2**32 - 2**25
"""Above so many bytes a TIFF needs 64-bit offsets; a directory appended with 32-bit ones is left out then."""
STRIP_ROWS = 64
BUFFER_BYTES = 16_000_000
"""Of rows that are compressed at a time; tifffile's own measure is 16 times as much."""
ENTRY = "<HHII"
"""A tag in a directory: number, type, count, value."""


def write_tiff(file: BinaryIO, array: np.ndarray[Any, Any], metadata: Metadata, compression: int) -> list[str]:
    """[height, width, 3 | 4] of u8, u16 or f32, Deflate with a predictor (`compression` 0: none). Returns notes."""
    import tifffile

    height, width, channels = array.shape
    big = array.nbytes > BIG
    directories = {}
    if metadata.exif:
        size = {COLOUR_SPACE: SRGB, PIXEL_WIDTH: width, PIXEL_HEIGHT: height}
        directories[EXIF_IFD] = metadata.exif | size
    if metadata.gps:
        directories[GPS_IFD] = metadata.gps
    if big:
        directories = {}
    tifffile.imwrite(
        file,
        array,
        byteorder="<",
        photometric="rgb",
        extrasamples=["unassalpha"] if channels == 4 else None,
        compression="adobe_deflate" if compression else None,
        compressionargs={"level": compression} if compression else None,
        predictor=bool(compression),
        rowsperstrip=STRIP_ROWS,
        iccprofile=srgb_profile(),
        resolution=metadata.dpi,
        resolutionunit="INCH" if metadata.dpi else None,
        metadata=None,
        software=False,
        extratags=[
            (ORIENTATION, SHORT, 1, 1, True),
            *_texts(metadata),
            # tifffile does not write these two numbers; the ones below are free, and the order of the tags stays.
            *((tag - 1, LONG, 1, 0, True) for tag in directories),
        ],
        bigtiff=big,
        maxworkers=2,
        buffersize=BUFFER_BYTES,
    )
    for tag, values in directories.items():
        _append_directory(file, tag, values)
    return ["The EXIF data does not go into a TIFF of that size and was left out."] if big and metadata.exif else []


def _texts(metadata: Metadata) -> list[tuple[int, int, int, Any, bool]]:
    """The first directory's texts and numbers as tifffile's extra tags."""
    tags: list[tuple[int, int, int, Any, bool]] = []
    for tag, value in metadata.tags.items():
        if tag in (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT):
            continue
        if tag >= 0x9C9B and isinstance(value, bytes):
            tags.append((tag, BYTE, len(value), value, True))
        elif isinstance(value, str | bytes):
            text = value.encode("ascii", "replace") if isinstance(value, str) else value
            tags.append((tag, ASCII, len(text) + 1, text + b"\0", True))
        elif isinstance(value, int):
            tags.append((tag, SHORT, 1, min(value, 65535), True))
    return tags


def _append_directory(file: BinaryIO, tag: int, values: dict[int, Any]) -> None:
    """Writes a directory of tags at the end of the file and makes `tag` point to it."""
    import tifffile
    from PIL import TiffImagePlugin

    file.seek(0, 2)
    if file.tell() % 2:
        file.write(b"\0")
    offset = file.tell()
    directory = TiffImagePlugin.ImageFileDirectory_v2(group=tag)
    for key, value in values.items():
        try:
            trial = TiffImagePlugin.ImageFileDirectory_v2(group=tag)
            trial[key] = value
            trial.tobytes(8)
            directory[key] = value
        except Exception:
            # One value that Pillow can read and not write should not cost the others.
            continue
    file.write(directory.tobytes(offset))
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        entry = tiff.pages.first.tags[tag - 1].offset
    file.seek(entry)
    file.write(struct.pack(ENTRY, tag, LONG, 1, offset))
    file.seek(0, 2)
