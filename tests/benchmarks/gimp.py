"""What the plug-in costs in the real GIMPs: `python tests/benchmarks/gimp.py`, as root after `tests/gimp/provision`.

Prints JSON. Medians; seconds unless named. The daemon runs outside of the roots and is warm.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "gimp"))
sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

import numpy as np
from filter_dialog import LABEL, NAME, PAINTED, FilterDialog, Part, colourfulness, wait_until_idle
from numpy.typing import NDArray
from PIL import Image
from real_gimp import Gimp, all_ended, batch, made, mark, texts, words_of
from roots import SUITES, find_root
from setting import Setting, install_attached
from skimage import data
from test_cost import TELL, peak
from window import IMAGE, Window
from wire import wait_for

RUNS = 7
STYLE = "starlit-swirl"
LARGE, TINY, USUAL = (6000, 4000), (60, 40), (4000, 3000)
"""Of the layers that are painted (a tiny one costs what every call does), and of the one the dialog is opened for."""
BUTTONS: Part = (0.6, 0.92, 0.99, 0.98)
LOOK_SECONDS, SEARCH_SECONDS = 0.05, 0.25
CALLS = """
import json, os, time
from gi.repository import Gimp
from studio import call, file_of
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file_of(os.environ["PICTURE"]))
layer = image.get_layers()[0]
seconds = []
for run in range(int(os.environ["RUNS"])):
    began = time.perf_counter()
    said = call(image, [layer], styles=os.environ["STYLE"])
    seconds.append(time.perf_counter() - began)
    assert said["status"] == "success", said
    image.remove_layer(said["layer"])
with open(os.environ["SECONDS"], "w") as file:
    json.dump(seconds, file)
"""


@contextmanager
def attached(suite: str) -> Iterator[Setting]:
    """The plug-in in that root's GIMP, and a daemon outside."""
    with ExitStack() as stack:
        workspace = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pastiche-gimp-")))
        gimp = Gimp(SUITES[suite], find_root(suite), workspace, made(workspace / "user"))
        stack.enter_context(all_ended(workspace))
        ready = Setting(gimp, workspace / "daemon", False, install_attached(gimp, made(workspace / "daemon")))
        assert ready.installer.rc == 0, ready.installer.said
        stack.callback(ready.stop)
        ready.start_outside()
        yield ready


def own_cost(setting: Setting, sides: tuple[int, int]) -> dict[str, Any]:
    """The call of `plug-in-pastiche` without the worker's own run, and the most memory that the plug-in had."""
    folder = made(setting.gimp.workspace / f"cost-{sides[0]}")
    libraries = shutil.copytree(setting.gimp.facts["libraries"], folder / "libraries")
    with (libraries / "common" / "pastiche" / "job.py").open("a") as module:
        module.write(TELL)
    telling = setting.alone(f"telling-{sides[0]}", start=False, libraries=libraries, home=setting.daemon_home).gimp
    environment = {"PICTURE": photograph(folder, sides), "RUNS": RUNS + 1, "STYLE": STYLE}
    files = {"SECONDS": folder / "seconds", "REPORTS": folder / "reports"}
    process = telling.start(batch(CALLS), folder / "gimp.out", **environment, **files)
    most = watch_memory(telling, lambda: process.poll() is None)
    assert process.returncode == 0, texts(folder / "gimp.out")
    calls = json.loads((folder / "seconds").read_text())[1:]
    reports = [json.loads(line) for line in (folder / "reports").read_text().splitlines()][1:]
    painting = [report["timings"]["run"] / 1000 for report in reports]
    return {
        "whole call": summary(calls),
        "of that in the worker": summary(painting),
        "plug-in's own": summary([call - run for call, run in zip(calls, painting, strict=True)]),
        "plug-in's memory, MB": round(most / 1e6),
    }


def watch_memory(gimp: Gimp, goes_on: Callable[[], bool]) -> int:
    """The most bytes that any plug-in of this run had. Looking costs next to nothing: it would be in the figures."""
    most, known = 0, 0
    while goes_on():
        now = peak(known)
        most = max(most, now)
        if not now:
            known = find_plug_in(gimp)
        time.sleep(LOOK_SECONDS if now else SEARCH_SECONDS)
    return most


