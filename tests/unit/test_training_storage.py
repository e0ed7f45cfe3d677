"""Promises about the files of a training run: whole or as before, with a sentence about the disk."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from pastiched.storage import StorageError, write_atomically
from tests.unit.small_disk import mounted

OLD, LARGE = b"the checkpoint of before", 3_000_000


def as_bytes(part: Path) -> None:
    part.write_bytes(b"x" * LARGE)


def as_checkpoint(part: Path) -> None:
    torch.save({"network": torch.zeros(LARGE // 4)}, part)


def as_weights(part: Path) -> None:
    save_file({"weight": torch.zeros(LARGE // 4)}, str(part))


def as_sheet(part: Path) -> None:
    Image.effect_noise((2000, 2000), 90).save(part, "PNG")


WRITERS = [as_bytes, as_checkpoint, as_weights, as_sheet]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    with mounted(tmp_path / "disk", "1m") as folder:
        yield folder


@pytest.mark.parametrize("write", WRITERS)
def test_what_was_written_takes_the_place_of_what_was_there(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    write_atomically(path, write)
    assert path.stat().st_size > 100_000
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("write", WRITERS)
def test_a_full_disk_leaves_the_old_file_and_says_what_is_free(full_disk: Path, write: Callable[[Path], None]) -> None:
    path = full_disk / "checkpoint.pt"
    path.write_bytes(OLD)
    with pytest.raises(StorageError, match=r"checkpoint\.pt cannot be written: ") as raised:
        write_atomically(path, write)
    assert f"1.0 MB are free in {full_disk}" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert [(p.name, p.read_bytes()) for p in full_disk.iterdir()] == [("checkpoint.pt", OLD)]


def test_after_room_was_made_the_same_write_succeeds(full_disk: Path) -> None:
    path, ballast = full_disk / "checkpoint.pt", full_disk / "ballast"
    ballast.write_bytes(bytes(900_000))
    with pytest.raises(StorageError) as raised:
        write_atomically(path, lambda part: part.write_bytes(bytes(500_000)) and None)
    assert raised.value.errno == errno.ENOSPC
    ballast.unlink()
    write_atomically(path, lambda part: part.write_bytes(bytes(500_000)) and None)
    assert path.stat().st_size == 500_000


@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
def test_a_quota_is_one_sentence_too(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from pastiched.storage import StorageError, write_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_atomically(Path(sys.argv[1]), lambda part: part.write_bytes(b'x' * 5000))\n"
        "except StorageError as error: print(error)\n"
    )
    (tmp_path / "a").write_bytes(OLD)
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("a cannot be written: ")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", OLD)]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError, RuntimeError])
def test_a_failure_that_has_nothing_to_do_with_the_disk_stays_what_it_is(
    tmp_path: Path, kind: type[BaseException]
) -> None:
    (tmp_path / "a").write_bytes(OLD)

    def write(part: Path) -> None:
        part.write_bytes(b"half")
        raise kind("CUDA error")

    with pytest.raises(kind, match="CUDA"):
        write_atomically(tmp_path / "a", write)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", OLD)]


def test_a_part_that_a_killed_run_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(b"half of a checkpoint, longer than the next")
    write_atomically(tmp_path / "a", lambda part: part.write_bytes(b"new") and None)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"new")]


def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"^a cannot be written: No such file or directory\.$"):
        write_atomically(tmp_path / "nowhere" / "a", as_bytes)
