"""What the plug-in itself costs for a photograph of 24 megapixels. Its time is measured in tests/benchmarks/gimp.py."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from real_gimp import INSIDE, batch, made, plug_ins_of, texts
from setting import Setting

SIDES = (6000, 4000)
MEGABYTES = 400
TELL = """

import json, os
_outcome = Event.outcome

def _told(event):
    outcome = _outcome(event)
    with open(os.environ["REPORTS"], "a") as file:
        file.write(json.dumps(outcome.report) + "\\n")
    return outcome

Event.outcome = _told
"""
"""Added to a copy of the libraries: it writes down what the daemon says about each job."""


def peak(pid: int) -> int:
    """Of a process' memory, in bytes; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def test_the_plug_in_itself_is_small(setting: Setting) -> None:
    folder = made(setting.gimp.workspace / "cost")
    libraries = shutil.copytree(setting.gimp.facts["libraries"], folder / "libraries")
    with (libraries / "common" / "pastiche" / "job.py").open("a") as module:
        module.write(TELL)
    telling = setting.alone("cost", start=False, libraries=libraries, home=setting.daemon_home).gimp
    environment: dict[str, Any] = {"FACTS": folder, "CASES": "quick large", "REPORTS": folder / "reports"}
    output = folder / "gimp.out"
    process = telling.start(batch(INSIDE / "slow.py"), output, **environment, SIDES="{} {}".format(*SIDES))
    memory = 0
    while process.poll() is None:
        memory = max([memory, *(peak(pid) for pid in plug_ins_of(setting.gimp))])
        time.sleep(0.03)
    assert process.returncode == 0, texts(output)
    large = json.loads((folder / "facts.json").read_text("utf-8"))["large"]
    assert large["status"] == "success", large
    painting = json.loads((folder / "reports").read_text().splitlines()[-1])["timings"]["run"] / 1000
    seconds = large["seconds"] - painting
    print(f"GIMP {setting.gimp.series}: {seconds:.2f} s and {memory / 1e6:.0f} MB, of {large['seconds']:.2f} s in all")
    assert memory <= MEGABYTES * 1e6
