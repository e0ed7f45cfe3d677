"""What the installer decides and says, without installing anything."""

from __future__ import annotations

import importlib.util
import json
import os
import plistlib
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy
import pytest
import tifffile
from PIL import Image

import install
from pastiche.service import TASK_NAMESPACE, ServiceDescription

LINUX_USER = Path("/home/zoë")
OLD_PASCAL = install.Gpu("nvidia", "GTX 1080", 6.1, 580)
OLD_DRIVER = install.Gpu("nvidia", "RTX 3060", 8.6, 535)
NEW_CARD = install.Gpu("nvidia", "RTX 5090", 12.0, 590)
UNKNOWN_CARD = install.Gpu("nvidia", "Tesla", 0.0, 0)
AMD = install.Gpu("amd", "AMD")


def everything(_: str) -> bool | None:
    return True


def nothing(_: str) -> bool | None:
    return None


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 2), (3, 15, 0), (4, 0, 0)])
def test_supported_python_is_accepted(version: tuple[int, ...]) -> None:
    assert install.too_old(version, lambda _: None) == ""


def test_old_python_is_told_which_newer_one_is_here() -> None:
    sentence = install.too_old((3, 9, 18), lambda name: name if name in ("python3.11", "python3.12") else None)
    assert sentence == "Pastiche needs Python 3.11 or newer; this one is 3.9. Use python3.12, which is on this machine."


def test_old_python_alone_is_told_what_to_install() -> None:
    assert "Install a newer one" in install.too_old((3, 10, 1), lambda _: None)


@pytest.mark.parametrize(
    ("system", "wanted", "gpu", "name", "index"),
    [
        ("linux", "", None, "CPU build", "cpu"),
        ("linux", "", NEW_CARD, "CUDA build", ""),
        ("linux", "", UNKNOWN_CARD, "CUDA build", ""),
        ("linux", "", OLD_PASCAL, "CUDA 12.6 build", "cu126"),
        ("linux", "", OLD_DRIVER, "CUDA 12.6 build", "cu126"),
        ("linux", "", AMD, "ROCm build", "rocm7.2"),
        ("linux", "cpu", NEW_CARD, "CPU build", "cpu"),
        ("linux", "cuda", None, "CUDA build", ""),
        ("linux", "rocm", None, "ROCm build", "rocm7.2"),
        ("win32", "", NEW_CARD, "CUDA build", "cu130"),
        ("win32", "", None, "CPU build", "cpu"),
        ("darwin", "", None, "macOS build", ""),
        ("darwin", "cuda", None, "macOS build", ""),
    ],
)
def test_torch_build_fits_the_machine(system: str, wanted: str, gpu: install.Gpu | None, name: str, index: str) -> None:
    build = install.settle_build(install.choose_torch(system, wanted, gpu), system, everything)
    assert (build.name, "".join(build.indexes)) == (name, index)


@pytest.mark.parametrize("gpu", [None, OLD_PASCAL, AMD])
def test_without_pytorchs_index_the_plain_one_is_used_and_the_reason_given(gpu: install.Gpu | None) -> None:
    build = install.settle_build(install.choose_torch("linux", "", gpu), "linux", nothing)
    assert build.indexes == ()
    assert build.name == "CUDA build"
    assert "cannot be reached" in build.why


def test_unreachable_index_is_asked_only_once() -> None:
    asked: list[str] = []

    def probe(folder: str) -> None:
        asked.append(folder)

    install.settle_build(install.choose_torch("win32", "cuda", None), "win32", probe)
    assert len(asked) == 1


def test_amd_card_without_rocm_packages_gets_the_cpu_build() -> None:
    build = install.settle_build(install.ROCM_BUILD, "linux", lambda folder: folder == "cpu")
    assert build.indexes == ("cpu",)


@pytest.mark.parametrize("build", [install.CPU_BUILD, install.CUDA_BUILD, install.OLD_CUDA_BUILD, install.ROCM_BUILD])
def test_sizes_are_stated_in_gigabytes(build: install.TorchBuild) -> None:
    assert build.size == f"about {build.download:.1f} GB to download, {build.disk:.1f} GB on disk"
    assert build.download < build.disk


