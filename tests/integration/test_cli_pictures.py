"""Promises of the command line about pictures: bad ones refused in a sentence, odd ones painted, all kept intact."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from cli_fixtures import QUICK, Shell, own_shell, photograph, shared_home, shell
from PIL import Image

__all__ = ["own_shell", "shared_home", "shell"]


def png_header(width: int, height: int) -> bytes:
    data = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + data + struct.pack(">I", zlib.crc32(b"IHDR" + data)) + bytes(99)


def nan_tiff(path: Path) -> None:
    tifffile.imwrite(path, np.full((8, 8, 3), np.nan, np.float32), photometric="rgb")


BAD_PICTURES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("in.png", lambda path: None, "no file"),
    "empty": ("in.png", lambda path: path.write_bytes(b""), "empty"),
    "folder": ("in.png", lambda path: path.mkdir(), "folder"),
    "truncated": ("in.jpg", lambda path: path.write_bytes(photograph(path).read_bytes()[:700]), "damaged"),
    "text": ("in.png", lambda path: path.write_text("Dear picture,"), "not a PNG"),
    "gif": ("in.png", lambda path: Image.new("P", (9, 9)).save(path, "GIF"), "not a PNG"),
    "bomb": ("in.png", lambda path: path.write_bytes(png_header(60000, 60000)), "60000 x 60000"),
    "nan": ("in.tif", nan_tiff, "not numbers"),
}


@pytest.mark.parametrize("role", ["content", "style", "mask"])
@pytest.mark.parametrize("case", BAD_PICTURES)
def test_a_bad_picture_is_one_sentence_and_nothing_is_written(shell: Shell, case: str, role: str) -> None:
    name, make, part = BAD_PICTURES[case]
    make(shell.folder / name)
    photograph(shell.folder / "good.png")
    before = shell.files()
    content, style = (name if role == "content" else "good.png"), (name if role == "style" else "good.png")
    mask = ["--mask", name] if role == "mask" else []
    said = shell.refusal("apply", content, "-s", style, *mask, "-o", "out.png")
    assert part in said
    assert name in said
    assert shell.files() == before


BAD_COMMANDS: dict[str, tuple[list[str], str]] = {
    "unknown option": (["-o", "out.png", "--sharpness", "9"], "--sharpness"),
    "bad value": (["-o", "out.png", "--strength", "-1"], "--strength"),
    "unknown style": (["-o", "out.png", "-s", "no-such-style"], "no style named"),
    "style file missing": (["-o", "out.png", "-s", "nowhere.jpg"], "no file"),
    "16 bits in a jpeg": (["-o", "out.jpg", "--depth", "16"], "16 bits"),
    "unknown format": (["-o", "out.gif"], "extension"),
    "folder missing": (["-o", "nowhere/out.png"], "no folder"),
    "onto the input": (["-o", "photo.png", "--overwrite"], "inputs"),
    "onto a link to the input": (["-o", "link.png", "--overwrite"], "inputs"),
    "onto another file": (["-o", "other.png"], "exists already"),
    "onto a folder": (["-o", "folder.png", "--overwrite"], "not a file"),
    "onto a device": (["-o", "full.png", "--overwrite"], "not a file"),
    "mask of another size": (["-o", "out.png", "--mask", "small.png"], "same size"),
}


@pytest.mark.parametrize("case", BAD_COMMANDS)
def test_a_bad_command_is_one_sentence_and_nothing_is_written(shell: Shell, case: str) -> None:
    arguments, part = BAD_COMMANDS[case]
    photo = photograph(shell.folder / "photo.png")
    photograph(shell.folder / "small.png", 10, 10)
    (shell.folder / "link.png").symlink_to(photo)
    (shell.folder / "other.png").write_bytes(b"precious")
    (shell.folder / "folder.png").mkdir()
    (shell.folder / "full.png").symlink_to("/dev/full")
    before, content = shell.files(), photo.read_bytes()
    style = [] if "-s" in arguments else ["-s", "photo.png"]
    assert part in shell.refusal("apply", "photo.png", *style, *arguments)
    assert shell.files() == before
    assert photo.read_bytes() == content
    assert (shell.folder / "other.png").read_bytes() == b"precious"


def test_a_misspelt_style_is_answered_with_the_right_name(shell: Shell) -> None:
    photograph(shell.folder / "photo.png")
    name = shell.json("styles")[0]["name"]
    said = shell.refusal("apply", "photo.png", "-s", name[:-1] + "x", "-o", "out.png")
    assert f"did you mean '{name}'" in said


def test_a_full_disk_is_one_sentence_and_leaves_nothing(shell: Shell) -> None:
    photograph(shell.folder / "photo.png", 400, 400)
    shell.json("styles")
    done = subprocess.run(
        [sys.executable, "-m", "pastiche.cli", "apply", "photo.png", "-s", "photo.png", "-o", "out.tif"],
        cwd=shell.folder,
        env=shell.environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("pastiche: out.tif cannot be written")
    assert done.stderr.count("\n") == 1
    assert shell.files() == {"photo.png"}


ODD_PICTURES: dict[str, tuple[str, Image.Image]] = {
    "one pixel": ("a.png", Image.new("RGB", (1, 1), "red")),
    "tall": ("a.png", Image.new("RGB", (3, 5000), "red")),
    "cmyk": ("a.jpg", Image.new("CMYK", (40, 30), (10, 200, 30, 0))),
    "palette": ("a.png", Image.new("RGB", (40, 30), "red").quantize(4)),
    "16-bit grey": ("a.png", Image.new("I;16", (40, 30), 30000)),
    "all transparent": ("a.png", Image.new("RGBA", (40, 30), (90, 80, 70, 0))),
    "grey and alpha": ("a.png", Image.new("LA", (40, 30), (90, 128))),
    "black and white": ("a.tif", Image.new("1", (40, 30), 1)),
}


@pytest.mark.parametrize("case", ODD_PICTURES)
def test_an_odd_picture_is_painted_correctly(shell: Shell, case: str) -> None:
    name, image = ODD_PICTURES[case]
    image.save(shell.folder / name)
    report = shell.json("apply", name, "-s", name, *QUICK, "-o", "out.png")
    out = Image.open(shell.folder / "out.png")
    assert out.size == image.size
    assert report["channels"] == (4 if image.mode in ("RGBA", "LA") else 3)
    if image.mode in ("RGBA", "LA"):
        assert out.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_an_animation_is_painted_by_its_first_frame_with_a_note(shell: Shell) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(shell.folder / "a.webp", save_all=True, append_images=frames[1:])
    done = shell.run("apply", "a.webp", "-s", "a.webp", "-o", "out.png")
    assert done.returncode == 0
    assert "first" in done.stderr


def test_sixteen_bits_go_in_and_come_out(shell: Shell) -> None:
    ramp = np.linspace(0, 65535, 256 * 64).astype(np.uint16).reshape(64, 256)
    tifffile.imwrite(shell.folder / "deep.tif", np.dstack([ramp, ramp[::-1], ramp]), photometric="rgb")
    photograph(shell.folder / "style.png")
    common = ("apply", "deep.tif", "-s", "style.png", "--strength", "20", "--depth", "16", "-o")
    assert shell.json(*common, "out.tif")["depth"] == "u16"
    shell.json(*common, "out.png")
    out = tifffile.imread(shell.folder / "out.tif")
    assert out.dtype == np.uint16
    assert len(np.unique(out[..., 0])) > 256
    import imagecodecs

    assert np.array_equal(imagecodecs.png_decode((shell.folder / "out.png").read_bytes()), out)


def test_alpha_is_kept_exactly(shell: Shell) -> None:
    image = Image.open(photograph(shell.folder / "photo.png")).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(shell.folder / "clear.png")
    for name in ("out.png", "out.tif", "out.webp"):
        shell.json("apply", "clear.png", "-s", "photo.png", *QUICK, "-o", name)
        assert Image.open(shell.folder / name).getchannel("A").tobytes() == image.getchannel("A").tobytes(), name


def test_exif_is_kept_upright_and_the_place_only_on_request(shell: Shell) -> None:
    exif = Image.Exif()
    exif.update({0x013B: "A. Painter", 0x0112: 6})
    exif.get_ifd(0x8825)[1] = "N"
    photograph(shell.folder / "photo.jpg", exif=exif)
    shell.json("apply", "photo.jpg", "-s", "photo.jpg", "-o", "out.jpg")
    shell.json("apply", "photo.jpg", "-s", "photo.jpg", "-o", "placed.jpg", "--keep-gps")
    out, placed = (Image.open(shell.folder / name) for name in ("out.jpg", "placed.jpg"))
    assert out.size == (64, 96)
    assert out.getexif()[0x013B] == "A. Painter"
    assert out.getexif()[0x0112] == 1
    assert not out.getexif().get_ifd(0x8825)
    assert placed.getexif().get_ifd(0x8825)[1] == "N"
    assert out.info["icc_profile"]


@pytest.mark.parametrize("name", ["a photo", "été à Malmö", "写真", "-dash", 'quote\'s "x"'])
def test_names_may_contain_anything(shell: Shell, name: str) -> None:
    folder = shell.folder / f"{name} folder"
    folder.mkdir()
    photograph(folder / f"{name}.png")
    photo, out = f"./{folder.name}/{name}.png", f"./{folder.name}/{name} out.png"
    assert shell.json("apply", photo, "-s", photo, *QUICK, "-o", out)["output"]
    assert (folder / f"{name} out.png").is_file()


def test_a_home_may_have_a_long_name_with_spaces_and_accents(tmp_path: Path, own_shell: Shell) -> None:
    home = tmp_path / ("Ünïcode 家 " + "x" * 120)
    long = Shell(own_shell.folder, type(own_shell.home)(home, own_shell.home.python))
    try:
        assert long.json("styles")
        assert long.json("status")["running"]
    finally:
        long.stop()
