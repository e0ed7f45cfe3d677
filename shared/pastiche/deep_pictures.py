"""16-bit PNG and TIFF and floating-point TIFF, which Pillow cannot hold: read with imagecodecs and tifffile.

Plain 8-bit TIFF too, which Pillow would need more than twice the memory for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from pastiche.colour_profiles import array_to_srgb
from pastiche.errors import ErrorCode, PasticheError
from pastiche.exif import ORIENTATION, Metadata, metadata_of
from pastiche.picture_reading import Picture, check_size, picture_of
from pastiche.plain_pictures import to_srgb, upright

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

RGB, GREY, WHITE_IS_ZERO, CMYK = "RGB", "MINISBLACK", "MINISWHITE", "SEPARATED"
COLOURS = {RGB: 3, GREY: 1, WHITE_IS_ZERO: 1, CMYK: 4}
COMPRESSIONS = (1, 5, 8, 32773, 32946, 34925, 50000)
"""None, LZW, Deflate, PackBits, old Deflate, LZMA, Zstandard: no picture codec is let loose inside a TIFF."""
ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA = 1, 2
MOST_SAMPLES = 5
PHOTOMETRIC_RGB = 2
BUFFER_BYTES = 16_000_000
"""Of a file's segments that are decoded at a time; tifffile's own measure is 16 times as much."""
CUT = "Values outside 0..1 were cut off."


def read_png(file: BinaryIO, image: Any, role: str) -> Picture:
    """A 16-bit PNG whose header Pillow has opened and whose size is checked."""
    import imagecodecs
    import numpy as np

    profile, dpi = image.info.get("icc_profile") or b"", image.info.get("dpi")
    # Asking for EXIF that is not before the pixels would decode the whole picture once more.
    exif = image.getexif() if "exif" in image.info else {}
    file.seek(0)
    array = np.asarray(imagecodecs.png_decode(file.read()))
    if array.ndim == 2:
        array = array[:, :, None]
    colours = 1 if array.shape[2] < 3 else 3
    notes = ["The file has several frames; the first one is used."] if getattr(image, "is_animated", False) else []
    alpha = array[:, :, colours] if array.shape[2] > colours else None
    return _picture(
        array[:, :, :colours], alpha, profile, exif.get(ORIENTATION, 1), role, metadata_of(exif, dpi), notes
    )


def read_tiff(file: BinaryIO, role: str) -> Picture | None:
    """The first page of a TIFF with 16 bits, 32 bits or floating point, or of plain RGB with 8.

    None for any other, which Pillow reads.
    """
    import numpy as np
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        check_size(page.imagewidth, page.imagelength)
        if page.dtype is None or page.dtype.itemsize == 1 or np.max(page.bitspersample) <= 8:
            return _read_eight_bits(file, tiff, role) if _is_plain(tiff) else None
        kind = tifffile.PHOTOMETRIC(page.photometric).name
        colours = COLOURS.get(kind, 0)
        if not colours or page.imagedepth != 1 or not colours <= page.samplesperpixel <= MOST_SAMPLES:
            raise PasticheError(ErrorCode.UNREADABLE, "This kind of TIFF is not supported.", "Save it as RGB.")
        if page.compression not in COMPRESSIONS:
            raise PasticheError(
                ErrorCode.UNREADABLE,
                "This compression of a TIFF is not supported.",
                "Save it with LZW, Deflate or no compression.",
            )
        if page.dtype.kind not in "uf":
            raise PasticheError(ErrorCode.UNREADABLE, "A TIFF with signed numbers is not supported.")
        bits = int(np.max(page.bitspersample))
        if bits != np.min(page.bitspersample):
            raise PasticheError(ErrorCode.UNREADABLE, "A TIFF with channels of different depths is not supported.")
        array = _common_type(_rows(page), bits)
        if kind == WHITE_IS_ZERO:
            array = (65535 if array.dtype == np.uint16 else 1) - array
        extra = page.extrasamples[0] if page.extrasamples else 0
        alpha = array[:, :, colours] if array.shape[2] > colours and extra in (1, 2) else None
        colour = array[:, :, :colours]
        if alpha is not None and extra == ASSOCIATED_ALPHA:
            colour = _divided(colour, alpha)
        profile, orientation, notes = bytes(page.iccprofile or b""), _orientation(page), _pages_note(tiff)
    return _picture(colour, alpha, profile, orientation, role, _tiff_metadata(file), notes)


def _is_plain(tiff: Any) -> bool:
    """Whether the first page is RGB or RGBA of 8 bits each, and all of it is in the file."""
    import numpy as np

    page = tiff.pages.first
    samples, extra = page.samplesperpixel, tuple(map(int, page.extrasamples))
    layout = samples == 3 or (samples == 4 and extra == (UNASSOCIATED_ALPHA,))
    bits = page.dtype == np.uint8 and set(np.atleast_1d(page.bitspersample).tolist()) == {8}
    rgb = page.photometric == PHOTOMETRIC_RGB and page.compression in COMPRESSIONS and page.imagedepth == 1
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    return layout and bits and rgb and all(n and at + n <= tiff.filehandle.size for at, n in parts)


def _read_eight_bits(file: BinaryIO, tiff: Any, role: str) -> Picture | None:
    """None where Pillow is to say what is wrong with it."""
    page = tiff.pages.first
    try:
        rows = _rows(page)
    except MemoryError:
        raise
    except Exception:
        return None
    array, note = to_srgb(rows, bytes(page.iccprofile or b""), role == "mask")
    notes = [*_pages_note(tiff), *([note] if note else [])]
    return picture_of(upright(array, _orientation(page)), role, _tiff_metadata(file), notes)


def _rows(page: Any) -> Array:
    """[height, width, samples] as they are in the file."""
    import numpy as np

    array = page.asarray(maxworkers=2, buffersize=BUFFER_BYTES)
    if page.planarconfig == 1:
        return np.asarray(array.reshape(page.imagelength, page.imagewidth, -1))
    return np.moveaxis(array.reshape(-1, page.imagelength, page.imagewidth), 0, 2)


def _orientation(page: Any) -> int:
    return int(page.tags[ORIENTATION].value) if ORIENTATION in page.tags else 1


def _pages_note(tiff: Any) -> list[str]:
    return ["The file has several pages; the first one is used."] if len(tiff.pages) > 1 else []


def _tiff_metadata(file: BinaryIO) -> Metadata:
    from PIL import Image

    exif = Image.Exif()
    try:
        file.seek(0)
        exif.load_from_fp(file)
        return metadata_of(exif)
    except Exception:
        return Metadata()


def _common_type(array: Array, bits: int) -> Array:
    """u16 or f32, native byte order; integers of fewer bits are stretched, wider ones lose their lowest bits."""
    import numpy as np

    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    if bits > 16:
        array = array >> (bits - 16)
    elif bits < 16:
        full = 2**bits - 1
        array = (np.minimum(array, full).astype(np.uint32) * 65535 + full // 2) // full
    return array.astype(np.uint16, copy=False)


def _divided(colour: Array, alpha: Array) -> Array:
    """Colours without the alpha they were multiplied with."""
    import numpy as np

    full = 65535 if colour.dtype == np.uint16 else 1
    factor = np.divide(full, alpha, out=np.zeros(alpha.shape, np.float32), where=alpha > 0, dtype=np.float32)
    out = np.minimum(colour * factor[:, :, None], full)
    return np.asarray(np.rint(out) if full > 1 else out, colour.dtype)


def _picture(
    colour: Array,
    alpha: Array | None,
    profile: bytes,
    orientation: int,
    role: str,
    metadata: Metadata,
    notes: list[str],
) -> Picture:
    """Colour [h, w, 1 | 3 | 4] and alpha [h, w], u16 or f32, as they came from the file."""
    import numpy as np

    if colour.dtype == np.float32 and not (np.isfinite(colour).all() and (alpha is None or np.isfinite(alpha).all())):
        raise PasticheError(
            ErrorCode.BAD_PICTURE, "It contains values that are not numbers (NaN or infinity).", "Repair it first."
        )
    if colour.dtype == np.float32 and (colour.min() < -1e-4 or colour.max() > 1 + 1e-4):
        notes = [*notes, CUT]
    rgb, note = array_to_srgb(colour, profile)
    array = rgb if alpha is None else np.concatenate([rgb, alpha[:, :, None]], axis=2)
    if array.dtype == np.float32:
        array = np.clip(array, 0, 1)
    array = upright(array, orientation)
    if role == "mask":
        array = _mask(array)
    return picture_of(array, role, metadata, [*notes, note] if note else notes)


def _mask(array: Array) -> Array:
    """How bright a picture is, where it is not transparent, as u8 [h, w, 1]."""
    import numpy as np

    full = 65535 if array.dtype == np.uint16 else 1
    unit = array.astype(np.float32) / full
    grey = unit[:, :, :3] @ np.array([0.299, 0.587, 0.114], np.float32)
    if array.shape[2] == 4:
        grey *= unit[:, :, 3]
    return np.rint(grey * 255).astype(np.uint8)[:, :, None]
