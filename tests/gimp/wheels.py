"""Folders of ready-made packages for a root's Python, downloaded by this environment's pip, kept beside the roots.

The roots get them with `--wheelhouse`: whatever pip needs on this machine to reach an index stays on this machine.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from real_gimp import CHECKOUT
from roots import roots_folder

GLIBC = range(5, 42)
"""Minor versions of the glibc 2.x that packages may have been made for; trixie has 2.41."""


class NoPackages(Exception):
    """They cannot be downloaded here."""


def libraries(names: Sequence[str] = ()) -> list[str]:
    """What the project depends on, or those of it; torch in the version that the tests run with."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    torch = importlib.metadata.version("torch").partition("+")[0]
    needed = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    chosen = [line for line in needed if not names or line.startswith(tuple(names))]
    return [f"torch=={torch}" if line.startswith("torch>") else line for line in chosen]


def wheelhouse(name: str, python: str, requirements: Sequence[str]) -> Path:
    """The folder with these packages for that Python ("3.13"), downloaded unless it is there. Raises NoPackages."""
    key = hashlib.sha256(json.dumps([python, sorted(requirements)]).encode()).hexdigest()[:12]
    folder = roots_folder() / f"wheels-{name}-{key}"
    if folder.is_dir():
        return folder
    for other in roots_folder().glob(f"wheels-{name}-*"):
        shutil.rmtree(other)
    new = folder.with_name(folder.name + ".new")
    new.mkdir(parents=True)
    platforms = [word for minor in GLIBC for word in ("--platform", f"manylinux_2_{minor}_x86_64")]
    target = ["--python-version", python, "--implementation", "cp", "--only-binary=:all:", *platforms]
    command = [sys.executable, "-m", "pip", "download", "-q", "--progress-bar", "off", "-d", str(new)]
    done = subprocess.run(
        [*command, *target, "--platform", "manylinux2014_x86_64", *requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoPackages(f"The packages for Python {python} cannot be downloaded. {done.stderr.strip()[-1500:]}")
    new.rename(folder)
    return folder