@pytest.mark.parametrize(
    ("text", "gpu"),
    [
        ("NVIDIA GeForce RTX 4070, 8.9, 555.42.02\n", install.Gpu("nvidia", "NVIDIA GeForce RTX 4070", 8.9, 555)),
        ("A, 9.0, 580.1\nB, 6.1, 580.1\n", install.Gpu("nvidia", "A", 9.0, 580)),
        ("Old, [N/A], [N/A]", install.Gpu("nvidia", "Old", 0.0, 0)),
        ("No devices were found\n", None),
        ("", None),
    ],
)
def test_nvidia_answer_is_read(text: str, gpu: install.Gpu | None) -> None:
    assert install.parse_nvidia(text) == gpu


@pytest.mark.parametrize(
    ("output", "part"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for torch>=2.6", "no ready-made torch>=2.6"),
        (
            "WARNING: Retrying (Retry(total=0)): Temporary failure in name resolution\n"
            "ERROR: No matching distribution found for torch>=2.6",
            "cannot be reached",
        ),
        ("ProxyError('Cannot connect to proxy.')", "proxy"),
        ("something else", "This step failed."),
    ],
)
def test_failure_is_explained_in_one_sentence(output: str, part: str) -> None:
    assert part in install.explain(output)


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("torch>=2.6", "torch"), ("Types_Tqdm", "types-tqdm"), ("a.b [x] ; python_version<'4'", "a-b"), ("x~=1", "x")],
)
def test_package_name(requirement: str, name: str) -> None:
    assert install.package_name(requirement) == name


@pytest.mark.parametrize(("version", "numbers"), [("2.13.0+cpu", (2, 13, 0)), ("2.6.0a1", (2, 6, 0)), ("0", (0,))])
def test_release(version: str, numbers: tuple[int, ...]) -> None:
    assert install.release(version) == numbers


def test_project_separates_torch_from_the_rest() -> None:
    project = install.read_project()
    assert {install.package_name(requirement) for requirement in project.torch} == {"torch", "torchvision"}
    assert not any(requirement.startswith("torch") for requirement in project.libraries)
    assert {"demo", "test", "train"} <= set(project.extras)


@pytest.mark.parametrize(
    ("machine", "there"), [("x86_64", True), ("AMD64", True), ("arm64", False), ("aarch64", False)]
)
def test_openvino_is_wanted_where_it_is_made_for_and_missed_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, there: bool
) -> None:
    monkeypatch.setattr(install.platform, "machine", lambda: machine)
    wanted = [install.package_name(requirement) for requirement in install.read_project().libraries]
    assert ("openvino" in wanted) == there
    assert {"pyzmq", "numpy"} <= set(wanted)
    for name in ("make_venv", "install_torch", "install_package"):
        monkeypatch.setattr(install, name, lambda *_: None)
    installed: list[str] = []
    monkeypatch.setattr(install, "pip", lambda venv, label, arguments: installed.append(label))
    monkeypatch.setattr(FakeVenv, "packages", lambda _: dict.fromkeys([*wanted, "setuptools"], "1"))
    for _ in range(2):
        install.set_up(FakeVenv(tmp_path, ""), [], tmp_path, install.Options())
    assert installed == ["Installing the libraries"], "a complete environment is left alone"


def test_gimps_python_gets_no_openvino() -> None:
    assert set(install.GIMP_LIBRARIES) == {"pyzmq", "msgpack"}


def test_free_name_never_overwrites(tmp_path: Path) -> None:
    picture = tmp_path / "pastiche-demo.png"
    assert install.free_name(picture) == picture
    picture.touch()
    assert install.free_name(picture).name == "pastiche-demo-2.png"
    (tmp_path / "pastiche-demo-2.png").symlink_to(tmp_path / "gone")
    assert install.free_name(picture).name == "pastiche-demo-3.png"


def test_places_do_not_follow_xdg() -> None:
    environ = {"XDG_DATA_HOME": "/sandbox", "XDG_STATE_HOME": "/sandbox"}
    places = install.find_places(None, "linux", environ, LINUX_USER)
    assert places.home == LINUX_USER / ".local/state/pastiche"
    assert places.launchers == LINUX_USER / ".local/bin"


def test_places_of_windows_and_macos() -> None:
    windows = install.find_places(None, "win32", {"LOCALAPPDATA": "/L"}, LINUX_USER)
    assert windows.home == Path("/L/Pastiche")
    assert windows.home not in windows.programs.parents
    macos = install.find_places(None, "darwin", {}, LINUX_USER)
    assert macos.home == LINUX_USER / "Library/Application Support/Pastiche"


def test_prefix_holds_everything() -> None:
    places = install.find_places(Path("/p"), "linux", {}, LINUX_USER)
    assert all(Path("/p") in place.parents for place in (places.programs, places.launchers, places.home, places.units))


