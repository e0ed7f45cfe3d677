"""Promises about a user's own folder of training pictures, in whatever state it is."""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage import data

from pastiched.training.collection import Collection, expectation, survey

SIDE = 64


def photograph(width: int = 150, height: int = 100) -> Image.Image:
    return Image.fromarray(data.astronaut()).resize((width, height))


def as_file(image: Image.Image, kind: str, **given: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **given)
    return file.getvalue()


def opened(content: bytes | None) -> Image.Image:
    assert content is not None
    image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
    image.load()
    return image


def pixels(content: bytes | None) -> np.ndarray:
    return np.asarray(opened(content), float)


def look(folder: Path, side: int = SIDE, **given: int) -> tuple[Collection, list[str]]:
    said: list[str] = []
    return survey(folder, side, "styles", said.append, **given), said


def test_pictures_of_all_folders_are_found_in_one_order_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for number, name in enumerate(["b.jpg", "a/z.jpg", "a-b.jpg", "a/b/c.JPEG", ".hidden.jpg", ".git/x.jpg", "noend"]):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        photograph(100 + number).save(path, "JPEG")
    found, said = look(tmp_path)
    assert found.names == ["a-b.jpg", "a/b/c.JPEG", "a/z.jpg", "b.jpg", "noend"]
    assert len(found) == 5
    assert len(said) == 1 and said[0].startswith("With 5 style pictures the generator will soon know them by heart")


@pytest.mark.skipif(os.name != "posix", reason="links need no permission on POSIX")
def test_links_to_folders_are_followed_once_and_never_upwards(tmp_path: Path) -> None:
    home, outside = tmp_path / "home" / "pictures", tmp_path / "disk"
    (home / "sub").mkdir(parents=True)
    outside.mkdir()
    photograph().save(home / "sub" / "own.jpg")
    photograph(170).save(outside / "linked.jpg")
    photograph(190).save(tmp_path / "home" / "private.jpg")
    (home / "loop").symlink_to(home)
    (home / "sub" / "up").symlink_to(tmp_path / "home")
    (home / "self").symlink_to("self")
    (home / "disk").symlink_to(outside)
    (home / "disk again").symlink_to(outside)
    (outside / "back").symlink_to(home)
    found, said = look(home)
    assert found.names == ["disk/linked.jpg", "sub/own.jpg"]
    assert "self" in said[0] and "1 file could not be opened" in said[0]


