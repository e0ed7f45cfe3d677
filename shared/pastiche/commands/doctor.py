"""`pastiche doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pastiche.client import Client
from pastiche.connection import LONGEST_IPC_PATH, Home, find_home, read_connection
from pastiche.errors import PasticheError
from pastiche.gimp_check import FAIL, OK, WARN
from pastiche.gimp_profiles import Facts, file_faults, plug_in_folder
from pastiche.gimp_setup import Surroundings, check_gimps
from pastiche.version import VERSION

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
OPENVINO = ("2025.0", ("x86_64", "AMD64"))
"""The oldest version that works, and the machines that the installer gets it for; PyTorch does without."""
NEEDED_BYTES = 1_000_000_000
DEVICE_SECONDS = 30.0
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
    report = getattr(flags, "report", False)
    checks = []
    if report and not flags.json:
        print("\n".join(["Pastiche report", *surroundings()]), flush=True)
    for check in _checks(not getattr(flags, "no_gimp", False)):
        checks.append(anonymous(check) if report else check)
        if not flags.json:
            print(text_of(checks[-1]), flush=True)
    healthy = all(check.state != FAIL for check in checks)
    if flags.json:
        about = {"about": surroundings()} if report else {}
        print(json.dumps({"healthy": healthy, **about, "checks": [asdict(check) for check in checks]}))
    return 0 if healthy else 1


def text_of(check: Check) -> str:
    """A check as the user reads it."""
    line = f"{check.state:<5} {check.name}: {check.detail}"
    return f"{line}\n      -> {check.fix}" if check.fix else line


def _checks(with_gimp: bool) -> Iterator[Check]:
    try:
        home = find_home()
    except PasticheError as error:
        yield Check("installation", FAIL, error.sentence, error.hint)
    else:
        yield from all_checks(home, with_gimp)


def all_checks(home: Home, with_gimp: bool = True) -> Iterator[Check]:
    """The checks one after the other; one that breaks is a failed one. Those that start GIMP take seconds."""
    groups: list[Callable[[Home], Iterator[Check]]] = [
        _python, _packages, _folder, _disk, _files, _connection_file, _daemon, _plug_in,
    ]  # fmt: skip
    for group in groups + [_gimp] * with_gimp:
        try:
            yield from group(home)
        except Exception as error:
            yield Check(group.__name__.strip("_"), FAIL, f"The check itself failed ({type(error).__name__}: {error}).")


def surroundings() -> list[str]:
    """What a report says of the computer."""
    system = platform.platform()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            system = f"{platform.freedesktop_os_release().get('PRETTY_NAME', 'Linux')}, {platform.release()}"
    desktop = "/".join(filter(None, (os.environ.get("XDG_CURRENT_DESKTOP"), os.environ.get("XDG_SESSION_TYPE"))))
    about = [
        f"Pastiche {VERSION}, Python {platform.python_version()}",
        f"{system}, {platform.machine()}, {os.cpu_count()} processors",
        f"desktop {desktop or 'none'}, language {os.environ.get('LC_ALL') or os.environ.get('LANG') or 'not set'}",
    ]
    return [without_names(line) for line in about]


PICTURE = re.compile(r"[^\s'\"]*\.(png|jpe?g|webp|tiff?|xcf|psd|bmp|gif)\b", re.IGNORECASE)


def anonymous(check: Check) -> Check:
    """The check without what is the user's own business: names of person, computer and pictures, the home folder."""
    return replace(check, detail=without_names(check.detail), fix=without_names(check.fix))


def without_names(text: str) -> str:
    """A text with the home folder as ~ and without the names of user, computer and pictures."""
    for home in {str(Path.home()), str(Path.home().resolve())} - {"/"}:
        text = text.replace(home, "~")
    users = {Path.home().name}
    with contextlib.suppress(OSError, KeyError):
        users.add(getpass.getuser())
    for name, stands_for in ((platform.node(), "<computer>"), *((user, "<user>") for user in users)):
        # A name of one or two letters may be a word: only in paths it is a name for sure.
        around = (r"(?<!\w)", r"(?!\w)") if len(name) > 2 else (r"(?<=[\\/])", r"(?![^\\/])")
        text = re.sub(f"{around[0]}{re.escape(name)}{around[1]}", stands_for, text) if name else text
    return PICTURE.sub("<picture>", text)


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
    yield from _openvino()
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


