"""GIMP in a real window: a screen of its own (Xvfb), a window manager, and a hand that presses keys (xdotool).

with gimp.window(picture) as window:
    window.action("Neural Style")
    window.wait_for("Neural Style")
    window.screenshot("dialog")
    window.key("Return")
    window.wait_for(r"2 layers")
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from real_gimp import CHECKOUT, Done, Gimp, kill_group, made, texts
from wire import wait_for

SCREEN = "1440x960"
COLOUR_BITS = "x24"
IMAGE = r"\) [0-9]+x[0-9]+"
"""What the title of an image's window has, of no other, in every language; xdotool knows no \\d."""
FRAME = (1, 20)
"""A border and a title bar of the window manager, which xdotool counts twice."""
FIRST_START = 120.0
PATIENCE = 60.0
TRIES = 3
GIMPRC = """
(config-version "{version}")
(show-welcome-dialog no)
(check-updates no)
"""


@dataclass
class Window:
    """The screen, and GIMP on it."""

    gimp: Gimp
    folder: Path
    screen: str = SCREEN
    display: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, arguments: list[object], **environment: object) -> subprocess.Popen[bytes]:
        process = self.gimp.start(arguments, self.folder / f"{name}.out", DISPLAY=self.display, **environment)
        self.processes.append(process)
        return process

    def run(self, *arguments: object) -> Done:
        """A program on this screen, to its end."""
        return self.gimp.execute(arguments, PATIENCE, DISPLAY=self.display)

    def open_screen(self) -> None:
        options = [
            "-displayfd",
            "1",
            "-screen",
            "0",
            self.screen + COLOUR_BITS,
            "-nolisten",
            "tcp",
            "-fbdir",
            self.folder,
        ]
        screen = self.start("Xvfb", ["Xvfb", *options])

        def number() -> str:
            assert screen.poll() is None, texts(self.folder / "Xvfb.out")
            return texts(self.folder / "Xvfb.out")[0].strip()

        self.display = f":{wait_for(number, 'the screen')}"
        for _ in range(3):
            manager = self.start("openbox", ["openbox"])
            # It dies at its start now and then.
            with suppress(subprocess.TimeoutExpired):
                manager.wait(1.0)
                continue
            return
        raise AssertionError(f"The window manager does not start: {texts(self.folder / 'openbox.out')}")

    def open_gimp(self, *arguments: object, **environment: object) -> None:
        """Starts GIMP with pictures and waits until the last one is shown."""
        process = self.start("gimp", ["dbus-run-session", "--", "gimp", *arguments], **environment)

        def shown() -> bool:
            assert process.poll() is None, self.said
            return bool(self.titles(IMAGE))

        wait_for(shown, "the window of the image", FIRST_START)
        self.wait_until_calm()

    @property
    def said(self) -> str:
        """What GIMP and its plug-ins have printed."""
        return "".join(texts(self.folder / "gimp.out"))[-6000:]

    def titles(self, pattern: str = ".*") -> list[str]:
        """The titles of the windows that can be seen, of those that have this in them."""
        found = self.run("xdotool", "search", "--onlyvisible", "--name", ".+", "getwindowname", "%@").stdout
        return [line for line in found.splitlines() if re.search(pattern, line)]

    def title(self) -> str:
        """Of the image's window."""
        return next(iter(self.titles(IMAGE)), "")

    def wait_for(self, pattern: str, patience: float = PATIENCE) -> str:
        """The title of a window that has this in it, as soon as there is one."""
        return wait_for(lambda: next(iter(self.titles(pattern)), ""), f"a window {pattern!r}", patience)

    def wait_until_gone(self, pattern: str, patience: float = PATIENCE) -> None:
        wait_for(lambda: not self.titles(pattern), f"the end of the window {pattern!r}", patience)

    def wait_until_calm(self, patience: float = PATIENCE) -> None:
        """Until nothing on the screen has changed for half a second."""
        deadline, before, since = time.monotonic() + patience, "", time.monotonic()
        while time.monotonic() < deadline:
            now = self.run("sh", "-c", "import -window root -depth 4 rgb:- | md5sum").stdout
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > 0.5:
                return
            time.sleep(0.15)

    def focus(self, pattern: str) -> None:
        """Brings the window with this in its title to the front."""
        self.run("xdotool", "search", "--onlyvisible", "--name", pattern, "windowactivate", "--sync")

    def maximize(self) -> None:
        """Gives the image's window the whole screen."""
        search = ["xdotool", "search", "--onlyvisible", "--name", IMAGE]
        self.run(*search, "windowmove", "0", "0", "windowsize", "--sync", "99%", "97%")
        self.wait_until_calm()

    def key(self, *keys: str) -> None:
        """Presses keys by xdotool's names: "Return", "ctrl+z", "Down"."""
        self.run("xdotool", "key", "--clearmodifiers", "--delay", "60", *keys)

    def type(self, text: str) -> None:
        self.run("xdotool", "type", "--clearmodifiers", "--delay", "30", text)

    def click(self, x: int, y: int, button: int = 1) -> None:
        self.run("xdotool", "mousemove", "--sync", x, y, "click", button)

    def action(self, label: str, place: str = IMAGE) -> None:
        """Runs an entry of GIMP's menus by its action search, in the window of the image or another one.

        xdotool loses letters that no key has (Chinese) now and then; what finds nothing is typed again.
        """
        for _ in range(TRIES):
            search = self._search_for(label, place)
            with suppress(AssertionError):
                self.wait_until_gone(search, PATIENCE / TRIES)
                return
            self.key("Escape")
            self.wait_until_gone(search)
        raise AssertionError(f"The action search has not found {label!r} in {TRIES} tries.")

    def _search_for(self, label: str, place: str) -> str:
        """What matches the title of the action search, in which the entry was typed and chosen."""
        self.focus(place)
        before = self.titles()
        self.key("slash")
        search = wait_for(lambda: [title for title in self.titles() if title not in before], "the action search")
        self.type(label)
        self.wait_until_calm()
        self.key("Return")
        return f"^{re.escape(search[0])}$"

    def undo(self) -> None:
        self.focus(IMAGE)
        self.key("ctrl+z")

    def redo(self) -> None:
        self.focus(IMAGE)
        self.key("ctrl+y")

    def save_as(self, path: Path) -> Path:
        """Saves the image to an XCF file."""
        self.focus(IMAGE)
        self.key("ctrl+shift+s")
        self.wait_for("Save Image")
        self.wait_until_calm()
        self.key("ctrl+a")
        self.type(str(path))
        self.key("Return")
        wait_for(lambda: path.exists() and self.titles(path.stem), "the saved image")
        return path

    def pixels(self) -> NDArray[np.uint8]:
        """What is on the screen now, rows, columns, red green blue: Xvfb's own memory, which costs no time to read."""
        memory = (self.folder / "Xvfb_screen0").read_bytes()
        header = np.frombuffer(memory, ">u4", 25)
        width, height, row, colours = (int(header[field]) for field in (4, 5, 12, 19))
        begin = int(header[0]) + 12 * colours
        rows = np.frombuffer(memory, np.uint8, height * row, begin).reshape(height, row // 4, 4)
        return rows[:, :width, 2::-1]

    def place(self, pattern: str) -> tuple[int, int, int, int]:
        """Left, top, width and height of the window with this in its title."""
        search = ["xdotool", "search", "--onlyvisible", "--name", pattern]
        found = dict(re.findall(r"(\w+)=(-?\d+)", self.run(*search, "getwindowgeometry", "--shell").stdout))
        left, top, width, height = (int(found[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))
        return left - FRAME[0], top - FRAME[1], width, height

    def screenshot(self, name: str) -> Path:
        """Kept after the run: in $PASTICHE_SCREENSHOTS or build/screenshots, in a folder for each GIMP."""
        folder = Path(os.environ.get("PASTICHE_SCREENSHOTS") or CHECKOUT / "build" / "screenshots")
        kept = made(folder / f"gimp{self.gimp.series}") / f"{name}.png"
        taken = self.folder / f"{name}.png"
        self.run("import", "-window", "root", taken)
        kept.write_bytes(taken.read_bytes())
        return kept

    def close(self) -> None:
        for process in reversed(self.processes):
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(self.processes):
            with suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
            kill_group(process)


def version_of(gimp: Gimp) -> str:
    found = re.search(r"version (\d[\d.]*)", gimp.execute(["gimp-console", "--version"], 30).stdout)
    assert found
    return found[1]


@contextmanager
def open_window(gimp: Gimp, *arguments: object, screen: str = "", **environment: object) -> Iterator[Window]:
    """GIMP on a screen of its own with the pictures open. Where the test fails, the screen is kept as `failure`."""
    preset = GIMPRC.format(version=version_of(gimp))
    gimprc = gimp.profile / "gimprc"
    text = gimprc.read_text("utf-8") if gimprc.exists() else ""
    if preset not in text:
        gimprc.write_text(text + preset, "utf-8")
    window = Window(gimp, made(gimp.workspace / "windows" / str(time.time_ns())), screen or SCREEN)
    try:
        window.open_screen()
        window.open_gimp(*arguments, **environment)
        yield window
    except BaseException:
        if window.display:
            with suppress(Exception):
                print(f"The screen: {window.screenshot('failure')}\n{window.titles()}\n{window.said}")
        raise
    finally:
        window.close()
