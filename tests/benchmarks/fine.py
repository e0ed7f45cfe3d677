"""The Fine method in figures: `python tests/benchmarks/fine.py [--quick] [--only PART ...]`. Prints JSON.

seconds    a whole run and the first preview at 512 x 512, by effort, with the compact network; medians of 3
rival      evaluations until the loss that noise + L-BFGS (the default of neural-style-pt: history 100, no bounds) has
           after 160, same objective: content relu4_1, style relu1_1 to 5_1 by W2 or Gram, total variation. Ours begin
           with the content; evaluations of small scales count by pixels. By method: the median share of the 160
step       seconds of a step by feature network, 512 x 512; VGG-19 with random weights, which are as fast
memory     most memory of a process that paints 4096 x 3072: 10 steps at half that size, 5 at the whole
blocks     time of a step in blocks of a quarter as a multiple of the whole picture's, 2048 x 2048

The pictures are scikit-image's and the gallery's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from pastiche.options import check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.engines.base import EngineJob, StyleInput
from pastiched.engines.fine import FineEngine
from pastiched.engines.precision import fastest_type
from pastiched.imaging.scale import resize
from pastiched.memory import peak_bytes
from pastiched.models import default_model
from pastiched.networks.features import IMAGENET_MEAN, STAGES, TAPS, FeatureNetwork
from pastiched.optimization.objective import Losses, Objective, Plan, Weights, measure
from pastiched.optimization.schedule import schedule
from pastiched.optimization.steps import create_stepper

GALLERY = Path(__file__).parents[2] / "daemon" / "pastiched" / "gallery"
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
WEIGHTS = Weights(1.0, 8.0, 0.1, {"relu4_1": 1.0}, dict.fromkeys(TAPS, 1.0))
"""Content, style and smoothness as the engine balances them."""
EVALUATIONS, HISTORY = 160, 100
RIVALS_NOISE = 0.001 / 255
BUDGETS = (32, 53, 80, 160)
THIRD = 53
OURS = {
    "Adam, one scale": ("adam", 1),
    "Adam, all scales": ("adam", 0),
    "L-BFGS, one scale": ("lbfgs", 1),
    "L-BFGS, all scales": ("lbfgs", 0),
}
VGG19_WIDTHS = (64, 128, 256, 512, 512)


class Watch:
    """Callbacks that remember when the first preview came."""

    lent = 0.0

    def __init__(self) -> None:
        self.began, self.first = time.perf_counter(), 0.0

    def progress(self, stage: str, fraction: float, detail: dict[str, Any] | None = None) -> None: ...

    def check(self) -> None: ...

    def between_steps(self) -> None: ...

    def preview(self, pixels: PixelBuffer) -> None:
        self.first = self.first or time.perf_counter() - self.began

    def finishing(self) -> bool:
        return False


def styles() -> list[Path]:
    return sorted(GALLERY.glob("*.jpg"))


def tensor(picture: Image.Image) -> Tensor:
    """1 x 3 x H x W in [0, 1]."""
    return torch.from_numpy(np.asarray(picture.convert("RGB")).copy()).permute(2, 0, 1)[None].contiguous().float() / 255


def photograph(name: str, side: int) -> Image.Image:
    """A square."""
    picture = Image.fromarray(getattr(data, name)()[..., :3])
    edge = min(picture.size)
    return picture.crop((0, 0, edge, edge)).resize((side, side), Image.Resampling.LANCZOS)


def run_engine(engine: FineEngine, picture: Image.Image, **options: Any) -> dict[str, float]:
    pixels = PixelBuffer(PixelFormat("content", *picture.size, 3, "u8"), picture.tobytes())
    values = check_options({"method": "fine", "features": "compact", **options})
    watch = Watch()
    engine.run(EngineJob(pixels, [StyleInput(None, styles()[0], 1.0)], None, values), watch)
    return {"seconds": time.perf_counter() - watch.began, "first preview": watch.first}


def seconds(quick: bool) -> dict[str, Any]:
    engine = FineEngine(torch.device("cpu"))
    picture, found = photograph("astronaut", 256 if quick else 512), {}
    run_engine(engine, picture, effort="draft", iterations=1)
    for effort in ("draft",) if quick else ("draft", "normal", "best"):
        runs = [run_engine(engine, picture, effort=effort) for _ in range(1 if quick or effort == "best" else 3)]
        found[effort] = {name: round(statistics.median(r[name] for r in runs), 2) for name in runs[0]}
    return found


def compact() -> FeatureNetwork:
    return FeatureNetwork(default_model("features").load()).to(memory_format=torch.channels_last)


def vgg19() -> FeatureNetwork:
    """VGG-19's form and size with random weights."""
    weights, before = {}, 3
    for stage, width in zip(STAGES, VGG19_WIDTHS, strict=True):
        for name in stage:
            weights[f"conv{name}.weight"] = torch.randn(width, before, 3, 3) * (2 / (9 * before)) ** 0.5
            weights[f"conv{name}.bias"] = torch.zeros(width)
            before = width
    return FeatureNetwork(weights).to(memory_format=torch.channels_last)


