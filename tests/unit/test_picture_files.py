"""Promises of reading and writing pictures."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from pastiche.errors import ErrorCode, PasticheError
from pastiche.picture_files import Picture, WriteSettings, check_output, read_picture, write_picture
from pastiche.picture_writing import pixel_array
from pastiche.pixels import PixelBuffer, PixelFormat


def gradient(height: int = 40, width: int = 60, channels: int = 3, depth: str = "u8") -> PixelBuffer:
    """Every value of the depth's range appears as evenly as the size allows."""
    kind, full = {"u8": ("u1", 255), "u16": ("<u2", 65535), "f32": ("<f4", 1)}[depth]
    unit = np.linspace(0, 1, height * width * channels).reshape(height, width, channels)
    array = (unit * full).astype(kind)
    return PixelBuffer(PixelFormat("content", width, height, channels, depth), array.tobytes())


def array_of(picture: Picture | PixelBuffer) -> np.ndarray[Any, Any]:
    return pixel_array(picture.pixels if isinstance(picture, Picture) else picture)


def refusal(path: Path, role: str = "content") -> PasticheError:
    with pytest.raises(PasticheError) as caught:
        read_picture(path, role)
    assert "\n" not in caught.value.sentence
    return caught.value


def png_header(width: int, height: int, depth: int = 8) -> bytes:
    data = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + data + struct.pack(">I", zlib.crc32(b"IHDR" + data))


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.jpg"])
@pytest.mark.parametrize("channels", [3, 4])
def test_eight_bits_come_back(tmp_path: Path, name: str, channels: int) -> None:
    pixels = gradient(channels=channels)
    write_picture(tmp_path / name, pixels, settings=WriteSettings(quality=100))
    back = read_picture(tmp_path / name)
    lossless = name in ("a.png", "a.tif")
    assert back.pixels.format.depth == "u8"
    assert back.pixels.format.channels == (3 if name == "a.jpg" else channels)
    if name != "a.jpg":
        difference = np.abs(array_of(back).astype(int) - array_of(pixels))
        assert difference.max() <= (0 if lossless else 12)
    assert Image.open(tmp_path / name).info["icc_profile"]


@pytest.mark.parametrize("compression", [0, 1, 6])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_come_back_exactly(tmp_path: Path, name: str, channels: int, compression: int) -> None:
    pixels = gradient(channels=channels, depth="u16")
    write_picture(tmp_path / name, pixels, settings=WriteSettings(compression=compression))
    back = read_picture(tmp_path / name)
    assert back.pixels.format == pixels.format
    assert np.array_equal(array_of(back), array_of(pixels))
    assert len(np.unique(array_of(back)[..., 0])) > 256


@pytest.mark.parametrize("channels", [3, 4])
def test_floating_point_tiff_comes_back_exactly(tmp_path: Path, channels: int) -> None:
    pixels = gradient(channels=channels, depth="f32")
    write_picture(tmp_path / "a.tif", pixels)
    back = read_picture(tmp_path / "a.tif")
    assert back.pixels.format == pixels.format
    assert np.abs(array_of(back) - array_of(pixels)).max() < 1e-6


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_refused(tmp_path: Path, value: float) -> None:
    array = np.full((4, 5, 3), 0.5, np.float32)
    array[2, 2, 1] = value
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    assert refusal(tmp_path / "a.tif").code is ErrorCode.BAD_PICTURE


def test_values_outside_the_range_are_cut_with_a_note(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((4, 5, 3), 1.5, np.float32), photometric="rgb")
    picture = read_picture(tmp_path / "a.tif")
    assert array_of(picture).max() == 1
    assert picture.notes


def test_a_small_png_with_16_bits_is_read_as_16_bits_in_grey_and_with_alpha(tmp_path: Path) -> None:
    import imagecodecs

    grey = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    (tmp_path / "grey.png").write_bytes(imagecodecs.png_encode(grey))
    (tmp_path / "la.png").write_bytes(imagecodecs.png_encode(np.dstack([grey, grey[::-1]])))
    picture = read_picture(tmp_path / "grey.png")
    assert (picture.pixels.format.channels, picture.pixels.format.depth) == (3, "u16")
    assert np.array_equal(array_of(picture)[..., 1], grey)
    picture = read_picture(tmp_path / "la.png")
    assert picture.pixels.format.channels == 4
    assert np.array_equal(array_of(picture)[..., 3], grey[::-1])


