"""Writing picture files: sRGB profile embedded, EXIF kept, complete or not at all."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pastiche.atomic_file import atomic_file
from pastiche.colour_profiles import srgb_profile
from pastiche.errors import ErrorCode, PasticheError
from pastiche.exif import Metadata, build_exif, build_exif_for_jpeg
from pastiche.picture_formats import JPEG, PNG, TIFF, check_sides, output_format
from pastiche.pixels import PixelBuffer

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

PNG_HEADER = 33
"""Bytes of a PNG's signature and its first chunk, IHDR."""
FILTER_SUB, STRATEGY_RLE = 16, 3
FLATTENED = "JPEG has no transparency; the picture was laid on white."


@dataclass(frozen=True)
class WriteSettings:
    """`quality` 1..100 of JPEG and WebP; `compression` 0..9 of PNG and TIFF; GPS data only with `keep_gps`."""

    quality: int = 95
    compression: int = 1
    keep_gps: bool = False
    overwrite: bool = False


def write_picture(
    path: Path, pixels: PixelBuffer, metadata: Metadata | None = None, settings: WriteSettings | None = None
) -> list[str]:
    """Writes 3- or 4-channel pixels in the format of the path's extension and the depth that they have.

    Returns notes for the user. Raises PasticheError(UNWRITABLE) in one sentence; then nothing is left behind.
    """
    metadata, settings = metadata or Metadata(), settings or WriteSettings()
    metadata = metadata if settings.keep_gps else metadata.without_gps()
    format, shape = output_format(path), pixels.format
    if {"u8": "8", "u16": "16", "f32": "32"}[shape.depth] not in format.depths:
        raise PasticheError(ErrorCode.UNWRITABLE, f"A {format.name} file cannot hold {shape.depth} pixels.")
    check_sides(format, shape.width, shape.height)
    with atomic_file(path, settings.overwrite) as file:
        if format is PNG:
            return _write_png(file, pixels, metadata, settings)
        if format is TIFF:
            from pastiche.tiff_writing import write_tiff

            return write_tiff(file, pixel_array(pixels), metadata, settings.compression)
        if format is JPEG:
            return _write_jpeg(file, pixels, metadata, settings)
        return _write_webp(file, pixels, metadata, settings)


def prepare_writing(path: Path) -> None:
    """Imports what writing this file needs, for moments when there is nothing else to do."""
    if output_format(path) in (PNG, TIFF):
        import imagecodecs

        imagecodecs.png_encode  # noqa: B018  (loads the codec)
    else:
        import PIL.Image  # noqa: F401


def pixel_array(pixels: PixelBuffer) -> np.ndarray[Any, Any]:
    """[height, width, channels] without a copy, native byte order."""
    import numpy as np

    kind = {"u8": "u1", "u16": "<u2", "f32": "<f4"}[pixels.format.depth]
    array = np.frombuffer(pixels.data, kind).reshape(pixels.format.height, pixels.format.width, -1)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _image(pixels: PixelBuffer) -> Image.Image:
    from PIL import Image

    mode = "RGBA" if pixels.format.channels == 4 else "RGB"
    size = pixels.format.width, pixels.format.height
    data: Any = pixels.data
    return Image.frombuffer(mode, size, data, "raw", mode, 0, 1)


def _write_png(file: BinaryIO, pixels: PixelBuffer, metadata: Metadata, settings: WriteSettings) -> list[str]:
    import imagecodecs

    # Level 1 with run lengths over one filter is three times as fast as zlib's own level 1, and no larger.
    fast = {"strategy": STRATEGY_RLE, "filter": FILTER_SUB} if settings.compression == 1 else {}
    png = memoryview(imagecodecs.png_encode(pixel_array(pixels), level=settings.compression, **fast))
    file.write(png[:PNG_HEADER])
    file.write(_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile())))
    if metadata.dpi:
        x, y = (round(dots / 0.0254) for dots in metadata.dpi)
        file.write(_chunk(b"pHYs", x.to_bytes(4, "big") + y.to_bytes(4, "big") + b"\1"))
    if exif := build_exif(metadata, pixels.format.width, pixels.format.height):
        file.write(_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    file.write(png[PNG_HEADER:])
    return []


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def _write_jpeg(file: BinaryIO, pixels: PixelBuffer, metadata: Metadata, settings: WriteSettings) -> list[str]:
    from PIL import Image

    image, notes = _image(pixels), []
    if image.mode == "RGBA":
        if image.getchannel("A").getextrema() != (255, 255):
            notes.append(FLATTENED)
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    exif, note = build_exif_for_jpeg(metadata, image.width, image.height)
    extra: dict[str, Any] = {"dpi": metadata.dpi} if metadata.dpi else {}
    image.save(file, "JPEG", quality=settings.quality, subsampling=0, icc_profile=srgb_profile(), exif=exif, **extra)
    return [*notes, note] if note else notes


def _write_webp(file: BinaryIO, pixels: PixelBuffer, metadata: Metadata, settings: WriteSettings) -> list[str]:
    exif = build_exif(metadata, pixels.format.width, pixels.format.height)
    _image(pixels).save(
        file, "WEBP", quality=settings.quality, method=4, exact=True, icc_profile=srgb_profile(), exif=exif
    )
    return []
