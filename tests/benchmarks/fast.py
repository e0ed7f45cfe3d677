"""The Fast method in figures, through the real client and daemon: `python tests/benchmarks/fast.py`. Prints JSON.

With `--model FILE` a trained model in its place (added to a home that lasts as long as the run).

Medians of 7 runs; milliseconds unless named. The pictures are scikit-image's, enlarged where they must be large.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from skimage import data

RUNS = 7
STYLE = "starlit-swirl"
MEASURED = "measured"
chosen: tuple[str, str] = ("--style", STYLE)


def apply(folder: Path, *arguments: str) -> dict[str, Any]:
    """One report of `pastiche apply --json`."""
    command = [sys.executable, "-m", "pastiche.cli", "apply", *arguments, *chosen, "--overwrite", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def medians(reports: list[dict[str, Any]]) -> dict[str, float]:
    """Median of each stage, the daemon's as `daemon.NAME`."""
    flat = []
    for report in reports:
        timings = dict(report["timings"])
        inner = timings.pop("daemon", {})
        flat.append(timings | {f"daemon.{name}": value for name, value in inner.items()})
    return {name: round(statistics.median(row.get(name, 0.0) for row in flat), 1) for name in flat[0]}


def one_megapixel(folder: Path, depth: str) -> dict[str, Any]:
    """1024 x 1024 at brush size 100, with the style prepared: what the worker needs, and its memory."""
    reports = [apply(folder, "square.png", "-o", f"out-{depth}.png", "--depth", depth) for _ in range(RUNS + 1)][1:]
    stages = medians(reports)
    return {
        "network": stages["daemon.stylize"],
        "whole run in the worker": stages["daemon.run"],
        "worker peak memory, MB": round(max(r["peak_memory"]["process"] for r in reports) / 1e6),
        "precision": reports[0]["notes"][0],
    }


def twelve_megapixels(folder: Path, brush: str) -> dict[str, Any]:
    """JPEG in, PNG (level 1) out, stage by stage; `around` is everything but the engine's own run."""
    reports = [apply(folder, "large.jpg", "-o", "out.png", "--brush-size", brush) for _ in range(RUNS + 1)][1:]
    stages = medians(reports)
    around = stages["total"] - stages["daemon.run"]
    return stages | {"around": round(around, 1), "around, share of the whole": round(around / stages["total"], 3)}


def add_model(file: Path) -> None:
    """From now on it paints."""
    global chosen
    command = [sys.executable, "-m", "pastiched.cli", "models", "add", str(file), "--name", MEASURED]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    chosen = ("--model", MEASURED)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, metavar="FILE", help="a trained model")
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"PASTICHE_HOME": str(folder / "home"), "PASTICHE_DEVICE": "cpu"}
        if model:
            add_model(model.absolute())
        photo = Image.fromarray(data.astronaut())
        photo.resize((1024, 1024), Image.Resampling.LANCZOS).save(folder / "square.png")
        photo.resize((4000, 3000), Image.Resampling.LANCZOS).save(folder / "large.jpg", quality=92)
        try:
            figures = {
                "1024 x 1024, 8 bits": one_megapixel(folder, "8"),
                "1024 x 1024, 16 bits (float32)": one_megapixel(folder, "16"),
                "12 megapixels, network scale 1:1 (brush 25)": twelve_megapixels(folder, "25"),
                "12 megapixels, brush 100": twelve_megapixels(folder, "100"),
            }
        finally:
            subprocess.run([sys.executable, "-m", "pastiche.cli", "stop"], check=False, capture_output=True)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