def test_manifest_remembers_only_the_folders_it_made(tmp_path: Path) -> None:
    manifest = install.Manifest(tmp_path / "manifest.json")
    manifest.make_folder(tmp_path / "a" / "b")
    manifest.make_folder(tmp_path / "a" / "b")
    manifest.add_file(tmp_path / "a" / "x")
    manifest.write()
    read = install.Manifest.read(manifest.file)
    assert read == manifest
    assert read.folders == [str(tmp_path / "a"), str(tmp_path / "a" / "b")]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"unknown": 1, "home": "/h"}'])
def test_damaged_manifest_is_read_as_far_as_possible(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    assert install.Manifest.read(tmp_path / "manifest.json").files == []


def test_nothing_of_a_virtual_environment_leads_pip_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    environment = install.child_environment()
    assert "PYTHONPATH" not in environment
    assert environment["PIP_USER"] == "0"
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"


def test_too_little_disk_space_is_said_before_the_download(tmp_path: Path) -> None:
    with pytest.raises(install.Trouble, match="GB of free disk space are needed"):
        install.check_disk(tmp_path / "not" / "there", 1e9)


def test_pytest_arguments_pass_through() -> None:
    chosen, rest = install.parse(["test", "-k", "not slow", "--yes", "tests/unit", "-x"])
    assert chosen.yes
    assert rest == ["-k", "not slow", "tests/unit", "-x"]


@pytest.mark.parametrize(
    ("output", "sentence"), [("gone/x.png", "no folder"), ("x.bmp", "end in one"), ("x", "end in")]
)
def test_demo_refuses_an_output_that_cannot_be_written_before_it_sets_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, sentence: str
) -> None:
    monkeypatch.setattr(install, "demo", lambda *_: pytest.fail("too late"))
    with pytest.raises(install.Trouble, match=sentence):
        install.main(["demo", "-o", str(tmp_path / output)])


@pytest.mark.parametrize("depth", ["16-bit", "float"])
def test_demo_sheet_takes_deep_photographs(tmp_path: Path, depth: str) -> None:
    grey = numpy.full((40, 60, 3), 0.5)
    photo, pastiche, sheet = tmp_path / "photo.tif", tmp_path / "pastiche.png", tmp_path / "sheet.png"
    tifffile.imwrite(photo, grey.astype("f4") if depth == "float" else (grey * 65535).astype("u2"), photometric="rgb")
    Image.new("RGB", (60, 40), "red").save(pastiche)
    install.compose(str(photo), install.DEMO_STYLE, str(pastiche), str(sheet))
    with Image.open(sheet) as picture:
        pixel = picture.convert("RGB").getpixel((300, 300))
    assert isinstance(pixel, tuple)
    assert all(abs(value - 128) <= 1 for value in pixel)


def test_missing_program_is_trouble(tmp_path: Path) -> None:
    with pytest.raises(install.Trouble, match="cannot be run"):
        install.run_logged("Trying", [str(tmp_path / "gone")], tmp_path / "log")


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (EOFError("EOF when reading a line"), "not answered"),
        (OSError(30, "Read-only file system", "/clone/.venv"), "/clone/.venv: Read-only file system"),
        (OSError(28, "No space left on device"), "No space left"),
        (OSError("odd"), "odd"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(error: Exception, part: str) -> None:
    sentence = install.explain_error(error)
    assert part in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(("wheelhouse", "said"), [(None, True), (Path("wheels"), False)])
def test_size_of_the_libraries_is_said_before_they_are_downloaded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wheelhouse: Path | None,
    said: bool,
) -> None:
    for name in ("make_venv", "install_torch", "pip", "install_package"):
        monkeypatch.setattr(install, name, lambda *_: None)
    install.set_up(FakeVenv(tmp_path, ""), ["demo"], tmp_path, install.Options(wheelhouse))
    output = capsys.readouterr().out
    assert ("The libraries: about 0.12 GB to download" in output) == said
    assert ("`demo`: about" in output) == said


def test_package_without_its_commands_is_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("make_venv", "install_torch", "pip"):
        monkeypatch.setattr(install, name, lambda *_: None)
    venv = FakeVenv(tmp_path, "")
    monkeypatch.setattr(FakeVenv, "packages", lambda _: {"pastiche": "1"})
    installed: list[bool] = []
    monkeypatch.setattr(install, "install_package", lambda _, editable: installed.append(editable))
    for _ in range(2):
        install.set_up(venv, [], tmp_path, install.Options())
    assert len(installed) == 2
    venv.python.parent.mkdir()
    for name in install.LAUNCHERS:
        venv.program(name).touch()
    install.set_up(venv, [], tmp_path, install.Options())
    assert len(installed) == 2


