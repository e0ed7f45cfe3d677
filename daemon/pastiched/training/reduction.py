"""Pictures of any kind and size as small JPEG files that training can crop from quickly."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pastiche.colour_profiles import image_to_srgb
from pastiche.exif import ORIENTATION
from pastiche.picture_files import read_picture
from pastiche.picture_reading import TIFF_STARTS

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")
"""The only decoders that ever see a file."""
FORMATS_IN_WORDS = "JPEG, PNG, WebP, TIFF, GIF and BMP"
OF_ANY_DEPTH = ("PNG", "WEBP")
QUALITY = 95
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes EXIF's orientations."""

_decoding = threading.Lock()
"""`read_picture` sets limits of Pillow that hold for the whole process, as long as it reads."""


def reduced(path: Path, most: int) -> bytes:
    """The first picture of a file, upright, in sRGB, on white: JPEG or PNG bytes, the short side at most `most` px.

    A file that is all that already comes as it is. Raises whatever decoders raise for a damaged file.
    """
    if is_tiff(path):
        picture = _of_any_depth(path)
    else:
        with Image.open(path, formats=FORMATS) as image:
            if min(image.size) <= most and _is_plain(image):
                image.load()
                return path.read_bytes()
            picture = _of_any_depth(path) if image.format in OF_ANY_DEPTH else _of_eight_bits(image, most)
    scale = most / min(picture.size)
    if scale < 1:
        width, height = (max(most, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()


def is_tiff(path: Path) -> bool:
    """Whether a file says that it is a TIFF: Pillow knows not all kinds of it. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) in TIFF_STARTS


def _is_plain(image: Image.Image) -> bool:
    """Whether a decoder without any care would see the right colours, the right side up."""
    if image.format not in ("JPEG", "PNG") or image.mode != "RGB" or "transparency" in image.info:
        return False
    return not image.info.get("icc_profile") and _orientation(image) == 1


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:
        # Damaged metadata fails in many ways, and says nothing about the pixels.
        return 1


def _of_eight_bits(image: Image.Image, most: int) -> Image.Image:
    """A JPEG, GIF or BMP as RGB; of a large JPEG only what is needed is decoded."""
    profile, orientation = image.info.get("icc_profile") or b"", _orientation(image)
    scale = most / min(image.size)
    image.draft(None, (round(image.width * scale), round(image.height * scale)))
    image.load()
    picture: Image.Image = image
    if image.mode == "P" or "transparency" in image.info:
        picture = image.convert("RGBA")
    elif image.mode not in ("L", "RGB", "RGBA", "CMYK"):
        picture = image.convert("L" if image.mode == "1" else "RGB")
    picture, _ = image_to_srgb(picture, profile)
    picture = _on_white(picture)
    return picture.transpose(TURNS[orientation]) if orientation in TURNS else picture


def _of_any_depth(path: Path) -> Image.Image:
    """A PNG, WebP or TIFF of any depth as RGB."""
    with _decoding:
        pixels = read_picture(path, "style").pixels
    form = pixels.format
    kind = {"u8": "u1", "u16": "<u2", "f32": "<f4"}[form.depth]
    array = np.frombuffer(pixels.data, kind).reshape(form.height, form.width, form.channels)
    return _on_white(Image.fromarray(_bytes(array)))


def _bytes(array: NDArray[np.uint8 | np.uint16 | np.float32]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    full = 65535 if array.dtype == np.uint16 else 1
    eight: NDArray[np.uint8] = np.rint(array * np.float32(255 / full)).astype(np.uint8)
    return eight


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper
