"""The log helps to find a fault and tells nothing about the user's pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from pastiche.failures import describe_failure
from pastiched.log import BACKUPS, MAX_BYTES, start_log


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield root
    for handler in root.handlers:
        handler.close()
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)


@pytest.mark.parametrize(
    "said",
    [
        "cannot identify image file '/home/anna/Bilder/Tante Anna.jpg'",
        'cannot open "C:\\Users\\anna\\Tante Anna.png"',
        "[Errno 2] No such file or directory: '/tmp/x/Tante Anna/secret.png'",
    ],
)
def test_paths_are_left_out_of_failures(said: str) -> None:
    try:
        raise OSError(said)
    except OSError as error:
        described = describe_failure(error)
    assert "anna" not in described.lower() and "<path>" in described
    assert "OSError" in described and "test_log.py:" in described


def test_the_log_is_bounded(tmp_path: Path, root_logger: logging.Logger) -> None:
    start_log(tmp_path / "daemon.log", "info")
    for _ in range(1500):
        root_logger.info("x" * 5000)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == BACKUPS + 1 and max(sizes) <= MAX_BYTES


def test_text_that_cannot_be_encoded_does_no_harm(tmp_path: Path, root_logger: logging.Logger) -> None:
    start_log(tmp_path / "daemon.log", "info")
    root_logger.info("a lone \udcff surrogate")
    assert "a lone" in (tmp_path / "daemon.log").read_text("utf-8")