def find_plug_in(gimp: Gimp) -> int:
    """The number of this run's plug-in process, 0 where there is none."""
    own = mark(gimp.workspace).encode()
    numbers = (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())
    for number in numbers:
        with suppress(OSError):
            if b"pastiche-gimp.py" in words_of(number) and own in Path(f"/proc/{number}/environ").read_bytes():
                return number
    return 0


def photograph(folder: Path, sides: tuple[int, int]) -> Path:
    """With a photograph's noise in each pixel."""
    path = folder / "photograph.png"
    large = np.asarray(Image.fromarray(data.astronaut()).resize(sides, Image.Resampling.BICUBIC), np.float32)
    noise = np.random.default_rng(0).normal(0, 6, large.shape).astype(np.float32)
    Image.fromarray(np.clip(large + noise, 0, 255).astype(np.uint8)).save(path, compress_level=1)
    return path


class Watched:
    """A part of the screen, looked at until something is to be seen there."""

    def __init__(self, window: Window, place: tuple[int, int, int, int], part: Part) -> None:
        left, top, width, height = place
        self._window = window
        self._rows = slice(top + int(part[1] * height), top + int(part[3] * height))
        self._columns = slice(left + int(part[0] * width), left + int(part[2] * width))

    def look(self) -> NDArray[np.uint8]:
        return self._window.pixels()[self._rows, self._columns].copy()

    def wait(self, seen: Callable[[NDArray[np.uint8]], bool], what: str) -> float:
        """The moment at which it is seen."""
        wait_for(lambda: seen(self.look()), what, 30)
        return time.perf_counter()


def dialog(setting: Setting) -> dict[str, Any]:
    """From the Return key in the action search to the dialog and its first preview; from a key to the changed one."""
    picture = made(setting.gimp.workspace / "pictures") / "grey.png"
    Image.radial_gradient("L").resize(USUAL).convert("RGB").save(picture, compress_level=1)
    visible, first, changed = [], [], []
    with setting.gimp.window(picture) as window:
        opened = FilterDialog.open(window)
        opened.wait_until_drawn()
        wait_until_idle(setting)
        place = window.place(opened.pattern)
        buttons, painted = Watched(window, place, BUTTONS), Watched(window, place, PAINTED)
        usual = buttons.look()
        for _ in range(RUNS):
            opened.press_escape()
            opened.wait_until_closed()
            began = search(window)
            visible.append(buttons.wait(lambda seen: differing(seen, usual) < 0.05, NAME) - began)
            first.append(painted.wait(lambda seen: colourfulness(seen) > 0.3, "the preview") - began)
            assert window.place(opened.pattern) == place
            wait_until_idle(setting)
        window.key("alt+t")
        for _ in range(RUNS):
            window.wait_until_calm()
            before = painted.look()
            began = time.perf_counter()
            window.key("Page_Down")
            changed.append(painted.wait(lambda seen, old=before: differing(seen, old) > 0.05, "a change") - began)
            wait_until_idle(setting)
    return {
        "dialog visible": summary(visible),
        "first preview": summary(first),
        "preview after a change": summary(changed),
    }


def search(window: Window) -> float:
    """Has the filter found by the action search, and runs it: when the key was pressed."""
    window.focus(IMAGE)
    window.key("slash")
    window.wait_for("Search Actions")
    window.type(LABEL)
    window.wait_until_calm()
    began = time.perf_counter()
    window.key("Return")
    return began


def differing(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The share of pixels that are not about the same."""
    return float((np.abs(one.astype(np.int16) - other).max(axis=2) > 8).mean())


def summary(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 2), "most": round(max(values), 2)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", default=list(SUITES), help="trixie (GIMP 3.0), forky (3.2); default: both")
    found = {}
    for suite in parser.parse_args().suites:
        with attached(suite) as setting:
            began = round(os.getloadavg()[0], 2)
            found[f"GIMP {setting.gimp.series}"] = {
                **{f"a layer of {sides[0]} x {sides[1]}": own_cost(setting, sides) for sides in (LARGE, TINY)},
                "dialog": dialog(setting),
                "load before and after": [began, round(os.getloadavg()[0], 2)],
            }
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
