"""Which packages fit which GIMP's Python, and how they are laid out."""

from __future__ import annotations

from pathlib import Path

import pytest

from pastiche.gimp import Answer
from pastiche.gimp_libraries import Target, copy_libraries, fill_common, pip_platforms, targets


@pytest.mark.parametrize(
    ("platform", "glibc", "first", "last"),
    [
        ("linux-x86_64", "2.41", "manylinux_2_41_x86_64", "manylinux2014_x86_64"),
        ("linux-aarch64", "2.36", "manylinux_2_36_aarch64", "manylinux2014_aarch64"),
        ("linux-x86_64", "", "musllinux_1_2_x86_64", "musllinux_1_1_x86_64"),
        ("macosx-11.0-arm64", "", "macosx_11_0_arm64", "macosx_10_9_universal2"),
        ("win-amd64", "", "win_amd64", "win_amd64"),
    ],
)
def test_platforms_that_pip_knows(platform: str, glibc: str, first: str, last: str) -> None:
    platforms = pip_platforms(platform, glibc)
    assert (platforms[0], platforms[-1]) == (first, last)


def test_old_tags_are_for_old_processors_only() -> None:
    assert "manylinux_2_5_x86_64" in pip_platforms("linux-x86_64", "2.41")
    assert "manylinux_2_16_aarch64" not in pip_platforms("linux-aarch64", "2.41")


def test_for_gimps_own_python_on_windows_there_is_nothing() -> None:
    assert Target((3, 12), "mingw_x86_64_ucrt").pip_arguments() == []


def test_pip_is_told_the_version_and_the_platforms() -> None:
    words = Target((3, 13), "linux-x86_64", "2.28").pip_arguments()
    assert words[:4] == ["--python-version", "3.13", "--implementation", "cp"]
    assert words[4:6] == ["--platform", "manylinux_2_28_x86_64"]


def test_gimps_of_one_python_share_libraries_for_the_older_system() -> None:
    answers = [
        Answer(python=(3, 13), platform="linux-x86_64", glibc="2.41"),
        Answer(python=(3, 14), platform="linux-x86_64", glibc="2.43"),
        Answer(python=(3, 13), platform="linux-x86_64", glibc="2.36"),
    ]
    assert [(target.folder, target.glibc) for target in targets(answers)] == [("cp313", "2.36"), ("cp314", "2.43")]


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """site-packages with pastiche, zmq and msgpack."""
    folder = tmp_path / "site-packages"
    for name in (
        "pastiche/__init__.py", "pastiche/__pycache__/x.pyc", "pastiche-1.dist-info/RECORD", "msgpack/fallback.py",
        "msgpack/_cmsgpack.cpython-311-x86_64-linux-gnu.so", "zmq/backend/_zmq.abi3.so", "pyzmq.libs/libzmq.so.5",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_common_libraries_load_in_every_python(packages: Path, tmp_path: Path) -> None:
    common = tmp_path / "libs" / "common"
    for _ in range(2):
        fill_common(common, packages / "pastiche", packages / "msgpack")
    assert files(common) == ["msgpack/fallback.py", "pastiche-1.dist-info/RECORD", "pastiche/__init__.py"]
    assert [path.name for path in common.parent.iterdir()] == ["common"]


@pytest.mark.parametrize(("extension", "same", "fit"), [("abi3", False, True), ("cp311", False, False)])
def test_packages_of_another_python_are_taken_where_they_load(
    packages: Path, tmp_path: Path, extension: str, same: bool, fit: bool
) -> None:
    (packages / "zmq/backend/_zmq.abi3.so").rename(packages / f"zmq/backend/_zmq.{extension}.so")
    folder = tmp_path / "cp313"
    folder.mkdir()
    assert copy_libraries(folder, packages / "zmq", packages / "msgpack", same) == fit
    assert bool(files(folder)) == fit
    if fit:
        assert "pyzmq.libs/libzmq.so.5" in files(folder)
    assert copy_libraries(folder, packages / "zmq", packages / "msgpack", same_python=True)
