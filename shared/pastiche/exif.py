"""What an output keeps of its source's EXIF: camera, lens, exposure, author, texts, dates, resolution.

Dropped: the embedded thumbnail, tags about how the source was stored, XMP and IPTC, and GPS unless it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

ORIENTATION = 0x0112
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
MAKER_NOTE, COLOUR_SPACE, PIXEL_WIDTH, PIXEL_HEIGHT, INTEROP = 0x927C, 0xA001, 0xA002, 0xA003, 0xA005
KEPT_TAGS = (
    0x010E,  # image description
    0x010F,  # make
    0x0110,  # model
    X_RESOLUTION,
    Y_RESOLUTION,
    RESOLUTION_UNIT,
    0x0131,  # software
    0x0132,  # date
    0x013B,  # artist
    0x013C,  # host computer
    0x4746,  # rating
    0x4749,  # rating in per cent
    0x8298,  # copyright
    0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F,  # Windows' title, comment, author, keywords, subject
)  # fmt: skip
DROPPED_FROM_EXIF = (INTEROP, PIXEL_WIDTH, PIXEL_HEIGHT, COLOUR_SPACE)
SRGB = 1
JPEG_LIMIT = 65_533
"""Bytes that fit into a JPEG's APP1 segment."""


@dataclass(frozen=True)
class Metadata:
    """EXIF as plain values: `tags` of the first directory, `exif` and `gps` of theirs; `dpi` dots per inch or None."""

    tags: dict[int, Any] = field(default_factory=dict)
    exif: dict[int, Any] = field(default_factory=dict)
    gps: dict[int, Any] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None

    @property
    def empty(self) -> bool:
        return not (self.tags or self.exif or self.gps)

    def without_gps(self) -> Metadata:
        return replace(self, gps={})


def metadata_of(exif: Image.Exif | dict[int, Any], dpi: object = None) -> Metadata:
    """What is kept of a source's EXIF, GPS included. A directory that cannot be read is left out."""
    tags = {tag: _value(exif[tag]) for tag in KEPT_TAGS if tag in exif}
    details = _directory(exif, EXIF_IFD)
    for tag in DROPPED_FROM_EXIF:
        details.pop(tag, None)
    return Metadata(tags, details, _directory(exif, GPS_IFD), _dpi(dpi) or _dpi_of(tags))


def _directory(exif: Image.Exif | dict[int, Any], tag: int) -> dict[int, Any]:
    if isinstance(exif, dict):
        return {}
    try:
        return {key: _value(value) for key, value in exif.get_ifd(tag).items()}
    except Exception:
        return {}


def _value(value: Any) -> Any:
    """Texts that are not ASCII as the bytes they were read from: Pillow would write question marks."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("latin-1", "replace")
    return value


def _dpi(dpi: object) -> tuple[float, float] | None:
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return None
    x, y = float(dpi[0]), float(dpi[1])
    return (x, y) if 1 <= x <= 100_000 and 1 <= y <= 100_000 else None


def _dpi_of(tags: dict[int, Any]) -> tuple[float, float] | None:
    unit = {2: 1.0, 3: 2.54}.get(tags.get(RESOLUTION_UNIT, 2))
    try:
        return _dpi((tags[X_RESOLUTION] * unit, tags[Y_RESOLUTION] * unit)) if unit else None
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def build_exif(metadata: Metadata, width: int, height: int) -> bytes:
    """The block for an output of that size ("Exif\\0\\0" and a TIFF structure), upright and in sRGB; b"" if nothing."""
    if metadata.empty:
        return b""
    from PIL import Image

    for attempt in (metadata, replace(metadata, exif=_plain(metadata.exif)), Metadata(_plain(metadata.tags))):
        exif = Image.Exif()
        exif.update(attempt.tags)
        exif[ORIENTATION] = 1
        if attempt.exif:
            size = {COLOUR_SPACE: SRGB, PIXEL_WIDTH: width, PIXEL_HEIGHT: height}
            exif.get_ifd(EXIF_IFD).update(attempt.exif | size)
        if attempt.gps:
            exif.get_ifd(GPS_IFD).update(attempt.gps)
        try:
            return exif.tobytes()
        except Exception:
            # A value that Pillow can read and not write: less is kept then, and the picture is written all the same.
            continue
    return b""


def _plain(values: dict[int, Any]) -> dict[int, Any]:
    return {tag: value for tag, value in values.items() if isinstance(value, str | int) and tag != MAKER_NOTE}


def build_exif_for_jpeg(metadata: Metadata, width: int, height: int) -> tuple[bytes, str]:
    """As `build_exif`, cut down until it fits into a JPEG, and a note of what was left out."""
    block = build_exif(metadata, width, height)
    if len(block) <= JPEG_LIMIT:
        return block, ""
    short = {tag: value for tag, value in metadata.exif.items() if tag != MAKER_NOTE}
    block = build_exif(replace(metadata, exif=short), width, height)
    if len(block) <= JPEG_LIMIT:
        return block, "The camera's own notes in the EXIF data do not fit into a JPEG and were left out."
    return b"", "The EXIF data does not fit into a JPEG and was left out."
