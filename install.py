#!/usr/bin/env python3
"""Sets Pastiche up on this machine. It needs Python 3.11 or newer and nothing else.

  demo        paint a picture: a photograph in a style from the gallery, through the real daemon
  test        set everything up in this folder's .venv and run the tests (further arguments go to pytest)
  install     install Pastiche for this user, beside an older version: commands, daemon, the plug-in in every GIMP 3
  gimp        only the plug-in: for a second GIMP, after an upgrade of GIMP, or for a daemon that runs elsewhere
  uninstall   remove everything that this installer made
  doctor      say what is there, what is missing and what to do about it

Every step can be repeated: what is in place is left alone, what is broken or half finished is repaired.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pastiche.gimp_libraries import Target
    from pastiche.gimp_setup import Result, Surroundings

HERE = Path(__file__).resolve().parent
OLDEST_PYTHON, NEWEST_TRIED = (3, 11), (3, 14)
OLDEST_TORCH = (2, 6)
LIBRARIES_GB = 0.8
"""Disk space of everything but torch: OpenVINO, pictures, numbers, test tools."""
LIBRARY_SIZES = {"": (0.12, 0.4), "demo": (0.06, 0.25), "test": (0.1, 0.35)}
"""Approximate GB to download and on disk, for the libraries of all and those of each extra."""
DEMO_EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
DEMO_STYLE = "indigo-wave"
DEMO_PICTURE = "pastiche-demo.png"
LAUNCHERS = ("pastiche", "pastiched")


class Trouble(Exception):
    """Something the user has to know: one sentence, and what to do about it."""


def say(text: str) -> None:
    print(text, flush=True)


def too_old(version: tuple[int, ...], which: Callable[[str], str | None]) -> str:
    """What to tell the user of a Python that is too old, naming a newer one where there is one; "" if it is fine."""
    if version[:2] >= OLDEST_PYTHON:
        return ""
    newer = [f"python3.{minor}" for minor in range(NEWEST_TRIED[1], OLDEST_PYTHON[1] - 1, -1)]
    found = [name for name in newer if which(name)]
    advice = f"Use {found[0]}, which is on this machine." if found else "Install a newer one and use that."
    return f"Pastiche needs Python 3.11 or newer; this one is {version[0]}.{version[1]}. {advice}"


# ---------------------------------------------------------------------------------------------- which torch


@dataclass(frozen=True)
class Gpu:
    """A graphics card; `capability` and `driver` are NVIDIA's, 0 = not known."""

    maker: str
    name: str
    capability: float = 0.0
    driver: int = 0


@dataclass(frozen=True)
class TorchBuild:
    """A build of torch and torchvision: the folders of PyTorch's own index that have it (best first; none = the plain
    package index), approximate sizes in GB, and why it was chosen."""

    name: str
    indexes: tuple[str, ...]
    download: float
    disk: float
    why: str

    @property
    def size(self) -> str:
        return f"about {self.download:.1f} GB to download, {self.disk:.1f} GB on disk"


PYTORCH_INDEX = "https://download.pytorch.org/whl/"
CPU_BUILD = TorchBuild("CPU build", ("cpu",), 0.2, 0.9, "no graphics card that torch can use was found")
CUDA_BUILD = TorchBuild("CUDA build", (), 2.9, 5.4, "an NVIDIA card was found")
OLD_CUDA_BUILD = TorchBuild("CUDA 12.6 build", ("cu126",), 2.6, 5.0, "the NVIDIA card or its driver is an older one")
ROCM_BUILD = TorchBuild(
    "ROCm build", ("rocm7.2", "rocm7.1", "rocm7.0", "rocm6.4", "rocm6.3"), 4.5, 16.0, "an AMD card was found"
)
WINDOWS_CUDA_INDEXES = ("cu130", "cu129", "cu128", "cu126")
CUDA_13_DRIVER, CUDA_13_CAPABILITY = 580, 7.5


def parse_nvidia(text: str) -> Gpu | None:
    """The first card in the answer of `nvidia-smi --query-gpu=name,compute_cap,driver_version`."""
    cells = [cell.strip() for cell in text.strip().partition("\n")[0].split(",")]
    if len(cells) != 3:
        return None
    capability = float(cells[1]) if re.fullmatch(r"\d+\.\d+", cells[1]) else 0.0
    driver = re.match(r"\d+", cells[2])
    return Gpu("nvidia", cells[0], capability, int(driver[0]) if driver else 0)


def find_gpu() -> Gpu | None:
    """The card that torch could use. Only asks the drivers' own tools; nothing is initialised."""
    if smi := shutil.which("nvidia-smi"):
        query = [smi, "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"]
        with suppress(OSError, subprocess.TimeoutExpired):
            answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
            if answer.returncode == 0 and (gpu := parse_nvidia(answer.stdout)):
                return gpu
    return Gpu("amd", "AMD") if Path("/dev/kfd").exists() else None


def choose_torch(system: str, wanted: str, gpu: Gpu | None) -> TorchBuild:
    """The build for a system (`sys.platform`), the user's wish (cpu, cuda, rocm or "") and the card that was found."""
    if system == "darwin":
        return replace(CPU_BUILD, name="macOS build", indexes=(), why="it is the only one for macOS")
    kind = wanted or {"nvidia": "cuda", "amd": "rocm"}.get(gpu.maker if gpu else "", "cpu")
    build = {"cpu": CPU_BUILD, "rocm": ROCM_BUILD, "cuda": CUDA_BUILD}[kind]
    if kind == "cuda" and gpu and (0 < gpu.capability < CUDA_13_CAPABILITY or 0 < gpu.driver < CUDA_13_DRIVER):
        build = OLD_CUDA_BUILD
    elif kind == "cuda" and system == "win32":
        build = replace(build, indexes=WINDOWS_CUDA_INDEXES)
    return replace(build, why="you asked for it") if wanted else build


def plain_build(system: str) -> TorchBuild:
    """What the plain package index has: on Linux the CUDA build, which runs on a plain CPU too."""
    build = CUDA_BUILD if system == "linux" else CPU_BUILD
    return replace(build, indexes=(), why="it is what the package index has")


