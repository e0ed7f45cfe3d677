"""GIMP root file systems: where they lie, whether they are complete, and how a command runs inside one.

A command gets a mount namespace of its own. Its mounts vanish with its last process, however that ends, so that no
killed test run leaves any behind, and nothing outside ever sees them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SUITES = {"trixie": "3.0", "forky": "3.2"}
"""Debian's suites and the GIMP that each has."""
PACKAGES = (
    *("gimp", "python3-gi", "gir1.2-gtk-3.0", "python3-venv", "python3-pip", "xvfb", "xauth", "dbus-x11", "openbox"),
    *("xdotool", "imagemagick", "fonts-dejavu-core", "fonts-noto-cjk", "locales", "adwaita-icon-theme"),
)
LOCALES = ("de_DE.UTF-8", "zh_CN.UTF-8")
PATH = "/usr/bin:/bin"
MARKER = "pastiche-root.json"

ENTER = """
set -e
root=$1; shift
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  [ "$3" != ro ] || mount -o remount,bind,ro "$root$2"
  shift 3
done
shift
exec chroot "$root" "$@"
"""


@dataclass(frozen=True)
class Bind:
    """A folder of this machine that a root sees, at the same absolute path unless told otherwise."""

    folder: Path
    inside: Path | None = None
    read_only: bool = False

    @property
    def arguments(self) -> list[str]:
        return [str(self.folder), str(self.inside or self.folder), "ro" if self.read_only else "rw"]


@dataclass(frozen=True)
class Root:
    """The root file system of a suite."""

    suite: str
    folder: Path

    @property
    def marker(self) -> Path:
        return self.folder / MARKER

    @property
    def recipe(self) -> str:
        """Changes with whatever belongs into the root."""
        text = json.dumps([self.suite, sorted(PACKAGES), LOCALES])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def is_complete(self) -> bool:
        try:
            return bool(json.loads(self.marker.read_text("utf-8"))["recipe"] == self.recipe)
        except (OSError, ValueError, KeyError):
            return False

    def command(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        binds: Sequence[Bind] = (),
        cwd: Path = Path("/"),
    ) -> list[str]:
        """The command that runs `arguments` inside. It is exec'd all the way: its process is the program itself."""
        variables = [f"{name}={value}" for name, value in environment.items()]
        mounts = [argument for bind in binds for argument in bind.arguments]
        clean = ["env", "-i", "-C", str(cwd), *variables, *arguments]
        own_mounts = ["unshare", "--mount", "--propagation", "private", "--"]
        return [*own_mounts, "/bin/sh", "-c", ENTER, "enter", str(self.folder), *mounts, "--", *clean]


def roots_folder() -> Path:
    if named := os.environ.get("PASTICHE_GIMP_ROOTS"):
        return Path(named).resolve()
    return Path.home() / ".cache" / "pastiche-gimp"


def find_root(suite: str) -> Root:
    return Root(suite, roots_folder() / suite)


def cannot_enter() -> str:
    """Why no root can be entered on this machine; "" if they can."""
    if os.geteuid() != 0:
        return "only root may enter a root file system (chroot)"
    if not shutil.which("unshare"):
        return "there is no `unshare` (util-linux) on this machine"
    trial = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "none", "/mnt"]
    if subprocess.run(trial, capture_output=True, check=False).returncode:
        return "nothing may be mounted here (a container without CAP_SYS_ADMIN?)"
    return ""
