"""Only files that are Pastiche's own are read or replaced as an interrupted run, and the refusal says why."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pastiche.errors import ErrorCode, PasticheError
from pastiche.state_files import FORMAT, SUFFIX, check_files, check_names, is_state


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state as the worker writes it."""
    path = tmp_path / f"run{SUFFIX}"
    save_file({"picture": torch.zeros(3, 4, 4)}, path, {"format": FORMAT})
    return path


def refusal(state: Path | None, resume: Path | None) -> PasticheError:
    with pytest.raises(PasticheError) as caught:
        check_files(state, resume)
    assert caught.value.sentence.endswith(".") and "Traceback" not in caught.value.sentence
    return caught.value


def test_a_state_may_be_gone_on_with_and_replaced(state: Path) -> None:
    assert is_state(state)
    check_names(str(state), str(state), "fine")
    check_files(state, state)
    check_files(state.with_name(f"new{SUFFIX}"), None)
    check_names("", "", "fast")
    check_files(None, None)


BAD_NAMES = {
    "relative": f"run{SUFFIX}",
    "a folder up": f"../run{SUFFIX}",
    "no ending": "/tmp/run",
    "another ending": "/tmp/run.safetensors",
    "the ending in the middle": f"/tmp/run{SUFFIX}.png",
    "a null character": f"/tmp/r\0un{SUFFIX}",
    "too long": f"/{'x' * 5000}{SUFFIX}",
    "not Unicode": f"/tmp/\udcff{SUFFIX}",
}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES.keys())
@pytest.mark.parametrize("flag", ["--state", "--resume"])
def test_a_name_that_cannot_be_one_is_refused(name: str, flag: str) -> None:
    with pytest.raises(PasticheError) as caught:
        check_names(*((name, "") if flag == "--state" else ("", name)), "fine")
    assert caught.value.code is ErrorCode.BAD_OPTION and flag in caught.value.sentence
    caught.value.sentence.encode()


def test_a_method_without_states_says_so(state: Path) -> None:
    with pytest.raises(PasticheError) as caught:
        check_names(str(state), "", "fast")
    assert caught.value.sentence == "--state works with --method fine, not with fast."


def test_what_is_not_there_cannot_be_gone_on_with(tmp_path: Path) -> None:
    said = refusal(None, tmp_path / f"no{SUFFIX}")
    assert said.code is ErrorCode.UNREADABLE and f"no{SUFFIX}" in said.sentence


def header(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


OTHERS = {
    "empty": b"",
    "short": b"abc",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "a huge header said to come": b"\xff" * 8,
    "a header that is cut off": header(b"{}")[:-1],
    "no JSON": header(b"hello"),
    "JSON too deep": header(b"[" * 100_000),
    "a list": header(b"[]"),
    "a model": header(json.dumps({"__metadata__": {"format": "pt"}}).encode()),
    "metadata that is no map": header(b'{"__metadata__": "pastiche-fine-state"}'),
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS.keys())
def test_another_file_is_neither_read_nor_replaced(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / f"other{SUFFIX}"
    path.write_bytes(data)
    assert refusal(None, path).code is ErrorCode.UNREADABLE
    assert refusal(path, None).code is ErrorCode.UNWRITABLE
    assert path.read_bytes() == data


def test_a_folder_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / f"folder{SUFFIX}"
    path.mkdir()
    assert refusal(path, None).code is ErrorCode.UNWRITABLE
    assert refusal(None, path).code is ErrorCode.UNREADABLE


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    assert "no folder" in refusal(tmp_path / "missing" / f"run{SUFFIX}", None).sentence


@pytest.mark.skipif(os.name != "posix", reason="POSIX pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / f"pipe{SUFFIX}"
    os.mkfifo(pipe)
    asked = threading.Thread(target=lambda: (refusal(pipe, None), refusal(None, pipe)), daemon=True)
    asked.start()
    asked.join(5)
    assert not asked.is_alive()


@pytest.mark.skipif(os.name != "posix", reason="POSIX links")
def test_a_link_counts_as_what_it_leads_to(state: Path, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG" + bytes(100))
    link = tmp_path / f"link{SUFFIX}"
    link.symlink_to(tmp_path / "picture.png")
    assert refusal(link, None).code is ErrorCode.UNWRITABLE
    link.unlink()
    link.symlink_to(state)
    check_files(link, link)