def objective(network: FeatureNetwork, content: Tensor, style: Tensor, loss: str, plan: Plan) -> Objective:
    """The style at the photograph's size."""
    reduced = resize(style, *content.shape[:1:-1])
    return Objective(network, content, measure(network, reduced, list(TAPS), plan), WEIGHTS, loss, plan)


def rivals_loss(wanted: Objective, like: Tensor, evaluations: int) -> float:
    """The loss that evaluation number `evaluations` gives."""
    torch.manual_seed(0)
    x = torch.tensor(IMAGENET_MEAN).view(3, 1, 1) + RIVALS_NOISE * torch.randn_like(like)
    optimizer = torch.optim.LBFGS(
        [x], lr=1, max_iter=evaluations, max_eval=evaluations, history_size=HISTORY, tolerance_grad=-1,
        tolerance_change=-1,
    )  # fmt: skip
    totals: list[float] = []

    class Enough(Exception):
        pass

    def closure() -> float:
        if len(totals) == evaluations:
            raise Enough
        losses, x.grad = wanted.losses_and_gradient(x)
        totals.append(losses.total)
        return losses.total

    with suppress(Enough):
        while True:
            optimizer.step(closure)  # type: ignore[no-untyped-call]
    return totals[-1]


def our_losses(
    network: FeatureNetwork, content: Tensor, style: Tensor, plan: Plan, loss: str, how: tuple[str, int], budget: int
) -> list[tuple[float, float]]:
    """Of a run with `budget` steps at full size: after how many evaluations of that size which loss is known."""
    (optimizer, scales), side = how, content.shape[3]
    work, seen, before, x = 0.0, [], content, content
    for scale in schedule(side, side, budget, scales, 1.0 if scales == 1 else 2.0, (False, False), 16):
        share = scale.width / side
        photo = resize(content, scale.width, scale.height)
        small = resize(style, round(style.shape[3] * share), round(style.shape[2] * share))
        wanted = objective(network, photo, small, loss, plan)
        lost = photo - resize(resize(photo, before.shape[3], before.shape[2]), scale.width, scale.height)
        start = photo if x is content else (resize(x, scale.width, scale.height) + lost).clamp(0, 1)
        stepper = create_stepper(optimizer, start, 0.0)
        for k in range(scale.iterations):
            total = stepper.step(wanted.losses_and_gradient, k / scale.iterations).total
            work += share**2
            if scale.width == side:
                seen.append((round(work, 1), total))
        before, x = photo, stepper.picture
    return seen


def against(
    network: FeatureNetwork, content: Tensor, style: Tensor, plan: Plan, loss: str, how: tuple[str, int], target: float
) -> dict[str, float | None]:
    """Evaluations until `target` (None: not within 160 steps); after a third of them, the loss as a share of it."""
    evaluations, at_third = None, None
    for budget in BUDGETS:
        seen = our_losses(network, content, style, plan, loss, how, budget)
        if budget == THIRD:
            at_third = round(seen[-1][1] / target, 4)
        if evaluations is None:
            evaluations = next((work for work, total in seen if total <= target), None)
        if evaluations is not None and at_third is not None:
            break
    return {"evaluations": evaluations, "loss of 53 steps by the rival's": at_third}


def median_share(rows: list[dict[str, Any]], title: str) -> float | None:
    """Of the rival's evaluations, None where more than half the pairs never get there."""
    needed = [row[title]["evaluations"] for row in rows]
    median = statistics.median(float("inf") if value is None else value for value in needed)
    return None if median == float("inf") else round(median / EVALUATIONS, 3)


