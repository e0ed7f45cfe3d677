"""What the plug-in needs of Python, laid out for the Pythons of all GIMPs: outside the profiles, beside the version.

`common` has what every Python can load (`pastiche`, msgpack without its compiled part), `cp313`, `cp314` ... have pyzmq
and msgpack for one Python each. The installer loads this module from the sources: standard library only.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pastiche.gimp import Answer

COMPILED = (".so", ".pyd", ".dylib", ".dll")


@dataclass(frozen=True)
class Target:
    """A Python that libraries are wanted for."""

    python: tuple[int, int]
    platform: str
    glibc: str = ""

    @property
    def folder(self) -> str:
        return "cp{}{}".format(*self.python)

    @property
    def name(self) -> str:
        return "Python {}.{}".format(*self.python)

    def pip_arguments(self) -> list[str]:
        """What makes any pip choose ready-made packages for this Python; nothing where there are none."""
        platforms = pip_platforms(self.platform, self.glibc)
        if not platforms:
            return []
        version = ".".join(map(str, self.python))
        given = [word for platform in platforms for word in ("--platform", platform)]
        return ["--python-version", version, "--implementation", "cp", *given]


def targets(answers: Iterable[Answer]) -> list[Target]:
    """One for each Python version; where GIMPs share one, the older system decides, as its packages fit the newer."""
    found: dict[tuple[int, int], Target] = {}
    for answer in answers:
        target = Target(answer.python, answer.platform, answer.glibc)
        other = found.get(target.python)
        if other is None or _glibc(target) < _glibc(other):
            found[target.python] = target
    return [*found.values()]


def _glibc(target: Target) -> int:
    return int(target.glibc.split(".")[1]) if target.glibc.startswith("2.") else 0


def pip_platforms(platform: str, glibc: str) -> list[str]:
    """The names of a platform (`sysconfig.get_platform()`) in ready-made packages; none where none will load."""
    system, _, machine = platform.partition("-")
    if system == "linux" and glibc.startswith("2."):
        oldest = 5 if machine in ("x86_64", "i686") else 17
        tags = [f"manylinux_2_{minor}_{machine}" for minor in range(int(glibc.split(".")[1]), oldest - 1, -1)]
        return [*tags, f"manylinux2014_{machine}"]
    if system == "linux":
        return [f"musllinux_1_{minor}_{machine}" for minor in (2, 1)]
    if system == "macosx":
        versions = ["11_0", *(f"10_{minor}" for minor in range(15, 8, -1))]
        kinds = (machine.rpartition("-")[2], "universal2")
        return [f"macosx_{version}_{kind}" for version in versions for kind in kinds]
    # GIMP's own Python on Windows (mingw) loads nothing that was made for python.org's.
    return ["win_amd64"] if platform == "win-amd64" else []


def fill_common(folder: Path, package: Path, msgpack: Path) -> None:
    """Copies the package `pastiche`, its dist-info if it has one, and msgpack's Python files to `folder`, at once."""
    new = folder.with_name(f"new-{folder.name}")
    shutil.rmtree(new, ignore_errors=True)
    compiled = shutil.ignore_patterns("__pycache__", *(f"*{ending}" for ending in COMPILED))
    shutil.copytree(package, new / "pastiche", ignore=shutil.ignore_patterns("__pycache__"))
    for information in package.parent.glob("pastiche-*.dist-info"):
        shutil.copytree(information, new / information.name)
    shutil.copytree(msgpack, new / "msgpack", ignore=compiled)
    swap(new, folder)


def copy_libraries(folder: Path, zmq: Path, msgpack: Path, same_python: bool) -> bool:
    """Fills `folder` from another Python's packages; whether they fit: made for the same Python, or for any."""
    beside = [path for path in (zmq.with_name("pyzmq.libs"),) if path.is_dir()]
    extensions = [path for path in zmq.rglob("*") if path.suffix in COMPILED]
    if not same_python and not all(".abi3." in path.name for path in extensions):
        return False
    for source in (zmq, msgpack, *beside):
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return True


def copy_folder(source: Path, folder: Path) -> None:
    """A copy that takes the place of an older one at once."""
    new = folder.with_name(f"new-{folder.name}")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(source, new, ignore=shutil.ignore_patterns("__pycache__"))
    swap(new, folder)


def swap(new: Path, folder: Path) -> None:
    """Puts `new` in the place of `folder`."""
    old = folder.with_name(f"old-{folder.name}")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