def test_each_kind_of_problem_is_one_sentence_with_three_names(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png", "c.tif", "d.txt"):
        (tmp_path / name).write_bytes(b"no picture at all")
    (tmp_path / "empty.png").touch()
    photograph(63, 500).save(tmp_path / "narrow.png")
    photograph(80, 70).save(tmp_path / "smallish.png")
    for name in ("one.jpg", "two.jpg", "three.jpg"):
        photograph(300, 300).save(tmp_path / name)
    frames = [photograph(200, 200 + n).resize((200, 200)) for n in range(2)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "bomb.png").write_bytes(png_header(20_000, 20_000))
    found, said = look(tmp_path, side=128)
    assert found.names == ["film.gif", "one.jpg", "smallish.png"]
    assert found.counts == {
        "usable": 3, "unreadable": 5, "too_small": 1, "too_large": 1, "duplicate": 2, "enlarged": 1, "animated": 1,
    }  # fmt: skip
    lines = [line.removeprefix(f"{tmp_path.name}: ") for line in said]
    assert lines[0].startswith("5 files could not be opened as pictures (JPEG,")
    assert lines[0].endswith("left out: a.jpg, b.png, c.tif and 2 more.")
    assert lines[1].startswith("1 file is larger than") and lines[1].endswith(": bomb.png.")
    assert lines[2].endswith(": narrow.png.")
    assert lines[3] == "2 files are the same files as others and are left out: three.jpg, two.jpg."
    assert lines[4].startswith("1 file is smaller than") and lines[4].endswith(": smallish.png.")
    assert lines[5].startswith("1 file has several frames") and lines[5].endswith(": film.gif.")
    assert len(lines) == 7, "and the advice for few pictures"


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_files_of_one_size_that_differ_at_either_end_are_told_apart(tmp_path: Path) -> None:
    for name, row in (("a", None), ("first", 0), ("last", 199), ("twin", None)):
        image = Image.new("RGB", (200, 200))
        if row is not None:
            image.putpixel((0, row), (255, 0, 0))
        image.save(tmp_path / f"{name}.bmp")
    assert look(tmp_path)[0].names == ["a.bmp", "first.bmp", "last.bmp"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names or no such files")
def test_odd_names_and_pipes_are_left_out(tmp_path: Path) -> None:
    for number, name in enumerate(
        [b"caf\xe9.jpg", b"two\nlines.jpg", b"end.jpg ", "\u7d75\u202f\U0001f600.jpg".encode()]
    ):
        (tmp_path / os.fsdecode(name)).write_bytes(as_file(photograph(200 + number), "JPEG"))
    os.mkfifo(tmp_path / "pipe.jpg")
    found, said = look(tmp_path)
    assert found.names == ["\u7d75\u202f\U0001f600.jpg"]
    assert any("3 files have names that cannot be written as a line" in line for line in said)
    for line in said:
        assert "\n" not in line
        line.encode("utf-8")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: folder / "nowhere", "there is no folder"),
        (lambda folder: folder / "file.jpg", "is a file: give the folder"),
        (lambda folder: folder / "empty", "there is no usable picture in empty"),
        (lambda folder: folder / "junk", "there is no usable picture in junk"),
    ],
    ids=["missing", "file", "empty", "junk"],
)
def test_a_folder_without_pictures_is_one_sentence(tmp_path: Path, make: Callable[[Path], Path], sentence: str) -> None:
    photograph().save(tmp_path / "file.jpg")
    for name in ("empty", "junk"):
        (tmp_path / name).mkdir()
    (tmp_path / "junk" / "a.jpg").write_bytes(b"junk")
    with pytest.raises(ValueError, match=sentence) as raised:
        look(make(tmp_path))
    assert "\n" not in str(raised.value)


def test_what_to_expect_is_said_for_few_pictures_only() -> None:
    assert "1 style picture the" in expectation("styles", 1)
    assert expectation("styles", 19) and not expectation("styles", 20)
    assert expectation("photos", 99) and not expectation("photos", 100)


GREY16 = np.linspace(0, 65535, 100 * 150).reshape(100, 150).astype(np.uint16)
ALPHA = Image.new("RGBA", (150, 100), (200, 0, 0, 0))
MODES: dict[str, tuple[Callable[[], bytes], Callable[[], np.ndarray]]] = {
    "1": (
        lambda: as_file(photograph().convert("1"), "PNG"),
        lambda: np.asarray(photograph().convert("1").convert("RGB"), float),
    ),
    "L": (
        lambda: as_file(photograph().convert("L"), "JPEG", quality=95),
        lambda: np.asarray(photograph().convert("L").convert("RGB"), float),
    ),
    "LA on white": (lambda: as_file(ALPHA.convert("LA"), "PNG"), lambda: np.full((100, 150, 3), 255.0)),
    "RGBA on white": (lambda: as_file(ALPHA, "WEBP", lossless=True), lambda: np.full((100, 150, 3), 255.0)),
    "P with transparency on white": (
        lambda: as_file(Image.new("P", (150, 100), 3), "GIF", transparency=3),
        lambda: np.full((100, 150, 3), 255.0),
    ),
    "BMP": (lambda: as_file(photograph(), "BMP"), lambda: np.asarray(photograph(), float)),
    "CMYK": (
        lambda: as_file(photograph().convert("CMYK"), "JPEG", quality=95),
        lambda: np.asarray(photograph(), float),
    ),
    "I;16": (lambda: imagecodecs.png_encode(GREY16), lambda: np.repeat(GREY16[..., None] / 257.0, 3, 2)),
    "16-bit RGB PNG": (
        lambda: imagecodecs.png_encode(np.asarray(photograph(), np.uint16) * 257),
        lambda: np.asarray(photograph(), float),
    ),
    "F": (lambda: tiff(GREY16.astype(np.float32) / 65535), lambda: np.repeat(GREY16[..., None] / 257.0, 3, 2)),
    "32-bit float RGB": (
        lambda: tiff(np.asarray(photograph(), np.float32) / 255),
        lambda: np.asarray(photograph(), float),
    ),
    "first frame of an animation": (
        lambda: as_file(photograph(), "PNG", save_all=True, append_images=[Image.new("RGB", (150, 100))]),
        lambda: np.asarray(photograph(), float),
    ),
    "first picture of a stereo camera": (
        lambda: as_file(photograph(), "MPO", save_all=True, append_images=[Image.new("RGB", (150, 100))], quality=95),
        lambda: np.asarray(photograph(), float),
    ),
    "CMYK TIFF of 16 bits": (
        lambda: tiff(np.asarray(photograph().convert("CMYK"), np.uint16) * 257, "separated"),
        lambda: np.asarray(photograph(), float),
    ),
    "8-bit TIFF": (lambda: as_file(photograph(), "TIFF"), lambda: np.asarray(photograph(), float)),
}


