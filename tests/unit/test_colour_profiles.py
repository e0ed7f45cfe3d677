"""Promises of the conversion to sRGB."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from pastiche.colour_profiles import image_to_srgb, srgb_profile
from pastiche.picture_files import read_picture
from pastiche.picture_writing import pixel_array

ADOBE_RGB: bytes = imagecodecs.cms_profile("adobergb")
GREY_GAMMA_1: bytes = imagecodecs.cms_profile("gray", gamma=1.0)
GREEN = (60, 180, 90)


def adobe_to_srgb(colour: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    """By the two standards' formulas, independent of any colour engine (both have a D65 white)."""
    linear = (np.array(colour) / 255) ** (563 / 256)
    to_xyz = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
    from_xyz = np.array([[3.24045, -1.53714, -0.49853], [-0.96927, 1.87601, 0.04156], [0.05564, -0.20403, 1.05723]])
    rgb = from_xyz @ to_xyz @ linear
    return np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * np.maximum(rgb, 0) ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
def test_a_wide_profile_is_converted_in_every_depth(tmp_path: Path, depth: str) -> None:
    path, full = tmp_path / "a.tif", {"u8": 255, "u16": 65535, "f32": 1}[depth]
    kind = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}[depth]
    array = (np.full((5, 6, 3), GREEN) / 255 * full).astype(kind)
    tifffile.imwrite(path, array, photometric="rgb", iccprofile=ADOBE_RGB)
    picture = read_picture(path)
    assert picture.pixels.format.depth == depth
    measured = pixel_array(picture.pixels)[2, 2] / full
    assert np.abs(measured - np.clip(adobe_to_srgb(GREEN), 0, 1)).max() < 0.006
    assert picture.notes == ()


def test_alpha_is_kept_where_colours_are_converted() -> None:
    image = Image.new("RGBA", (3, 1), (*GREEN, 77))
    out, note = image_to_srgb(image, ADOBE_RGB)
    assert (out.mode, note) == ("RGBA", "")
    assert out.getpixel((1, 0))[3] == 77
    assert out.getpixel((1, 0))[:3] != GREEN


def test_an_srgb_profile_changes_no_pixel() -> None:
    image = Image.effect_noise((40, 40), 90).convert("RGB")
    for profile in (srgb_profile(), imagecodecs.cms_profile("srgb")):
        out, _ = image_to_srgb(image, profile)
        assert out.tobytes() == image.tobytes()


def test_a_grey_profile_is_followed(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 55).save(tmp_path / "a.png", icc_profile=GREY_GAMMA_1)
    picture = read_picture(tmp_path / "a.png")
    # Linear 55/255 is about 128 in sRGB.
    assert abs(int(pixel_array(picture.pixels)[0, 0, 1]) - 128) <= 2


def test_a_damaged_or_foreign_profile_costs_a_note_only(tmp_path: Path) -> None:
    for profile in (b"rubbish", ADOBE_RGB[:200], GREY_GAMMA_1):
        Image.new("RGB", (4, 4), GREEN).save(tmp_path / "a.png", icc_profile=profile)
        picture = read_picture(tmp_path / "a.png")
        assert pixel_array(picture.pixels)[0, 0].tolist() == list(GREEN)
        assert len(picture.notes) == 1
        tifffile.imwrite(tmp_path / "a.tif", np.full((4, 4, 3), 999, np.uint16), photometric="rgb", iccprofile=profile)
        assert len(read_picture(tmp_path / "a.tif").notes) == 1


def test_the_embedded_profile_is_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
