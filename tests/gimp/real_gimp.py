"""A real GIMP 3, in a root file system of its own or this machine's, that batch scripts are run in."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roots import PATH, Bind, Root

if TYPE_CHECKING:
    from window import Window

CHECKOUT = Path(__file__).parents[2]
INSIDE = Path(__file__).parent / "inside"
THREADS = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")
"""Limits for everything that computes, where the tests were started with them."""
PATIENCE = 180.0
"""Seconds. A batch run takes 3 to 60; only a broken one needs them all."""
MARK = "PASTICHE_GIMP_TEST"
"""A variable that every process of a run inherits, daemons too: so they are found again at the end."""


@dataclass(frozen=True)
class Done:
    """How a program ended: exit status and what it printed."""

    rc: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def said(self) -> str:
        return (self.stdout + self.stderr)[-6000:]


@dataclass(frozen=True)
class Gimp:
    """One GIMP with a user: `home` is HOME, with the profile in it. `root` None: the GIMP of this machine.

    `workspace` is a folder that both sides see at the same absolute path; `binds` are further ones.
    """

    series: str
    root: Root | None
    workspace: Path
    home: Path
    binds: tuple[Bind, ...] = ()

    @property
    def profile(self) -> Path:
        return self.home / ".config" / "GIMP" / self.series

    @property
    def plug_in(self) -> Path:
        return self.profile / "plug-ins" / "pastiche-gimp"

    @property
    def facts(self) -> dict[str, str]:
        """What the installer wrote for the plug-in."""
        return dict(json.loads((self.plug_in / "pastiche.json").read_text("utf-8")))

    def environment(self, **more: object) -> dict[str, str]:
        """A clean one, as GIMP gets from a desktop's menu: no Python environment of the tests in it."""
        plain = {"PATH": PATH, "HOME": str(self.home), "LANG": "C.UTF-8", MARK: mark(self.workspace)}
        plain |= {name: os.environ[name] for name in THREADS if name in os.environ}
        return plain | {"PYTHONDONTWRITEBYTECODE": "1"} | {name: str(value) for name, value in more.items()}

    def command(self, arguments: Sequence[object], **environment: object) -> list[str]:
        words = [str(argument) for argument in arguments]
        clean = self.environment(**environment)
        if not self.root:
            return ["env", "-i", "-C", str(self.home), *(f"{k}={v}" for k, v in clean.items()), *words]
        temporary = Bind(made(self.workspace / "tmp"), Path("/tmp"))
        binds = (temporary, Bind(CHECKOUT, read_only=True), Bind(self.workspace), *self.binds)
        return self.root.command(words, clean, binds, self.home)

    def start(self, arguments: Sequence[object], output: Path, **environment: object) -> subprocess.Popen[bytes]:
        """A program in the root, its output in files: no pipe that a daemon could keep open."""
        with output.open("wb") as out, output.with_suffix(".err").open("wb") as err:
            return subprocess.Popen(
                self.command(arguments, **environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def execute(self, arguments: Sequence[object], patience: float = PATIENCE, **environment: object) -> Done:
        """Runs a program to its end. Past its time it is killed with all that it started, and the test fails."""
        output = made(self.workspace / "output") / f"{time.time_ns()}.out"
        began = time.monotonic()
        process = self.start(arguments, output, **environment)
        try:
            rc = process.wait(patience)
        except BaseException:
            kill_group(process)
            out, err = texts(output)
            print(f"{' '.join(map(str, arguments))[:200]}\n{(out + err)[-6000:]}")
            raise
        return Done(rc, *texts(output), time.monotonic() - began)

    def run(self, script: Path | str, patience: float = PATIENCE, **environment: object) -> Done:
        """Runs a Python script (a file, or its text) in GIMP without a window; status 0 unless it raised."""
        return self.execute(batch(script), patience, **environment)

    def facts_of(self, script: str, patience: float = PATIENCE, **environment: object) -> dict[str, Any]:
        """What a script of `inside/` found out: the JSON that it wrote, its pixels in files beside it."""
        folder = made(self.workspace / "facts" / f"{Path(script).stem}-{time.time_ns()}")
        done = self.run(INSIDE / script, patience, FACTS=folder, **environment)
        assert done.rc == 0, done.said
        found = dict(json.loads((folder / "facts.json").read_text("utf-8")))
        return {"folder": folder, "said": done.said, **found}

    @contextmanager
    def window(self, *pictures: Path, screen: str = "", **environment: object) -> Iterator[Window]:
        """GIMP in a real window with these pictures open; all of it is gone afterwards. `screen`: "1366x768"."""
        from window import open_window

        with open_window(self, *pictures, screen=screen, **environment) as opened:
            yield opened

    def copy(self, user: Path, **facts: object) -> Gimp:
        """The same GIMP for another user, who has a copy of the profile; `facts` change what the plug-in knows."""
        other = replace(self, home=made(user))
        shutil.copytree(self.profile, other.profile)
        file = other.plug_in / "pastiche.json"
        file.write_text(json.dumps(self.facts | {name: str(value) for name, value in facts.items()}), "utf-8")
        return other


def batch(script: Path | str) -> list[str]:
    """The command that runs a Python script in GIMP without a window. It may import what lies in `inside/`."""
    code = f"import sys; sys.path.insert(0, {str(INSIDE)!r})\n"
    code += script if isinstance(script, str) else f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    packed = base64.b64encode(code.encode()).decode()
    exec_it = f"import base64; exec(base64.b64decode('{packed}'))"
    return ["gimp-console", "-i", "--batch-interpreter=python-fu-eval", "-b", exec_it, "--quit"]


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def texts(output: Path) -> tuple[str, str]:
    files = (output, output.with_suffix(".err"))
    found = [file.read_text("utf-8", "replace") if file.exists() else "" for file in files]
    return found[0], found[1]


def kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def mark(workspace: Path) -> str:
    """The test run, and whose it is."""
    return f"{os.getpid()}:{workspace}"


@contextmanager
def marked(workspace: Path) -> Iterator[None]:
    """What is started meanwhile belongs to the run, although it does not run in GIMP's environment."""
    os.environ[MARK] = mark(workspace)
    try:
        yield
    finally:
        del os.environ[MARK]


def marked_processes() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):
                for variable in (folder / "environ").read_bytes().split(b"\0"):
                    if variable.startswith(MARK.encode() + b"="):
                        yield int(folder.name), variable.partition(b"=")[2].decode()


def plug_ins_of(gimp: Gimp) -> list[int]:
    """The process numbers of Pastiche's plug-ins at work in this run."""
    own = mark(gimp.workspace)
    found = [pid for pid, owner in marked_processes() if owner == own]
    return [pid for pid in found if b"pastiche-gimp.py" in words_of(pid)]


def words_of(pid: int) -> bytes:
    """A process' command line; nothing where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def end_processes(workspace: Path | None) -> list[int]:
    """Kills what this run started; without a workspace, what runs that were killed themselves left behind."""
    ended = []
    for pid, owner in marked_processes():
        runner = Path("/proc", owner.partition(":")[0], "cmdline")
        mine = owner == mark(workspace) if workspace else not alive(runner)
        if mine:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                ended.append(pid)
    return ended


def alive(runner: Path) -> bool:
    """Whether a test run or a benchmark is still there."""
    with suppress(OSError):
        words = runner.read_bytes()
        return b"pytest" in words or b"benchmarks" in words
    return False


@contextmanager
def all_ended(workspace: Path) -> Iterator[None]:
    """Whatever happens inside, no process of it is left afterwards."""
    end_processes(None)
    try:
        yield
    finally:
        while end_processes(workspace):
            time.sleep(0.1)
