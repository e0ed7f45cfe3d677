"""`pastiche doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pastiche.client import Client
from pastiche.connection import LONGEST_IPC_PATH, Home, find_home, read_connection
from pastiche.errors import PasticheError
from pastiche.version import VERSION

OK, WARN, FAIL = "ok", "warn", "fail"
PACKAGES = {
    "zmq": ("pyzmq", (26, 0)),
    "msgpack": ("msgpack", (1, 1)),
    "numpy": ("numpy", (1, 26)),
    "PIL": ("pillow", (11, 0)),
    "tifffile": ("tifffile", (2024, 8)),
    "imagecodecs": ("imagecodecs", (2024, 9)),
    "tqdm": ("tqdm", (4, 66)),
    "safetensors": ("safetensors", (0, 5)),
    "torch": ("torch", (2, 6)),
    "torchvision": ("torchvision", (0, 21)),
}
"""Module: name of the distribution, oldest version that works."""
NEEDED_BYTES = 1_000_000_000
DEVICE_SECONDS = 30.0
GIMP_COMMANDS = ("gimp-3.2", "gimp-3.0", "gimp-3", "gimp")
REINSTALL = "Run the installer again; it repairs what is missing."


@dataclass(frozen=True)
class Check:
    """One line: `state` "ok", "warn" or "fail"; `fix` says what to do."""

    name: str
    state: str
    detail: str
    fix: str = ""


def run(flags: argparse.Namespace) -> int:
    """0 where nothing fails, else 1."""
    checks = []
    for check in _checks():
        checks.append(check)
        if not flags.json:
            print(f"{check.state:<5} {check.name}: {check.detail}", flush=True)
            if check.fix:
                print(f"      -> {check.fix}", flush=True)
    healthy = all(check.state != FAIL for check in checks)
    if flags.json:
        print(json.dumps({"healthy": healthy, "checks": [asdict(check) for check in checks]}))
    return 0 if healthy else 1


def _checks() -> Iterator[Check]:
    try:
        home = find_home()
    except PasticheError as error:
        yield Check("installation", FAIL, error.sentence, error.hint)
    else:
        yield from all_checks(home)


def all_checks(home: Home) -> Iterator[Check]:
    """The checks one after the other; one that breaks is a failed one."""
    groups: tuple[Callable[[Home], Iterator[Check]], ...] = (
        _python, _packages, _folder, _disk, _files, _connection_file, _daemon, _gimp,
    )  # fmt: skip
    for group in groups:
        try:
            yield from group(home)
        except Exception as error:
            yield Check(group.__name__.strip("_"), FAIL, f"The check itself failed ({type(error).__name__}: {error}).")


def _python(home: Home) -> Iterator[Check]:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Check(
        "python", OK if good else FAIL, f"{version} ({sys.executable})", "" if good else "Use Python 3.11 or newer."
    )
    if not home.python.is_file():
        yield Check("daemon's python", FAIL, f"{home.python} is missing.", REINSTALL)


def _packages(home: Home) -> Iterator[Check]:
    for module, (distribution, oldest) in PACKAGES.items():
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            yield Check(distribution, FAIL, "not installed", REINSTALL)
            continue
        if importlib.util.find_spec(module) is None:
            yield Check(distribution, FAIL, f"{version}, but its files are missing", REINSTALL)
        elif _numbers(version) < oldest:
            needed = ".".join(map(str, oldest))
            yield Check(distribution, FAIL, f"{version} is too old", f"Pastiche needs {needed} or newer. {REINSTALL}")
        else:
            yield Check(distribution, OK, version)
    yield from _torch_pair()
    import zmq

    if not zmq.has("curve"):
        yield Check("encryption", FAIL, "This pyzmq was built without CURVE.", "Install pyzmq's own wheel.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:2])


def _torch_pair() -> Iterator[Check]:
    """torchvision's metadata names the torch it was built for."""
    try:
        torch = importlib.metadata.version("torch").partition("+")[0]
        requirements = importlib.metadata.requires("torchvision") or []
    except importlib.metadata.PackageNotFoundError:
        return
    wanted = next((m for line in requirements if (m := re.match(r"torch\s*\(?\s*(==|>=)\s*([\d.]+)", line))), None)
    if wanted is None:
        yield Check("torch and torchvision", OK, "torchvision does not say which torch it needs")
    elif torch == wanted[2] or (wanted[1] == ">=" and _numbers(torch) >= _numbers(wanted[2])):
        yield Check("torch and torchvision", OK, "a matching pair")
    else:
        detail = f"torchvision needs torch {wanted[1]} {wanted[2]}, not {torch}."
        yield Check("torch and torchvision", FAIL, detail, f"Install the pair from one index. {REINSTALL}")


