"""The plug-in's files in GIMP's profiles: where they go, what they replace, what is found wrong with them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pastiche import gimp_profiles as profiles
from pastiche.gimp import Gimp
from pastiche.gimp_profiles import Facts, PlugInError

GIMP = Gimp(("gimp-console",), "3.0.4")


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    (tmp_path / ".config" / "GIMP" / "3.0" / "plug-ins").mkdir(parents=True)
    return tmp_path / ".config" / "GIMP" / "3.0"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A plug-in's files as they are in the sources."""
    folder = tmp_path / "sources" / "pastiche-gimp"
    (folder / "pastiche_gimp" / "__pycache__").mkdir(parents=True)
    (folder / "pastiche_gimp" / "__init__.py").touch()
    (folder / "pastiche_gimp" / "__pycache__" / "x.pyc").touch()
    (folder / profiles.MAIN).write_text(f"{profiles.SHEBANG}\n", "utf-8")
    (folder / profiles.MAIN).chmod(0o644)
    os.utime(folder / profiles.MAIN, (1, 1))
    return folder


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    """Those of an installation that is there."""
    libraries = tmp_path / "programs" / "current" / "gimp-libs"
    (libraries / "common" / "pastiche").mkdir(parents=True)
    python = tmp_path / "programs" / "current" / "bin" / "python"
    python.parent.mkdir()
    python.touch()
    (tmp_path / "home").mkdir()
    return Facts(str(libraries), str(tmp_path / "home"), str(python), "", "1")


def found(user: Path, **environ: str) -> list[Path]:
    return profiles.find_profiles("linux", environ, user)


def test_profiles_of_every_version_and_of_flatpak_are_found(tmp_path: Path, profile: Path) -> None:
    flatpak = tmp_path / ".var" / "app" / "org.gimp.GIMP" / "config" / "GIMP" / "3.0"
    for folder in (profile.with_name("3.2"), profile.with_name("2.10"), profile.with_name("3.0-old"), flatpak):
        folder.mkdir(parents=True)
    assert found(tmp_path) == [profile, profile.with_name("3.2"), flatpak]


def test_no_profile_is_made(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    assert not profiles.has_profile(GIMP, "linux", {}, tmp_path)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("absolute", [True, False])
def test_a_profile_named_by_the_environment_comes_first(tmp_path: Path, profile: Path, absolute: bool) -> None:
    own = tmp_path / "my gimp"
    own.mkdir()
    named = str(own) if absolute else "my gimp"
    assert found(tmp_path, GIMP3_DIRECTORY=named) == [own, profile]
    assert profiles.has_profile(GIMP, "linux", {"GIMP3_DIRECTORY": named}, tmp_path)
    assert not profiles.has_profile(GIMP, "linux", {"GIMP3_DIRECTORY": "gone"}, tmp_path)


def test_config_elsewhere_and_other_systems(tmp_path: Path, profile: Path) -> None:
    moved = tmp_path / "moved" / "GIMP" / "3.2"
    moved.mkdir(parents=True)
    assert found(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "moved")) == [moved, profile]
    assert profiles.profile_roots("win32", {"APPDATA": "/A"}, tmp_path) == [Path("/A/GIMP")]
    assert profiles.profile_roots("darwin", {}, tmp_path) == [tmp_path / "Library/Application Support/GIMP"]


def test_a_flatpak_profile_is_not_the_systems(tmp_path: Path) -> None:
    (tmp_path / ".var/app/org.gimp.GIMP/config/GIMP/3.0").mkdir(parents=True)
    assert not profiles.has_profile(GIMP, "linux", {}, tmp_path)
    assert profiles.has_profile(Gimp(("flatpak",), "3.0.4", "flatpak"), "linux", {}, tmp_path)


def test_plug_in_is_real_files_that_gimp_reads_anew(profile: Path, source: Path, facts: Facts) -> None:
    folder = profiles.place_plug_in(source, profile, facts)
    main = folder / "pastiche-gimp.py"
    assert folder == profile / "plug-ins" / "pastiche-gimp"
    assert main.stat().st_mode & 0o777 == 0o755
    assert main.stat().st_mtime > 1_000_000
    assert Facts.read(folder) == facts
    assert not [path for path in folder.rglob("*") if path.is_symlink() or path.name == "__pycache__"]
    assert [path.name for path in folder.parent.iterdir()] == ["pastiche-gimp"]
    assert [*profiles.file_faults(profile)] == []


