"""Reading picture files: PNG, JPEG, WebP, TIFF as upright sRGB pixels. Files are hostile until proven otherwise."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pastiche.colour_profiles import image_to_srgb
from pastiche.errors import ErrorCode, PasticheError
from pastiche.exif import Metadata, metadata_of
from pastiche.picture_formats import PILLOW_FORMATS
from pastiche.pixels import MAX_PIXELS, MAX_SIDE, PixelBuffer, PixelFormat

if TYPE_CHECKING:
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
    """
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
            return _read_eight_bits(_open_image(file), role)
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


@contextmanager
def _limits() -> Iterator[None]:
    """Decoders kept quiet, and Pillow's own limit raised to ours, which `PixelFormat` and `_open_image` apply."""
    import logging

    from PIL import Image

    # What decoders log about odd files would reach the terminal; what matters comes out as an exception.
    for name in ("PIL", "tifffile"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


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


def _read_eight_bits(image: Image.Image, role: str) -> Picture:
    from PIL import ImageOps

    notes = []
    if getattr(image, "is_animated", False) and image.format != "MPO":
        kind = "pages" if image.format == "TIFF" else "frames"
        notes.append(f"The file has several {kind}; the first one is used.")
    profile = image.info.get("icc_profile") or b""
    dpi = image.info.get("dpi")
    image.load()
    metadata = metadata_of(image.getexif(), dpi)
    image = ImageOps.exif_transpose(image)
    image, note = _to_srgb(image, profile)
    if note:
        notes.append(note)
    if role == "mask":
        image = _mask(image)
    format = PixelFormat(role, image.width, image.height, len(image.getbands()), "u8")
    return Picture(PixelBuffer(format, image.tobytes()), metadata, tuple(notes))


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


def _mask(image: Image.Image) -> Image.Image:
    """How bright a picture is, where it is not transparent."""
    from PIL import ImageChops

    grey = image.convert("L")
    return ImageChops.multiply(grey, image.getchannel("A")) if image.mode == "RGBA" else grey
