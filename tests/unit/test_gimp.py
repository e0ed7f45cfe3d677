"""Finding GIMPs and reading what they say. The programs here are stand-ins: real GIMPs are in tests/gimp."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from pastiche import gimp
from pastiche.gimp import Gimp

pytestmark = pytest.mark.skipif(os.name == "nt", reason="stand-ins are shell scripts")


def program(path: Path, version: str = "3.0.4", script: str = "") -> Path:
    """A program that answers like a GIMP of that version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    said = script or f'echo "GNU Image Manipulation Program version {version}"'
    path.write_text(f"#!/bin/sh\n{said}\n", "utf-8")
    path.chmod(0o755)
    return path


def found(path: Path, **environ: str) -> list[Gimp]:
    return gimp.find_gimps("linux", {"PATH": str(path), **environ}, path / "home")


def test_the_console_and_the_window_of_one_gimp_are_one(tmp_path: Path) -> None:
    program(tmp_path / "gimp-3.0")
    (tmp_path / "gimp").symlink_to("gimp-3.0")
    program(tmp_path / "gimp-console-3.0")
    (tmp_path / "gimp-console").symlink_to("gimp-console-3.0")
    assert found(tmp_path) == [Gimp((str(tmp_path / "gimp-console"),), "3.0.4")]


def test_two_versions_are_two(tmp_path: Path) -> None:
    program(tmp_path / "gimp-console-3.0")
    program(tmp_path / "gimp-console-3.2", "3.2.6")
    assert [one.version for one in found(tmp_path)] == ["3.0.4", "3.2.6"]


def test_a_gimp_without_console_is_found(tmp_path: Path) -> None:
    program(tmp_path / "gimp-3.2", "3.2.6")
    assert [(one.series, one.supported) for one in found(tmp_path)] == [("3.2", True)]


def test_an_old_gimp_is_found_and_too_old(tmp_path: Path) -> None:
    program(tmp_path / "gimp", "2.10.34")
    assert [one.supported for one in found(tmp_path)] == [False]


def test_programs_that_are_no_gimp_are_left_out(tmp_path: Path) -> None:
    program(tmp_path / "gimp-console", script="exit 1")
    program(tmp_path / "gimptool-3.0")
    (tmp_path / "gimp").write_text("not executable")
    assert found(tmp_path) == []


def test_flatpak_is_started_through_flatpak(tmp_path: Path) -> None:
    flatpak = program(tmp_path / "flatpak", script='[ "$3" = org.gimp.GIMP ] && echo version 3.0.4')
    (one,) = found(tmp_path)
    assert one.command == (str(flatpak), "run", "--command=gimp-console", "org.gimp.GIMP")
    assert (one.kind, one.tried) == ("flatpak", False)


def test_windows_and_macos_programs_are_looked_for(tmp_path: Path) -> None:
    console = program(tmp_path / "GIMP 3" / "bin" / "gimp-console-3.0.exe")
    (one,) = gimp.find_gimps("win32", {"ProgramFiles": str(tmp_path)}, tmp_path)
    assert (one.command, one.kind, one.tried) == ((str(console),), "windows", False)
    console = program(tmp_path / "Applications" / "GIMP.app" / "Contents" / "MacOS" / "gimp-console")
    assert str(console) in [one.command[0] for one in gimp.find_gimps("darwin", {"PATH": ""}, tmp_path)]


def test_python_environments_are_kept_away_from_gimp(tmp_path: Path) -> None:
    for folder, marker in (("venv", "pyvenv.cfg"), ("conda", "conda-meta/x")):
        program(tmp_path / folder / "bin" / "python3")
        (tmp_path / folder / marker).parent.mkdir(exist_ok=True)
        (tmp_path / folder / marker).touch()
    path = [str(tmp_path / "venv" / "bin"), "/usr/bin", str(tmp_path / "conda" / "bin"), "/bin"]
    environ = {"PATH": os.pathsep.join(path), "VIRTUAL_ENV": "x", "PYTHONPATH": "x", "CONDA_PREFIX": "x", "LANG": "de"}
    assert gimp.gimp_environment(["/usr/bin/gimp"], environ) == {"PATH": f"/usr/bin{os.pathsep}/bin", "LANG": "de"}
    assert gimp.active_environment(environ) == str(tmp_path / "venv")
    assert gimp.active_environment({"PATH": "/usr/bin"}) == ""
    of_conda = [str(tmp_path / "conda" / "bin" / "gimp")]
    assert str(tmp_path / "conda") in gimp.gimp_environment(of_conda, environ)["PATH"]


def test_a_gimp_that_hangs_is_ended_with_its_plug_ins(tmp_path: Path) -> None:
    hanging = program(tmp_path / "gimp-console", script=f"sleep 60 & echo $! > '{tmp_path}/pid'; wait")
    began = time.monotonic()
    assert gimp.ask(Gimp((str(hanging),), "3.0.4"), os.environ, 0.5).trouble == "timeout"
    assert time.monotonic() - began < 10
    plug_in = int((tmp_path / "pid").read_text())
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(plug_in)], capture_output=True, text=True, check=False)
        if not state.stdout.strip() or state.stdout.startswith("Z"):
            return
        time.sleep(0.05)
    pytest.fail("the plug-in is still running")


def test_an_answer_is_found_between_what_others_print() -> None:
    said = {"executable": "/usr/bin/python3", "python": [3, 13], "procedures": ["plug-in-pastiche"], "zmq": "27.3.0"}
    stdout = f"noise\n{gimp._MARK}{json.dumps(said)}{gimp._MARK}\nmore noise\n"
    answer = gimp.read_answer(0, stdout, "warnings")
    assert (answer.trouble, answer.python, answer.procedures) == ("", (3, 13), ("plug-in-pastiche",))


@pytest.mark.parametrize(
    ("status", "stderr", "trouble"),
    [
        (69, "GIMP-Warning: No batch interpreters are available.", "no-python"),
        (64, "ModuleNotFoundError: No module named 'gi'", "no-gi"),
        (1, "cannot open shared object", "failed"),
        (0, "", "failed"),
    ],
)
def test_no_answer_has_a_kind(status: int, stderr: str, trouble: str) -> None:
    assert gimp.read_answer(status, "", stderr).trouble == trouble


def test_a_gimp_that_is_gone_is_no_answer(tmp_path: Path) -> None:
    gone = Gimp((str(tmp_path / "gone"),), "3.0.4")
    assert gimp.ask(gone, os.environ).trouble == "failed"
    assert not gimp.first_run(gone, os.environ)
