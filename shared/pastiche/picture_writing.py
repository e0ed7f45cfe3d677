"""Writing picture files: sRGB profile embedded, EXIF kept, complete or not at all."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pastiche.atomic_file import atomic_file
from pastiche.colour_profiles import srgb_profile
from pastiche.errors import ErrorCode, PasticheError
from pastiche.exif import Metadata, build_exif, build_exif_for_jpeg
from pastiche.picture_formats import JPEG, PNG, TIFF, WEBP, check_sides, output_format
from pastiche.pixels import PixelBuffer

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

PNG_HEADER = 33
"""Bytes of a PNG's signature and its first chunk, IHDR."""
PNG_START = b"\x89PNG\r\n\x1a\n"
RGB, RGBA = 2, 6
FILTER_NONE, FILTER_SUB = 0, 1
STRIP_BYTES = 2_000_000
JFIF_HEADER, JFIF_DENSITY, DOTS_PER_INCH = 20, 13, 1
"""Bytes of a JPEG's start and its first segment, and where in it the resolution stands."""
APP1, APP2 = b"\xff\xe1", b"\xff\xe2"
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
    if output_format(path) is WEBP:
        import PIL.Image  # noqa: F401
    else:
        import imagecodecs

        imagecodecs.jpeg8_encode  # noqa: B018  (loads the codec)


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
    shape = pixels.format
    bits, kind = (8 if shape.depth == "u8" else 16), (RGBA if shape.channels == 4 else RGB)
    file.write(PNG_START)
    file.write(_chunk(b"IHDR", struct.pack(">IIBBBBB", shape.width, shape.height, bits, kind, 0, 0, 0)))
    file.write(_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile())))
    if metadata.dpi:
        x, y = (round(dots / 0.0254) for dots in metadata.dpi)
        file.write(_chunk(b"pHYs", x.to_bytes(4, "big") + y.to_bytes(4, "big") + b"\1"))
    if exif := build_exif(metadata, shape.width, shape.height):
        file.write(_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if settings.compression > 1:
        import imagecodecs

        file.write(memoryview(imagecodecs.png_encode(pixel_array(pixels), level=settings.compression))[PNG_HEADER:])
        return []
    for data in _png_strips(pixel_array(pixels), settings.compression):
        if data:
            file.write(_chunk(b"IDAT", data))
    file.write(_chunk(b"IEND", b""))
    return []


def _png_strips(array: np.ndarray[Any, Any], level: int) -> Iterator[bytes]:
    """The compressed rows of a PNG, a few megabytes at a time.

    Level 1 with run lengths over one filter is three times as fast as zlib's own level 1, and no larger.
    """
    import numpy as np

    height, width, channels = array.shape
    pixel = channels * array.itemsize
    packer = zlib.compressobj(level, strategy=zlib.Z_RLE)
    rows = max(1, STRIP_BYTES // (width * pixel))
    for row in range(0, height, rows):
        part = array[row : row + rows]
        flat = part.astype(part.dtype.newbyteorder(">"), copy=False).view(np.uint8).reshape(len(part), -1)
        strip = np.empty((len(part), 1 + width * pixel), np.uint8)
        strip[:, 0] = FILTER_SUB if level else FILTER_NONE
        strip[:, 1:] = flat
        if level:
            np.subtract(flat[:, pixel:], flat[:, :-pixel], out=strip[:, 1 + pixel :])
        yield packer.compress(strip.data)
    yield packer.flush()


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def _write_jpeg(file: BinaryIO, pixels: PixelBuffer, metadata: Metadata, settings: WriteSettings) -> list[str]:
    import imagecodecs

    array, notes = pixel_array(pixels), []
    if pixels.format.channels == 4:
        if array[:, :, 3].min() < 255:
            notes.append(FLATTENED)
        array = _on_white(array)
    exif, note = build_exif_for_jpeg(metadata, pixels.format.width, pixels.format.height)
    jpeg = memoryview(imagecodecs.jpeg8_encode(array, level=settings.quality, subsampling="444"))
    head = bytearray(jpeg[:JFIF_HEADER])
    if metadata.dpi:
        x, y = (min(round(dots), 65535) for dots in metadata.dpi)
        head[JFIF_DENSITY : JFIF_DENSITY + 5] = struct.pack(">BHH", DOTS_PER_INCH, x, y)
    file.write(head)
    if exif:
        file.write(_segment(APP1, exif))
    file.write(_segment(APP2, b"ICC_PROFILE\0\1\1" + srgb_profile()))
    file.write(jpeg[JFIF_HEADER:])
    return [*notes, note] if note else notes


def _on_white(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """[h, w, 4] of u8 laid on white, [h, w, 3]."""
    import numpy as np
    from PIL import Image

    height, width = array.shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    rows = max(1, STRIP_BYTES // (4 * width))
    for row in range(0, height, rows):
        strip = Image.fromarray(array[row : row + rows], "RGBA")
        white = Image.new("RGB", strip.size, "white")
        white.paste(strip, mask=strip.getchannel("A"))
        out[row : row + rows] = np.asarray(white)
    return out


def _segment(marker: bytes, data: bytes) -> bytes:
    return marker + (len(data) + 2).to_bytes(2, "big") + data


def _write_webp(file: BinaryIO, pixels: PixelBuffer, metadata: Metadata, settings: WriteSettings) -> list[str]:
    exif = build_exif(metadata, pixels.format.width, pixels.format.height)
    _image(pixels).save(
        file, "WEBP", quality=settings.quality, method=4, exact=True, icc_profile=srgb_profile(), exif=exif
    )
    return []
