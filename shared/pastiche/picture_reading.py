"""Reading picture files: PNG, JPEG, WebP, TIFF as upright sRGB pixels. Files are hostile until proven otherwise."""

from __future__ import annotations

import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pastiche.colour_profiles import image_to_srgb
from pastiche.errors import ErrorCode, PasticheError
from pastiche.exif import ORIENTATION, Metadata, metadata_of
from pastiche.picture_formats import PILLOW_FORMATS
from pastiche.pixels import MAX_PIXELS, MAX_SIDE, PixelBuffer, PixelFormat
from pastiche.renewable_pixels import Data, RenewablePixels

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

PNG_START = b"\x89PNG\r\n\x1a\n"
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True)
class Picture:
    """A file's pixels, what its metadata says, and notes for the user (one sentence each)."""

    pixels: PixelBuffer
    metadata: Metadata
    notes: tuple[str, ...] = ()


def read_picture(path: Path, role: str = "content") -> Picture:
    """The first picture of a file: EXIF orientation applied, sRGB, 3 or 4 channels (a `role` "mask": 1, always u8).

    A 16-bit file gives u16, a floating-point TIFF f32 (cut to 0..1), everything else u8. Raises PasticheError:
    UNREADABLE (missing, empty, damaged, another format), TOO_LARGE before anything is decoded, BAD_PICTURE (NaN).

    The pixels can be let go and are then read from the file again. Several threads may read at a time.
    """
    picture = _read(path, role)
    format = picture.pixels.format

    def again() -> Data:
        pixels = _read(path, role).pixels
        if pixels.format != format:
            said = f"{path.name} has become another picture meanwhile."
            raise PasticheError(ErrorCode.UNREADABLE, said, "Leave it alone until it is painted.")
        return pixels.data

    return Picture(RenewablePixels(format, picture.pixels.data, again), picture.metadata, picture.notes)


def picture_samples(path: Path) -> int:
    """How many numbers `read_picture` will give, by the file's header; 0 where that says nothing."""
    try:
        with _opened(path) as file, _limits():
            image = _open_image(file)
            return image.width * image.height * max(3, len(image.getbands()))
    except Exception:
        # Reading it will say what is wrong.
        return 0


