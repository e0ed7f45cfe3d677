"""A GIMP with the plug-in that the installer put in, and a daemon for it.

`full`: the installer brought torch and everything, and the plug-in starts the daemon. `attached`: the plug-in alone,
for a daemon that runs outside of the root.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from real_gimp import CHECKOUT, Done, Gimp, made, marked
from roots import Bind, roots_folder
from wheels import libraries, wheelhouse
from wire import Daemon, start_daemon

from pastiche.client import Client
from pastiche.connection import Connection, Home, read_connection

INSTALL_PATIENCE = 900.0
WHEELS = "wheels.txt"


@dataclass
class Setting:
    """A GIMP and the home of its daemon; `installer` is how the installer ended and what it said."""

    gimp: Gimp
    daemon_home: Path
    full: bool
    installer: Done
    outside: list[Daemon] = field(default_factory=list, repr=False)

    @property
    def home(self) -> Home:
        return Home(self.daemon_home, Path(sys.executable))

    @property
    def connection(self) -> Connection | None:
        return read_connection(self.home)

    def client(self) -> Client:
        """The headless client, at the daemon that the plug-in uses."""
        return Client.connect(self.home, start=False)

    def start_outside(self) -> None:
        """Starts the daemon where the plug-in cannot."""
        if not self.full and not self.connection:
            with marked(self.gimp.workspace):
                self.outside.append(start_daemon(self.daemon_home))

    def alone(self, name: str, start: bool = True, **facts: object) -> Setting:
        """The same with a profile and a daemon of its own, to be mistreated; `facts` as in `Gimp.copy`."""
        folder = made(self.gimp.workspace / name)
        gimp = self.gimp.copy(folder / "user", **({"home": made(folder / "daemon")} | facts))
        other = Setting(gimp, folder / "daemon", self.full, self.installer)
        if start:
            other.start_outside()
        return other

    def stop(self) -> None:
        for daemon in self.outside:
            daemon.stop()


def install_attached(gimp: Gimp, daemon_home: Path) -> Done:
    """The plug-in and its libraries, for a daemon outside."""
    python = python_of(gimp)
    wheels = wheelhouse(f"gimp-{python}", python, libraries(("pyzmq", "msgpack", "setuptools")))
    command = ["python3", CHECKOUT / "install.py", "gimp", "--attach", daemon_home, "--wheelhouse", wheels]
    return gimp_with(gimp, wheels).execute(command, INSTALL_PATIENCE)


def install_full(gimp: Gimp) -> Done:
    """Everything, into a user's home that is kept between runs for its torch; the profile in it is a fresh one."""
    python = python_of(gimp)
    wheels = wheelhouse(f"full-{python}", python, libraries())
    known = gimp.home / WHEELS
    if not known.exists() or known.read_text() != wheels.name:
        shutil.rmtree(gimp.home)
    for old in (".config", ".cache", ".local/state"):
        shutil.rmtree(gimp.home / old, ignore_errors=True)
    for marker in gimp.home.glob(".local/share/pastiche/versions/*/install.json"):
        # Unfinished for the installer: it takes the sources of today, and the torch that is there.
        marker.write_text(json.dumps(json.loads(marker.read_text("utf-8")) | {"complete": ""}), "utf-8")
    made(gimp.home)
    known.write_text(wheels.name)
    command = ["python3", CHECKOUT / "install.py", "install", "--yes", "--wheelhouse", wheels]
    return gimp_with(gimp, wheels).execute(command, INSTALL_PATIENCE)


def gimp_with(gimp: Gimp, folder: Path) -> Gimp:
    return replace(gimp, binds=(*gimp.binds, Bind(folder, read_only=True)))


def python_of(gimp: Gimp) -> str:
    """The version of the Python that GIMP's plug-ins run with: "3.13"."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return gimp.execute(["python3", "-c", code], 60).stdout.strip()


@contextmanager
def kept_home(name: str) -> Iterator[Path]:
    """A user's home beside the roots, for one test run at a time."""
    folder = made(roots_folder() / f"home-{name}")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