def tiff(array: np.ndarray, kind: str = "") -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric=kind or ("rgb" if array.ndim == 3 else "minisblack"))
    return file.getvalue()


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_picture_becomes_the_rgb_that_a_viewer_shows(tmp_path: Path, mode: str) -> None:
    make, expected = MODES[mode]
    (tmp_path / "picture").write_bytes(make())
    found, _ = look(tmp_path)
    image = opened(found.read(0))
    assert (image.mode, image.size) == ("RGB", (150, 100))
    assert np.abs(np.asarray(image, float) - expected()).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(120, 90), (1200, 900)], ids=["small", "large"])
def test_pictures_are_turned_upright(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    stored = Image.fromarray(data.chelsea()).resize(size)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", quality=95, exif=exif)
    from PIL import ImageOps

    wanted = ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg"))
    found = opened(look(tmp_path)[0].read(0))
    assert (found.width > found.height) == (wanted.width > wanted.height)
    assert np.abs(np.asarray(found, float) - np.asarray(wanted.resize(found.size), float)).mean() < 4
    assert found.getexif().get(0x0112, 1) == 1


def test_damaged_metadata_costs_no_picture(tmp_path: Path) -> None:
    photograph().save(tmp_path / "a.jpg", exif=b"Exif\0\0nonsense that is no TIFF structure")
    assert opened(look(tmp_path)[0].read(0)).size == (150, 100)


def test_colour_profiles_are_applied_and_wrong_ones_ignored(tmp_path: Path) -> None:
    grey = Image.new("RGB", (100, 100), (120, 120, 200))
    other = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in (("nonsense", b"nonsense"), ("srgb", srgb), ("xyz", other)):
        grey.save(tmp_path / f"{name}.jpg", icc_profile=profile, quality=95)
    wide = bytearray(srgb)
    red, green = wide.find(b"rXYZ"), wide.find(b"gXYZ")
    # Red and green change places: a profile that nobody can overlook.
    wide[red : red + 4], wide[green : green + 4] = b"gXYZ", b"rXYZ"
    Image.new("RGB", (100, 100), (250, 10, 10)).save(tmp_path / "wide.jpg", icc_profile=bytes(wide), quality=95)
    found, _ = look(tmp_path)
    colours = {name: pixels(found.read(k)).mean((0, 1)) for k, name in enumerate(found.names)}
    for name in ("nonsense", "srgb", "xyz"):
        assert colours[f"{name}.jpg"] == pytest.approx([120, 120, 200], abs=3)
    assert colours["wide.jpg"][1] > 200 > 100 > colours["wide.jpg"][0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_pictures_are_reduced_to_twice_the_side_and_look_the_same(tmp_path: Path, kind: str) -> None:
    large = Image.fromarray(data.astronaut()).resize((1500, 1000))
    large.save(tmp_path / "a", kind, quality=95)
    found = opened(look(tmp_path)[0].read(0))
    assert found.size == (192, 128)
    wanted = large.resize((192, 128), Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(found, float) - np.asarray(wanted, float)).mean() < 3


def test_a_picture_that_needs_nothing_keeps_its_bytes_and_every_picture_its_own(tmp_path: Path) -> None:
    photograph().save(tmp_path / "a.jpg", quality=40)
    photograph(1000, 700).save(tmp_path / "b.png")
    (first, _), (second, _) = look(tmp_path), look(tmp_path)
    assert first.read(0) == (tmp_path / "a.jpg").read_bytes()
    assert [first.read(k) for k in range(2)] == [second.read(k) for k in range(2)]


def test_a_damaged_picture_is_said_once_and_never_opened_again(tmp_path: Path) -> None:
    whole = as_file(photograph(300, 300), "JPEG")
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    cut = as_file(photograph(310, 310), "PNG")
    (tmp_path / "cut.png").write_bytes(cut[: len(cut) // 2])
    (tmp_path / "whole.jpg").write_bytes(whole)
    found, said = look(tmp_path)
    assert found.names == ["cut.jpg", "cut.png", "whole.jpg"], "headers say nothing about it"
    before = len(said)
    assert [found.read(k) is None for k in (0, 0, 1, 2, 0)] == [True, True, True, False, True]
    assert len(said) == before + 2 and "cut.jpg" in said[before] and "cut.png" in said[before + 1]
    (tmp_path / "cut.jpg").write_bytes(whole)
    assert found.read(0) is None
    assert (found.damaged, len(found)) == (2, 3)


def test_where_no_picture_is_left_that_is_one_sentence(tmp_path: Path) -> None:
    for number in range(2):
        photograph(200 + number).save(tmp_path / f"{number}.jpg")
    found, _ = look(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    assert found.read(0) is None
    with pytest.raises(ValueError, match="can be read any more"):
        found.read(1)


def test_many_damaged_pictures_do_not_flood_the_terminal(tmp_path: Path) -> None:
    for number in range(15):
        photograph(200 + number).save(tmp_path / f"{number:02}.jpg")
    photograph(150).save(tmp_path / "good.jpg")
    found, said = look(tmp_path)
    for number in range(15):
        (tmp_path / f"{number:02}.jpg").unlink()
    before = len(said)
    assert all(found.read(k) is None for k in range(15))
    assert len(said) - before == 4 and "10 pictures by now" in said[-1]


def test_memory_stays_within_the_budget_and_the_longest_unused_goes_first(tmp_path: Path) -> None:
    for number in range(3):
        photograph(300 + number, 300).save(tmp_path / f"{number}.png")
    size = len(look(tmp_path)[0].read(0) or b"")
    found, _ = look(tmp_path, budget=2 * size + size // 2)
    kept = [found.read(k) for k in (0, 1)]
    assert found.read(0) is kept[0], "from memory"
    found.read(2)
    assert found.read(0) is kept[0], "used later than 1"
    assert found.read(1) == kept[1] and found.read(1) is not kept[1], "read again"


def test_subsets_keep_the_order_and_share_what_was_read(tmp_path: Path) -> None:
    for number in range(4):
        photograph(300 + number, 300).save(tmp_path / f"{number}.png")
    found, _ = look(tmp_path)
    rest, held = found.split({"2.png", "0.png", "not there.png"})
    assert (rest.names, held.names) == (["1.png", "3.png"], ["0.png", "2.png"])
    assert found.subset(["3.png", "1.png"]).names == ["1.png", "3.png"]
    assert held.read(1) is found.read(2)


def test_many_threads_read_the_same_bytes(tmp_path: Path) -> None:
    for number in range(6):
        photograph(200 + number, 200).save(tmp_path / f"{number}.{'png' if number % 2 else 'jpg'}")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "0.jpg").read_bytes()[:3000])
    alone, _ = look(tmp_path)
    expected = [alone.read(k) for k in range(7)]
    found, said = look(tmp_path, budget=60_000)
    wrong: list[int] = []

    def read(start: int) -> None:
        wrong.extend(k % 7 for k in range(start, start + 40) if found.read(k % 7) != expected[k % 7])

    threads = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sum("cut.jpg" in line for line in said) == 1