def test_an_older_plug_in_and_leftovers_are_replaced(profile: Path, source: Path, facts: Facts) -> None:
    folder = profiles.place_plug_in(source, profile, facts)
    (folder / "old.py").touch()
    (folder.parent / ".pastiche-gimp.new" / "half").mkdir(parents=True)
    (folder.parent / ".pastiche-gimp.old").mkdir()
    profiles.place_plug_in(source, profile, facts)
    assert not (folder / "old.py").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["pastiche-gimp"]


@pytest.mark.parametrize("link", [True, False])
def test_what_is_not_ours_is_not_touched(profile: Path, source: Path, facts: Facts, tmp_path: Path, link: bool) -> None:
    folder = profiles.plug_in_folder(profile)
    if link:
        folder.symlink_to(source, target_is_directory=True)
        facts.write(source)
    else:
        folder.mkdir()
        (folder / "theirs").touch()
    before = sorted(folder.iterdir())
    with pytest.raises(PlugInError, match="and run this again"):
        profiles.place_plug_in(source, profile, facts)
    assert not profiles.remove_plug_in(profile, tmp_path / "programs")
    assert sorted(folder.iterdir()) == before


def test_removal_takes_what_gimp_saved_and_only_that(profile: Path, source: Path, facts: Facts, tmp_path: Path) -> None:
    folder = profiles.place_plug_in(source, profile, facts)
    settings = profile / "plug-in-settings"
    settings.mkdir()
    ours = settings / "GimpProcedureConfigRun-plug-in-pastiche.last"
    theirs = settings / "GimpProcedureConfigRun-plug-in-other.last"
    ours.touch()
    theirs.touch()
    assert not profiles.remove_plug_in(profile, tmp_path / "another installation")
    assert folder.is_dir()
    assert profiles.remove_plug_in(profile, tmp_path / "programs")
    assert {*profile.rglob("*")} == {folder.parent, settings, theirs}
    assert not profiles.remove_plug_in(profile, tmp_path / "programs")


def rewritten(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / profiles.MAIN).write_text(text, "utf-8")


def moved(*where: str) -> Callable[[Path], object]:
    """The plug-in's folder is somewhere else below plug-ins."""

    def move(folder: Path) -> None:
        folder.rename(folder.with_name("x"))
        target = folder.parent.joinpath(*where)
        target.parent.mkdir(exist_ok=True)
        folder.with_name("x").rename(target)

    return move


def direct(folder: Path) -> None:
    (folder / profiles.MAIN).rename(folder.parent / profiles.MAIN)
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name == "nt", reason="no exec bit")
@pytest.mark.parametrize(
    ("damage", "sentence", "fix"),
    [
        pytest.param(lambda f: (f / profiles.MAIN).chmod(0o644), "is not executable", "chmod +x", id="exec"),
        pytest.param(rewritten("import sys\n"), "does not say what runs it", "gimp", id="no-shebang"),
        pytest.param(rewritten("#!/usr/bin/python9\n"), "begins with '#!/usr/bin/python9'", "gimp", id="bad-shebang"),
        pytest.param(moved("pastiche-main"), "in a folder of its own name", "Delete", id="name"),
        pytest.param(moved("pastiche-gimp", "pastiche-gimp"), "in a folder of its own name", "Delete", id="nested"),
        pytest.param(direct, "lies directly in", "Delete it there", id="direct"),
        pytest.param(shutil.rmtree, "The plug-in is not in", "install.py gimp", id="gone"),
        pytest.param(lambda f: (f / "pastiche.json").write_text("{"), "missing or damaged", "gimp", id="facts"),
        pytest.param(lambda f: Facts("/gone", "/", "", "", "").write(f), "libraries are not in", "gimp", id="libs"),
    ],
)
def test_what_gimp_passes_over_in_silence_has_a_sentence(
    profile: Path, source: Path, facts: Facts, damage: Callable[[Path], object], sentence: str, fix: str
) -> None:
    folder = profiles.place_plug_in(source, profile, facts)
    damage(folder)
    (fault,) = profiles.file_faults(profile)
    assert sentence in fault.sentence
    assert fix in fault.fix


def test_an_installation_that_is_gone_is_named(profile: Path, source: Path, facts: Facts, tmp_path: Path) -> None:
    profiles.place_plug_in(source, profile, facts)
    Path(facts.python).unlink()
    (tmp_path / "home").rmdir()
    assert [fault.fix for fault in profiles.file_faults(profile)] == [
        "Run: python3 install.py install",
        "Run: python3 install.py gimp",
    ]