def _folder(home: Home) -> Iterator[Check]:
    try:
        home.create()
    except OSError as error:
        yield Check("folder", FAIL, f"{home.folder}: {error.strerror}", "Make it writable, or set PASTICHE_HOME.")
        return
    if not os.access(home.folder, os.W_OK):
        yield Check("folder", FAIL, f"{home.folder} cannot be written to.", "Make it writable, or set PASTICHE_HOME.")
        return
    if os.name == "posix" and stat.S_IMODE(home.folder.stat().st_mode) & 0o077:
        yield Check("folder", FAIL, f"{home.folder} is open to others.", f"chmod 700 '{home.folder}'")
        return
    yield Check("folder", OK, str(home.folder))
    longest = len(os.fsencode(home.run_folder)) + len("/000000000000.ipc")
    if os.name == "posix" and longest > LONGEST_IPC_PATH:
        yield Check("folder's name", WARN, "too long for local sockets; tcp on this computer is used instead")


def _disk(home: Home) -> Iterator[Check]:
    free = shutil.disk_usage(home.folder).free
    text = f"{free / 1e9:.1f} GB free"
    yield Check("disk", OK, text) if free > NEEDED_BYTES else Check("disk", WARN, text, "Free at least 1 GB.")


def _files(home: Home) -> Iterator[Check]:
    spec = importlib.util.find_spec("pastiched")
    if spec is None or not spec.submodule_search_locations:
        if home.python.resolve() != Path(sys.executable).resolve():
            return
        yield Check("daemon's files", FAIL, "The package pastiched is missing.", REINSTALL)
        return
    package = Path(spec.submodule_search_locations[0])
    weights = [path.stem for path in sorted((package / "weights").glob("*.safetensors")) if path.stat().st_size]
    yield (Check("weights", OK, ", ".join(weights)) if weights else Check("weights", FAIL, "none are there", REINSTALL))
    pictures = [path for path in (package / "gallery").glob("*") if path.suffix in (".png", ".jpg", ".webp")]
    yield (
        Check("gallery", OK, f"{len(pictures)} styles")
        if pictures
        else Check("gallery", WARN, "no style pictures", REINSTALL)
    )


def _connection_file(home: Home) -> Iterator[Check]:
    if not home.connection_file.exists():
        yield Check("connection file", OK, "none yet")
        return
    try:
        connection = read_connection(home)
    except PasticheError as error:
        yield Check("connection file", FAIL, error.sentence, error.hint)
        return
    if connection is None:
        yield Check("connection file", OK, "left by a daemon that has ended; the next one replaces it")
    elif connection.daemon != VERSION:
        yield Check("connection file", WARN, f"The running daemon is {connection.daemon}, this is {VERSION}.")
    else:
        yield Check("connection file", OK, f"process {connection.pid}")


def _daemon(home: Home) -> Iterator[Check]:
    ran = home.connection_file.exists()
    began = time.monotonic()
    try:
        client = Client.connect(home)
    except PasticheError as error:
        fix = f"The log is {home.log_file}." if home.log_file.exists() else REINSTALL
        yield Check("daemon", FAIL, error.sentence, fix)
        return
    with client:
        milliseconds = round(1000 * (time.monotonic() - began))
        yield Check("daemon", OK, f"{'answered' if ran else 'started and answered'} in {milliseconds} ms")
        deadline = time.monotonic() + DEVICE_SECONDS
        devices = client.status().devices
        while any(device.get("state") == "probing" for device in devices) and time.monotonic() < deadline:
            time.sleep(0.1)
            devices = client.status().devices
        for device in devices:
            state = str(device.get("state"))
            detail = f"{device.get('kind') or device.get('name')} {state}: {device.get('detail', '')}".rstrip(": ")
            fix = "" if state == "ready" else "Choose another with --device or PASTICHE_DEVICE, then `pastiche stop`."
            yield Check("device", {"ready": OK, "failed": FAIL}.get(state, WARN), detail, fix)
        styles = client.styles()
        yield Check("styles", OK if styles else WARN, f"{len(styles)} by name", "" if styles else REINSTALL)


def _gimp(home: Home) -> Iterator[Check]:
    command = next((found for name in GIMP_COMMANDS if (found := shutil.which(name))), None)
    if command is None:
        return
    try:
        said = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        yield Check("gimp", WARN, f"{command} does not start.", "Start GIMP once by hand.")
        return
    version = match[0] if (match := re.search(r"\d+(\.\d+)+", said)) else "unknown version"
    good = version.startswith("3.")
    yield Check("gimp", OK if good else WARN, f"{version} ({command})", "" if good else "The plug-in needs GIMP 3.")
