"""Promises of `pastiche doctor` that need no daemon."""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from pastiche.commands import doctor
from pastiche.commands.doctor import Check
from pastiche.connection import Home
from pastiche.gimp_check import Finding
from pastiche.gimp_profiles import MAIN, SHEBANG, Facts, plug_in_folder
from pastiche.version import VERSION


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


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A weight file with its card."""
    (tmp_path / "fast.safetensors").write_bytes(b"weights")
    card = {"id": "fast-1", "file": "fast.safetensors", "sha256": hashlib.sha256(b"weights").hexdigest()}
    (tmp_path / "fast.json").write_text(json.dumps(card))
    return tmp_path


@pytest.mark.parametrize(
    ("file", "content", "detail"),
    [
        ("fast.safetensors", "other", "fast.safetensors is damaged"),
        ("fast.safetensors", None, "fast.safetensors is missing"),
        ("fast.json", "{", "the card fast.json is damaged"),
        ("fast.json", None, "none are there"),
    ],
)
def test_weights_must_be_those_of_their_card(weights: Path, file: str, content: str | None, detail: str) -> None:
    assert [check.state for check in doctor.weights(weights)] == ["ok"]
    (weights / file).unlink() if content is None else (weights / file).write_text(content)
    (check,) = doctor.weights(weights)
    assert check.state == "fail"
    assert detail in check.detail
    assert check.fix


def test_gallery_must_have_pictures_list_and_thumbnails(tmp_path: Path) -> None:
    assert doctor.gallery(tmp_path).state == "warn"
    (tmp_path / "thumbnails").mkdir()
    for name in ("a.jpg", "b.jpg", "gallery.json", "thumbnails/a.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert doctor.gallery(tmp_path).detail == "1 of 2 styles are not whole"
    (tmp_path / "thumbnails" / "b.jpg").write_bytes(b"x")
    assert doctor.gallery(tmp_path).state == "ok"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user zoe on a computer called attic, with one GIMP profile that has the plug-in."""
    folder = tmp_path / "zoe"
    plug_in = plug_in_folder(folder / ".config" / "GIMP" / "3.0")
    plug_in.mkdir(parents=True)
    (plug_in / MAIN).write_text(f"{SHEBANG}\n")
    (plug_in / MAIN).chmod(0o755)
    (folder / "libs" / "common" / "pastiche").mkdir(parents=True)
    Facts(str(folder / "libs"), str(folder), sys.executable, "", VERSION).write(plug_in)
    for name in ("XDG_CONFIG_HOME", "GIMP3_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: folder)
    monkeypatch.setattr(doctor.platform, "node", lambda: "attic")
    monkeypatch.setattr(doctor.getpass, "getuser", lambda: "zoe")
    return folder


def plug_in_checks(home: Path) -> list[Check]:
    return list(doctor._plug_in(Home(home, Path(sys.executable))))


def test_plug_in_files_are_looked_over_in_each_profile(user: Path) -> None:
    (check,) = plug_in_checks(user)
    assert (check.state, check.detail) == ("ok", f"in {user}/.config/GIMP/3.0")
    (user / ".config" / "GIMP" / "3.2").mkdir()
    assert [check.state for check in plug_in_checks(user)] == ["ok", "warn"]
    assert "for the daemon of" in plug_in_checks(user / "elsewhere")[0].detail


def test_a_plug_in_of_another_version_is_named(user: Path) -> None:
    plug_in = plug_in_folder(user / ".config" / "GIMP" / "3.0")
    Facts(str(user / "libs"), str(user), "", "", "0.0.1").write(plug_in)
    (check,) = plug_in_checks(user)
    assert "0.0.1" in check.detail
    assert check.fix


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{user}/.local/state/pastiche is open", "~/.local/state/pastiche is open"),
        ("/media/zoe/disk is full", "/media/<user>/disk is full"),
        ("attic does not answer zoe", "<computer> does not answer <user>"),
        ("the attics of zoey", "the attics of zoey"),
        ("cannot read /data/holiday.JPG or 'mum.png'.", "cannot read <picture> or '<picture>'."),
    ],
)
def test_a_report_names_neither_user_nor_computer_nor_pictures(user: Path, text: str, expected: str) -> None:
    assert doctor.without_names(text.format(user=user)) == expected


def ran(monkeypatch: pytest.MonkeyPatch, home: Path, **flags: bool) -> int:
    def checks(_: Home, with_gimp: bool) -> list[Check]:
        return [Check("gimp", "warn" if with_gimp else "ok", f"in {home}", "Do.")]

    monkeypatch.setenv("PASTICHE_HOME", str(home))
    monkeypatch.setattr(doctor, "all_checks", checks)
    return doctor.run(argparse.Namespace(**{"json": False, **flags}))


def test_report_is_text_to_copy(
    user: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(monkeypatch, user, report=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Pastiche report", f"Pastiche {VERSION}, Python {doctor.platform.python_version()}"]
    assert lines[-2:] == ["warn  gimp: in ~", "      -> Do."]
    assert not [line for line in lines if "zoe" in line or "attic" in line]


def test_report_and_json_go_together(
    user: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(monkeypatch, user, report=True, json=True, no_gimp=True) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["checks"] == [{"name": "gimp", "state": "ok", "detail": "in ~", "fix": "Do."}]
    assert report["about"]


def test_what_gimp_says_is_passed_on(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(user, Path(sys.executable))
    monkeypatch.setattr(doctor, "check_gimps", lambda _: [Finding("fail", "GIMP has no Python.", "Do.")])
    assert [*doctor._gimp(home)] == [Check("gimp", "fail", "GIMP has no Python.", "Do.")]
    monkeypatch.setattr(doctor, "check_gimps", lambda _: [])
    assert [check.state for check in doctor._gimp(home)] == ["ok"]