TIFF_KINDS = {
    "grey16": (np.full((6, 7), 40000, np.uint16), {"photometric": "minisblack"}, 40000),
    "white is zero": (np.full((6, 7), 25535, np.uint16), {"photometric": "miniswhite"}, 40000),
    "planar": (np.full((3, 6, 7), 40000, np.uint16), {"photometric": "rgb", "planarconfig": "separate"}, 40000),
    "big endian": (np.full((6, 7, 3), 40000, np.uint16), {"photometric": "rgb", "byteorder": ">"}, 40000),
    "lzw": (np.full((6, 7, 3), 40000, np.uint16), {"photometric": "rgb", "compression": "lzw"}, 40000),
    "tiled": (np.full((40, 48, 3), 40000, np.uint16), {"photometric": "rgb", "tile": (16, 16)}, 40000),
    "32 bits": (np.full((6, 7, 3), 40000 << 16, np.uint32), {"photometric": "rgb"}, 40000),
    "cmyk": (np.full((6, 7, 4), 0, np.uint16), {"photometric": "separated"}, 65535),
    "associated alpha": (
        np.dstack([np.full((6, 7, 3), 20000, np.uint16), np.full((6, 7), 32768, np.uint16)]),
        {"photometric": "rgb", "extrasamples": ["assocalpha"]},
        39999,
    ),
}


@pytest.mark.parametrize("kind", TIFF_KINDS)
def test_kinds_of_16_bit_tiff_are_read(tmp_path: Path, kind: str) -> None:
    array, settings, value = TIFF_KINDS[kind]
    tifffile.imwrite(tmp_path / "a.tif", array, **settings)
    picture = read_picture(tmp_path / "a.tif")
    assert picture.pixels.format.depth == "u16"
    assert np.unique(array_of(picture)[..., :3]).tolist() == [value]


def save(image: Image.Image, path: Path, **settings: Any) -> Path:
    image.save(path, **settings)
    return path


def test_modes_of_pillow_become_rgb_or_rgba(tmp_path: Path) -> None:
    red = Image.new("RGB", (5, 4), (200, 30, 40))
    palette = red.quantize(8)
    clear = red.convert("P", palette=Image.Palette.ADAPTIVE)
    sheer = Image.new("RGBA", (5, 4), (200, 30, 40, 99))
    cases = {
        save(red.convert("L"), tmp_path / "l.png"): 3,
        save(red.convert("LA"), tmp_path / "la.png"): 4,
        save(red.convert("1"), tmp_path / "one.png"): 3,
        save(palette, tmp_path / "p.png"): 3,
        save(clear, tmp_path / "pt.png", transparency=0): 4,
        save(red, tmp_path / "t.png", transparency=(200, 30, 40)): 4,
        save(red.convert("L"), tmp_path / "lt.png", transparency=3): 4,
        save(red.convert("CMYK"), tmp_path / "cmyk.jpg"): 3,
        save(red.convert("L"), tmp_path / "l.jpg"): 3,
        save(red.convert("LAB"), tmp_path / "lab.tif"): 3,
        save(red.convert("YCbCr"), tmp_path / "ycc.tif", compression="jpeg"): 3,
        save(sheer, tmp_path / "rgba.webp", lossless=True, exact=True): 4,
    }
    for path, channels in cases.items():
        picture = read_picture(path)
        assert (picture.pixels.format.channels, picture.pixels.format.depth) == (channels, "u8"), path.name
        colour = array_of(picture)[1, 1, :3].astype(int)
        if path.stem[0] in "pctryl" and path.stem not in ("l", "la", "lt"):
            assert np.abs(colour - (200, 30, 40)).max() <= 12, path.name