def rival(quick: bool) -> dict[str, Any]:
    network, plan, found = compact(), Plan(), {}
    names = PHOTOGRAPHS[:1] if quick else PHOTOGRAPHS
    for side, loss in product((160,) if quick else (160, 512), ("wasserstein", "gram")):
        rows: list[dict[str, Any]] = []
        for name, path in zip(names, styles(), strict=False):
            content, style = tensor(photograph(name, side)), tensor(Image.open(path))
            style = resize(style, *(max(side, round(s * side / min(style.shape[-2:]))) for s in style.shape[:1:-1]))
            target = rivals_loss(objective(network, content, style, loss, plan), content, EVALUATIONS)
            row: dict[str, Any] = {"photograph": name, "style": path.stem, "rival's loss": round(target, 4)}
            for title, how in OURS.items():
                row[title] = against(network, content, style, plan, loss, how, target)
            rows.append(row)
        found[f"{side} x {side}, {loss}"] = {"pairs": rows} | {title: median_share(rows, title) for title in OURS}
    return found


def steps(wanted: Objective, x: Tensor, count: int) -> Iterator[float]:
    """Seconds of each evaluation, behind a first one that is not counted."""
    wanted.losses_and_gradient(x)
    for _ in range(count):
        begun = time.perf_counter()
        _: tuple[Losses, Tensor] = wanted.losses_and_gradient(x)
        yield time.perf_counter() - begun


def step(quick: bool) -> dict[str, float]:
    side, dtype = (192 if quick else 512), fastest_type(torch.device("cpu"))
    dtype = torch.float32 if dtype == torch.float16 else dtype
    content, style = tensor(photograph("astronaut", side)), tensor(photograph("coffee", side))
    found = {}
    for name, network in (("compact", compact()), ("VGG-19", vgg19())):
        wanted = objective(network.to(dtype), content, style, "wasserstein", Plan(dtype))
        found[f"{name}, seconds a step"] = statistics.median(steps(wanted, content, 2 if quick else 5))
    compact_seconds, vgg19_seconds = found.values()
    found["VGG-19 / compact"] = vgg19_seconds / compact_seconds
    return {name: round(value, 3) for name, value in found.items()}


def memory(quick: bool) -> dict[str, Any]:
    """In a process of its own."""
    command = [sys.executable, __file__, "--memory-child", *(["--quick"] if quick else [])]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return found


def memory_child(quick: bool) -> dict[str, Any]:
    size = (1024, 768) if quick else (4096, 3072)
    picture = photograph("astronaut", 512).resize(size, Image.Resampling.BICUBIC)
    engine = FineEngine(torch.device("cpu"))
    times = run_engine(engine, picture, megapixels=16, scales=2, iterations=5)
    peak = peak_bytes(torch.device("cpu"))["process"]
    return {"size": list(size), "peak, GB": round(peak / 1e9, 2), "seconds": round(times["seconds"], 1)}


def blocks(quick: bool) -> dict[str, float]:
    side, network = (768 if quick else 2048), compact()
    content, style = tensor(photograph("astronaut", side)), tensor(photograph("coffee", side))
    times = {}
    for name, pixels in (("whole", 10**9), ("blocks of a quarter", side**2 // 4)):
        wanted = objective(network, content, style, "wasserstein", Plan(block_pixels=pixels))
        times[name] = statistics.median(steps(wanted, content, 2 if quick else 5))
    times["ratio"] = times["blocks of a quarter"] / times["whole"]
    return {name: round(value, 3) for name, value in times.items()}


PARTS: dict[str, Callable[[bool], Any]] = {
    "seconds": seconds, "rival": rival, "step": step, "memory": memory, "blocks": blocks,
}  # fmt: skip


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description="The Fine method in figures.")
    parser.add_argument("--quick", action="store_true", help="small pictures, few runs: whether it works at all")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--threads", type=int, default=0, help="of torch (0 = its default)")
    parser.add_argument("--memory-child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.memory_child:
        print(json.dumps(memory_child(arguments.quick)))
        return
    figures: dict[str, Any] = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    for name in arguments.only:
        print(f"{name} ...", file=sys.stderr, flush=True)
        figures[name] = PARTS[name](arguments.quick)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
