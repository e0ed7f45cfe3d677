"""Promises about EXIF data on its way from a source to its pastiche."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from pastiche.picture_files import WriteSettings, read_picture, write_picture
from pastiche.picture_writing import pixel_array
from pastiche.pixels import PixelBuffer, PixelFormat

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
OUTPUTS = ["out.jpg", "out.png", "out.webp", "out.tif"]


def photo(path: Path, orientation: int = 1) -> Path:
    """A photograph with everything that a camera writes: red at the top left, orientation, GPS, a thumbnail."""
    image = Image.new("RGB", (32, 16), "white")
    image.paste("red", (0, 0, 8, 8))
    exif = Image.Exif()
    exif.update({0x010F: "Camera & Söhne", 0x0112: orientation, 0x013B: "A. Painter", 0x011A: 300.0, 0x0201: 9})
    exif.get_ifd(EXIF_IFD).update({0x829A: IFDRational(1, 125), 0x9003: "2024:05:06 07:08:09", 0xA002: 9999})
    exif.get_ifd(GPS_IFD).update({1: "N", 2: (IFDRational(52), IFDRational(31), IFDRational(12))})
    image.save(path, exif=exif, quality=98, subsampling=0, dpi=(300, 300))
    return path


def exif_of(path: Path) -> Image.Exif:
    return Image.open(path).getexif()


@pytest.mark.parametrize("name", OUTPUTS)
def test_camera_author_and_exposure_are_kept_and_gps_is_not(tmp_path: Path, name: str) -> None:
    picture = read_picture(photo(tmp_path / "in.jpg", orientation=6))
    write_picture(tmp_path / name, picture.pixels, picture.metadata)
    exif = exif_of(tmp_path / name)
    details = exif.get_ifd(EXIF_IFD)
    assert exif[0x013B] == "A. Painter"
    assert exif[0x010F].startswith("Camera &")
    assert Fraction(details[0x829A].numerator, details[0x829A].denominator) == Fraction(1, 125)
    assert details[0x9003] == "2024:05:06 07:08:09"
    assert details[0xA002] == 16
    assert exif.get(0x0112, 1) == 1
    assert not exif.get_ifd(GPS_IFD)
    assert 0x0201 not in exif or name == "out.tif"


@pytest.mark.parametrize("name", OUTPUTS)
def test_gps_is_kept_on_request(tmp_path: Path, name: str) -> None:
    picture = read_picture(photo(tmp_path / "in.jpg"))
    write_picture(tmp_path / name, picture.pixels, picture.metadata, WriteSettings(keep_gps=True))
    assert exif_of(tmp_path / name).get_ifd(GPS_IFD)[1] == "N"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_in_8_and_16_bits(tmp_path: Path, orientation: int) -> None:
    import tifffile

    eight = pixel_array(read_picture(photo(tmp_path / "in.jpg", orientation)).pixels)
    upright = np.array(Image.open(photo(tmp_path / "plain.jpg")))
    tifffile.imwrite(
        tmp_path / "in.tif",
        upright.astype(np.uint16) * 257,
        photometric="rgb",
        extratags=[(274, 3, 1, orientation, True)],
    )
    sixteen = pixel_array(read_picture(tmp_path / "in.tif").pixels)
    assert eight.shape == sixteen.shape == ((16, 32, 3) if orientation <= 4 else (32, 16, 3))
    red = [(a.astype(int)[:, :, 1] < a.max() // 2).nonzero() for a in (eight, sixteen)]
    assert [part.min() for part in red[0]] == [part.min() for part in red[1]]
    assert [part.max() for part in red[0]] == [part.max() for part in red[1]]


def test_resolution_is_kept(tmp_path: Path) -> None:
    picture = read_picture(photo(tmp_path / "in.jpg"))
    for name in ("out.jpg", "out.png", "out.tif"):
        write_picture(tmp_path / name, picture.pixels, picture.metadata)
        assert round(float(Image.open(tmp_path / name).info["dpi"][0])) == 300, name


def test_16_bit_tiff_carries_exif_from_16_bit_tiff(tmp_path: Path) -> None:
    first = read_picture(photo(tmp_path / "in.jpg"))
    deep = np.arange(16 * 32 * 3, dtype=np.uint16).reshape(16, 32, 3) * 40
    pixels = PixelBuffer(PixelFormat("pastiche", 32, 16, 3, "u16"), deep.astype("<u2").tobytes())
    write_picture(tmp_path / "second.tif", pixels, first.metadata)
    again = read_picture(tmp_path / "second.tif")
    assert again.metadata.exif[0x9003] == "2024:05:06 07:08:09"
    assert np.array_equal(pixel_array(again.pixels), deep)


def test_exif_too_long_for_a_jpeg_is_cut_with_a_note(tmp_path: Path) -> None:
    picture = read_picture(photo(tmp_path / "in.jpg"))
    picture.metadata.exif[0x927C] = b"n" * 70_000
    notes = write_picture(tmp_path / "out.jpg", picture.pixels, picture.metadata)
    assert len(notes) == 1
    assert exif_of(tmp_path / "out.jpg")[0x013B] == "A. Painter"