@pytest.mark.parametrize(("old", "asked"), [("1-a", True), ("1-b", False), ("", False)])
def test_daemon_of_the_version_before_leaves_when_idle_and_the_service_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, asked: bool
) -> None:
    places = install.find_places(tmp_path, "linux", {}, LINUX_USER)
    places.home.mkdir(parents=True)
    (places.home / "connection.json").touch()
    done: list[tuple[str, ...]] = []
    monkeypatch.setattr(install, "ask_to_stop", lambda venv, _, *flags: done.append((venv.folder.name, *flags)))
    monkeypatch.setattr(install, "systemctl", lambda *words: done.append(words))
    manifest = install.Manifest(places.manifest, current="1-b", service=str(places.units / "pastiche.service"))
    install.retire_daemon(places, manifest, old)
    assert done == ([("1-a", "--when-idle"), ("restart", "pastiche.service")] if asked else [])


@pytest.fixture
def own_checkout(tmp_path: Path) -> install.Venv:
    """A checkout's environment with a style and a trained model of the user's and what building leaves."""
    venv = install.Venv(tmp_path / ".venv")
    (venv.folder / "home" / "styles").mkdir(parents=True)
    (venv.folder / "home" / "styles" / "mine.png").touch()
    (venv.folder / "home" / "models" / "trained").mkdir(parents=True)
    (venv.folder / "home" / "models" / "trained" / "ink.safetensors").touch()
    (venv.folder / "home" / "models" / "vgg19.safetensors").touch()
    (venv.folder / "home" / "log").mkdir()
    (tmp_path / "pastiche.egg-info").mkdir()
    (tmp_path / "shared" / "pastiche.egg-info").mkdir(parents=True)
    venv.mark("made_by", "install.py")
    return venv


@pytest.mark.parametrize("keep", [True, False])
def test_uninstall_of_a_checkout_keeps_own_styles_where_asked(
    own_checkout: install.Venv, tmp_path: Path, keep: bool
) -> None:
    places = install.find_places(tmp_path / "prefix", "linux", {}, LINUX_USER)
    install.uninstall(places, own_checkout, True, keep)
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    kept = [".venv/home/models/trained/ink.safetensors", ".venv/home/styles/mine.png"]
    assert sorted(left) == (kept if keep else [])
    assert (tmp_path / ".venv").exists() is keep


