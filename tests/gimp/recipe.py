"""Makes GIMP root file systems with debootstrap, or brings those that are there up to date."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from roots import LOCALES, PACKAGES, SUITES, Root, cannot_enter

BUNDLE = Path("etc/ssl/certs/ca-certificates.crt")
HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
APT = ("apt-get", "-y", "--no-install-recommends", "-o", "Acquire::Retries=3")
UNPACKING = ("force-unsafe-io", "force-confold")
speaking = threading.Lock()


class Trouble(Exception):
    """A sentence for the person at the terminal."""


def say(text: str) -> None:
    with speaking:
        print(text, flush=True)


@dataclass
class Making:
    """The making of one root. `folder` is where it grows: beside its place, until it is complete."""

    root: Root
    folder: Path = field(init=False)
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.root.folder.with_name(self.root.suite + ".log")
        adopted = (self.root.folder / "usr/bin/gimp-console").exists()
        self.folder = self.root.folder if adopted else self.root.folder.with_name(self.root.suite + ".new")

    def make(self) -> None:
        """Raises Trouble. What is complete is left alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.log.with_suffix(".lock")):
            if self.root.is_complete:
                say(f"{self.root.suite}: complete, nothing to do ({self.root.folder})")
                return
            began = time.monotonic()
            self.log.write_text("")
            if self.folder == self.root.folder:
                self.root.marker.unlink(missing_ok=True)
                say(f"{self.root.suite}: bringing {self.folder} up to date")
            else:
                say(f"{self.root.suite}: making {self.root.folder}")
                self.step("Debian's base system", self.base_system)
            self.step("configuration of apt, certificates", self.configuration)
            self.step("package lists", lambda: self.inside([*APT, "update"]))
            self.step("GIMP and what its tests need", self.packages)
            self.step("languages", self.languages)
            self.step("a trial", self.trial)
            self.finish()
            took = time.monotonic() - began
            say(f"{self.root.suite}: {json.loads(self.root.marker.read_text())['gimp']}, {took:.0f} s in all")

    def step(self, name: str, do: Callable[[], object]) -> None:
        began = time.monotonic()
        do()
        say(f"{self.root.suite}: {name}: {time.monotonic() - began:.1f} s")

    def base_system(self) -> None:
        remove_root(self.folder)
        # A suite newer than this debootstrap has no script of its own; they are all the same since long.
        script = "/usr/share/debootstrap/scripts/sid"
        command = ["debootstrap", "--variant=minbase", "--include=ca-certificates"]
        self.run([*command, self.root.suite, str(self.folder), debian_mirror(), script])

    def configuration(self) -> None:
        """What this machine needs to reach its packages, the root needs too."""
        for file in sorted(Path("/etc/apt/apt.conf.d").glob("*")):
            text = file.read_text("utf-8", "replace") if file.is_file() else ""
            if "Acquire" in text and "Invoke" not in text and "Pkgs" not in text:
                shutil.copyfile(file, self.folder / "etc/apt/apt.conf.d" / file.name)
        if Path("/", BUNDLE).is_file():
            shutil.copyfile(Path("/", BUNDLE), self.folder / BUNDLE)
        shutil.copyfile("/etc/resolv.conf", self.folder / "etc/resolv.conf")
        no_services = self.folder / "usr/sbin/policy-rc.d"
        no_services.write_text("#!/bin/sh\nexit 101\n")
        no_services.chmod(0o755)

    def packages(self) -> None:
        self.inside(["dpkg", "--configure", "-a"])
        how = [word for option in UNPACKING for word in ("-o", f"Dpkg::Options::=--{option}")]
        self.inside([*APT, *how, "install", *PACKAGES])

    def languages(self) -> None:
        lines = [f"{name} {name.partition('.')[2]}\n" for name in LOCALES]
        (self.folder / "etc/locale.gen").write_text("".join(lines))
        self.inside(["locale-gen"])

    def trial(self) -> None:
        version = self.inside(["gimp-console", "--version"])
        if f"version {SUITES[self.root.suite]}." not in version:
            raise Trouble(f"{self.root.suite} has another GIMP than {SUITES[self.root.suite]}: {version.strip()}")

    def finish(self) -> None:
        version = self.inside(["gimp-console", "--version"]).strip().splitlines()[-1]
        if self.folder != self.root.folder:
            remove_root(self.root.folder)
            self.folder.rename(self.root.folder)
        self.root.marker.write_text(json.dumps({"recipe": self.root.recipe, "gimp": version}))

    def inside(self, command: Sequence[str]) -> str:
        environment = {"PATH": HOST_PATH, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root"}
        environment |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        return self.run(Root(self.root.suite, self.folder).command(command, environment))

    def run(self, command: Sequence[str]) -> str:
        """What it printed, which goes to the log too. Raises Trouble where it fails."""
        environment = os.environ | {"PATH": f"{os.environ.get('PATH', '')}:{HOST_PATH}", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
            check=False, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        with self.log.open("a", encoding="utf-8") as log:
            log.write(done.stdout)
        if done.returncode:
            last = "\n".join(f"    {line}" for line in done.stdout.strip().splitlines()[-6:])
            raise Trouble(f"{explain(done.stdout)}\n{last}\n  The whole log: {self.log}")
        return done.stdout


EXPLANATIONS = {
    "No space left": "The disk is full.",
    "Failed getting release file": "Debian's archive cannot be reached.",
    "Could not resolve": "Debian's archive cannot be reached.",
    "Unable to connect": "Debian's archive cannot be reached.",
    "Could not connect": "Debian's archive cannot be reached.",
    "Couldn't download": "Debian's archive cannot be reached.",
    "Unable to locate package": "Debian's archive lacks a package.",
    "Release signed by unknown key": "This machine's keys for Debian's archive (debian-archive-keyring) are too old.",
}


def explain(output: str) -> str:
    return next((text for words, text in EXPLANATIONS.items() if words in output), "A step failed.")


def debian_mirror() -> str:
    """PASTICHE_DEBIAN_MIRROR, else the one that this machine uses itself, if it is a Debian, else "": debootstrap's."""
    if named := os.environ.get("PASTICHE_DEBIAN_MIRROR"):
        return named
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for file in sources:
        if file.suffix in (".list", ".sources") and file.is_file():
            for word in file.read_text("utf-8", "replace").split():
                if word.startswith(("http://", "https://")) and word.rstrip("/").endswith("/debian"):
                    return word
    return ""


def mounts_below(folder: Path) -> list[str]:
    fields = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    points = (parts[4].encode().decode("unicode_escape") for parts in fields)
    return [point for point in points if point == str(folder) or point.startswith(f"{folder}/")]


def remove_root(folder: Path) -> None:
    """Never through a mount: what is mounted in a root by hand is not the root's."""
    if mounted := mounts_below(folder):
        raise Trouble(f"{folder} is to be made anew, but {mounted[0]} is mounted. Unmount that first.")
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise Trouble(f"{folder} is to be made anew, and cannot be removed.")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One at a time; the others wait."""
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{file.stem}: waiting for another run")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def get_debootstrap() -> None:
    """Raises Trouble."""
    if shutil.which("debootstrap", path=HOST_PATH):
        return
    if not shutil.which("apt-get", path=HOST_PATH):
        raise Trouble("There is no debootstrap on this machine, and no apt-get to get it with.")
    began = time.monotonic()
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "debootstrap", "debian-archive-keyring"]):
        done = subprocess.run([*APT, "-qq", *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Trouble(f"debootstrap cannot be installed. {explain(done.stderr)}\n{done.stderr.strip()}")
    say(f"debootstrap: installed, {time.monotonic() - began:.1f} s")


def make_roots(roots: Sequence[Root]) -> None:
    """All at once: one waits for its downloads while the other unpacks. Raises Trouble."""
    wanted = [root for root in roots if not root.is_complete]
    if wanted:
        if reason := cannot_enter():
            raise Trouble(f"A GIMP root file system cannot be made: {reason}.")
        get_debootstrap()
    troubles: list[str] = []

    def make(root: Root) -> None:
        try:
            Making(root).make()
        except (Trouble, OSError) as trouble:
            troubles.append(f"{root.suite}: {trouble}")

    threads = [threading.Thread(target=make, args=(root,)) for root in roots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise Trouble("\n".join(troubles))
