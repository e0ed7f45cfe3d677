"""`pastiched train`: trains a network from folders of pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from pickle import UnpicklingError

from safetensors import SafetensorError

from pastiched.training.data import choose_hold_out, read_folder, read_hold_out, split_folder, write_hold_out
from pastiched.training.weighting import Weights

HELD_OUT = 40


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="pastiched train", description="Train a network from folders of pictures.")
    methods = top.add_subparsers(dest="method", required=True)
    fast = methods.add_parser("fast", help="the network of the Fast method, for any style picture")
    fast.add_argument("--photos", type=Path, required=True, metavar="DIR", help="folder of photographs")
    fast.add_argument("--styles", type=Path, required=True, metavar="DIR", help="folder of style pictures")
    fast.add_argument(
        "--loss-network", type=Path, required=True, metavar="FILE", help="compact feature network, safetensors"
    )
    fast.add_argument(
        "--out", type=Path, default=Path("fast-run"), metavar="DIR", help="folder of the run (%(default)s)"
    )
    end = fast.add_mutually_exclusive_group()
    end.add_argument("--steps", type=int, metavar="N", help="end after N steps")
    end.add_argument("--minutes", type=float, metavar="N", help="end after N minutes of training (default 55)")
    fast.add_argument("--init", type=Path, metavar="MODEL", help="safetensors to start from")
    fast.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    fast.add_argument(
        "--hold-out", type=Path, metavar="FILE",
        help=f"never trained on (OUT/hold-out.txt); {HELD_OUT} of each folder where there is no list",
    )  # fmt: skip
    fast.add_argument(
        "--size", type=int, default=192, help="side of the training crops, a multiple of 64 (%(default)s)"
    )
    fast.add_argument("--batch", type=int, default=8, help="pictures a step (%(default)s)")
    fast.add_argument("--rate", type=float, default=1e-3, help="learning rate at the start (%(default)s)")
    fast.add_argument(
        "--style-weight", type=float, default=Weights.style, help="more style, less photograph (%(default)s)"
    )
    fast.add_argument(
        "--repetition-weight", type=float, default=Weights.repetition, help="against repeated marks (%(default)s)"
    )
    fast.add_argument("--seed", type=int, default=0)
    fast.add_argument("--device", default="cpu", help="cpu, cuda, mps, xpu (%(default)s)")
    fast.add_argument("--threads", type=int, default=0, help="CPU threads (0 = all)")
    fast.add_argument(
        "--data-note", default="", help="a sentence about the pictures and their rights, for the model card"
    )
    return top


def main(arguments: list[str]) -> int:
    """Returns an exit code: 0 trained, 2 bad input."""
    options = parser().parse_args(arguments)
    try:
        path = _train_fast(options)
    except (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError) as error:
        print(f"pastiched train: {str(error).splitlines()[0][:300]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; go on with --resume.", file=sys.stderr)
        return 130
    print(f"Written: {path} and {path.with_suffix('.json').name}")
    return 0


def _train_fast(options: argparse.Namespace) -> Path:
    if options.size % 64 or options.size <= 0:
        raise ValueError("--size must be a multiple of 64")
    for name in ("batch", "steps", "minutes", "rate"):
        if (value := getattr(options, name)) is not None and value <= 0:
            raise ValueError(f"--{name} must be above 0")
    if (options.out / "checkpoint.pt").exists() and not options.resume:
        raise ValueError(f"{options.out.name} holds a run already: go on with --resume, or choose another --out")
    if not options.loss_network.is_file():
        raise ValueError(f"the loss network {options.loss_network.name} does not exist")
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

    import torch

    from pastiched.networks.features import FeatureNetwork
    from pastiched.training.fast import FastTraining

    if options.threads:
        torch.set_num_threads(options.threads)
    return FastTraining(
        out=options.out, photos=photos, styles=styles, held_photos=held_photos, held_styles=held_styles,
        features=FeatureNetwork.load(options.loss_network), device=options.device,
        steps=options.steps, minutes=options.minutes, size=options.size, batch=options.batch, rate=options.rate,
        seed=options.seed, init=options.init, resume=options.resume, command=_command(options),
        data_note=options.data_note,
        weights=Weights(style=options.style_weight, repetition=options.repetition_weight),
    ).run(lambda line: print(line, flush=True))  # fmt: skip


def _command(options: argparse.Namespace) -> str:
    """The command for the model card, without the user's folders."""
    words = [f"pastiched train {options.method} --photos DIR --styles DIR --loss-network {options.loss_network.name}"]
    names = ("steps", "minutes", "size", "batch", "rate", "style-weight", "repetition-weight", "seed", "device")
    words += [f"--{name} {value}" for name in names if (value := getattr(options, name.replace("-", "_"))) is not None]
    if options.init:
        words.append(f"--init {options.init.name}")
    if options.hold_out:
        words.append(f"--hold-out {options.hold_out.name}")
    return " ".join(words)
