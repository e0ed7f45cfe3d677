"""The GIMPs of this computer: where they are, how they are started without a window, and what they say of themselves.

The installer loads this module from the sources: standard library only.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLUG_IN = "pastiche-gimp"
PROCEDURE = "plug-in-pastiche"
PROCEDURES = (PROCEDURE, f"{PROCEDURE}-again", f"{PROCEDURE}-settings")
FACTS = "pastiche.json"
TYPELIBS = ("Gtk", "GimpUi")
"""What the dialog needs, as GObject introspection calls it."""
FLATPAK = "org.gimp.GIMP"
SECONDS = 120.0
"""A first start takes up to half a minute on a slow computer."""
VERSION_SECONDS = 30.0
OLDEST = (3, 0)
DESKTOP_PATH = "/usr/bin:/bin"
NO_INTERPRETER = 69
"""GIMP's exit status where the batch interpreter that was asked for does not exist (EX_UNAVAILABLE)."""
_CONSOLE = re.compile(r"gimp-console(-3[\d.]*)?")
_PLAIN = re.compile(r"gimp(-3[\d.]*)?")
_MISLEADING = re.compile(r"PYTHON(PATH|HOME|STARTUP|SAFEPATH|NOUSERSITE)|VIRTUAL_ENV(_PROMPT)?|CONDA_.*")


@dataclass(frozen=True)
class Gimp:
    """One GIMP: the command that starts it, its version ("3.0.4") and where it comes from."""

    command: tuple[str, ...]
    version: str
    kind: str = "system"
    """system, flatpak, snap, macos or windows."""

    @property
    def series(self) -> str:
        """What its profile folder is called: "3.0"."""
        return ".".join(self.version.split(".")[:2])

    @property
    def supported(self) -> bool:
        return tuple(int(number) for number in self.series.split(".")) >= OLDEST

    @property
    def tried(self) -> bool:
        """Whether Pastiche was ever tried with this kind of GIMP."""
        return self.kind == "system"

    @property
    def name(self) -> str:
        where = self.command[0] if self.kind in ("system", "macos", "windows") else self.kind
        return f"GIMP {self.version} ({where})"


@dataclass(frozen=True)
class Answer:
    """What a GIMP said of itself, or `trouble`: "" or timeout, no-python, no-gi, failed."""

    trouble: str = ""
    status: int = 0
    stderr: str = ""
    executable: str = ""
    """GIMP's Python."""
    python: tuple[int, int] = (0, 0)
    platform: str = ""
    """`sysconfig.get_platform()` of that Python."""
    glibc: str = ""
    profile: str = ""
    plug_in_path: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    """Those of PROCEDURES that GIMP knows."""
    typelibs: tuple[str, ...] = ()
    """Those of TYPELIBS that are there."""
    libraries: bool = False
    """Whether the folder that pastiche.json names is there for this GIMP."""
    pastiche: str = ""
    zmq: str = ""
    """Versions that load; else "" with the reason in `complaint`."""
    complaint: str = ""


def find_gimps(system: str, environ: Mapping[str, str], user: Path) -> list[Gimp]:
    """Every GIMP of this computer, too old ones included: asks each candidate for its version."""
    found: list[Gimp] = []
    seen: set[Path] = set()
    for kind, command in [*_candidates(system, environ, user)]:
        program = Path(command[0])
        real = program if kind in ("flatpak", "snap") else program.resolve()
        if real in seen:
            continue
        seen.add(real)
        version = gimp_version(command, environ)
        twins = {(gimp.version, Path(gimp.command[0]).resolve().parent) for gimp in found if gimp.kind == kind}
        # `gimp` beside `gimp-console` is the same GIMP.
        if version and (version, real.parent) not in twins:
            found.append(Gimp(command, version, kind))
    return found


