"""GIMP's profile folders and the plug-in's files in them: found, put in place, taken away, looked over.

The installer loads this module from the sources: standard library only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pastiche.gimp import FACTS, FLATPAK, PLUG_IN, PROCEDURE, Gimp

MAIN = f"{PLUG_IN}.py"
SHEBANG = "#!/usr/bin/env python3"
"""Exactly this: GIMP's bundles for Windows and macOS map these words to their own Python."""
SETTINGS = f"plug-in-settings/GimpProcedureConfigRun-{PROCEDURE}*"
_SERIES = re.compile(r"3\.\d+")


class PlugInError(Exception):
    """The plug-in cannot be put in place: what is in the way, and what to do."""


@dataclass(frozen=True)
class Facts:
    """What the plug-in has to know of the installation, in `pastiche.json` beside it; `python` "" = the daemon lives
    elsewhere."""

    libraries: str
    home: str
    python: str
    guide: str
    version: str

    @classmethod
    def read(cls, plug_in: Path) -> Facts | None:
        """Those in a plug-in's folder; None where there are none or they are damaged."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            data = json.loads((plug_in / FACTS).read_text("utf-8"))
            return cls(**{name: str(data.get(name, "")) for name in cls.__dataclass_fields__})
        return None

    def write(self, plug_in: Path) -> None:
        (plug_in / FACTS).write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), "utf-8")


def profile_roots(system: str, environ: Mapping[str, str], user: Path) -> list[Path]:
    """The folders in which GIMPs keep one profile for each of their versions, whether they are there or not."""
    if system == "win32":
        return [Path(environ.get("APPDATA") or user / "AppData" / "Roaming") / "GIMP"]
    if system == "darwin":
        return [user / "Library" / "Application Support" / "GIMP"]
    config = Path(environ.get("XDG_CONFIG_HOME") or user / ".config")
    roots = [config, user / ".config", user / ".var" / "app" / FLATPAK / "config"]
    roots += sorted((user / "snap" / "gimp").glob("*/.config"))
    return list(dict.fromkeys(root / "GIMP" for root in roots))


def find_profiles(system: str, environ: Mapping[str, str], user: Path) -> list[Path]:
    """Every profile of a GIMP 3 that is there; none is ever made here (see `gimp.first_run`)."""
    forced = environ.get("GIMP3_DIRECTORY")
    found = [user / forced] if forced else []
    for root in profile_roots(system, environ, user):
        with suppress(OSError):
            found += sorted(path for path in root.iterdir() if _SERIES.fullmatch(path.name))
    unique = {path.resolve(): path for path in reversed(found) if path.is_dir()}
    return [*reversed(unique.values())]


def has_profile(gimp: Gimp, system: str, environ: Mapping[str, str], user: Path) -> bool:
    """Whether this GIMP was started before."""
    if forced := environ.get("GIMP3_DIRECTORY"):
        return (user / forced).is_dir()
    sandboxes = (user / ".var", user / "snap")
    for root in profile_roots(system, environ, user):
        inside = any(sandbox in root.parents for sandbox in sandboxes)
        if (root / gimp.series).is_dir() and (not inside or gimp.kind in ("flatpak", "snap")):
            return True
    return False


def plug_in_folder(profile: Path) -> Path:
    return profile / "plug-ins" / PLUG_IN


def obstacle(profile: Path) -> str:
    """Why nothing may be written to the plug-in's place in this profile; "" where it is free or holds our plug-in."""
    folder = plug_in_folder(profile)
    if folder.is_symlink():
        return f"{folder} is a link which this installer did not make. Remove it and run this again."
    if folder.exists() and not (folder / FACTS).is_file():
        return (
            f"{folder} is there already and was not put there by this installer. Move it out of "
            f"{folder.parent} and run this again."
        )
    return ""


