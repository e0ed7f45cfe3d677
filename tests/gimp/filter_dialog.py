"""The filter's dialog on a screen: opened as a user opens it, looked at by its pixels.

The pictures to be painted are grey, and so is GIMP: wherever there is colour, Pastiche has drawn something.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from real_gimp import made
from setting import Setting
from window import Window
from wire import wait_for

from pastiche.errors import PasticheError

LABEL, NAME = "Neural Style", "Neural Style (Pastiche)"
Part = tuple[float, float, float, float]
GALLERY: Part = (0.03, 0.08, 0.36, 0.45)
PAINTED: Part = (0.62, 0.15, 0.92, 0.6)
"""Of the preview, what is right of the split in the beginning. Left, top, right, bottom as parts of the dialog."""
COLOUR = 24
"""Between the channels of a pixel that is no grey."""
LEAST_PIXELS = 100
ROW = 114
"""Pixels from one row of the gallery's tiles to the next."""


@dataclass(frozen=True)
class FilterDialog:
    """The dialog that is open in `window`."""

    window: Window
    name: str = NAME

    @classmethod
    def open(cls, window: Window, label: str = LABEL, name: str = NAME) -> FilterDialog:
        """From the action search, as soon as its window is there; the mouse, and its tooltips, are out of the way."""
        window.run("xdotool", "mousemove", "0", "0")
        window.action(label)
        dialog = cls(window, name)
        window.wait_for(dialog.pattern)
        window.focus(dialog.pattern)
        return dialog

    @property
    def pattern(self) -> str:
        return f"^{re.escape(self.name)}$"

    @property
    def is_open(self) -> bool:
        return bool(self.window.titles(self.pattern))

    def pixels(self, part: Part) -> NDArray[np.uint8]:
        """What a part of it looks like now."""
        left, top, width, height = self.window.place(self.pattern)
        columns = slice(left + int(part[0] * width), left + int(part[2] * width))
        return self.window.pixels()[top + int(part[1] * height) : top + int(part[3] * height), columns]

    def wait_until_drawn(self) -> None:
        """The gallery and the preview; and everything else that Pastiche draws by and by."""
        wait_for(lambda: colourfulness(self.pixels(GALLERY)) > 0.3, "the gallery")
        wait_for(lambda: colourfulness(self.pixels(PAINTED)) > 0.3, "the preview")

    def find(self, colour: tuple[int, int, int]) -> tuple[int, int] | None:
        """Where on the screen the gallery has this colour, or one that looks the same; None where it has not."""
        left, top, width, height = self.window.place(self.pattern)
        near = np.abs(self.pixels(GALLERY).astype(np.int16) - colour).max(axis=2) < COLOUR
        if near.sum() < LEAST_PIXELS:
            return None
        rows, columns = np.nonzero(near)
        x, y = left + int(GALLERY[0] * width), top + int(GALLERY[1] * height)
        return x + int(np.median(columns)), y + int(np.median(rows))

    def click(self, colour: tuple[int, int, int], below: int = 0) -> None:
        """On the tile that has this colour, or one so many rows below; the mouse goes out of the way again."""
        x, y = wait_for(lambda: self.find(colour), f"a tile with {colour}")
        self.window.click(x, y + below * ROW)
        self.window.run("xdotool", "mousemove", "0", "0")

    def use_smallest_brush(self) -> None:
        """The full picture then takes its time."""
        self.window.key("alt+z")
        self.window.type("25")
        self.window.key("Tab")

    def choose_fine(self) -> None:
        """The second method in the list."""
        self.window.key("alt+m", "Home", "Down", "Tab")

    def choose_trained(self) -> None:
        """The last method in the list."""
        self.window.key("alt+m", "End", "Tab")

    def choose_draft(self) -> None:
        self.window.key("alt+e", "Home", "Tab")

    def unfold_advanced(self) -> None:
        self.window.key("alt+v")

    def stop_and_keep(self) -> None:
        self.window.key("alt+k")

    def press_paint(self) -> None:
        self.window.key("alt+p")

    def press_escape(self) -> None:
        self.window.focus(self.pattern)
        self.window.key("Escape")

    def wait_until_closed(self) -> None:
        self.window.wait_until_gone(self.pattern)


def colourfulness(pixels: NDArray[np.uint8]) -> float:
    """The share of pixels that are not grey."""
    channels = pixels.astype(np.int16)
    return float((channels.max(axis=2) - channels.min(axis=2) > COLOUR).mean())


def colours(pixels: NDArray[np.uint8]) -> int:
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


def grey_picture(setting: Setting, name: str, width: int, height: int) -> Path:
    """An RGB image of grey pixels."""
    path = made(setting.gimp.workspace / "pictures") / f"{name}.png"
    Image.radial_gradient("L").resize((width, height)).convert("RGB").save(path)
    return path


def jobs(setting: Setting) -> dict[str, str]:
    """The daemon's jobs with their states; none where there is no daemon."""
    try:
        with setting.client() as client:
            return {str(job["id"]): str(job["state"]) for job in client.status().jobs}
    except PasticheError:
        return {}


def wait_until_idle(setting: Setting) -> None:
    """Until gallery and preview have all that they want."""
    seen: list[dict[str, str]] = []

    def idle() -> bool:
        seen.append(jobs(setting))
        return len(seen) > 10 and not any(seen[-10:])

    wait_for(idle, "the end of all previews")


def paint_slowly(setting: Setting, dialog: FilterDialog) -> str:
    """Begins a full picture that takes long; the job's id, when it is being computed."""
    dialog.wait_until_drawn()
    dialog.use_smallest_brush()
    wait_until_idle(setting)
    dialog.press_paint()
    return wait_for(lambda: next((i for i, state in jobs(setting).items() if state == "running"), ""), "the full job")