def _read(path: Path, role: str) -> Picture:
    with _opened(path) as file, _limits():
        try:
            start = file.read(32)
            file.seek(0)
            if start.startswith(TIFF_STARTS):
                from pastiche.deep_pictures import read_tiff

                deep = read_tiff(file, role)
                if deep:
                    return deep
            if start.startswith(PNG_START) and len(start) == 32:
                check_size(int.from_bytes(start[16:20], "big"), int.from_bytes(start[20:24], "big"))
                if start[24] == 16:
                    from pastiche.deep_pictures import read_png

                    return read_png(file, _open_image(file), role)
            return _read_eight_bits(file, _open_image(file), role)
        except PasticheError as error:
            raise _named(error, path) from None
        except MemoryError:
            raise PasticheError(ErrorCode.OUT_OF_MEMORY) from None
        except Exception:
            # Whatever a decoder throws at a damaged file: struct, zlib, codec errors, KeyError, ...
            raise PasticheError(ErrorCode.UNREADABLE, f"{path.name} is damaged or incomplete.") from None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            raise PasticheError(ErrorCode.UNREADABLE, f"{path.name} is a folder, not a picture.")
        if not stat.S_ISREG(info.st_mode):
            raise PasticheError(ErrorCode.UNREADABLE, f"{path.name} is not a regular file.")
        if not info.st_size:
            raise PasticheError(ErrorCode.UNREADABLE, f"{path.name} is empty.")
        file = path.open("rb")
    except FileNotFoundError:
        raise PasticheError(ErrorCode.UNREADABLE, f"There is no file {path}.", "Check the name.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or str(error)
        raise PasticheError(ErrorCode.UNREADABLE, f"{path.name} cannot be opened: {reason}.") from None
    with file:
        yield file


_reading = threading.Lock()
_readers = 0
_limits_before: list[Any] = []


@contextmanager
def _limits() -> Iterator[None]:
    """Decoders kept quiet, and Pillow's own limit raised to ours, which `PixelFormat` and `_open_image` apply.

    All that holds for the whole process, from the first reader's beginning to the last one's end.
    """
    global _readers
    with _reading:
        _readers += 1
        if _readers == 1:
            _raise_limits()
    try:
        yield
    finally:
        with _reading:
            _readers -= 1
            if not _readers:
                _restore_limits()


def _raise_limits() -> None:
    import logging

    from PIL import Image

    # What decoders log about odd files would reach the terminal; what matters comes out as an exception.
    for name in ("PIL", "tifffile"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    quiet = warnings.catch_warnings()
    quiet.__enter__()
    warnings.simplefilter("ignore")
    _limits_before[:] = [Image.MAX_IMAGE_PIXELS, quiet]
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def _restore_limits() -> None:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS, quiet = _limits_before
    quiet.__exit__(None, None, None)
    _limits_before.clear()


def _named(error: PasticheError, path: Path) -> PasticheError:
    return PasticheError(error.code, f"{path.name}: {error.sentence}", error.hint)


def _open_image(file: BinaryIO) -> Image.Image:
    """The header alone, with its size checked."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(file, formats=PILLOW_FORMATS)
    except UnidentifiedImageError:
        file.seek(0)
        known = file.read(4).startswith((b"\x89PNG", b"RIFF", b"\xff\xd8", *TIFF_STARTS))
        sentence = "It is damaged or incomplete." if known else "It is not a PNG, JPEG, WebP or TIFF picture."
        raise PasticheError(ErrorCode.UNREADABLE, sentence) from None
    except Image.DecompressionBombError:
        raise PasticheError(ErrorCode.TOO_LARGE) from None
    check_size(*image.size)
    return image


def check_size(width: int, height: int) -> None:
    """Raises PasticheError: TOO_LARGE, or BAD_PICTURE for a side of 0 or over the limit."""
    if width * height > MAX_PIXELS:
        sentence = f"It has {width} x {height} pixels, more than Pastiche accepts."
        raise PasticheError(ErrorCode.TOO_LARGE, sentence)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise PasticheError(ErrorCode.BAD_PICTURE, f"A picture of {width} x {height} pixels cannot be used.")


def _read_eight_bits(file: BinaryIO, image: Image.Image, role: str) -> Picture:
    from PIL import ImageOps

    from pastiche import plain_pictures

    notes = []
    if getattr(image, "is_animated", False) and image.format != "MPO":
        kind = "pages" if image.format == "TIFF" else "frames"
        notes.append(f"The file has several {kind}; the first one is used.")
    profile = image.info.get("icc_profile") or b""
    dpi = image.info.get("dpi")
    plain = plain_pictures.decode(file, image)
    if plain is None:
        image.load()
        metadata = metadata_of(image.getexif(), dpi)
        image = ImageOps.exif_transpose(image)
        image, note = _to_srgb(image, profile)
        array = plain_pictures.array_of(luminance(image) if role == "mask" else image)
    else:
        metadata = metadata_of(plain_pictures.exif_of(image), dpi)
        array, note = plain_pictures.to_srgb(plain, profile, role == "mask")
        array = plain_pictures.upright(array, int(plain_pictures.exif_of(image).get(ORIENTATION, 1)))
    return picture_of(array, role, metadata, [*notes, note] if note else notes)


def picture_of(array: np.ndarray[Any, Any], role: str, metadata: Metadata, notes: list[str]) -> Picture:
    """Of [h, w, 1 | 3 | 4] of u8, u16 or f32, without a copy where the array is contiguous."""
    import numpy as np

    depth = {"uint8": "u8", "uint16": "u16", "float32": "f32"}[array.dtype.name]
    array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    format = PixelFormat(role, array.shape[1], array.shape[0], array.shape[2], depth)
    return Picture(PixelBuffer(format, array.data.cast("B")), metadata, tuple(notes))


def _to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, str]:
    """Any 8-bit mode as RGB or RGBA in sRGB."""
    from PIL import ImageCms

    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image, ""
    if image.mode in ("1", "LA", "La", "I;16", "I", "F"):
        alpha = image.convert("RGBA").getchannel("A") if image.mode in ("LA", "La") else None
        image, note = image_to_srgb(image.convert("L"), profile)
        if alpha:
            image.putalpha(alpha)
        return image, note
    if image.mode in ("P", "PA") or "transparency" in image.info:
        clear = image.mode == "PA" or "transparency" in image.info
        if image.mode == "L" and clear:
            alpha = image.convert("LA").getchannel("A")
            grey = image.copy()
            grey.info.pop("transparency", None)
            image, note = image_to_srgb(grey, profile)
            image.putalpha(alpha)
            return image, note
        image = image.convert("RGBA" if clear else "RGB")
    if image.mode == "RGBa":
        image = image.convert("RGBA")
    if image.mode not in ("L", "RGB", "RGBA", "CMYK"):
        image = image.convert("RGB")
    return image_to_srgb(image, profile)


def luminance(image: Image.Image) -> Image.Image:
    """How bright a picture is, where it is not transparent."""
    from PIL import ImageChops

    grey = image.convert("L")
    return ImageChops.multiply(grey, image.getchannel("A")) if image.mode == "RGBA" else grey