def place_plug_in(source: Path, profile: Path, facts: Facts) -> Path:
    """Real files, swapped in at once; returns their folder. Raises PlugInError, OSError.

    No links, as GIMP copies the profile when it is upgraded; the libraries stay outside, as it copies few levels.
    """
    if reason := obstacle(profile):
        raise PlugInError(reason)
    folder = plug_in_folder(profile)
    folder.parent.mkdir(exist_ok=True)
    new, old = _beside(folder, "new"), _beside(folder, "old")
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(source, new, ignore=shutil.ignore_patterns("__pycache__", FACTS))
    facts.write(new)
    (new / MAIN).chmod(0o755)
    # GIMP reads a plug-in again only when the time of its main file is another one.
    os.utime(new / MAIN)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return folder


def _beside(folder: Path, what: str) -> Path:
    # Without the plug-in's name, so that a GIMP that starts at this moment takes it for nothing.
    return folder.with_name(f".{PLUG_IN}.{what}")


def remove_plug_in(profile: Path, programs: Path) -> bool:
    """Takes the plug-in of the installation in `programs`, and what GIMP saved for it, out of a profile."""
    folder = plug_in_folder(profile)
    facts = Facts.read(folder)
    if folder.is_symlink() or not facts or not Path(facts.libraries).is_relative_to(programs):
        return False
    shutil.rmtree(folder)
    for what in ("new", "old"):
        shutil.rmtree(_beside(folder, what), ignore_errors=True)
    for file in profile.glob(SETTINGS):
        file.unlink(missing_ok=True)
    return True


@dataclass(frozen=True)
class Fault:
    """Something that keeps the plug-in from working, and what to do about it."""

    sentence: str
    fix: str


INSTALL = "Run: python3 install.py gimp"


def file_faults(profile: Path) -> Iterator[Fault]:
    """What is wrong with the plug-in's files in a profile; GIMP itself passes over most of it in silence."""
    folder = plug_in_folder(profile)
    main = folder / MAIN
    if not main.is_file():
        yield _misplaced(folder)
        return
    mode = main.stat().st_mode
    if os.name == "posix" and not mode & 0o111:
        yield Fault(f"{main} is not executable, so GIMP passes over it.", f"Run: chmod +x '{main}'")
    elif os.name == "posix" and not os.access(main, os.X_OK):
        yield Fault(f"{main} lies on a disk from which nothing may be executed.", "Mount it without the option noexec.")
    first = main.open("rb").readline(200).decode("utf-8", "replace").rstrip("\r\n")
    if first != SHEBANG:
        said = f"begins with {first!r}" if first.startswith("#!") else "does not say what runs it"
        yield Fault(f"{main} {said}; its first line must be {SHEBANG}", INSTALL)
    facts = Facts.read(folder)
    if not facts:
        yield Fault(f"{folder / FACTS} is missing or damaged: the plug-in knows no installation.", INSTALL)
        return
    if not (Path(facts.libraries) / "common" / "pastiche").is_dir():
        yield Fault(f"The plug-in's libraries are not in {facts.libraries}.", INSTALL)
    if facts.python and not Path(facts.python).is_file():
        yield Fault(
            f"The installation of the plug-in is gone: there is no {facts.python}.", "Run: python3 install.py install"
        )
    if not Path(facts.home).is_dir():
        yield Fault(f"The daemon's home {facts.home} is not there.", INSTALL)


def _misplaced(folder: Path) -> Fault:
    """Where the main file is instead of in its folder."""
    if (folder.parent / MAIN).is_file():
        return Fault(
            f"{MAIN} lies directly in {folder.parent}; GIMP wants it in a folder of its own, {PLUG_IN}.",
            f"Delete it there. {INSTALL}",
        )
    found = [*folder.glob(f"*/{MAIN}"), *folder.parent.glob(f"*/{MAIN}")]
    if found:
        return Fault(
            f"{MAIN} is in {found[0].parent}; GIMP wants it in {folder}, in a folder of its own name.",
            f"Delete {found[0].parent}. {INSTALL}",
        )
    return Fault(f"The plug-in is not in {folder}.", INSTALL)
