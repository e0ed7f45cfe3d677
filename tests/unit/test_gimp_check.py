"""What an answer of GIMP's means for the user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pastiche import gimp_profiles as profiles
from pastiche.gimp import PROCEDURE, TYPELIBS, Answer, Gimp
from pastiche.gimp_check import Finding, judge, plug_in_error
from pastiche.gimp_profiles import Facts

GIMP = Gimp(("/usr/bin/gimp-console",), "3.0.4")
SYNTAX = """
gimp-console: LibGimpBase-WARNING: gimp: gimp_wire_read(): unexpected EOF
Traceback (most recent call last):
  File "/home/zoe/.config/GIMP/3.0/plug-ins/pastiche-gimp/pastiche-gimp.py", line 12, in <module>
    from pastiche_gimp.plug_in import PastichePlugIn
  File "/home/zoe/.config/GIMP/3.0/plug-ins/pastiche-gimp/pastiche_gimp/plug_in.py", line 3
    def (
        ^
SyntaxError: invalid syntax
GIMP-Warning: Welcome to GIMP 3.0.4!
"""


@pytest.fixture
def good(tmp_path: Path) -> Answer:
    """The answer of a GIMP in which all is well."""
    folder = profiles.plug_in_folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / profiles.MAIN).write_text(f"{profiles.SHEBANG}\n")
    (folder / profiles.MAIN).chmod(0o755)
    libraries = tmp_path / "libs"
    (libraries / "common" / "pastiche").mkdir(parents=True)
    Facts(str(libraries), str(tmp_path), "", "", "1").write(folder)
    return Answer(
        python=(3, 13),
        profile=str(tmp_path),
        plug_in_path=(str(folder.parent), "/usr/lib/gimp/3.0/plug-ins"),
        procedures=(PROCEDURE,),
        typelibs=TYPELIBS,
        libraries=True,
        pastiche="1",
        zmq="27.3.0",
    )


def judged(answer: Answer, gimp: Gimp = GIMP, **environ: str) -> list[Finding]:
    return judge(gimp, answer, {"PATH": "/nowhere", **environ})


def test_all_is_well(good: Answer) -> None:
    assert [finding.state for finding in judged(good)] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("timeout", "did not answer within 120 s"),
        ("no-python", "has no Python"),
        ("no-gi", "cannot reach GIMP (it has no module gi)"),
        ("failed", "ended with status 1: the last word"),
    ],
)
def test_a_gimp_without_answer_is_a_failure_with_advice(trouble: str, sentence: str) -> None:
    (finding,) = judged(Answer(trouble, 1, "first\nthe last word\n\n"))
    assert finding.state == "fail"
    assert sentence in finding.detail
    assert finding.fix


def test_the_last_word_is_an_exception_where_there_is_one() -> None:
    stderr = "ImportError: no libgimp\nStopping at failing batch command [0]: exec(base64.b64decode('UF'))\n"
    (finding,) = judged(Answer("failed", 64, stderr))
    assert finding.detail.endswith("ended with status 64: ImportError: no libgimp")


def test_another_python_in_path_is_named(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    (finding,) = judged(Answer("no-gi"), PATH=str(tmp_path))
    assert str(python) in finding.detail
    assert f"take {tmp_path} out of it" in finding.fix


def test_an_old_gimp_is_told_what_is_needed() -> None:
    (finding,) = judged(Answer("failed"), Gimp(("gimp",), "2.10.34"))
    assert (finding.state, finding.fix) == ("warn", "Install GIMP 3.0 or newer.")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"plug_in_path": ("/elsewhere",)}, "does not look for plug-ins in"),
        ({"python": (3, 9)}, "has Python 3.9; the plug-in needs 3.11"),
        ({"stderr": SYNTAX}, "stops with: SyntaxError: invalid syntax"),
        ({}, "does not know the plug-in, though"),
    ],
)
def test_a_missing_menu_entry_has_a_reason(good: Answer, changes: dict[str, Any], sentence: str) -> None:
    (finding,) = judged(replace(good, procedures=(), **changes))
    assert finding.state == "fail"
    assert sentence in finding.detail
    assert finding.fix


def test_files_that_gimp_passes_over_are_the_reason(good: Answer) -> None:
    (profiles.plug_in_folder(Path(good.profile)) / profiles.MAIN).chmod(0o644)
    (finding,) = judged(replace(good, procedures=()))
    assert "is not executable" in finding.detail


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"libraries": False, "pastiche": "", "zmq": ""}, "cannot see"),
        ({"pastiche": "", "zmq": "", "complaint": "SyntaxError: x"}, "cannot load the plug-in's libraries: Syntax"),
        ({"zmq": "", "complaint": "ImportError: x"}, "no Python of Pastiche's is here to stand in"),
        ({"typelibs": ("GimpUi",)}, "Gtk is missing"),
    ],
)
def test_a_menu_entry_that_would_not_work_is_a_failure(good: Answer, changes: dict[str, Any], sentence: str) -> None:
    failed = [finding for finding in judged(replace(good, **changes)) if finding.state == "fail"]
    assert len(failed) == 1
    assert sentence in failed[0].detail
    assert failed[0].fix


def test_without_zmq_a_helper_stands_in(good: Answer, tmp_path: Path) -> None:
    (tmp_path / "python").touch()
    folder = profiles.plug_in_folder(tmp_path)
    facts = Facts.read(folder)
    assert facts
    replace(facts, python=str(tmp_path / "python")).write(folder)
    findings = judged(replace(good, zmq="", complaint="ImportError: DLL"))
    assert [finding.state for finding in findings] == ["ok", "ok"]
    assert "a helper process stands in" in findings[1].detail


def test_kinds_of_gimp_that_were_not_tried_say_so(good: Answer) -> None:
    findings = judged(good, Gimp(("flatpak",), "3.0.4", "flatpak"))
    assert [finding.state for finding in findings] == ["ok", "ok", "warn"]


def test_an_active_environment_is_a_warning(good: Answer, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").touch()
    (tmp_path / "pyvenv.cfg").touch()
    findings = judged(good, PATH=str(tmp_path / "bin"))
    assert findings[-1].state == "warn"
    assert "deactivate" in findings[-1].fix


def test_errors_of_other_plug_ins_are_not_ours() -> None:
    other = SYNTAX.replace("pastiche-gimp.py", "other.py").replace("pastiche-gimp", "other")
    assert plug_in_error(other) == ""
    assert plug_in_error("") == ""
