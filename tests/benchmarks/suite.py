"""The benchmark suite: `python tests/benchmarks/suite.py [PART ...]`, through the real client and daemons of its own.

reference  a fixed workload in GMAC/s, so that figures compare between machines: always measured, before and after
sizes      Fast from 0.25 to --most megapixels: time by stage, growth, peak memory
square     1024 x 1024 at network scale 1:1: OpenVINO beside PyTorch, 8 and 16 bits, Fast and a trained model
previews   latency of previews, alone and while 12 megapixels are painted
batch      throughput of `pastiche batch`
clients    1 to 8 clients at once
cold       from no daemon to the first picture

Tables go to the terminal, all figures into a JSON file. What is compared alternates within the run. docs/PERFORMANCE.md
says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parts import batch, clients, cold, previews, reference, sizes, square
from parts.findings import Findings
from parts.machine import machine
from parts.setting import Setting

PARTS: dict[str, Callable[[Setting], Findings]] = {
    "sizes": sizes.measure,
    "square": square.measure,
    "previews": previews.measure,
    "batch": batch.measure,
    "clients": clients.measure,
    "cold": cold.measure,
}
REFERENCE = "reference"


def main() -> int:
    given = _arguments()
    wanted = [part for part in PARTS if part in given.parts] if given.parts else list(PARTS)
    found: dict[str, Any] = {"machine": machine(), "settings": _told(given)}

    def settle(name: str, measure: Callable[[], Findings]) -> None:
        print(f"{name} ...", file=sys.stderr, flush=True)
        began = time.perf_counter()
        findings = measure()
        found[name] = findings.figures | {"seconds measured": round(time.perf_counter() - began, 1)}
        for table in findings.tables:
            print(table.markdown(), flush=True)
        given.json.write_text(json.dumps(found, indent=1), "utf-8")

    with tempfile.TemporaryDirectory(prefix="pastiche-benchmarks-") as folder:
        setting = Setting(Path(folder), given.runs, given.most, given.previews, given.pictures, given.jobs, given.model)
        settle(f"{REFERENCE} before", lambda: reference.measure(given.runs, "before"))
        for part in wanted:
            settle(part, lambda part=part: PARTS[part](setting))  # type: ignore[misc]
        if wanted:
            settle(f"{REFERENCE} after", lambda: reference.measure(given.runs, "after"))
    print(f"All figures: {given.json}", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("parts", nargs="*", type=_part, metavar="PART", help="which (default: all)")
    add("--json", type=Path, default=Path("benchmarks.json"), metavar="FILE", help="default: benchmarks.json")
    add("--runs", type=_count, default=7, help="of everything that is measured (default: 7; long ones 3)")
    add("--most", type=float, default=12.0, metavar="MP", help="no larger pictures (default: 12)")
    add("--previews", type=_count, default=20, help="default: 20")
    add("--pictures", type=_count, default=40, help="of a batch (default: 40)")
    add("--jobs", type=_count, default=4, help="of each client (default: 4)")
    add("--model", default="ukiyo-e", metavar="NAME|FILE", help="the trained model (default: ukiyo-e)")
    given = parser.parse_args()
    if given.most < sizes.MEGAPIXELS[0]:
        parser.error(f"--most is at least {sizes.MEGAPIXELS[0]}")
    return given


def _part(name: str) -> str:
    if name not in (REFERENCE, *PARTS):
        raise argparse.ArgumentTypeError(f"there is no part {name}; there are {', '.join((REFERENCE, *PARTS))}")
    return name


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


def _told(given: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(given).items() if name != "json"}


if __name__ == "__main__":
    sys.exit(main())
