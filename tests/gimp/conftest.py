"""The GIMPs that the tests of the plug-in run in: each with what the installer made of it, once for all tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from real_gimp import Gimp, all_ended, made
from roots import PATH, SUITES, Bind, cannot_enter, find_root
from setting import Setting, install_attached, install_full, kept_home
from wheels import NoPackages

HOW = "run `tests/gimp/provision` as root, or install GIMP 3"
FULL = "trixie"
"""The root that gets the full installation, with its own torch and a daemon that the plug-in starts."""
USER = "a painter, äöü"
"""The name of a home folder that programs stumble over."""


@pytest.fixture(scope="session", params=SUITES.values(), ids=lambda series: f"gimp{series}")
def setting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """The plug-in, installed in one of the GIMPs; each test that asks for it runs in all of them."""
    workspace = tmp_path_factory.mktemp(f"gimp{request.param}-")
    suite = next(suite for suite, series in SUITES.items() if series == request.param)
    with ExitStack() as stack:
        gimp = find_gimp(suite, workspace)
        full = bool(gimp.root) and suite == FULL
        if full:
            home = stack.enter_context(kept_home(suite))
            gimp = Gimp(gimp.series, gimp.root, workspace, home, (Bind(home),))
        else:
            made(gimp.home)
        stack.enter_context(all_ended(workspace))
        daemon_home = gimp.home / ".local/state/pastiche" if full else made(workspace / "daemon")
        try:
            installer = install_full(gimp) if full else install_attached(gimp, daemon_home)
        except NoPackages as error:
            missing(str(error))
        ready = Setting(gimp, daemon_home, full, installer)
        stack.callback(ready.stop)
        if not full:
            ready.start_outside()
        yield ready


@pytest.fixture(scope="session")
def gimp(setting: Setting) -> Gimp:
    return setting.gimp


@pytest.fixture
def alone(setting: Setting, tmp_path: Path) -> Iterator[Callable[..., Setting]]:
    """Makes settings with a profile and a daemon of their own, to be mistreated."""
    made_ones: list[Setting] = []

    def make(**options: Any) -> Setting:
        made_ones.append(setting.alone(f"alone-{tmp_path.name}", **options))
        return made_ones[-1]

    yield make
    for one in made_ones:
        one.stop()


def find_gimp(suite: str, workspace: Path) -> Gimp:
    """The root's GIMP, else this machine's where there are no roots; without either the test is skipped."""
    root, series = find_root(suite), SUITES[suite]
    home = workspace / USER
    if root.is_complete:
        if reason := cannot_enter():
            missing(f"{root.folder} cannot be used: {reason}")
        return Gimp(series, root, workspace, home)
    if any(find_root(other).is_complete for other in SUITES):
        missing(f"there is no complete {root.folder}: {HOW}")
    found = installed_series()
    if found != series:
        missing(f"there is no GIMP {series} here{f', only {found}' if found else ''}: {HOW}")
    return Gimp(series, None, workspace, home)


def installed_series() -> str:
    """ "3.0" for GIMP 3.0.4 on this machine; "" without one."""
    if not shutil.which("gimp-console", path=PATH):
        return ""
    answer = subprocess.run(["gimp-console", "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"version (3\.\d+)", answer.stdout)
    return match[1] if match else ""


def missing(reason: str) -> NoReturn:
    if os.environ.get("PASTICHE_REQUIRE_GIMP"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
