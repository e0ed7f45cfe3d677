"""`pastiched train`: trains a network from folders of pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from pastiched.models import ModelError, default_model
from pastiched.training.data import (
    PictureFolder,
    choose_hold_out,
    read_folder,
    read_hold_out,
    split_folder,
    write_hold_out,
)
from pastiched.training.run import CHECKPOINT
from pastiched.training.weighting import Weights

if TYPE_CHECKING:
    from pastiched.networks.features import FeatureNetwork

HELD_OUT = 40


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="pastiched train", description="Train a network from folders of pictures.")
    methods = top.add_subparsers(dest="method", required=True)
    fast = methods.add_parser("fast", help="the network of the Fast method, for any style picture")
    _add_run_flags(fast, "fast-run", 192, 55)
    fast.add_argument(
        "--loss-network", type=Path, metavar="FILE", help="feature network, safetensors (default: the one that ships)"
    )
    fast.add_argument("--rate", type=float, default=1e-3, help="learning rate at the start (%(default)s)")
    fast.add_argument(
        "--style-weight", type=float, default=Weights.style, help="more style, less photograph (%(default)s)"
    )
    fast.add_argument(
        "--texture-weight", type=float, default=Weights.texture, help="more of the style's texture (%(default)s)"
    )
    fast.add_argument(
        "--repetition-weight", type=float, default=Weights.repetition, help="against repeated marks (%(default)s)"
    )
    features = methods.add_parser("features", help="the compact feature network, from a larger one")
    _add_run_flags(features, "features-run", 96, 60)
    features.add_argument(
        "--teacher", type=Path, required=True, metavar="FILE", help="feature network to learn from, safetensors"
    )
    return top


def _add_run_flags(parser: argparse.ArgumentParser, out: str, size: int, minutes: int) -> None:
    add = parser.add_argument
    add("--photos", type=Path, required=True, metavar="DIR", help="folder of photographs")
    add("--styles", type=Path, required=True, metavar="DIR", help="folder of style pictures")
    add("--out", type=Path, default=Path(out), metavar="DIR", help="folder of the run (%(default)s)")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--steps", type=int, metavar="N", help="end after N steps")
    end.add_argument("--minutes", type=float, metavar="N", help=f"end after N minutes of training (default {minutes})")
    parser.set_defaults(default_minutes=float(minutes))
    add("--init", type=Path, metavar="MODEL", help="safetensors to start from")
    add("--resume", action="store_true", help="go on from the checkpoint in --out")
    add(
        "--hold-out", type=Path, metavar="FILE",
        help=f"never trained on (OUT/hold-out.txt); {HELD_OUT} of each folder where there is no list",
    )  # fmt: skip
    add("--size", type=int, default=size, help="side of the training crops (%(default)s)")
    add("--batch", type=int, default=8, help="pictures a step (%(default)s)")
    add("--seed", type=int, default=0)
    add("--device", default="cpu", help="cpu, cuda, mps, xpu (%(default)s)")
    add("--threads", type=int, default=0, help="CPU threads (0 = all)")
    add("--data-note", default="", help="a sentence about the pictures and their rights, for the model card")


def main(arguments: list[str]) -> int:
    """Returns an exit code: 0 trained, 2 bad input."""
    options = parser().parse_args(arguments)
    try:
        path = _train_fast(options) if options.method == "fast" else _train_features(options)
    except (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError, ModelError) as error:
        print(f"pastiched train: {(str(error) or type(error).__name__).splitlines()[0][:300]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = (options.out / CHECKPOINT).exists()
        print("Stopped; go on with --resume." if kept else "Stopped before the first step.", file=sys.stderr)
        return 130
    print(f"Written: {path} and {path.with_suffix('.json').name}")
    return 0


def _check(options: argparse.Namespace, multiple: int) -> None:
    if options.size % multiple or options.size <= 0:
        raise ValueError(f"--size must be a multiple of {multiple}")
    for name in ("batch", "steps", "minutes", "rate"):
        if (value := getattr(options, name, None)) is not None and value <= 0:
            raise ValueError(f"--{name} must be above 0")
    if (options.out / CHECKPOINT).exists() and not options.resume:
        raise ValueError(f"{options.out.name} holds a run already: go on with --resume, or choose another --out")


def _read_pictures(options: argparse.Namespace) -> dict[str, PictureFolder]:
    photos, styles = read_folder(options.photos), read_folder(options.styles)
    options.out.mkdir(parents=True, exist_ok=True)
    hold_out = options.hold_out or options.out / "hold-out.txt"
    if not hold_out.exists():
        write_hold_out(
            hold_out, *(choose_hold_out(folder.names, HELD_OUT, options.seed) for folder in (photos, styles))
        )
    held = read_hold_out(hold_out)
    photos, held_photos = split_folder(photos, held["photos"])
    styles, held_styles = split_folder(styles, held["styles"])
    if not photos.names or not styles.names:
        raise ValueError("every picture is held out: nothing is left to train on")
    return {"photos": photos, "styles": styles, "held_photos": held_photos, "held_styles": held_styles}


def _read_network(path: Path, what: str) -> FeatureNetwork:
    from pastiched.networks.features import FeatureNetwork

    if not path.is_file():
        raise ValueError(f"the {what} {path.name} does not exist")
    return FeatureNetwork.load(path)


def _train_fast(options: argparse.Namespace) -> Path:
    _check(options, 64)
    if options.loss_network is None:
        options.loss_network = default_model("features").path
    network = _read_network(options.loss_network, "loss network")
    if not network.has_maps:
        raise ValueError(f"{options.loss_network.name} has no linear maps; the loss network must be a compact one")

    import torch

    from pastiched.training.fast import FastTraining

    if options.threads:
        torch.set_num_threads(options.threads)
    return FastTraining(
        **_plan(options),
        features=network,
        rate=options.rate,
        weights=Weights(
            style=options.style_weight, texture=options.texture_weight, repetition=options.repetition_weight
        ),
    ).run(_say)


def _train_features(options: argparse.Namespace) -> Path:
    _check(options, 16)
    if options.size < 32:
        raise ValueError("--size must be at least 32")
    if options.batch < 4:
        raise ValueError("--batch must be at least 4")
    teacher = _read_network(options.teacher, "teacher")

    import torch

    from pastiched.training.features import FeatureTraining

    if options.threads:
        torch.set_num_threads(options.threads)
    return FeatureTraining(**_plan(options), teacher=teacher, teacher_name=options.teacher.name).run(_say)


def _plan(options: argparse.Namespace) -> dict[str, Any]:
    """What runs of every method are told (see `Training`). Reads the pictures."""
    names = ("out", "device", "steps", "size", "batch", "seed", "init", "resume", "data_note")
    told = {name: getattr(options, name) for name in names}
    told |= {"minutes": options.minutes or options.default_minutes, "command": _command(options)}
    return told | _read_pictures(options)


def _say(line: str) -> None:
    print(line, flush=True)


def _command(options: argparse.Namespace) -> str:
    """The command for the model card, without the user's folders."""
    words = [f"pastiched train {options.method} --photos DIR --styles DIR"]
    files = ("loss_network", "teacher", "init", "hold_out")
    words += [f"--{n.replace('_', '-')} {path.name}" for n in files if (path := getattr(options, n, None))]
    names = (
        "steps",
        "minutes",
        "size",
        "batch",
        "rate",
        "style_weight",
        "texture_weight",
        "repetition_weight",
        "seed",
        "device",
    )
    words += [f"--{n.replace('_', '-')} {v}" for n in names if (v := getattr(options, n, None)) is not None]
    return " ".join(words)
