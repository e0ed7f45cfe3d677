"""The installer for real, in folders with spaces, accents and Chinese: environments, packages, commands, removal.

`--use-installed` with an empty wheelhouse keeps it quick and proves that nothing is downloaded when all is there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import install
from pastiche.connection import Home, start_daemon

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has not been tried")
STRANGE = "päth with 空格 x"
OPTIONS = install.Options()


@dataclass
class Tree:
    """A copy of the sources, and a prefix to install into."""

    folder: Path
    prefix: Path

    def run(self, *arguments: str, succeeds: bool = True) -> str:
        """`install.py` with these arguments; both its streams. It reaches neither systemd nor a package index, nor any
        GIMP but the stand-in that `give_gimp` makes."""
        environment = os.environ | {
            "HOME": str(self.user),
            "PATH": str(self.user / "bin"),
            "XDG_RUNTIME_DIR": str(self.folder),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.folder}/none",
            "PIP_CACHE_DIR": str(self.folder / "cache"),
            "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
            "PIP_EXTRA_INDEX_URL": "http://127.0.0.1:9/simple",
        }
        for name in ("XDG_CONFIG_HOME", "GIMP3_DIRECTORY"):
            environment.pop(name, None)
        command = [sys.executable, str(self.folder / "install.py"), *arguments, "--prefix", str(self.prefix)]
        answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert (answer.returncode == 0) == succeeds, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr

    def install(self, *arguments: str, succeeds: bool = True) -> str:
        empty = self.folder / "empty wheelhouse"
        empty.mkdir(exist_ok=True)
        return self.run(
            "install", "--yes", "--use-installed", "--wheelhouse", str(empty), *arguments, succeeds=succeeds
        )

    @property
    def user(self) -> Path:
        """The home folder of the user who installs."""
        return self.folder.parent / "user"

    @property
    def profile(self) -> Path:
        return self.user / ".config" / "GIMP" / "3.0"

    @property
    def plug_in(self) -> Path:
        return self.profile / "plug-ins" / "pastiche-gimp"

    @property
    def starts(self) -> list[str]:
        """How the stand-in was started since this was asked last: "plain" or "batch"."""
        file = self.profile / "starts"
        said = file.read_text().split() if file.exists() else []
        file.unlink(missing_ok=True)
        return said

    def give_gimp(self) -> None:
        """A stand-in for GIMP in the user's PATH, whose Python has no packages of its own."""
        program = self.user / "bin" / "gimp-console"
        program.parent.mkdir(parents=True)
        stand_in = Path(__file__).with_name("stand_in_gimp.py")
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{stand_in}" "$@"\n', "utf-8")
        program.chmod(0o755)

    def answers(self, name: str) -> bool:
        command = [self.prefix / "bin" / name, "--help"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def start_daemon(self) -> subprocess.Popen[bytes]:
        """The installed daemon, listening."""
        launcher = self.prefix / "bin" / "pastiched"
        daemon = subprocess.Popen([launcher, "serve", "--device", "cpu"], stdout=subprocess.DEVNULL)
        connection = self.prefix / "state" / "pastiche" / "connection.json"
        deadline = time.monotonic() + 30
        while not connection.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return daemon

    @property
    def versions(self) -> list[str]:
        return sorted(path.name for path in (self.prefix / "share" / "pastiche" / "versions").iterdir())

    @property
    def current(self) -> Path:
        return (self.prefix / "share" / "pastiche" / "current").resolve()


def copy_sources(folder: Path) -> None:
    for path in (*install.source_files(), Path("install.py")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(install.HERE / path, folder / path)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """One installation, which the tests below use in their order and the last of them removes."""
    folder = tmp_path_factory.mktemp("install") / STRANGE
    copy_sources(folder / "source")
    (folder / "prefix" / "bin").mkdir(parents=True)
    (folder / "prefix" / "bin" / "neighbour").write_text("not ours")
    tree = Tree(folder / "source", folder / "prefix")
    tree.give_gimp()
    yield tree
    if (tree.prefix / "share").exists():
        tree.run("uninstall", "--yes")


def test_commands_of_others_are_not_replaced(tree: Tree) -> None:
    foreign = tree.prefix / "bin" / "pastiche"
    foreign.write_text("somebody else's")
    assert "not Pastiche's" in tree.install(succeeds=False)
    assert foreign.read_text() == "somebody else's"
    foreign.unlink()


def test_installed_commands_run_and_know_their_home(tree: Tree) -> None:
    said = tree.install("--service")
    assert "nothing to download" in said
    for name in install.LAUNCHERS:
        assert tree.answers(name)
    code = "from pastiche.connection import find_home; import json; h = find_home(); print(json.dumps([str(h.folder), "
    code += "str(h.python)]))"
    found = subprocess.run([tree.current / "bin" / "python", "-I", "-c", code], capture_output=True, check=True)
    assert json.loads(found.stdout) == [str(tree.prefix / "state/pastiche"), str(tree.current / "bin" / "python")]


def test_plug_in_is_in_a_gimp_that_was_never_started_before(tree: Tree) -> None:
    assert tree.starts == ["plain", "batch", "batch"], "first run, question, check"
    programs = tree.prefix / "share" / "pastiche"
    facts = json.loads((tree.plug_in / "pastiche.json").read_text("utf-8"))
    assert facts == {
        "libraries": str(programs / "current" / "gimp-libs"),
        "home": str(tree.prefix / "state" / "pastiche"),
        "python": str(programs / "current" / "bin" / "python"),
        "guide": str(programs / "current" / "guide" / "index.html"),
        "version": install.read_project().version,
    }
    assert os.access(tree.plug_in / "pastiche-gimp.py", os.X_OK)
    assert not [path for path in tree.plug_in.rglob("*") if path.is_symlink()]
    version = "cp{}{}".format(*sys.version_info[:2])
    libraries = Path(facts["libraries"])
    assert {"common", version} <= {path.name for path in libraries.iterdir()}
    assert (libraries / version / "zmq").is_dir()
    assert [*(libraries / "common").glob("pastiche-*.dist-info")]


def test_plug_in_alone_is_put_back_and_checked(tree: Tree) -> None:
    install.remove(tree.plug_in)
    said = tree.run("gimp")
    assert "has Filters > Artistic > Neural Style (Pastiche)..." in said
    assert "loads the libraries" in said
    assert tree.starts == ["batch", "batch"]
    (tree.plug_in / "pastiche.json").unlink()
    assert "was not put there by this installer" in tree.run("gimp", succeeds=False)
    assert not (tree.plug_in / "pastiche.json").exists()
    shutil.rmtree(tree.plug_in)
    tree.run("gimp")


def test_installed_package_is_a_copy_and_the_sources_stay_clean(tree: Tree) -> None:
    code = "import pastiche, pastiched; print(pastiche.__file__, pastiched.__file__)"
    found = subprocess.run([tree.current / "bin" / "python", "-I", "-c", code], capture_output=True, check=True)
    assert str(tree.folder) not in found.stdout.decode()
    assert not [path for path in tree.folder.rglob("*") if path.name == "build" or path.suffix == ".egg-info"]


def test_systemd_accepts_the_unit(tree: Tree) -> None:
    unit = tree.prefix / "config" / "systemd" / "user" / "pastiche.service"
    assert str(tree.current) in unit.read_text("utf-8")
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in answer.stderr.splitlines() if "pastiche" in line]
    assert not complaints


def test_second_install_does_nothing_and_is_quick(tree: Tree) -> None:
    before, log = tree.versions, (tree.current / "install.log").read_text("utf-8")
    started = time.monotonic()
    tree.install()
    assert time.monotonic() - started < 20
    assert tree.versions == before
    assert "-m pip install" not in (tree.current / "install.log").read_text("utf-8")[len(log) :]


@pytest.mark.parametrize("damage", ["bin/python", "bin/pastiche", "lib/python*/site-packages/pastiche/cli.py"])
def test_broken_installation_is_repaired(tree: Tree, damage: str) -> None:
    victim = next(tree.current.glob(damage))
    install.remove(victim)
    tree.install()
    assert tree.versions == [tree.current.name]
    assert (
        subprocess.run([tree.prefix / "bin" / "pastiche", "--help"], capture_output=True, check=False).returncode == 0
    )


def test_new_version_stands_beside_the_old_one_and_can_be_undone(tree: Tree) -> None:
    old = tree.current
    version = tree.folder / "shared" / "pastiche" / "version.py"
    original = version.read_text("utf-8")
    version.write_text(original.replace('VERSION = "', 'VERSION = "9.'), "utf-8")
    (tree.folder / "gimp_plugin" / "pastiche-gimp" / "new.py").touch()
    (tree.folder / "daemon" / "pastiched" / "cli.py").rename(tree.folder / "cli.py")
    assert "Trying the command pastiched" in tree.install(succeeds=False)
    assert tree.current == old, "a version that does not work must not become the current one"
    assert not (tree.plug_in / "new.py").exists()

    (tree.folder / "cli.py").rename(tree.folder / "daemon" / "pastiched" / "cli.py")
    daemon = tree.start_daemon()
    tree.install()
    assert daemon.wait(10) == 0, "the old code must not go on serving"
    assert tree.current.name.startswith("9.")
    assert tree.versions == sorted([old.name, tree.current.name]), "the unfinished folder was used, none is left over"
    unit = (tree.prefix / "config" / "systemd" / "user" / "pastiche.service").read_text("utf-8")
    assert str(tree.current) in unit
    assert (tree.plug_in / "new.py").exists()

    version.write_text(original, "utf-8")
    (tree.folder / "gimp_plugin" / "pastiche-gimp" / "new.py").unlink()
    tree.run("install", "--rollback")
    assert tree.current == old
    assert not (tree.plug_in / "new.py").exists()
    said = subprocess.run([tree.prefix / "bin" / "pastiched", "--version"], capture_output=True, text=True, check=True)
    assert "9." not in said.stdout


def test_kept_styles_survive_and_nothing_else(tree: Tree) -> None:
    styles = tree.prefix / "state" / "pastiche" / "styles"
    styles.mkdir(parents=True, exist_ok=True)
    (styles / "mine.png").write_bytes(b"picture")
    assert "Nothing was removed" in tree.run("uninstall", succeeds=False)
    tree.run("uninstall", "--yes", "--keep-styles")
    left = sorted(str(path.relative_to(tree.prefix)) for path in tree.prefix.rglob("*") if path.is_file())
    assert left == ["bin/neighbour", "state/pastiche/styles/mine.png"]
    shutil.rmtree(tree.prefix / "state")


def test_uninstall_stops_the_daemon_and_leaves_nothing(tree: Tree) -> None:
    tree.install()
    daemon = tree.start_daemon()
    migrated = tree.profile.with_name("3.2") / "plug-ins" / "pastiche-gimp"
    shutil.copytree(tree.plug_in, migrated)
    settings = tree.profile / "plug-in-settings" / "GimpProcedureConfigRun-plug-in-pastiche.last"
    settings.parent.mkdir()
    settings.touch()
    tree.run("uninstall", "--yes")
    assert daemon.wait(10) == 0
    assert not tree.plug_in.exists()
    assert not migrated.exists(), "the copy that GIMP made for its next version"
    assert not settings.exists()
    assert [path.name for path in tree.prefix.rglob("*")] == ["bin", "neighbour"]
    assert not [*(tree.folder / "cache").rglob("*.whl")]
    assert "nothing to remove" in tree.run("uninstall", "--yes")


def test_plug_in_for_a_daemon_elsewhere_needs_no_environment(tree: Tree, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "styles").mkdir(parents=True)
    elsewhere = Tree(tree.folder, tmp_path / "prefix")
    said = elsewhere.run("gimp", "--attach", str(home), "--wheelhouse", str(tmp_path))
    assert "The plug-in is installed" in said
    facts = json.loads((tree.plug_in / "pastiche.json").read_text("utf-8"))
    assert (facts["home"], facts["python"]) == (str(home), "")
    assert not [*elsewhere.prefix.rglob("pyvenv.cfg")]
    assert (Path(facts["libraries"]) / "common" / "msgpack").is_dir()
    (tree.plug_in / "pastiche-gimp.py").chmod(0o644)
    assert "is not executable" in elsewhere.run("doctor", succeeds=False)
    elsewhere.run("gimp")
    elsewhere.run("uninstall", "--yes")
    assert not tree.plug_in.exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["home", "styles"]


def test_without_gimp_the_commands_are_installed_all_the_same(tree: Tree, tmp_path: Path) -> None:
    shutil.rmtree(tree.user)
    without = Tree(tree.folder, tmp_path / "prefix")
    said = without.install()
    assert "No GIMP 3 was found. Once it is installed, run: python3 install.py gimp" in said
    assert without.answers("pastiche")
    assert "No GIMP 3 was found" in without.run("gimp", succeeds=False)
    tree.give_gimp()
    without.run("gimp")
    assert tree.plug_in.is_dir()
    without.run("uninstall", "--yes")
    assert not tree.plug_in.exists()
    assert not [*tmp_path.iterdir()]


@pytest.fixture(scope="module")
def whole_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    venv = install.Venv(tmp_path_factory.mktemp("venv") / STRANGE)
    install.make_venv(venv, OPTIONS)
    return venv.folder


@pytest.fixture
def venv(whole_venv: Path, tmp_path: Path) -> install.Venv:
    """A copy of a working environment, to be broken."""
    shutil.copytree(whole_venv, tmp_path / STRANGE, symlinks=True)
    return install.Venv(tmp_path / STRANGE)


def test_working_environment_is_left_alone(venv: install.Venv) -> None:
    (venv.folder / "mine").touch()
    install.make_venv(venv, OPTIONS)
    assert (venv.folder / "mine").exists()


def test_environment_of_a_python_that_is_gone_is_recognised(venv: install.Venv) -> None:
    config = venv.folder / "pyvenv.cfg"
    config.write_text(config.read_text("utf-8").replace("version = 3.", "version = 3.9"), "utf-8")
    assert "another Python" in venv.trouble()


def test_environment_without_its_configuration_is_recognised(venv: install.Venv) -> None:
    (venv.folder / "pyvenv.cfg").unlink()
    assert venv.trouble() == "is not complete"


def test_environment_without_pip_is_recognised(venv: install.Venv) -> None:
    for folder in (venv.folder / "lib").glob("python*/site-packages/pip*"):
        shutil.rmtree(folder)
    assert venv.trouble() == "has no pip"


def test_interrupted_environment_is_made_anew(tmp_path: Path) -> None:
    venv = install.Venv(tmp_path / ".venv")
    venv.folder.mkdir()
    venv.mark("made_by", "install.py")
    assert venv.trouble() == "is not complete"
    install.make_venv(venv, OPTIONS)
    assert venv.trouble() == ""


def test_repair_stops_the_daemon_and_carries_home_and_styles_across(venv: install.Venv) -> None:
    venv.mark("made_by", "install.py")
    home = Home(venv.folder / "home", Path(sys.executable))
    daemon = start_daemon(home, ("--device", "cpu"))
    (home.styles_folder / "mine.png").touch()
    deadline = time.monotonic() + 30
    while not home.connection_file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    (venv.folder / "pyvenv.cfg").unlink()
    install.make_venv(venv, OPTIONS)
    assert daemon.wait(10) == 0
    assert venv.trouble() == ""
    assert (home.styles_folder / "mine.png").exists()
    assert [path.name for path in venv.folder.parent.iterdir()] == [venv.folder.name]


def test_styles_left_by_an_uninstall_are_in_the_next_environment(tmp_path: Path) -> None:
    venv = install.Venv(tmp_path / ".venv")
    (venv.folder / "home" / "styles").mkdir(parents=True)
    (venv.folder / "home" / "styles" / "mine.png").touch()
    install.make_venv(venv, OPTIONS)
    assert (venv.folder / "home" / "styles" / "mine.png").exists()
    assert [path.name for path in tmp_path.iterdir()] == [".venv"]


def test_clone_that_cannot_be_written_ends_with_one_sentence(tmp_path: Path) -> None:
    copy_sources(tmp_path)
    (tmp_path / ".venv").touch()
    command = [sys.executable, str(tmp_path / "install.py"), "test"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert f"{tmp_path / '.venv'}: Not a directory." in answer.stderr


def test_broken_environment_of_somebody_else_is_put_aside_not_deleted(tmp_path: Path) -> None:
    venv = install.Venv(tmp_path / ".venv")
    venv.folder.mkdir()
    (venv.folder / "theirs").touch()
    install.make_venv(venv, OPTIONS)
    assert (tmp_path / ".venv-old" / "theirs").exists()
    assert venv.trouble() == ""


def test_python_without_ensurepip_falls_back_to_virtualenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "has_ensurepip", lambda: False)
    venv = install.Venv(tmp_path / STRANGE)
    try:
        install.make_venv(venv, OPTIONS)
    except install.Trouble as trouble:
        if "cannot be reached" in str(trouble):
            pytest.skip("no package index here")
        raise
    assert venv.trouble() == ""


def test_wheel_carries_weights_gallery_and_types(tmp_path: Path) -> None:
    copy_sources(tmp_path / STRANGE)
    command = [sys.executable, "-I", "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(tmp_path), str(tmp_path / STRANGE)], check=True, capture_output=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    data = [path for path in (install.HERE / "daemon" / "pastiched").rglob("*") if path.is_file()]
    for folder in ("weights", "gallery"):
        expected = {path.relative_to(install.HERE / "daemon").as_posix() for path in data if folder in path.parts}
        assert expected <= names
    assert [name for name in names if name.startswith("pastiched/weights/") and name.endswith(".safetensors")]
    assert len([name for name in names if name.startswith("pastiched/gallery/thumbnails/")]) >= 6
    assert {"pastiche/py.typed", "pastiched/py.typed", "pastiche/cli.py", "pastiched/engines/fast.py"} <= names
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    assert not [name for name in names if name.startswith("tests") or "__pycache__" in name]