def reachable(folder: str) -> bool | None:
    """Whether PyTorch's own index has this folder; None where the index cannot be reached at all."""
    request = urllib.request.Request(f"{PYTORCH_INDEX}{folder}/torch/", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except urllib.error.HTTPError:
        return False
    except (OSError, ValueError):
        return None


def settle_build(build: TorchBuild, system: str, probe: Callable[[str], bool | None]) -> TorchBuild:
    """The build with the one folder that answers, else the CPU build (for an AMD card), else the plain index's."""
    wishes = [build] if build.name != ROCM_BUILD.name else [build, CPU_BUILD]
    for wish in wishes:
        if not wish.indexes:
            return wish
        for folder in wish.indexes:
            answer = probe(folder)
            if answer:
                return replace(wish, indexes=(folder,))
            if answer is None:
                break
    why = f"PyTorch's own index, which has the {build.name}, cannot be reached"
    return replace(plain_build(system), why=why)


# ------------------------------------------------------------------------------------- running and explaining


DROPPED_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")


def child_environment(**more: str) -> dict[str, str]:
    """The user's environment (proxies and pip's settings included) without what would lead a venv's Python astray."""
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED_VARIABLES}
    return kept | {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUTF8": "1"} | more


EXPLANATIONS = (
    (r"No space left on device|Errno 28|disk full", "The disk is full. Free some space and run this command again."),
    (r"externally-managed-environment", "This Python forbids installing; use one with the venv module."),
    (
        r"name resolution|getaddrinfo|NewConnectionError|ConnectTimeout|ReadTimeout|timed out|ProxyError|SSLError"
        r"|Connection refused|Network is unreachable|Connection reset",
        "The package index cannot be reached. Check the network and the proxy (HTTPS_PROXY), or give a folder of "
        "wheels with --wheelhouse, and run this command again.",
    ),
    (
        r"No matching distribution found for (?P<what>[^\s(]+)",
        "There is no ready-made {what} for this Python and system. Try another Python from 3.11 to 3.14.",
    ),
    (r"THESE PACKAGES DO NOT MATCH THE HASHES|BadZipFile|IncompleteRead", "A download arrived damaged. Try again."),
    (r"Permission denied|Errno 13", "A file could not be written: permission denied."),
)


def explain(output: str) -> str:
    """One sentence about why pip failed, from the end of its output."""
    for pattern, sentence in EXPLANATIONS:
        if match := re.search(pattern, output, re.IGNORECASE):
            return sentence.format(**match.groupdict())
    return "This step failed."


def explain_error(error: Exception) -> str:
    """One sentence about what the system refused: a read-only folder, a full disk, the end of the input."""
    if isinstance(error, EOFError):
        return "The question was not answered, so nothing more was done; with --yes nothing is asked."
    reason, file = getattr(error, "strerror", None), getattr(error, "filename", None)
    return f"{f'{file}: ' if file else ''}{reason or error}. Put that right and run the same command again."


def run_logged(label: str, command: Sequence[str], log: Path, attempts: int = 1, **variables: str) -> None:
    """Runs a long command with its output in the log, showing time and last line on a terminal. Raises Trouble."""
    for attempt in range(attempts):
        with log.open("ab") as file:
            file.write(f"\n$ {shlex.join(command)}\n".encode())
            file.flush()
            start = file.tell()
            try:
                process = subprocess.Popen(
                    command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=child_environment(**variables)
                )
            except OSError as error:
                raise Trouble(f"{command[0]} cannot be run: {error.strerror or error}.\n  While: {label}") from None
            watch(label, process, log)
        output = log.read_bytes()[start:].decode("utf-8", "replace")
        if process.returncode == 0:
            return
        hopeless = "No matching distribution" in output and "retries" not in output
        if hopeless or "No space left" in output:
            break
        if attempt + 1 < attempts:
            say("  That failed; trying once more.")
            time.sleep(3)
    last = "\n".join(f"    {line}" for line in output.strip().splitlines()[-6:])
    raise Trouble(f"{explain(output)}\n  While: {label}\n{last}\n  The whole log: {log}")


def watch(label: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits for a process; on a terminal one line that changes, else one line now."""
    if not sys.stdout.isatty():
        say(f"  {label} ...")
        process.wait()
        return
    started = time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
        minutes, seconds = divmod(int(time.monotonic() - started), 60)
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 400))
            line = file.read().decode("utf-8", "replace").strip().rpartition("\n")[2].strip()
        line = "" if line.startswith("$") else line
        text = f"  {label} {minutes}:{seconds:02}" + ("" if process.returncode is not None else f"  {line}")
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{text[:width]:<{width}}", end="", flush=True)
        if process.returncode is not None:
            print(flush=True)
            return


def check_disk(folder: Path, needed_gb: float) -> None:
    """Raises Trouble where the disk of this folder (it need not exist yet) has too little space."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    if free < needed_gb:
        raise Trouble(f"{needed_gb:.1f} GB of free disk space are needed in {folder}, and there are {free:.1f} GB.")


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Atomically, so that an interruption leaves the old file or the new one."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(data, indent=1, ensure_ascii=False), "utf-8")
    new.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """What the file says; nothing where it is missing or damaged."""
    with suppress(OSError, ValueError):
        data = json.loads(path.read_text("utf-8"))
        return data if isinstance(data, dict) else {}
    return {}


def agreed(question: str, yes: bool, default: bool) -> bool:
    """Asks on a terminal; without one the answer is the default."""
    if yes or not sys.stdin.isatty():
        return yes or default
    answer = input(f"{question} [{'Y/n' if default else 'y/N'}] ").strip().lower()
    return answer.startswith("y") if answer else default


# ---------------------------------------------------------------------------------------- one Python environment


@dataclass(frozen=True)
class Project:
    """What pyproject.toml asks for."""

    version: str
    build: list[str]
    torch: list[str]
    libraries: list[str]
    extras: dict[str, list[str]]


def read_project(folder: Path = HERE) -> Project:
    import tomllib  # not there in the older Pythons that must still reach `too_old`

    data = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    version = re.search(r'VERSION = "(.+?)"', (folder / "shared" / "pastiche" / "version.py").read_text("utf-8"))
    needed = data["project"]["dependencies"]
    torch = [requirement for requirement in needed if package_name(requirement) in ("torch", "torchvision")]
    return Project(
        version[1] if version else "0",
        data["build-system"]["requires"],
        torch,
        [requirement for requirement in needed if requirement not in torch and applies(requirement)],
        data["project"]["optional-dependencies"],
    )


def package_name(requirement: str) -> str:
    """The normalized name in a requirement: `Types_Tqdm >= 4` -> `types-tqdm`."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[(]", requirement.strip())[0]).lower()


def applies(requirement: str, machine: str = "") -> bool:
    """Whether it is meant for this kind of processor (`platform.machine()`); the only condition in pyproject.toml."""
    machines = re.findall(r"platform_machine\s*==\s*['\"](.+?)['\"]", requirement.partition(";")[2])
    return not machines or (machine or platform.machine()) in machines


def release(version: str) -> tuple[int, ...]:
    """`2.13.0+cpu` -> (2, 13, 0)."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])


def digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


LOOK = """
import importlib.metadata, json, re, sys
names = {}
for found in importlib.metadata.distributions():
    name = found.metadata["Name"]
    if name: names.setdefault(re.sub(r"[-_.]+", "-", name).lower(), found.version)
print(json.dumps({"python": sys.version_info[:3], "packages": names}))
"""
TRY_TORCH = """
import json, torch, torchvision
box = torch.tensor([[0., 0., 2., 2.], [0., 0., 2., 2.1]])
assert torchvision.ops.nms(box, torch.tensor([.9, .8]), .5).tolist() == [0]
found = {"torch": torch.__version__, "torchvision": torchvision.__version__, "device": "cpu", "trouble": ""}
gpu = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""
if gpu:
    try:
        square = torch.ones(64, 64, device=gpu)
        assert (square @ square).sum().item() == 64 ** 3
        found["device"] = gpu
    except Exception as error:
        found["trouble"] = str(error).strip().partition("\\n")[0][:200]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Venv:
    """A virtual environment of the installer's. Its marker file says which steps were completed, and with what."""

    folder: Path

    def program(self, name: str) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / (name + (".exe" if os.name == "nt" else ""))

    @property
    def python(self) -> Path:
        return self.program("python")

    @property
    def log(self) -> Path:
        return self.folder / "install.log"

    @property
    def marker(self) -> Path:
        return self.folder / "install.json"

    def done(self, step: str) -> Any:
        return read_json(self.marker).get(step)

    def mark(self, step: str, value: object) -> None:
        write_json(self.marker, read_json(self.marker) | {step: value})

    def ask(self, code: str, seconds: float = 60.0) -> dict[str, Any]:
        """What a few lines of Python print as JSON in this environment; nothing where they fail."""
        with suppress(OSError, ValueError, subprocess.TimeoutExpired):
            command = [str(self.python), "-I", "-c", code]
            answer = subprocess.run(command, capture_output=True, timeout=seconds, env=child_environment(), check=True)
            return dict(json.loads(answer.stdout))
        return {}

    def packages(self) -> dict[str, str]:
        return dict(self.ask(LOOK).get("packages", {}))

    def trouble(self) -> str:
        """Why this environment cannot be used; "" if it can."""
        config = self.folder / "pyvenv.cfg"
        if not config.is_file():
            return "is not complete"
        found = self.ask(LOOK)
        if not found:
            return "has a Python that does not start"
        if tuple(found["python"]) < OLDEST_PYTHON:
            return "has a Python that is too old"
        made_by = re.search(r"^version(?:_info)?\s*=\s*([\d.]+)", config.read_text("utf-8"), re.MULTILINE)
        if made_by and release(made_by[1])[:2] != tuple(found["python"][:2]):
            return "was made by another Python, which is gone"
        return "" if "pip" in found["packages"] else "has no pip"


@dataclass(frozen=True)
class Options:
    """What the user asked for on the command line, as far as setting up is concerned."""

    wheelhouse: Path | None = None
    torch: str = ""
    use_installed: bool = False
    yes: bool = False

    @property
    def pip_source(self) -> list[str]:
        return ["--no-index", "--find-links", str(self.wheelhouse)] if self.wheelhouse else []


def base_python() -> str:
    """The Python that environments are made from: never one inside the environment that may have to be replaced."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def has_ensurepip() -> bool:
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


def make_venv(venv: Venv, options: Options) -> None:
    """A working environment with pip in this place. A broken one of ours is replaced, a foreign one is put aside."""
    trouble = venv.trouble()
    if not trouble:
        return
    kept = venv.folder.with_name(venv.folder.name + "-home")
    if venv.folder.exists():
        home = venv.folder / "home"  # a checkout's, with the user's own styles in it: it outlives the environment
        if home.is_dir():
            stop_daemon(venv, home)
            kept = free_name(kept)
            home.rename(kept)
        if venv.marker.exists() or not any(venv.folder.iterdir()):
            say(f"  {venv.folder} {trouble}: making it anew.")
            shutil.rmtree(venv.folder)
        else:
            aside = free_name(venv.folder.with_name(venv.folder.name + "-old"))
            venv.folder.rename(aside)
            say(f"  {venv.folder} {trouble} and was not made by this installer: it is now {aside.name}.")
    venv.folder.mkdir(parents=True)
    if kept.is_dir():
        kept.rename(venv.folder / "home")
    venv.mark("made_by", "install.py")
    if has_ensurepip():
        run_logged("Making the Python environment", [base_python(), "-I", "-m", "venv", str(venv.folder)], venv.log)
    else:
        make_with_virtualenv(venv, options)
    if options.use_installed:
        libraries = "\n".join(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
        here = json.loads(subprocess.run([venv.python, "-I", "-c", PURELIB], capture_output=True, check=True).stdout)
        (Path(here) / "pastiche-use-installed.pth").write_text(libraries, "utf-8")
        # Python 3.11 seeds environments with an old setuptools, which would hide the one that is installed.
        for seed in Path(here).glob("setuptools*"):
            shutil.rmtree(seed)
    if trouble := venv.trouble():
        raise Trouble(f"The new Python environment {venv.folder} {trouble}. The log: {venv.log}")


PURELIB = "import json, sysconfig; print(json.dumps(sysconfig.get_path('purelib')))"


def make_with_virtualenv(venv: Venv, options: Options) -> None:
    """The way round a Python whose venv module was split off (Debian, Ubuntu): virtualenv, used just this once."""
    if not importlib.util.find_spec("virtualenv") and not importlib.util.find_spec("pip"):
        raise Trouble(f"This Python can make no environments. Install one package: {venv_package()}")
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        if not importlib.util.find_spec("virtualenv"):
            install = [sys.executable, "-m", "pip", "install", "--target", folder, *options.pip_source, "virtualenv"]
            try:
                run_logged("Fetching virtualenv, as this Python has no venv", install, venv.log, attempts=2)
            except Trouble as trouble:
                raise Trouble(f"{trouble}\n  Or install one package: {venv_package()}") from None
        make = [sys.executable, "-m", "virtualenv", "--python", base_python(), str(venv.folder)]
        run_logged("Making the Python environment", make, venv.log, PYTHONPATH=folder)


def venv_package() -> str:
    """The command that gives this system's Python its venv module."""
    packages = {"apt": "python3-venv", "dnf": "python3-virtualenv", "zypper": "python3-virtualenv"}
    tool = next((tool for tool in packages if shutil.which(tool)), "")
    return f"sudo {tool} install {packages[tool]}" if tool else "the one with Python's venv and ensurepip modules"


def pip(venv: Venv, label: str, arguments: Iterable[str], **variables: str) -> None:
    """Runs the environment's pip; ready-made wheels only, so that no compiler is ever needed."""
    patience = [] if "PIP_DEFAULT_TIMEOUT" in os.environ else ["--timeout", "60"]
    command = [str(venv.python), "-I", "-m", "pip", "install", "--progress-bar", "off", *patience, *arguments]
    run_logged(label, command, venv.log, attempts=2, **variables)


def install_torch(venv: Venv, project: Project, options: Options) -> None:
    """torch and torchvision, always in one command, so that they match; then both are tried for real."""
    key = digest(project.torch)
    before = venv.done("torch") or {}
    packages = venv.packages()
    present = "torchvision" in packages and release(packages.get("torch", "0")) >= OLDEST_TORCH
    if present and before.get("key") == key and options.torch in ("", before["wanted"]):
        return
    if present and not options.torch and (found := venv.ask(TRY_TORCH, 300)):
        say(f"  torch {found['torch']} is here already and works: nothing to download.")
        venv.mark("torch", {"key": key, "wanted": ""})
        return
    if present:
        remove_torch(venv)
    download_torch(venv, project, options)
    found = venv.ask(TRY_TORCH, 300)
    if not found:
        say("  torch and torchvision do not work together; installing the pair again, from the package index alone.")
        remove_torch(venv)
        with tempfile.TemporaryDirectory(prefix="pastiche-") as empty:
            # Wheels lying about in pip's own find-links are the usual reason for a pair that does not match.
            source = options.pip_source or ["--no-cache-dir"]
            pip(venv, "Installing torch and torchvision", [*source, *project.torch], PIP_FIND_LINKS=empty)
        found = venv.ask(TRY_TORCH, 300)
    if not found:
        raise Trouble(f"torch and torchvision were installed but do not work together. The log: {venv.log}")
    if found["trouble"]:
        say(f"  The graphics card cannot be used with this torch ({found['trouble']}); Pastiche will use the CPU.")
    say(f"  torch {found['torch']} and torchvision {found['torchvision']} work ({found['device']}).")
    venv.mark("torch", {"key": key, "wanted": options.torch})


def remove_torch(venv: Venv) -> None:
    command = [str(venv.python), "-I", "-m", "pip", "uninstall", "--yes", "torch", "torchvision"]
    run_logged("Removing the torch that is there", command, venv.log)


def download_torch(venv: Venv, project: Project, options: Options) -> None:
    if options.wheelhouse:
        pip(venv, f"Installing torch from {options.wheelhouse}", [*options.pip_source, *project.torch])
        return
    build = settle_build(choose_torch(sys.platform, options.torch, find_gpu()), sys.platform, reachable)
    say(f"  torch, {build.name} ({build.why}): {build.size}.")
    check_disk(venv.folder, build.download + build.disk)
    if build.indexes:
        try:
            index = f"{PYTORCH_INDEX}{build.indexes[0]}"
            pip(venv, f"Installing torch, {build.name}", ["--index-url", index, *project.torch])
            return
        except Trouble:
            build = plain_build(sys.platform)
            say(f"  That index has none for this Python. The package index has the {build.name}: {build.size}.")
            check_disk(venv.folder, build.download + build.disk)
    pip(venv, f"Installing torch, {build.name}", project.torch)


def set_up(venv: Venv, extras: Sequence[str], home: Path, options: Options, editable: bool = True) -> None:
    """An environment with everything in it: complete ones are left alone, the rest is made or repaired."""
    if not venv.done("package"):
        say("Setting up; the first time this takes some minutes.")
    project = read_project()
    make_venv(venv, options)
    install_torch(venv, project, options)
    packages = venv.packages()
    for part in ("", *extras):
        needed = [*(project.extras[part] if part else project.libraries), *project.build]
        step, key = f"libraries {part}".strip(), digest(needed)
        if venv.done(step) == key and all(package_name(requirement) in packages for requirement in needed):
            continue
        if not options.wheelhouse and any(package_name(requirement) not in packages for requirement in needed):
            download, disk = LIBRARY_SIZES.get(part, (LIBRARIES_GB / 2, LIBRARIES_GB))
            what = f"The libraries for `{part}`" if part else "The libraries"
            say(f"  {what}: about {download:.2f} GB to download, {disk:.2f} GB on disk.")
        check_disk(venv.folder, LIBRARIES_GB)
        label = f"Installing the libraries for `{part}`" if part else "Installing the libraries"
        pip(venv, label, [*options.pip_source, "--only-binary", ":all:", *needed])
        venv.mark(step, key)
    key = digest((HERE / "pyproject.toml").read_text("utf-8"), HERE, editable or source_digest())
    complete = "pastiche" in packages and all(venv.program(name).exists() for name in LAUNCHERS)
    if venv.done("package") != key or not complete:
        install_package(venv, editable)
        venv.mark("package", key)
    write_json(venv.folder / "pastiche.json", {"home": str(home), "python": str(venv.python)})


SOURCES = (
    "pyproject.toml", "README.md", "LICENSE", "NOTICE", "shared/pastiche", "daemon/pastiched",
    "gimp_plugin/pastiche-gimp",
)  # fmt: skip


def source_files() -> list[Path]:
    """The files that an installed version is made from, relative to this folder."""
    folders = [HERE / name for name in SOURCES if (HERE / name).is_dir()]
    found = [HERE / name for name in SOURCES if (HERE / name).is_file()]
    found += [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted(path.relative_to(HERE) for path in found if "__pycache__" not in path.parts)


def source_digest() -> str:
    files = source_files()
    return digest(*((path.as_posix(), hashlib.sha256((HERE / path).read_bytes()).hexdigest()) for path in files))


def install_package(venv: Venv, editable: bool) -> None:
    plain = ["--no-index", "--no-deps", "--no-build-isolation", "--force-reinstall", "--no-cache-dir"]
    if editable:
        leftover = HERE / "build"
        there = leftover.exists()
        pip(venv, "Installing Pastiche from this folder", [*plain, "--editable", str(HERE)])
        return None if there else remove(leftover)
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        # Built from a copy: setuptools leaves `build/` behind, and what lies in there would get into the next wheel.
        for path in source_files():
            copy = Path(folder) / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(HERE / path, copy)
        return pip(venv, "Installing Pastiche", [*plain, folder])


def free_name(path: Path) -> Path:
    """This path if nothing is there, else the first free one with a number: demo.png, demo-2.png, demo-3.png."""
    number, candidate = 1, path
    while candidate.exists() or candidate.is_symlink():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate


def checkout_venv() -> Venv:
    return Venv(HERE / ".venv")


def checkout_home() -> Path:
    """A checkout's own daemon, styles and log, apart from the user's installation."""
    return HERE / ".venv" / "home"


# ------------------------------------------------------------------------------------- the user's installation


@dataclass(frozen=True)
class Places:
    """Where the user's installation lives: `programs` (versions side by side), launchers, the daemon's home, units."""

    programs: Path
    launchers: Path
    home: Path
    units: Path

    @property
    def manifest(self) -> Path:
        return self.programs / "manifest.json"

    @property
    def current(self) -> Path:
        """A link to the version in use; on Windows, where links need rights, a text file with its name."""
        return self.programs / ("current.txt" if os.name == "nt" else "current")


def find_places(prefix: Path | None, system: str, environ: Mapping[str, str], user: Path) -> Places:
    """Fixed absolute places, not XDG's: sandboxed programs see other XDG variables, and all must find the same home."""
    if prefix:
        share, state = prefix / "share" / "pastiche", prefix / "state" / "pastiche"
        return Places(share, prefix / "bin", state, prefix / "config" / "systemd" / "user")
    if system == "win32":
        local = Path(environ.get("LOCALAPPDATA") or user / "AppData" / "Local")
        programs = local / "Programs" / "Pastiche"
        return Places(programs, programs / "Scripts", local / "Pastiche", programs)
    home = user / ".local" / "state" / "pastiche"
    if system == "darwin":
        home = user / "Library" / "Application Support" / "Pastiche"
    units = user / ("Library/LaunchAgents" if system == "darwin" else ".config/systemd/user")
    return Places(user / ".local" / "share" / "pastiche", user / ".local" / "bin", home, units)


@dataclass
class Manifest:
    """What this installer made outside the version folders, so that `uninstall` removes that and nothing else."""

    file: Path
    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    home: str = ""
    service: str = ""
    current: str = ""
    previous: str = ""
    plugins: list[str] = field(default_factory=list)
    attached: str = ""
    """The home of the daemon elsewhere that the plug-in uses; then no environment is installed here."""

    @classmethod
    def read(cls, file: Path) -> Manifest:
        known = {name: value for name, value in read_json(file).items() if name in cls.__dataclass_fields__}
        return cls(**(known | {"file": file}))

    def write(self) -> None:
        write_json(self.file, {name: value for name, value in vars(self).items() if name != "file"})

    def make_folder(self, folder: Path) -> None:
        """Makes a folder and remembers which of its parents were missing."""
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self.folders += [str(path) for path in reversed(missing) if str(path) not in self.folders]

    def add_file(self, path: Path) -> None:
        if str(path) not in self.files:
            self.files.append(str(path))


def install(places: Places, options: Options, service: bool, with_gimp: bool = True) -> None:
    """A new version beside the old one, which stays in use until the new one is complete and for a way back."""
    manifest = Manifest.read(places.manifest)
    if with_gimp and (reason := gimp_surroundings().obstacle()):
        raise Trouble(reason)
    for launcher in launcher_files(places):
        if (launcher.exists() or launcher.is_symlink()) and str(launcher) not in manifest.files:
            raise Trouble(f"{launcher} is there already and not Pastiche's. Move it away and run this again.")
    venv = version_to_build(places, manifest)
    if not options.yes and not agreed(f"Install Pastiche {read_project().version} in {places.programs}?", False, True):
        raise Trouble("Nothing was installed.")
    for folder in (places.programs, places.launchers):
        manifest.make_folder(folder)
    manifest.home = str(places.home)
    if manifest.attached:
        manifest.attached = manifest.current = ""
    manifest.write()
    set_up(venv, [], places.home, options, editable=False)
    try:
        try_commands(venv)
    except Trouble:
        venv.mark("package", "")
        set_up(venv, [], places.home, options, editable=False)
        try_commands(venv)
    prepare_plug_in(venv.folder)
    prepare_common_libraries(venv)
    venv.mark("complete", source_digest())
    manifest.make_folder(places.home)
    places.home.chmod(0o700)
    old = manifest.current
    switch(places, manifest, venv.folder)
    if service or manifest.service:
        install_service(places, manifest, venv)
    retire_daemon(places, manifest, old)
    plug_in = set_up_plug_in(places, manifest, venv, options) if with_gimp else None
    say(f"Pastiche is installed. Start with: pastiche styles   (it is in {places.launchers})")
    if str(places.launchers) not in os.environ.get("PATH", "").split(os.pathsep):
        say(f"  {places.launchers} is not in your PATH: add it, or write the whole path.")
    if plug_in and not plug_in.found:
        say("  No GIMP 3 was found. Once it is installed, run: python3 install.py gimp")
    if plug_in and not plug_in.works:
        raise Trouble(f"The commands work, the plug-in does not yet. {NO_LINES}")


def try_commands(venv: Venv) -> None:
    for name in LAUNCHERS:
        run_logged(f"Trying the command {name}", [str(venv.program(name)), "--help"], venv.log)


def version_to_build(places: Places, manifest: Manifest) -> Venv:
    """The current version if it was made from these very sources, else an unfinished one, else a new folder."""
    versions = places.programs / "versions"
    if manifest.current and Venv(versions / manifest.current).done("complete") == source_digest():
        return Venv(versions / manifest.current)
    for folder in sorted(versions.iterdir(), reverse=True) if versions.is_dir() else []:
        if Venv(folder).marker.exists() and not Venv(folder).done("complete"):
            return Venv(folder)
    return Venv(free_name(versions / f"{read_project().version}-{time.strftime('%Y%m%d-%H%M%S')}"))


def launcher_files(places: Places) -> list[Path]:
    return [places.launchers / (name + (".cmd" if os.name == "nt" else "")) for name in LAUNCHERS]


def switch(places: Places, manifest: Manifest, folder: Path) -> None:
    """Makes this version the current one in one step each for link and launchers, and drops what is older than the
    previous one."""
    if manifest.current != folder.name:
        manifest.previous, manifest.current = manifest.current, folder.name
    if os.name == "nt":
        new_text(places.current, folder.name)
        for launcher in launcher_files(places):
            new_text(launcher, f'@"{Venv(folder).program(launcher.stem)}" %*\r\n')
    else:
        new_link(places.current, folder)
        for launcher in launcher_files(places):
            new_link(launcher, places.current / "bin" / launcher.name)
    for launcher in launcher_files(places):
        manifest.add_file(launcher)
    manifest.write()
    for other in folder.parent.iterdir():
        if other.name not in (manifest.current, manifest.previous):
            shutil.rmtree(other, ignore_errors=True)


def new_link(link: Path, target: Path) -> None:
    new = link.with_name(link.name + ".new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def new_text(path: Path, text: str) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(text, "utf-8", newline="")
    new.replace(path)


def roll_back(places: Places) -> None:
    manifest = Manifest.read(places.manifest)
    folder = places.programs / "versions" / manifest.previous
    if not manifest.previous or (trouble := Venv(folder).trouble()):
        raise Trouble("There is no earlier version to go back to." if not manifest.previous else f"{folder} {trouble}.")
    old = manifest.current
    switch(places, manifest, folder)
    if manifest.service:
        install_service(places, manifest, Venv(folder))
    retire_daemon(places, manifest, old)
    works = not manifest.plugins or bring_back_plug_in(places, manifest, Venv(folder))
    say(f"Back at {folder.name}.")
    if not works:
        raise Trouble(f"The plug-in of this version does not work. {NO_LINES}")


def install_service(places: Places, manifest: Manifest, venv: Venv) -> None:
    """Writes and starts the systemd unit; for macOS and Windows writes the file and says that it is not tried."""
    use_shared()
    from pastiche.service import ServiceDescription

    command = (str(venv.python), "-P", "-m", "pastiched.cli", "serve", "--idle-stop", "0")
    service = ServiceDescription(command, places.home)
    name, content, start = {
        "darwin": ("org.pastiche.daemon.plist", service.launchd_plist(), "launchctl load -w"),
        "win32": ("pastiche-task.xml", service.windows_task(), "schtasks /Create /TN pastiche /XML"),
    }.get(sys.platform, ("pastiche.service", service.systemd_unit().encode(), "systemctl --user enable --now"))
    file = places.units / name
    if file.exists() and str(file) not in manifest.files:
        raise Trouble(f"{file} is there already and not Pastiche's. Move it away and run this again.")
    manifest.make_folder(file.parent)
    manifest.add_file(file)
    manifest.service = str(file)
    manifest.write()
    file.write_bytes(content)
    if sys.platform in ("darwin", "win32"):
        say(f"  Not tried on this system: the service file is {file}. Start it with: {start} {shlex.quote(str(file))}")
    elif systemctl("daemon-reload") and systemctl("enable", "--now", str(file)):
        say("  The daemon runs as a systemd user service and starts with your session.")
    else:
        say(f"  systemd does not answer here. In your session, run: {start} {shlex.quote(str(file))}")


def systemctl(*arguments: str) -> bool:
    """Whether the user's systemd did it."""
    if not shutil.which("systemctl"):
        return False
    command = ["systemctl", "--user", *arguments]
    with suppress(subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    return False


def uninstall(places: Places, checkout: Venv | None, yes: bool, keep_styles: bool) -> None:
    """Removes the user's installation, and this folder's environment if this installer made it."""
    manifest = Manifest.read(places.manifest)
    installed, in_checkout = places.manifest.exists(), bool(checkout and checkout.done("made_by"))
    if not installed and not in_checkout:
        return say(f"Pastiche is not installed in {places.programs}: nothing to remove.")
    what = [str(places.programs)] if installed else []
    what += [str(checkout.folder)] if checkout and in_checkout else []
    if not agreed(f"Remove {' and '.join(what)}?", yes, False):
        raise Trouble("Nothing was removed." + ("" if sys.stdin.isatty() else " Without a terminal, add --yes."))
    home = Path(manifest.home or places.home)
    keep_installed = installed and not manifest.attached and styles_stay(home, yes, keep_styles)
    keep_own = bool(checkout and in_checkout and styles_stay(checkout.folder / "home", yes, keep_styles))
    if installed:
        remove_installation(places, manifest, home, keep_installed)
    if checkout and in_checkout:
        remove_checkout(checkout, keep_own)
    return say("Pastiche is removed. What pip downloaded stays in its own cache; to empty that: pip cache purge")


def remove_checkout(venv: Venv, keep_styles: bool) -> None:
    """Removes a checkout's environment and what building left beside it; the marker last: so it can be repeated."""
    home = venv.folder / "home"
    stop_daemon(venv, home)
    clear_home(home, keep_styles)
    for path in (venv.folder.parent / folder / "pastiche.egg-info" for folder in (".", "shared")):
        remove(path)
    for path in [*venv.folder.iterdir()]:
        if path != venv.marker and not (keep_styles and path == home):
            remove(path)
    venv.marker.unlink()
    if not keep_styles:
        venv.folder.rmdir()


def styles_stay(home: Path, yes: bool, keep_styles: bool) -> bool:
    """Whether this home has styles of the user's that are to be kept; asks."""
    own = any(any(folder.iterdir()) for folder in own_styles(home) if folder.is_dir())
    question = f"Delete your own styles and trained models in {home} too?"
    return own and (keep_styles or not agreed(question, yes, False))


def own_styles(home: Path) -> list[Path]:
    """The user's styles folder, the pictures that pastiches in saved images name as their styles, trained models."""
    return [home / "styles", home / "kept", home / "models" / "trained"]


def clear_home(home: Path, keep_styles: bool) -> None:
    clear_folder(home, own_styles(home) if keep_styles else [])
    if keep_styles:
        say(f"  Your own styles and trained models stay in {home}")


def clear_folder(folder: Path, kept: list[Path]) -> None:
    """Removes what is in a folder, and itself where that leaves it empty; `kept` stay."""
    for path in [*folder.iterdir()] if folder.is_dir() else []:
        if any(path in place.parents and place.is_dir() for place in kept):
            clear_folder(path, kept)
        elif path not in kept:
            remove(path)
    with suppress(OSError):
        folder.rmdir()


def remove_installation(places: Places, manifest: Manifest, home: Path, keep_styles: bool) -> None:
    remove_plug_ins(places, manifest)
    if manifest.service.endswith(".service"):
        systemctl("disable", "--now", Path(manifest.service).name)
    if not manifest.attached:
        stop_daemon(Venv(places.programs / "versions" / manifest.current), home)
    for name in manifest.files:
        Path(name).unlink(missing_ok=True)
    if manifest.service.endswith(".service"):
        systemctl("daemon-reload")
    if not manifest.attached:
        clear_home(home, keep_styles)
    remove(places.programs / "versions")
    for file in (places.current, places.manifest):
        file.unlink(missing_ok=True)
    for folder in reversed(manifest.folders):
        with suppress(OSError):  # not empty: somebody else uses it too
            Path(folder).rmdir()


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def stop_daemon(venv: Venv, home: Path) -> None:
    """Asks the daemon of this home to leave and waits for it. Raises Trouble if it stays."""
    use_shared()
    from pastiche.connection import Connection, Home, read_connection
    from pastiche.errors import PasticheError

    def running() -> Connection | None:
        try:
            return read_connection(Home(home, venv.python))
        except PasticheError as error:
            raise Trouble(str(error)) from None

    if not running():
        return
    if not ask_to_stop(venv, home) and (connection := running()):
        # The client of a broken environment cannot ask; a signal is as good, if that process is the daemon.
        with suppress(OSError):
            if b"pastiched" in Path(f"/proc/{connection.pid}/cmdline").read_bytes():
                os.kill(connection.pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while connection := running():
        if time.monotonic() > deadline:
            raise Trouble(f"The daemon (process {connection.pid}) does not stop. End it and run this again.")
        time.sleep(0.1)


def ask_to_stop(venv: Venv, home: Path, *flags: str) -> bool:
    """Whether this environment's client could tell the daemon of this home to leave, and it left within a minute."""
    command = [str(venv.python), "-I", "-m", "pastiche.cli", "stop", *flags]
    with suppress(OSError, subprocess.TimeoutExpired):
        environment = child_environment(PASTICHE_HOME=str(home))
        answer = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)
        return answer.returncode == 0
    return False


def retire_daemon(places: Places, manifest: Manifest, old: str) -> None:
    """After a switch from the version folder `old`: its daemon finishes its jobs and leaves; the service restarts."""
    if not old or old == manifest.current:
        return
    if (places.home / "connection.json").exists():
        ask_to_stop(Venv(places.programs / "versions" / old), places.home, "--when-idle")
    if manifest.service.endswith(".service"):
        systemctl("restart", Path(manifest.service).name)


# ------------------------------------------------------------------------------------------------ GIMP's plug-in


NO_LINES = "The lines marked NO say why, and what to do."
PLUG_IN_SOURCE = HERE / "gimp_plugin" / "pastiche-gimp"
GUIDE_SOURCE = HERE / "docs" / "guide"
GIMP_LIBRARIES = ("pyzmq", "msgpack")
LIBRARY_FOLDERS = """
import importlib.util, json, os
found = {name: importlib.util.find_spec(name) for name in ("pastiche", "zmq", "msgpack")}
print(json.dumps({name: os.path.dirname(spec.origin) for name, spec in found.items() if spec}))
"""


class RunningPython(Venv):
    """The Python that runs this, for its pip alone; the folder has the log."""

    @property
    def python(self) -> Path:
        return Path(sys.executable)


def use_shared() -> None:
    """Makes those modules of `pastiche` importable from the sources that need the standard library alone."""
    if str(HERE / "shared") not in sys.path:
        sys.path.insert(0, str(HERE / "shared"))


def gimp_surroundings() -> Surroundings:
    use_shared()
    from pastiche.gimp_setup import Surroundings

    return Surroundings(sys.platform, os.environ, Path.home())


def prepare_plug_in(folder: Path) -> None:
    """Puts plug-in and guide into a version's folder."""
    use_shared()
    from pastiche.gimp_libraries import copy_folder

    copy_folder(PLUG_IN_SOURCE, folder / "gimp-plugin")
    if GUIDE_SOURCE.is_dir():
        copy_folder(GUIDE_SOURCE, folder / "guide")


def prepare_common_libraries(venv: Venv) -> None:
    """Puts this environment's `pastiche` and msgpack where every GIMP's Python can load them."""
    from pastiche.gimp_libraries import fill_common

    found = venv.ask(LIBRARY_FOLDERS)
    fill_common(venv.folder / "gimp-libs" / "common", Path(found["pastiche"]), Path(found["msgpack"]))


def add_gimp_libraries(folder: Path, target: Target | None, venv: Venv, options: Options) -> Path:
    """pyzmq and msgpack for the Python of a GIMP (None: one that could not be asked), with this environment's pip or
    else from its own packages. Returns their folder. Raises Trouble."""
    from pastiche.gimp_libraries import copy_libraries, swap

    own = tuple(venv.ask(LOOK)["python"][:2])
    same = target is None or target.python == own
    name, what = (target.folder, f"GIMP's {target.name}") if target else ("cp{}{}".format(*own), "GIMP's Python")
    done, new = folder / name, folder / f"new-{name}"
    needed = [line for line in read_project().libraries if package_name(line) in GIMP_LIBRARIES]
    key = digest(needed, str(target))
    if read_json(done / "complete.json").get("key") == key:
        return done
    remove(new)
    chosen = target.pip_arguments() if target and not same else []
    try:
        if not same and not chosen:
            raise Trouble(f"There are no ready-made packages for {what} on {target.platform if target else ''}.")
        plain = ["--target", str(new), "--no-deps", "--no-compile", "--only-binary", ":all:"]
        pip(venv, f"Installing the libraries for {what}", [*options.pip_source, *plain, *chosen, *needed])
    except Trouble:
        remove(new)
        found = venv.ask(LIBRARY_FOLDERS)
        new.mkdir(parents=True)
        complete = "zmq" in found and "msgpack" in found
        if not complete or not copy_libraries(new, Path(found["zmq"]), Path(found["msgpack"]), same):
            remove(new)
            raise
    write_json(new / "complete.json", {"key": key})
    swap(new, done)
    return done


def place_plug_ins(
    places: Places, manifest: Manifest, folder: Path, python: Path | None, add: Callable[[Target | None], object]
) -> Result:
    """Puts the plug-in of a version's folder into every GIMP and asks each whether it is there."""
    use_shared()
    from pastiche.gimp_profiles import Facts, PlugInError
    from pastiche.gimp_setup import set_up_gimps

    # Windows has no link to the current version: the plug-in is written anew with each.
    base = folder if os.name == "nt" else places.current
    facts = Facts(
        str(base / "gimp-libs"),
        manifest.attached or str(places.home),
        str(base / python.relative_to(folder)) if python else "",
        str(base / "guide" / "index.html"),
        folder.name.partition("-")[0],
    )
    try:
        result = set_up_gimps(gimp_surroundings(), folder / "gimp-plugin", facts, add, say)
    except PlugInError as error:
        raise Trouble(str(error)) from None
    manifest.plugins += [str(path) for path in result.folders if str(path) not in manifest.plugins]
    manifest.write()
    return result


def set_up_plug_in(places: Places, manifest: Manifest, venv: Venv, options: Options) -> Result:
    """The plug-in of an installed version, with libraries from its environment; without them a helper stands in."""

    def add(target: Target | None) -> None:
        try:
            add_gimp_libraries(venv.folder / "gimp-libs", target, venv, options)
        except Trouble as trouble:
            say(f"  {str(trouble).partition(chr(10))[0]} The plug-in will use a helper process instead.")

    return place_plug_ins(places, manifest, venv.folder, venv.python, add)


def bring_back_plug_in(places: Places, manifest: Manifest, venv: Venv) -> bool:
    """The plug-in of the version gone back to; whether it works, or that version had none."""
    if (venv.folder / "gimp-plugin").is_dir():
        return set_up_plug_in(places, manifest, venv, Options()).works
    remove_plug_ins(places, manifest)
    manifest.write()
    say("  That version has no plug-in: it is taken out of GIMP.")
    return True


def remove_plug_ins(places: Places, manifest: Manifest) -> None:
    """Takes this installation's plug-in out of every profile, also of those that GIMP copied when it was upgraded."""
    around = gimp_surroundings()
    from pastiche.gimp_profiles import remove_plug_in

    for profile in {*around.profiles(), *(Path(folder).parents[1] for folder in manifest.plugins)}:
        if remove_plug_in(profile, places.programs):
            say(f"  The plug-in is no longer in {profile}")
    manifest.plugins = []


def install_plug_in(places: Places, options: Options, attach: Path | None) -> None:
    """The command `gimp`: the plug-in of what is installed, or (`attach`) one for a daemon that runs elsewhere."""
    manifest = Manifest.read(places.manifest)
    if reason := gimp_surroundings().obstacle():
        raise Trouble(reason)
    if attach and manifest.current and not manifest.attached:
        raise Trouble(f"{places.programs} has a whole Pastiche with a daemon of its own. Add --prefix for another one.")
    if attach or manifest.attached:
        result = attach_plug_in(places, manifest, options, attach or Path(manifest.attached))
    elif not manifest.current:
        raise Trouble("Pastiche is not installed. Run: python3 install.py install")
    else:
        venv = Venv(places.programs / "versions" / manifest.current)
        if trouble := venv.trouble():
            raise Trouble(f"{venv.folder} {trouble}. Run: python3 install.py install")
        if venv.done("complete") == source_digest():
            prepare_plug_in(venv.folder)
            prepare_common_libraries(venv)
        elif not (venv.folder / "gimp-plugin").is_dir():
            raise Trouble(f"The installed {venv.folder.name} has no plug-in. Run: python3 install.py install")
        else:
            say(f"  These sources are not those of the installed {venv.folder.name}, whose plug-in is used.")
        result = set_up_plug_in(places, manifest, venv, options)
    if not result.found:
        raise Trouble("No GIMP 3 was found. Install it and run this again.")
    if not result.works:
        raise Trouble(f"The plug-in does not work yet. {NO_LINES}")
    say("The plug-in is installed. A GIMP that is open has to be started again.")


def attach_plug_in(places: Places, manifest: Manifest, options: Options, home: Path) -> Result:
    """Plug-in and libraries without an environment of our own, for a daemon whose home folder is `home`."""
    use_shared()
    from pastiche.gimp_libraries import fill_common

    if not home.is_dir():
        raise Trouble(f"There is no folder {home}: --attach wants the home folder of a Pastiche daemon.")
    folder = places.programs / "versions" / f"{read_project().version}-attached"
    for path in (places.programs, folder):
        manifest.make_folder(path)
    manifest.attached, manifest.current = str(home), folder.name
    manifest.write()
    prepare_plug_in(folder)
    lender = pip_lender(folder, options)

    def add(target: Target | None) -> None:
        libraries = add_gimp_libraries(folder / "gimp-libs", target, lender, options)
        fill_common(folder / "gimp-libs" / "common", HERE / "shared" / "pastiche", libraries / "msgpack")

    try:
        if os.name != "nt":
            new_link(places.current, folder)
        return place_plug_ins(places, manifest, folder, None, add)
    finally:
        if lender.folder != folder:
            remove(lender.folder)


def pip_lender(folder: Path, options: Options) -> Venv:
    """A Python with pip: the one that runs this, else an environment to be thrown away."""
    running = RunningPython(folder)
    if "pip" in running.packages():
        return running
    venv = Venv(folder / "pip")
    make_venv(venv, options)
    return venv


# ------------------------------------------------------------------------------------------------- the commands


def demo(options: Options, photo: Path | None, style: str, output: Path) -> None:
    """Paints one picture through client and daemon and puts photograph, style and pastiche side by side."""
    venv = checkout_venv()
    set_up(venv, ["demo"], checkout_home(), options)
    if not photo:
        photo = Path(venv.ask(ASTRONAUT)["path"])
    say(f"Painting {photo.name} in the style {style}")
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        pastiche = Path(folder) / "pastiche.png"
        client = [str(venv.program("pastiche")), "apply", str(photo), "--style", style, "-o", str(pastiche)]
        if subprocess.run(client, env=child_environment(), check=False).returncode:
            raise Trouble("The picture could not be painted; the line above says why.")
        output = free_name(output)
        run = [str(venv.python), "-I", str(HERE / "install.py"), COMPOSE, str(photo), style, str(pastiche), str(output)]
        run_logged("Putting the pictures side by side", run, venv.log)
    program = venv.program("pastiche")
    client_name = shlex.quote(str(program.relative_to(HERE) if Path.cwd() == HERE else program))
    say(f"Done: {output.resolve()}")
    say(f"Your own: {client_name} apply PHOTO --style PICTURE -o OUT.png   (styles: {client_name} styles)")
    say(f"The daemon waits for more and leaves when idle; to stop it now: {client_name} stop")


COMPOSE = "--compose"
ASTRONAUT = """
import importlib.util, json, pathlib
folder = pathlib.Path(importlib.util.find_spec("skimage").origin).parent
print(json.dumps({"path": str(folder / "data" / "astronaut.png")}))
"""


def compose(photo: str, style: str, pastiche: str, output: str) -> None:
    """Runs in the environment's Python, which has Pillow: three pictures of one height with their names below."""
    import numpy
    from PIL import Image, ImageDraw, ImageFont

    from pastiche.picture_files import read_picture

    def opened(path: Path) -> Image.Image:
        pixels = read_picture(path).pixels
        kind = pixels.format
        numbers = numpy.frombuffer(pixels.data, {"u8": "u1", "u16": "u2", "f32": "f4"}[kind.depth])
        scale = {"u8": 1.0, "u16": 1 / 257, "f32": 255.0}[kind.depth]
        eight_bits = (numbers * scale + 0.5).astype("u1") if kind.depth != "u8" else numbers
        return Image.fromarray(eight_bits.reshape(kind.height, kind.width, kind.channels)).convert("RGB")

    height, gap = 512, 16
    found = [Path(style), *gallery_pictures(style)]
    paths = [Path(photo), next(path for path in found if path.is_file()), Path(pastiche)]
    pictures = [opened(path) for path in paths]
    widths = [max(1, round(picture.width * height / picture.height)) for picture in pictures]
    pictures = [picture.resize((width, height)) for picture, width in zip(pictures, widths, strict=True)]
    sheet = Image.new("RGB", (sum(widths) + gap * 4, height + gap * 4), "white")
    pen, font, left = ImageDraw.Draw(sheet), ImageFont.load_default(18), gap
    for picture, name in zip(pictures, ("photograph", "style", "pastiche"), strict=True):
        sheet.paste(picture, (left, gap))
        pen.text((left + picture.width / 2, height + gap * 2.5), name, "black", font, anchor="mm")
        left += picture.width + gap
    sheet.save(output)


def gallery_pictures(style: str) -> list[Path]:
    """The gallery's picture of that name, as a list of at most one."""
    folder = HERE / "daemon" / "pastiched" / "gallery"
    return [path for path in folder.iterdir() if path.stem == style and path.suffix in (".jpg", ".png")]


def test(options: Options, arguments: list[str]) -> int:
    """Sets up and runs pytest; its closing line is the last thing printed."""
    venv = checkout_venv()
    set_up(venv, ["test"], checkout_home(), options)
    command = [str(venv.python), "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=HERE, env=child_environment(), check=False).returncode


def doctor(places: Places) -> int:
    """Checks what Pastiche stands on, then lets the client's own doctor look at the rest."""
    version = ".".join(map(str, sys.version_info[:3]))
    tried = sys.version_info[:2] <= NEWEST_TRIED
    lines = [(True, f"Python {version}" + ("" if tried else " (newer than what Pastiche was tried with)"))]
    way = "" if has_ensurepip() else f" has no venv; virtualenv is fetched instead, or: {venv_package()}"
    lines.append((has_ensurepip() or bool(importlib.util.find_spec("pip")), f"environments{way or ' can be made'}"))
    existing = next(path for path in (places.programs, *places.programs.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 1e9
    lines.append((free > CPU_BUILD.disk, f"free disk space: {free:.1f} GB"))
    gpu = find_gpu()
    lines.append((True, f"graphics card: {gpu.name}" if gpu else "no NVIDIA or AMD card found: Pastiche uses the CPU"))
    manifest = Manifest.read(places.manifest)
    found = [("the checkout's .venv", checkout_venv(), "install.py test")]
    if manifest.current:
        installed = Venv(places.programs / "versions" / manifest.current)
        found.append((f"the installation {manifest.current}", installed, "install.py install"))
    if manifest.attached:
        found.pop()
        lines += attached_lines()
    usable = None
    for name, venv, cure in found:
        if not venv.folder.exists():
            lines.append((True, f"{name}: not set up"))
            continue
        trouble = venv.trouble() or ("" if venv.ask(TRY_TORCH, 300) else "has no torch and torchvision that work")
        lines.append((not trouble, f"{name} {trouble or 'is complete'}" + (f"; run: {cure}" if trouble else "")))
        usable = usable if trouble else venv
    for good, text in lines:
        say(f"  {'ok' if good else 'NO'}  {text}")
    failed = not all(good for good, _ in lines)
    if not usable or "pastiche" not in usable.packages():
        return int(failed)
    client = [str(usable.program("pastiche")), "doctor"]
    return subprocess.run(client, env=child_environment(), check=False).returncode or int(failed)


def attached_lines() -> list[tuple[bool, str]]:
    """What the GIMPs here say of a plug-in that has no environment, and so no `pastiche doctor`, beside it."""
    use_shared()
    from pastiche.gimp_setup import check_gimps

    findings = check_gimps(gimp_surroundings())
    return [(finding.state != "fail", f"{finding.detail} {finding.fix}".strip()) for finding in findings]


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser("install.py", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument("--wheelhouse", type=Path, metavar="DIR", help="take all packages from this folder; no network")
    builds = common.add_mutually_exclusive_group()
    for name in ("cpu", "cuda", "rocm"):
        text = f"install torch's {name.upper()} build (default: the one that fits)"
        builds.add_argument(f"--{name}", dest="torch", action="store_const", const=name, default="", help=text)
    text = "use torch and the other packages of the Python that runs this (conda, your own build); add what is missing"
    common.add_argument("--use-installed", action="store_true", help=text)
    common.add_argument("--yes", action="store_true", help="ask nothing")
    commands = parser.add_subparsers(dest="command", required=True, metavar="demo|test|install|gimp|uninstall|doctor")
    shared: dict[str, Any] = {"allow_abbrev": False}
    showing = commands.add_parser("demo", parents=[common], **shared)
    showing.add_argument("--photo", type=Path, help="your photograph (default: one from scikit-image)")
    showing.add_argument("--style", default=DEMO_STYLE, help="a picture or a gallery name (default: %(default)s)")
    showing.add_argument("-o", "--output", type=Path, default=Path(DEMO_PICTURE), help="default: %(default)s")
    commands.add_parser("test", parents=[common], usage="install.py test [options] [pytest arguments]", **shared)
    for name in ("install", "gimp", "uninstall", "doctor"):
        command = commands.add_parser(name, parents=[common] if name == "install" else [], **shared)
        command.add_argument(
            "--prefix", type=Path, metavar="DIR", help="everything but the plug-in in this folder instead of your home"
        )
        if name == "gimp":
            command.add_argument("--wheelhouse", type=Path, metavar="DIR", help="take packages from this folder")
            text = "for a daemon that runs elsewhere and has its home folder here; installs no daemon"
            command.add_argument("--attach", type=Path, metavar="HOME", help=text)
        if name == "install":
            command.add_argument("--no-gimp", action="store_true", help="commands and daemon only; GIMP is left alone")
            command.add_argument("--service", action="store_true", help="let the daemon start with your session")
            command.add_argument("--rollback", action="store_true", help="go back to the version before this one")
        if name == "uninstall":
            command.add_argument("--yes", action="store_true", help="ask nothing; your own styles are deleted too")
            command.add_argument("--keep-styles", action="store_true", help="keep your own styles and trained models")
    chosen, rest = parser.parse_known_args(arguments)
    if rest and chosen.command != "test":
        parser.error(f"unknown: {' '.join(rest)}")
    return chosen, rest


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == [COMPOSE]:
        compose(*arguments[1:])
        return 0
    chosen, rest = parse(arguments)
    options = Options()
    if chosen.command in ("demo", "test", "install", "gimp"):
        wheelhouse = chosen.wheelhouse.resolve() if chosen.wheelhouse else None
        if wheelhouse and not wheelhouse.is_dir():
            raise Trouble(f"The wheelhouse {wheelhouse} is not a folder.")
        options = Options(wheelhouse)
        if chosen.command != "gimp":
            options = Options(wheelhouse, chosen.torch, chosen.use_installed, chosen.yes)
    if chosen.command == "demo":
        if chosen.photo and not chosen.photo.is_file():
            raise Trouble(f"There is no photograph {chosen.photo}.")
        given = Path(chosen.style)
        if not given.is_file() and not gallery_pictures(chosen.style):
            raise Trouble(f"{chosen.style} is neither a picture nor a style of the gallery.")
        if not chosen.output.resolve().parent.is_dir():
            raise Trouble(f"The picture cannot be written: there is no folder {chosen.output.parent}.")
        if chosen.output.suffix.lower() not in DEMO_EXTENSIONS:
            raise Trouble(f"The output {chosen.output.name} must end in one of {', '.join(DEMO_EXTENSIONS)}.")
        style = str(given.resolve()) if given.is_file() else chosen.style
        demo(options, chosen.photo and chosen.photo.resolve(), style, chosen.output)
        return 0
    if chosen.command == "test":
        return test(options, rest)
    prefix = chosen.prefix.resolve() if chosen.prefix else None
    places = find_places(prefix, sys.platform, os.environ, Path.home())
    if chosen.command == "doctor":
        return doctor(places)
    if chosen.command == "uninstall":
        uninstall(places, None if prefix else checkout_venv(), chosen.yes, chosen.keep_styles)
    elif chosen.command == "gimp":
        install_plug_in(places, options, chosen.attach.resolve() if chosen.attach else None)
    elif chosen.rollback:
        roll_back(places)
    else:
        install(places, options, chosen.service, not chosen.no_gimp)
    return 0


if __name__ == "__main__":
    if problem := too_old(sys.version_info[:3], shutil.which):
        sys.exit(problem)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        sys.exit(f"install.py: {trouble}")
    except (OSError, EOFError, subprocess.SubprocessError) as error:
        print(end="\n" if isinstance(error, EOFError) else "")
        sys.exit(f"install.py: {explain_error(error)}")
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on where this one stopped.", file=sys.stderr)
        sys.exit(130)
