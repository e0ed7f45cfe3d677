"""Pictures of 8 bits that are decoded into one array of just their size, and made sRGB in place, strip by strip.

Pillow keeps four bytes for each pixel of three, and another copy where it hands them on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from pastiche.colour_profiles import image_to_srgb
from pastiche.picture_reading import luminance

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    Array = np.ndarray[Any, Any]

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
CHANNELS = {mode: channels for channels, mode in MODES.items()}
STRIP_PIXELS = 2_000_000
SCAN, END = b"\xff\xda", b"\xff\xd9"
LATE_TEXTS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")


def decode(file: BinaryIO, image: Image.Image) -> Array | None:
    """[height, width, 1 | 3 | 4] of u8 from a JPEG or PNG whose header Pillow has opened and whose size is checked.

    None where Pillow is to decode it, or to say what is wrong with it; then the file is as it was.
    """
    suits = _suits_jpeg if image.format in ("JPEG", "MPO") else _suits_png if image.format == "PNG" else None
    position = file.tell()
    try:
        return _decode(file, image) if suits and suits(file, image) else None
    finally:
        file.seek(position)


def _decode(file: BinaryIO, image: Image.Image) -> Array | None:
    import imagecodecs
    import numpy as np

    file.seek(0)
    data = file.read()
    channels = CHANNELS[image.mode]
    # A header that the two decoders read differently is refused for its shape, not believed.
    out = np.empty((image.height, image.width) if channels == 1 else (image.height, image.width, channels), np.uint8)
    try:
        if image.format == "PNG":
            imagecodecs.png_decode(data, out=out)
        elif _complete(data):
            imagecodecs.jpeg8_decode(data, out=out)
        else:
            return None
    except (ValueError, TypeError, RuntimeError):
        return None
    return out.reshape(image.height, image.width, channels)


def _suits_jpeg(file: BinaryIO, image: Image.Image) -> bool:
    return image.mode in ("L", "RGB")


def _complete(data: bytes) -> bool:
    """Whether a JPEG's end is there: libjpeg paints what is missing grey and says nothing."""
    return data.rfind(END) > data.find(SCAN) > 0


def _suits_png(file: BinaryIO, image: Image.Image) -> bool:
    if image.mode not in ("RGB", "RGBA") or "transparency" in image.info or getattr(image, "is_animated", False):
        return False
    # Pillow finds EXIF behind the pixels, after it has decoded them.
    return _has_early_exif(image) or not _texts_behind_the_pixels(file)


def _has_early_exif(image: Image.Image) -> bool:
    return "exif" in image.info or "Raw profile type exif" in image.info


def _texts_behind_the_pixels(file: BinaryIO) -> bool:
    file.seek(8)
    behind = False
    while len(head := file.read(8)) == 8:
        behind |= head[4:] == b"IDAT"
        if behind and head[4:] in LATE_TEXTS:
            return True
        file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return False


def to_srgb(array: Array, profile: bytes, mask: bool) -> tuple[Array, str]:
    """[h, w, 1 | 3 | 4] of u8 as [h, w, 3 | 4] in sRGB, or as a mask [h, w, 1], and a note ("" = all well).

    Changes `array` where it has room for the result.
    """
    import numpy as np
    from PIL import Image

    height, width, channels = array.shape
    if channels != 1 and not profile and not mask:
        return array, ""
    wanted = 1 if mask else max(3, channels)
    target = array if wanted == channels else np.empty((height, width, wanted), np.uint8)
    rows, note = max(1, STRIP_PIXELS // width), ""
    for row in range(0, height, rows):
        part = np.ascontiguousarray(array[row : row + rows])
        strip = Image.frombuffer(MODES[channels], (width, len(part)), part, "raw", MODES[channels], 0, 1)
        made, note = image_to_srgb(strip, profile)
        if made is strip and not mask:
            # The profile is as good as sRGB.
            return array, note
        target[row : row + rows] = np.asarray(luminance(made) if mask else made).reshape(len(part), width, wanted)
    return target, note


def array_of(image: Image.Image) -> Array:
    """[h, w, channels] of u8, with no more in between than a strip."""
    import numpy as np

    array = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    rows = max(1, STRIP_PIXELS // image.width)
    for row in range(0, image.height, rows):
        strip = image.crop((0, row, image.width, min(row + rows, image.height)))
        array[row : row + rows] = np.asarray(strip).reshape(-1, image.width, array.shape[2])
    return array


def upright(array: Array, orientation: int) -> Array:
    """EXIF's eight orientations undone; a view."""
    match orientation:
        case 2:
            return array[:, ::-1]
        case 3:
            return array[::-1, ::-1]
        case 4:
            return array[::-1]
        case 5:
            return array.swapaxes(0, 1)
        case 6:
            return array.swapaxes(0, 1)[:, ::-1]
        case 7:
            return array[::-1, ::-1].swapaxes(0, 1)
        case 8:
            return array.swapaxes(0, 1)[::-1]
    return array


def exif_of(image: Image.Image) -> Image.Exif | dict[int, Any]:
    """What stands before the pixels, so that nothing is decoded for it."""
    return image.getexif() if image.format != "PNG" or _has_early_exif(image) else {}