def test_uninstall_asks_about_trained_models_where_there_are_no_styles(
    own_checkout: install.Venv, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, questions = own_checkout.folder / "home", []
    monkeypatch.setattr(install, "agreed", lambda question, *_: questions.append(question))
    (home / "styles" / "mine.png").unlink()
    assert install.styles_stay(home, False, False) and "trained models" in questions[0]
    (home / "models" / "trained" / "ink.safetensors").unlink()
    assert not install.styles_stay(home, False, False) and len(questions) == 1


def test_uninstall_asks_about_the_own_styles_of_a_checkout(
    own_checkout: install.Venv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []

    def answer(question: str, *_: bool) -> bool:
        questions.append(question)
        return question.startswith("Remove")

    monkeypatch.setattr(install, "agreed", answer)
    install.uninstall(install.find_places(tmp_path / "prefix", "linux", {}, LINUX_USER), own_checkout, False, False)
    assert len(questions) == 2
    assert (own_checkout.folder / "home" / "styles" / "mine.png").exists()


@pytest.mark.parametrize("arguments", [[], ["install", "--nonsense"], ["demo", "--cpu", "--cuda"], ["dance"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        install.main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_missing_wheelhouse_and_photograph_are_named(tmp_path: Path) -> None:
    with pytest.raises(install.Trouble, match="not a folder"):
        install.main(["test", "--wheelhouse", str(tmp_path / "gone")])
    with pytest.raises(install.Trouble, match="no photograph"):
        install.main(["demo", "--photo", str(tmp_path / "gone.jpg")])
    with pytest.raises(install.Trouble, match="neither a picture nor a style"):
        install.main(["demo", "--style", "no-such-style"])


def test_python_without_venv_and_pip_names_one_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def without(name: str, package: str | None = None) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", without)
    monkeypatch.setattr(install.shutil, "which", lambda name: name if name == "apt" else None)
    assert not install.has_ensurepip()
    with pytest.raises(install.Trouble, match="sudo apt install python3-venv"):
        install.make_with_virtualenv(install.Venv(tmp_path), install.Options())


def test_gimp_is_left_alone_where_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[bool] = []
    monkeypatch.setattr(install, "install", lambda *arguments: called.append(arguments[-1]))
    install.main(["install", "--no-gimp"])
    install.main(["install"])
    assert called == [False, True]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> install.Places:
    """An empty prefix, and a user without any GIMP."""
    monkeypatch.setenv("PATH", "/nowhere")
    for name in ("XDG_CONFIG_HOME", "GIMP3_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "user")
    return install.find_places(tmp_path / "prefix", "linux", {}, LINUX_USER)


def test_plug_in_alone_needs_an_installation_or_a_daemons_home(places: install.Places, tmp_path: Path) -> None:
    with pytest.raises(install.Trouble, match="Pastiche is not installed"):
        install.install_plug_in(places, install.Options(), None)
    with pytest.raises(install.Trouble, match="There is no folder"):
        install.install_plug_in(places, install.Options(), tmp_path / "gone")
    assert not (tmp_path / "prefix").exists()


def test_plug_in_for_another_daemon_does_not_replace_a_whole_installation(
    places: install.Places, tmp_path: Path
) -> None:
    places.programs.mkdir(parents=True)
    install.Manifest(places.manifest, current="1-a").write()
    with pytest.raises(install.Trouble, match="Add --prefix"):
        install.install_plug_in(places, install.Options(), tmp_path)
    with pytest.raises(install.Trouble, match="is not complete"):
        install.install_plug_in(places, install.Options(), None)


def test_plug_in_that_is_not_ours_is_said_before_anything_is_done(places: install.Places, tmp_path: Path) -> None:
    theirs = tmp_path / "user" / ".config" / "GIMP" / "3.0" / "plug-ins" / "pastiche-gimp"
    theirs.mkdir(parents=True)
    for command in (
        lambda: install.install(places, install.Options(yes=True), False),
        lambda: install.install_plug_in(places, install.Options(), tmp_path),
    ):
        with pytest.raises(install.Trouble, match="was not put there by this installer"):
            command()
    assert not (tmp_path / "prefix").exists()


def test_a_version_without_plug_in_takes_it_out_of_gimp(
    places: install.Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plug_in = tmp_path / "user" / ".config" / "GIMP" / "3.0" / "plug-ins" / "pastiche-gimp"
    plug_in.mkdir(parents=True)
    (plug_in / "pastiche.json").write_text(json.dumps({"libraries": str(places.current / "gimp-libs")}))
    places.programs.mkdir(parents=True)
    manifest = install.Manifest(places.manifest, plugins=[str(plug_in)])
    assert install.bring_back_plug_in(places, manifest, install.Venv(tmp_path / "old"))
    assert not plug_in.exists()
    assert install.Manifest.read(places.manifest).plugins == []
    assert "has no plug-in" in capsys.readouterr().out


def test_marker_survives_an_interruption(tmp_path: Path) -> None:
    venv = install.Venv(tmp_path)
    venv.mark("libraries", "abc")
    (tmp_path / "install.json.new").write_text("{half")
    assert venv.done("libraries") == "abc"
    venv.marker.write_text("{half")
    assert venv.done("libraries") is None


def test_the_installer_stands_on_the_standard_library_alone() -> None:
    code = "import sys; sys.path.insert(0, '.'); import install; print([m for m in sys.modules if 'site-packages' in "
    code += "str(getattr(sys.modules[m], '__file__', ''))])"
    answer = subprocess.run([sys.executable, "-S", "-c", code], cwd=install.HERE, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


STRANGE = ServiceDescription(
    ("/opt/Zoë 画/100% $HOME/bin/python", "-m", "pastiched.cli", "serve", "$x", 'a"b'), Path("/home/zoë/my home")
)


def test_systemd_unit_quotes_strange_paths() -> None:
    unit = STRANGE.systemd_unit()
    assert 'ExecStart="/opt/Zoë 画/100%% $HOME/bin/python" "-m" "pastiched.cli" "serve" "$$x" "a\\"b"\n' in unit
    assert 'Environment="PASTICHE_HOME=/home/zoë/my home"\n' in unit


def test_launchd_list_has_command_and_home() -> None:
    read = plistlib.loads(STRANGE.launchd_plist())
    assert tuple(read["ProgramArguments"]) == STRANGE.command
    assert read["EnvironmentVariables"] == {"PASTICHE_HOME": "/home/zoë/my home"}


def test_windows_task_has_command_and_home() -> None:
    task = ET.fromstring(STRANGE.windows_task().decode("utf-16"))
    action = task.find(f".//{{{TASK_NAMESPACE}}}Exec")
    assert action is not None
    assert action.findtext(f"{{{TASK_NAMESPACE}}}Command") == STRANGE.command[0]
    assert action.findtext(f"{{{TASK_NAMESPACE}}}WorkingDirectory") == "/home/zoë/my home"


@pytest.mark.skipif(os.name == "nt", reason="shell script")
def test_ci_runs_what_the_readme_says() -> None:
    assert "python3 install.py test" in (install.HERE / ".ci" / "run").read_text("utf-8")
    assert os.access(install.HERE / ".ci" / "run", os.X_OK)


def test_write_json_is_readable_text(tmp_path: Path) -> None:
    install.write_json(tmp_path / "x.json", {"home": "/home/zoë/画"})
    assert "zoë/画" in (tmp_path / "x.json").read_text("utf-8")
    assert json.loads((tmp_path / "x.json").read_text("utf-8")) == {"home": "/home/zoë/画"}


class FakeVenv(install.Venv):
    """An environment whose packages and trial of torch are set by the test; `steps` is what was done to it."""

    def __init__(self, folder: Path, torch: str, *trials: bool) -> None:
        super().__init__(folder)
        object.__setattr__(self, "torch", torch)
        object.__setattr__(self, "trials", [*trials])
        object.__setattr__(self, "steps", [])

    def packages(self) -> dict[str, str]:
        return {"torch": self.torch, "torchvision": "0.28"} if self.torch else {}  # type: ignore[attr-defined]

    def ask(self, code: str, seconds: float = 60.0) -> dict[str, Any]:
        works = self.trials.pop(0)  # type: ignore[attr-defined]
        return {"torch": "2.15", "torchvision": "0.29", "device": "cpu", "trouble": ""} if works else {}


@pytest.fixture
def torch_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    def note(step: str) -> Any:
        return lambda venv, *_, **variables: venv.steps.append(" ".join([step, *variables]))

    for name, step in (("pip", "repair"), ("remove_torch", "remove"), ("download_torch", "download")):
        monkeypatch.setattr(install, name, note(step))


@pytest.mark.usefixtures("torch_steps")
@pytest.mark.parametrize(
    ("torch", "trials", "steps"),
    [
        pytest.param("", [True], ["download"], id="missing"),
        pytest.param("2.6.0", [True], [], id="acceptable-pair-is-kept"),
        pytest.param("2.5.1", [True], ["download"], id="too-old"),
        pytest.param("2.13.0+cpu", [False, True], ["remove", "download"], id="pair-does-not-match"),
        pytest.param("", [False, True], ["download", "remove", "repair PIP_FIND_LINKS"], id="repaired-once"),
    ],
)
def test_torch_and_torchvision_end_as_a_pair_that_works(
    tmp_path: Path, torch: str, trials: list[bool], steps: list[str]
) -> None:
    venv = FakeVenv(tmp_path, torch, *trials)
    install.install_torch(venv, install.read_project(), install.Options())
    assert venv.steps == steps  # type: ignore[attr-defined]
    assert venv.done("torch")


@pytest.mark.usefixtures("torch_steps")
def test_torch_that_cannot_be_repaired_ends_with_one_sentence(tmp_path: Path) -> None:
    venv = FakeVenv(tmp_path, "", False, False)
    with pytest.raises(install.Trouble, match="do not work together"):
        install.install_torch(venv, install.read_project(), install.Options())
    assert not venv.done("torch")


@pytest.mark.usefixtures("torch_steps")
def test_torch_that_was_tried_is_not_tried_again_unless_another_build_is_wanted(tmp_path: Path) -> None:
    project = install.read_project()
    install.install_torch(FakeVenv(tmp_path, "2.15", True), project, install.Options())
    install.install_torch(FakeVenv(tmp_path, "2.15"), project, install.Options())
    again = FakeVenv(tmp_path, "2.15", True)
    install.install_torch(again, project, install.Options(torch="cpu"))
    assert again.steps == ["remove", "download"]  # type: ignore[attr-defined]
