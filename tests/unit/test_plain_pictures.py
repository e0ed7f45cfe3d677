"""Promises of the short way from a file to pixels: it gives what Pillow gives, and nothing for a damaged file."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from pastiche import plain_pictures
from pastiche.errors import ErrorCode, PasticheError
from pastiche.picture_files import read_picture
from pastiche.picture_writing import pixel_array
from pastiche.renewable_pixels import RenewablePixels


def noise(width: int = 61, height: int = 43, mode: str = "RGB") -> Image.Image:
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(7).integers(0, 256, (height // 4 + 1, width // 4 + 1, channels), np.uint8)
    return Image.fromarray(values.squeeze(), mode).resize((width, height), Image.Resampling.BICUBIC)


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010F] = "Camera"
    return made


def decoded(path: Path) -> bool:
    """Whether the short way takes it."""
    with path.open("rb") as file:
        return plain_pictures.decode(file, Image.open(file)) is not None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "tif"])
def test_every_orientation_is_undone_as_pillow_does_it(tmp_path: Path, kind: str, orientation: int) -> None:
    path = tmp_path / f"a.{kind}"
    noise().save(path, exif=exif(orientation))
    picture = read_picture(path)
    assert np.array_equal(pixel_array(picture.pixels), np.asarray(ImageOps.exif_transpose(Image.open(path))))
    assert picture.metadata.tags[0x010F] == "Camera"


@pytest.mark.parametrize("settings", [{"progressive": True}, {"subsampling": 0}, {"keep_rgb": True}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_of_any_kind_is_what_pillow_makes_of_it(tmp_path: Path, mode: str, settings: dict[str, bool]) -> None:
    noise(mode=mode).save(tmp_path / "a.jpg", **settings)
    assert decoded(tmp_path / "a.jpg")
    expected = np.asarray(Image.open(tmp_path / "a.jpg").convert("RGB"))
    assert np.array_equal(pixel_array(read_picture(tmp_path / "a.jpg").pixels), expected)


@pytest.mark.parametrize("layout", [{"planarconfig": "separate"}, {"tile": (16, 16), "compression": "zlib"}], ids=str)
@pytest.mark.parametrize("role", ["content", "mask"])
def test_a_tiff_of_any_layout_is_read(tmp_path: Path, layout: dict[str, object], role: str) -> None:
    array = np.asarray(noise())
    stored = np.moveaxis(array, 2, 0) if "planarconfig" in layout else array
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **layout)
    read = pixel_array(read_picture(tmp_path / "a.tif", role).pixels)
    assert np.array_equal(
        read, array if role == "content" else np.asarray(Image.fromarray(array).convert("L"))[..., None]
    )


def test_a_wide_profile_is_converted_strip_by_strip_without_a_seam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise(mode="RGBA").save(tmp_path / "a.png", icc_profile=imagecodecs.cms_profile("adobergb"))
    whole = pixel_array(read_picture(tmp_path / "a.png").pixels).copy()
    monkeypatch.setattr(plain_pictures, "STRIP_PIXELS", 100)
    assert np.array_equal(pixel_array(read_picture(tmp_path / "a.png").pixels), whole)
    assert not np.array_equal(whole, np.asarray(noise(mode="RGBA")))


@pytest.mark.parametrize("kind", ["jpg", "png", "tif"])
def test_a_file_cut_short_is_refused(tmp_path: Path, kind: str) -> None:
    noise(600, 400).save(tmp_path / f"a.{kind}")
    data = (tmp_path / f"a.{kind}").read_bytes()
    (tmp_path / f"a.{kind}").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(PasticheError) as caught:
        read_picture(tmp_path / f"a.{kind}")
    assert caught.value.code is ErrorCode.UNREADABLE


def test_exif_behind_the_pixels_of_a_png_is_found(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    noise().save(buffer, "PNG", exif=exif(6))
    data = buffer.getvalue()
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    (tmp_path / "a.png").write_bytes(data[:start] + data[end:-12] + data[start:end] + data[-12:])
    picture = read_picture(tmp_path / "a.png")
    assert (picture.pixels.format.width, picture.pixels.format.height) == (43, 61)
    assert picture.metadata.tags[0x010F] == "Camera"


def test_pixels_that_were_let_go_come_back_from_the_file(tmp_path: Path) -> None:
    noise().save(tmp_path / "a.png")
    pixels = read_picture(tmp_path / "a.png").pixels
    assert isinstance(pixels, RenewablePixels)
    before = bytes(pixels.data)
    pixels.let_go()
    assert bytes(pixels.rows(0, pixels.format.height)) == before
    pixels.let_go()
    noise(30, 30).save(tmp_path / "a.png")
    with pytest.raises(PasticheError, match="another picture"):
        _ = pixels.data


def test_reading_in_threads_leaves_pillow_as_it_was(tmp_path: Path) -> None:
    noise(400, 300).save(tmp_path / "a.png")
    before = Image.MAX_IMAGE_PIXELS
    threads = [threading.Thread(target=read_picture, args=(tmp_path / "a.png",)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert before == Image.MAX_IMAGE_PIXELS