def _openvino() -> Iterator[Check]:
    """Which library will compute Fast and Trained on a processor."""
    oldest, machines = OPENVINO
    try:
        version = importlib.metadata.version("openvino")
    except importlib.metadata.PackageNotFoundError:
        if platform.machine() in machines:
            yield Check("openvino", WARN, "not installed: PyTorch computes, which takes longer", REINSTALL)
        return
    if _numbers(version) < _numbers(oldest):
        yield Check("openvino", WARN, f"{version} is too old", f"Pastiche needs {oldest} or newer. {REINSTALL}")
    elif os.environ.get("PASTICHE_OPENVINO") == "0":
        yield Check("openvino", OK, f"{version}, not used: PASTICHE_OPENVINO is 0")
    else:
        yield Check("openvino", OK, f"{version}, for Fast and Trained on processors")


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
    """The daemon's weights and gallery, where this Python is the daemon's."""
    spec = importlib.util.find_spec("pastiched")
    if spec and spec.submodule_search_locations:
        package = Path(spec.submodule_search_locations[0])
        yield from weights(package / "weights")
        yield gallery(package / "gallery")
    elif home.python.resolve() == Path(sys.executable).resolve():
        yield Check("daemon's files", FAIL, "The package pastiched is missing.", REINSTALL)


def weights(folder: Path) -> Iterator[Check]:
    """Each weight file against the card that lies beside it; torch is not needed for that."""
    cards = sorted(folder.glob("*.json"))
    if not cards:
        yield Check("weights", FAIL, "none are there", REINSTALL)
    for path in cards:
        try:
            card = json.loads(path.read_text("utf-8"))
            name, file, expected = str(card["id"]), path.with_name(str(card["file"])), str(card["sha256"])
        except (ValueError, KeyError, TypeError):
            yield Check("weights", FAIL, f"the card {path.name} is damaged", REINSTALL)
            continue
        if not file.is_file():
            yield Check("weights", FAIL, f"{file.name} is missing", REINSTALL)
        elif hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            yield Check("weights", FAIL, f"{file.name} is damaged: it is not the file that its card names", REINSTALL)
        else:
            yield Check("weights", OK, f"{name} ({file.stat().st_size / 1e6:.1f} MB) is as its card says")


def gallery(folder: Path) -> Check:
    """Whether the shipped styles are all there, each with its thumbnail."""
    pictures = [path for path in folder.glob("*") if path.suffix in (".png", ".jpg", ".webp")]
    small = {path.stem for path in (folder / "thumbnails").glob("*")}
    broken = [path for path in pictures if path.stem not in small or not path.stat().st_size]
    if not pictures or not (folder / "gallery.json").is_file():
        return Check("gallery", WARN, "style pictures or their list are missing", REINSTALL)
    if broken:
        return Check("gallery", WARN, f"{len(broken)} of {len(pictures)} styles are not whole", REINSTALL)
    return Check("gallery", OK, f"{len(pictures)} styles with their thumbnails")


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


def _around() -> Surroundings:
    return Surroundings(sys.platform, os.environ, Path.home())


def _plug_in(home: Home) -> Iterator[Check]:
    """The plug-in's files in every profile; starts no GIMP."""
    for profile in _around().profiles():
        facts = Facts.read(plug_in_folder(profile))
        faults = [*file_faults(profile)]
        for fault in faults:
            yield Check("plug-in", WARN, fault.sentence, fault.fix)
        if facts and not faults and facts.version != VERSION:
            detail = f"The one in {profile} is {facts.version}, this is {VERSION}."
            yield Check("plug-in", WARN, detail, "Run: python3 install.py gimp")
        elif facts and not faults and Path(facts.home) != home.folder:
            yield Check("plug-in", OK, f"in {profile}, for the daemon of {facts.home}")
        elif not faults:
            yield Check("plug-in", OK, f"in {profile}")


def _gimp(home: Home) -> Iterator[Check]:
    """What each GIMP itself says, started without a window."""
    found = False
    for finding in check_gimps(_around()):
        found = True
        yield Check("gimp", finding.state, finding.detail, finding.fix)
    if not found:
        yield Check("gimp", OK, "no GIMP was found; the commands work without")