def test_an_animation_gives_its_first_frame_and_a_note(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    for name in ("a.png", "a.webp", "a.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        picture = read_picture(tmp_path / name)
        assert array_of(picture)[0, 0, 0] > 240, name
        assert len(picture.notes) == 1, name


def test_a_mask_is_one_channel_and_transparent_parts_do_not_count(tmp_path: Path) -> None:
    image = Image.new("RGBA", (4, 2), (255, 255, 255, 255))
    image.putpixel((0, 0), (255, 255, 255, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    save(image, tmp_path / "m.png")
    mask = read_picture(tmp_path / "m.png", "mask")
    assert mask.pixels.format.channels == 1
    assert array_of(mask)[..., 0].tolist() == [[0, 0, 255, 255], [255] * 4]
    tifffile.imwrite(tmp_path / "m.tif", np.full((2, 4), 65535, np.uint16), photometric="minisblack")
    assert array_of(read_picture(tmp_path / "m.tif", "mask")).min() == 255


def bad_files(folder: Path) -> dict[str, tuple[Path, ErrorCode]]:
    whole = folder / "whole.jpg"
    Image.effect_noise((200, 200), 50).save(whole)
    deep = folder / "deep.png"
    write_picture(deep, gradient(depth="u16"))
    tiff = folder / "deep.tif"
    write_picture(tiff, gradient(depth="u16"))

    def file(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    unreadable, large = ErrorCode.UNREADABLE, ErrorCode.TOO_LARGE
    return {
        "missing": (folder / "missing.png", unreadable),
        "folder": (folder, unreadable),
        "empty": (file("empty.png", b""), unreadable),
        "text": (file("text.png", b"This is not a picture.\n"), unreadable),
        "gif": (save(Image.new("P", (4, 4)), folder / "a.gif"), unreadable),
        "bmp named png": (save(Image.new("RGB", (4, 4)), folder / "b.png", format="BMP"), unreadable),
        "truncated jpeg": (file("cut.jpg", whole.read_bytes()[:2000]), unreadable),
        "truncated png": (file("cut.png", deep.read_bytes()[:900]), unreadable),
        "truncated tiff": (file("cut.tif", tiff.read_bytes()[:900]), unreadable),
        "start of a png": (file("start.png", b"\x89PNG\r\n\x1a\n"), unreadable),
        "start of a tiff": (file("start.tif", b"II*\0\x08\0\0\0"), unreadable),
        "bomb": (file("bomb.png", png_header(60000, 60000) + b"\0" * 100), large),
        "deep bomb": (file("deepbomb.png", png_header(30000, 20000, 16) + b"\0" * 100), large),
        "no width": (file("zero.png", png_header(0, 10) + b"\0" * 100), unreadable),
        "device": (Path("/dev/zero"), unreadable),
    }


def test_bad_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    for name, (path, code) in bad_files(tmp_path).items():
        error = refusal(path)
        assert error.code is code or (name == "no width" and error.code is ErrorCode.BAD_PICTURE), name
        assert path.name in error.sentence, name


def test_a_tiff_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4, 3), np.uint16), photometric="rgb")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tiff:
        tiff.pages.first.tags["ImageWidth"].overwrite(60000)
        tiff.pages.first.tags["ImageLength"].overwrite(60000)
    assert refusal(tmp_path / "a.tif").code is ErrorCode.TOO_LARGE


def test_a_picture_codec_inside_a_tiff_is_refused(tmp_path: Path) -> None:
    array = np.zeros((16, 16, 3), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", compression="jpeg2000")
    assert refusal(tmp_path / "a.tif").code is ErrorCode.UNREADABLE


def test_pillows_own_limit_is_as_before_afterwards(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    write_picture(tmp_path / "a.png", gradient())
    read_picture(tmp_path / "a.png")
    assert before == Image.MAX_IMAGE_PIXELS


def test_odd_sizes_and_transparency_survive(tmp_path: Path) -> None:
    for size in ((1, 1), (5000, 3), (3, 5000)):
        path = save(Image.new("RGBA", size, (9, 8, 7, 0)), tmp_path / "a.png")
        picture = read_picture(path)
        assert (picture.pixels.format.width, picture.pixels.format.height) == size
        write_picture(tmp_path / "b.png", picture.pixels, settings=WriteSettings(overwrite=True))
        assert Image.open(tmp_path / "b.png").convert("RGBA").getpixel((0, 0)) == (9, 8, 7, 0)


def test_jpeg_is_444_and_lays_transparency_on_white_with_a_note(tmp_path: Path) -> None:
    clear = PixelBuffer(PixelFormat("pastiche", 8, 8, 4, "u8"), bytes(8 * 8 * 4))
    notes = write_picture(tmp_path / "a.jpg", clear)
    image = Image.open(tmp_path / "a.jpg")
    assert image.getpixel((3, 3)) == (255, 255, 255)
    assert [part[1:3] for part in image.layer] == [(1, 1)] * 3
    assert len(notes) == 1


def test_the_same_picture_makes_the_same_file(tmp_path: Path) -> None:
    for name in ("png", "jpg", "webp", "tif"):
        for stem in "ab":
            write_picture(tmp_path / f"{stem}.{name}", gradient())
        assert (tmp_path / f"a.{name}").read_bytes() == (tmp_path / f"b.{name}").read_bytes()


@pytest.mark.parametrize(
    ("name", "depth", "sentence"),
    [
        ("a.jpg", "16", "16 bits"),
        ("a.webp", "16", "16 bits"),
        ("a.png", "32", "32 bits"),
        ("a.gif", "8", "extension"),
        ("a", "8", "extension"),
        ("nowhere/a.png", "8", "no folder"),
    ],
)
def test_an_output_that_cannot_work_is_refused_before_the_work(
    tmp_path: Path, name: str, depth: str, sentence: str
) -> None:
    with pytest.raises(PasticheError, match=sentence):
        check_output(tmp_path / name, depth, [], overwrite=True)


def test_an_input_is_never_overwritten_under_any_name(tmp_path: Path) -> None:
    photo = save(Image.new("RGB", (4, 4)), tmp_path / "photo.png")
    (tmp_path / "symbolic.png").symlink_to(photo)
    (tmp_path / "hard.png").hardlink_to(photo)
    for name in ("photo.png", "symbolic.png", "hard.png"):
        with pytest.raises(PasticheError, match="one of the inputs"):
            check_output(tmp_path / name, "8", [photo], overwrite=True)


def test_another_file_is_overwritten_only_on_request(tmp_path: Path) -> None:
    photo = save(Image.new("RGB", (4, 4)), tmp_path / "photo.png")
    other = save(Image.new("RGB", (4, 4)), tmp_path / "other.png")
    with pytest.raises(PasticheError, match="--overwrite"):
        check_output(other, "8", [photo], overwrite=False)
    check_output(other, "8", [photo], overwrite=True)


def packed_tiff(path: Path, values: list[int], bits: int | tuple[int, ...], photometric: int = 1) -> Path:
    """One row of samples packed as tightly as TIFF wants them: no library that we use writes these."""
    depths = bits if isinstance(bits, tuple) else (bits,)
    text = "".join(f"{value:0{depths[i % len(depths)]}b}" for i, value in enumerate(values))
    data = int(text.ljust(-len(text) // 8 * -8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
    count = len(depths)
    depth_at = 8 + 2 + 9 * 12 + 4
    tags = [
        (256, 3, 1, len(values) // count), (257, 3, 1, 1), (258, 3, count, depths[0] if count == 1 else depth_at),
        (259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, depth_at + 2 * count), (277, 3, 1, count),
        (278, 3, 1, 1), (279, 4, 1, len(data)),
    ]  # fmt: skip
    entries = b"".join(
        struct.pack("<HHI", tag, kind, number) + struct.pack("<I", value) for tag, kind, number, value in tags
    )
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    path.write_bytes(head + struct.pack(f"<{count}H", *depths) + data)
    return path


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
def test_a_tiff_of_10_12_or_14_bits_is_as_bright_as_it_was_meant(tmp_path: Path, bits: int) -> None:
    full = 2**bits - 1
    picture = read_picture(packed_tiff(tmp_path / "a.tif", [0, full // 2, full, full], bits))
    assert array_of(picture)[0, :, 0].tolist() == [0, round(full // 2 * 65535 / full), 65535, 65535]
    picture = read_picture(packed_tiff(tmp_path / "b.tif", [0, full, full, full], bits, photometric=0))
    assert array_of(picture)[0, :, 0].tolist() == [65535, 0, 0, 0]


def test_a_tiff_whose_channels_differ_in_depth_is_refused(tmp_path: Path) -> None:
    assert refusal(packed_tiff(tmp_path / "a.tif", [1, 2, 3] * 4, (10, 12, 10), 2)).code is ErrorCode.UNREADABLE
