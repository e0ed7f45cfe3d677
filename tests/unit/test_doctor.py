"""Promises of `pastiche doctor` that need no daemon."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from pastiche.commands import doctor
from pastiche.connection import Home


@pytest.mark.parametrize(
    ("torch", "requirement", "state"),
    [
        ("2.6.0+cu124", "torch==2.6.0", "ok"),
        ("2.7.0", "torch==2.6.0", "fail"),
        ("2.15.0", "torch (>=2.14.0)", "ok"),
        ("2.13.1", "torch (>=2.14.0)", "fail"),
        ("2.6.0", "numpy", "ok"),
    ],
)
def test_a_pair_that_does_not_match_is_found(
    monkeypatch: pytest.MonkeyPatch, torch: str, requirement: str, state: str
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: torch)
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["pillow", requirement])
    assert [check.state for check in doctor._torch_pair()] == [state]


def test_a_missing_and_an_old_package_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", {"nowhere": ("no-such-package", (1, 0)), "zmq": ("pyzmq", (9999, 0))})
    checks = list(doctor._packages(Home(tmp_path, Path(sys.executable))))
    assert [(check.name, check.state) for check in checks[:2]] == [("no-such-package", "fail"), ("pyzmq", "fail")]
    assert all(check.fix for check in checks[:2])


def test_a_check_that_breaks_is_a_failed_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: 1 // 0)
    checks = []
    for check in doctor.all_checks(Home(tmp_path, Path(sys.executable))):
        checks.append(check)
        if check.name == "disk":
            break
    assert checks[-1].state == "fail"
    assert "ZeroDivisionError" in checks[-1].detail