def _candidates(system: str, environ: Mapping[str, str], user: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    if system == "win32":
        roots = [environ.get("ProgramFiles"), environ.get("ProgramW6432")]
        folders = [Path(root) for root in roots if root]
        folders.append(Path(environ.get("LOCALAPPDATA") or user / "AppData" / "Local") / "Programs")
        for folder in folders:
            for program in sorted(folder.glob("GIMP*/bin/gimp-console*.exe")):
                yield "windows", (str(program),)
        return
    if system == "darwin":
        for folder in (Path("/Applications"), user / "Applications"):
            for program in sorted(folder.glob("GIMP*.app/Contents/MacOS/gimp-console")):
                yield "macos", (str(program),)
    path = [Path(entry) for entry in environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    for pattern in (_CONSOLE, _PLAIN):
        for program in _programs(path, pattern):
            yield "snap" if "snap" in program.parts else "system", (str(program),)
    if flatpak := shutil.which("flatpak", path=environ.get("PATH")):
        yield "flatpak", (flatpak, "run", "--command=gimp-console", FLATPAK)


def _programs(folders: Iterable[Path], pattern: re.Pattern[str]) -> Iterator[Path]:
    for folder in folders:
        with suppress(OSError):
            for program in sorted(folder.glob("gimp*")):
                if pattern.fullmatch(program.name) and os.access(program, os.X_OK):
                    yield program


def gimp_version(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """ "3.0.4"; "" for a program that is no GIMP or does not start."""
    with suppress(OSError, subprocess.TimeoutExpired):
        status, stdout, _ = run([*command, "--version"], gimp_environment(command, environ), VERSION_SECONDS)
        match = re.search(r"\d+\.\d+(\.\d+)*", stdout)
        return match[0] if match and status == 0 else ""
    return ""


def gimp_environment(command: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The environment that a GIMP started from the desktop's menu has: no Python environment gets in its way.

    GIMP runs its plug-ins with the first `python3` in PATH; that of a virtual environment knows no GIMP.
    """
    own = Path(command[0]).parent
    path = [entry for entry in environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    kept = [entry for entry in path if Path(entry) == own or not is_environment(Path(entry))]
    return {name: value for name, value in environ.items() if not _MISLEADING.fullmatch(name)} | {
        "PATH": os.pathsep.join(kept)
    }


def is_environment(folder: Path) -> bool:
    """Whether this folder of programs is a virtual environment's or conda's."""
    return (folder.parent / "pyvenv.cfg").is_file() or (folder.parent / "conda-meta").is_dir()


def active_environment(environ: Mapping[str, str]) -> str:
    """The folder of the Python environment that this terminal has before the system's Python in its PATH, else ""."""
    for entry in environ.get("PATH", "").split(os.pathsep):
        folder = Path(entry)
        if entry and any((folder / name).exists() for name in ("python3", "python.exe")):
            return str(folder.parent) if is_environment(folder) else ""
    return ""


def run(command: Sequence[str], environment: Mapping[str, str], seconds: float) -> tuple[int, str, str]:
    """Exit status, stdout, stderr. Raises OSError, subprocess.TimeoutExpired.

    Output goes to files: through pipes, a process that a plug-in leaves behind would keep us waiting.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=dict(environment),
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)
        except BaseException:
            _end(process)
            raise
        out.seek(0)
        err.seek(0)
        return status, out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a GIMP together with the plug-ins that it started."""
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def first_run(gimp: Gimp, environ: Mapping[str, str], seconds: float = SECONDS) -> bool:
    """Lets a GIMP that was never started make its profile itself; whether it ended well.

    A profile made by anybody else would cost the user the settings of the version before, which GIMP takes over then.
    """
    with suppress(OSError, subprocess.TimeoutExpired):
        status, _, _ = run([*gimp.command, "-i", "--quit"], gimp_environment(gimp.command, environ), seconds)
        return status == 0
    return False


# Sees the libraries just as the plug-in does (pastiche_gimp/installation.py).
_QUESTION = """
import json, os, platform, sys, sysconfig
import gi
from gi.repository import Gimp
said = dict(executable=sys.executable, python=sys.version_info[:2], platform=sysconfig.get_platform(),
            glibc=platform.libc_ver()[1] if platform.libc_ver()[0] == "glibc" else "", profile=Gimp.directory())
pdb = Gimp.get_pdb()
said["procedures"] = [name for name in PROCEDURES if pdb.lookup_procedure(name) is not None]
asking = pdb.lookup_procedure("gimp-gimprc-query")
config = asking.create_config()
config.set_property("token", "plug-in-path")
said["plug_in_path"] = str(asking.run(config).index(1) or "").split(os.pathsep)
said["typelibs"] = []
for name in TYPELIBS:
    try:
        gi.require_version(name, "3.0")
        said["typelibs"].append(name)
    except ValueError:
        pass
problems = []
try:
    with open(os.path.join(Gimp.directory(), "plug-ins", PLUG_IN, FACTS), encoding="utf-8") as file:
        libraries = json.load(file)["libraries"]
    said["libraries"] = os.path.isdir(os.path.join(libraries, "common", "pastiche"))
    own = os.path.join(libraries, "cp%d%d" % sys.version_info[:2])
    others = [os.path.join(libraries, name) for name in sorted(os.listdir(libraries)) if name.startswith("cp")]
    sys.path[1:1] = [own, *[path for path in others if path != own], os.path.join(libraries, "common")]
    from pastiche.version import VERSION
    said["pastiche"] = VERSION
    import msgpack
except Exception as error:
    problems.append("%s: %s" % (type(error).__name__, error))
try:
    import zmq
    if not zmq.has("curve"):
        raise ImportError("this pyzmq has no encryption")
    said["zmq"] = zmq.__version__
except Exception as error:
    problems.append("%s: %s" % (type(error).__name__, error))
said["complaint"] = "; ".join(problems)
print(MARK + json.dumps(said) + MARK, flush=True)
"""
_MARK = "=-pastiche-="


def ask(gimp: Gimp, environ: Mapping[str, str], seconds: float = SECONDS) -> Answer:
    """Starts GIMP without a window and asks for its Python, its profile, and what it knows of the plug-in.

    Neither data nor fonts are left out (`-d`, `-f`): GIMP would remember scripts that it read without them.
    """
    names = {"PROCEDURES": PROCEDURES, "PLUG_IN": PLUG_IN, "FACTS": FACTS, "TYPELIBS": TYPELIBS, "MARK": _MARK}
    question = "".join(f"{name} = {value!r}\n" for name, value in names.items()) + _QUESTION
    code = base64.b64encode(question.encode()).decode()
    batch = ["--batch-interpreter=python-fu-eval", "-b", f"import base64; exec(base64.b64decode('{code}'))"]
    environment = gimp_environment(gimp.command, environ)
    command = [*gimp.command, "-i", *batch, "--quit"]
    try:
        answer = read_answer(*run(command, environment, seconds))
        if answer.trouble == "no-gi" and gimp.kind == "system":
            # A python3 of pyenv, asdf or Homebrew is first in this terminal's PATH, but not in the desktop's.
            answer = read_answer(*run(command, environment | {"PATH": DESKTOP_PATH}, seconds))
    except subprocess.TimeoutExpired:
        return Answer("timeout")
    except OSError as error:
        return Answer("failed", 1, str(error))
    return answer


def read_answer(status: int, stdout: str, stderr: str) -> Answer:
    """What GIMP's output says; the answer's line may have other plug-ins' output around it."""
    said: dict[str, Any] = {}
    with suppress(ValueError, IndexError):
        said = json.loads(stdout.split(_MARK)[1])
    if said:
        lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
        return Answer(status=status, stderr=stderr, **(said | lists))
    if status == NO_INTERPRETER:
        return Answer("no-python", status, stderr)
    without_gi = re.search(r"No module named 'gi'|module 'gi' has no attribute", stderr)
    return Answer("no-gi" if without_gi else "failed", status, stderr)
