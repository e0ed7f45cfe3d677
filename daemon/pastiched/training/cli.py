"""`pastiched train`: trains a network from folders of pictures."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from pastiche.errors import PasticheError
from pastiched.file_lock import try_lock
from pastiched.models import ModelError, default_model
from pastiched.storage import StorageError
from pastiched.training.collection import Collection, Kind, survey
from pastiched.training.data import choose_hold_out, read_hold_out, write_hold_out
from pastiched.training.gan_cli import add_gan_flags, check_gan, train_gan
from pastiched.training.report import REPORT
from pastiched.training.run import CHECKPOINT
from pastiched.training.weighting import Weights

if TYPE_CHECKING:
    from pastiched.networks.features import FeatureNetwork

HELD_OUT = 40
BAD_INPUT = 2
LOCK = ".lock"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="pastiched train", description="Train a network from folders of pictures.")
    methods = top.add_subparsers(dest="method", required=True)
    fast = methods.add_parser("fast", help="the network of the Fast method, for any style picture")
    _add_run_flags(fast, "fast-run", 192, 55)
    _add_loss_network(fast)
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
    peaks = methods.add_parser("peaks", help="how large values become in a Fast network, for computing in integers")
    add = peaks.add_argument
    add("--model", type=Path, required=True, metavar="FILE", help="the network's safetensors, its card beside it")
    _add_picture_flags(peaks, "peaks-run")
    add("--size", type=int, default=256, help="side of the pictures (%(default)s)")
    peaks.set_defaults(held_share=0.0)
    features = methods.add_parser("features", help="the compact feature network, from a larger one")
    _add_run_flags(features, "features-run", 96, 60)
    features.add_argument(
        "--teacher", type=Path, required=True, metavar="FILE", help="feature network to learn from, safetensors"
    )
    gan = methods.add_parser("gan", help="a generator for one style, from your own pictures")
    _add_run_flags(gan, "NAME-training", 256, 120)
    _add_loss_network(gan)
    add_gan_flags(gan)
    return top


def _add_loss_network(parser: argparse.ArgumentParser) -> None:
    said = "feature network, safetensors (default: the one that ships)"
    parser.add_argument("--loss-network", type=Path, metavar="FILE", help=said)


def _add_run_flags(parser: argparse.ArgumentParser, out: str, size: int, minutes: int) -> None:
    _add_picture_flags(parser, out)
    add = parser.add_argument
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--steps", type=int, metavar="N", help="end after N steps")
    end.add_argument("--minutes", type=float, metavar="N", help=f"end after N minutes of training (default {minutes})")
    parser.set_defaults(default_minutes=float(minutes), held_share=0.5)
    add("--init", type=Path, metavar="MODEL", help="safetensors to start from")
    add("--resume", action="store_true", help="go on from the checkpoint in --out")
    add("--size", type=int, default=size, help="side of the training crops (%(default)s)")
    add("--batch", type=int, default=8, help="pictures a step (%(default)s)")
    add("--data-note", default="", help="a sentence about the pictures and their rights, for the model card")


def _add_picture_flags(parser: argparse.ArgumentParser, out: str) -> None:
    add = parser.add_argument
    add("--photos", type=Path, required=True, metavar="DIR", help="folder of photographs")
    add("--styles", type=Path, required=True, metavar="DIR", help="folder of style pictures")
    add("--out", type=Path, default=Path(out), metavar="DIR", help=f"folder of the run ({out})")
    add(
        "--hold-out", type=Path, metavar="FILE",
        help=f"never used (OUT/hold-out.txt); without it up to {HELD_OUT} of each folder are chosen (by peaks none)",
    )  # fmt: skip
    add("--seed", type=int, default=0)
    add("--device", default="cpu", help="cpu, cuda, mps, xpu (%(default)s)")
    add("--threads", type=int, default=0, help="CPU threads (0 = all)")


def main(arguments: list[str]) -> int:
    """Returns an exit code: 0 trained, 2 bad input."""
    options = parser().parse_args(arguments)
    options.out = options.out or Path(f"{options.name}-training")
    try:
        _prepare_torch(options.device, options.threads)
        with _sole_use(options.out):
            path = TRAINERS[options.method](options)
    except StorageError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}")
    except (ValueError, RuntimeError, SafetensorError, UnpicklingError, ModelError) as error:
        return _complain((str(error) or type(error).__name__).splitlines()[0][:300])
    except PasticheError as error:
        return _complain(f"{error.sentence} {error.hint}".rstrip())
    except KeyboardInterrupt:
        kept = (options.out / CHECKPOINT).exists()
        print("Stopped; go on with --resume." if kept else "Stopped before the first step.", file=sys.stderr)
        return 130
    print(f"Written: {path}")
    if options.method == "gan":
        print(f"Look at {options.out / REPORT}; install the model with: pastiched models add {shlex.quote(str(path))}")
    return 0


def _complain(sentence: str) -> int:
    print(f"pastiched train: {sentence}", file=sys.stderr)
    return BAD_INPUT


def _check(options: argparse.Namespace, multiple: int) -> None:
    if options.size % multiple or options.size <= 0:
        raise ValueError(f"--size must be a multiple of {multiple}")
    for name in ("batch", "steps", "minutes", "rate"):
        value = getattr(options, name, None)
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise ValueError(f"--{name} must be above 0")
    if not 0 <= options.seed < 2**63:
        raise ValueError("--seed must be a whole number from 0 on")
    if (options.out / CHECKPOINT).exists() and not getattr(options, "resume", False):
        raise ValueError(f"{options.out.name} holds a run already: go on with --resume, or choose another --out")


def _read_pictures(options: argparse.Namespace, style_side: int) -> dict[str, Collection]:
    """What is trained on and what is held out of it. `style_side`: at most twice this is kept of styles, px."""
    folders: tuple[tuple[Kind, Path, int], ...] = (
        ("photos", options.photos, options.size), ("styles", options.styles, style_side)
    )  # fmt: skip
    photos, styles = (survey(folder, side, kind, _say) for kind, folder, side in folders)
    options.out.mkdir(parents=True, exist_ok=True)
    hold_out = options.hold_out or options.out / "hold-out.txt"
    if not hold_out.exists():
        counts = [min(HELD_OUT, int(len(folder) * options.held_share)) for folder in (photos, styles)]
        names = (choose_hold_out(f.names, n, options.seed) for f, n in zip((photos, styles), counts, strict=True))
        write_hold_out(hold_out, next(names), next(names))
    held = read_hold_out(hold_out)
    there = {f"photos/{name}" for name in photos.names} | {f"styles/{name}" for name in styles.names}
    if unknown := {f"{kind}/{name}" for kind, names in held.items() for name in names} - there:
        _say(f"{hold_out.name} names {len(unknown)} pictures that are not there, for instance {min(unknown)[:80]!r}.")
    photos, held_photos = photos.split(held["photos"])
    styles, held_styles = styles.split(held["styles"])
    if not photos.names or not styles.names:
        raise ValueError("every picture is held out: nothing is left to train on")
    return {"photos": photos, "styles": styles, "held_photos": held_photos, "held_styles": held_styles}


@contextmanager
def _sole_use(folder: Path) -> Iterator[None]:
    """Of a run's folder. Raises ValueError while another run holds it, OSError."""
    new = not folder.exists()
    if not new and not folder.is_dir():
        raise ValueError(f"{folder} is a file: --out must be a folder")
    folder.mkdir(parents=True, exist_ok=True)
    lock = try_lock(folder / LOCK)
    if lock is None:
        raise ValueError(f"another training is writing into {folder.name}: wait for it, or choose another --out")
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / LOCK).unlink()
        lock.close()
        if new:
            # Only an empty one goes: nothing was begun.
            with suppress(OSError):
                folder.rmdir()


def _prepare_torch(name: str, threads: int) -> None:
    """`threads` of the processor, 0 for all. Raises ValueError where PyTorch has no such device here."""
    import torch

    try:
        torch.empty(1, device=name)
    except Exception:
        # Each device fails in its own way: AssertionError, RuntimeError, NotImplementedError.
        raise ValueError(f"--device {name[:40]}: PyTorch has no such device here; cpu always works") from None
    if threads:
        torch.set_num_threads(threads)


def _read_network(path: Path, what: str) -> FeatureNetwork:
    from pastiched.networks.features import FeatureNetwork

    if not path.is_file():
        raise ValueError(f"the {what} {path.name} does not exist")
    return FeatureNetwork.load(path)


def _read_loss_network(options: argparse.Namespace) -> FeatureNetwork:
    if options.loss_network is None:
        options.loss_network = default_model("features").path
    network = _read_network(options.loss_network, "loss network")
    if not network.has_maps:
        raise ValueError(f"{options.loss_network.name} has no linear maps; the loss network must be a compact one")
    return network


def _train_fast(options: argparse.Namespace) -> Path:
    _check(options, 64)
    network = _read_loss_network(options)

    from pastiched.training.fast import FastTraining

    return FastTraining(
        **_plan(options),
        features=network,
        rate=options.rate,
        weights=Weights(
            style=options.style_weight, texture=options.texture_weight, repetition=options.repetition_weight
        ),
    ).run()


def _train_features(options: argparse.Namespace) -> Path:
    _check(options, 16)
    if options.size < 32:
        raise ValueError("--size must be at least 32")
    if options.batch < 4:
        raise ValueError("--batch must be at least 4")
    teacher = _read_network(options.teacher, "teacher")

    from pastiched.training.features import FeatureTraining

    return FeatureTraining(**_plan(options), teacher=teacher, teacher_name=options.teacher.name).run()


def _train_gan(options: argparse.Namespace) -> Path:
    _check(options, 16)
    check_gan(options)
    network = _read_loss_network(options)
    # As much of a style picture as the smallest crop needs, and no more.
    return train_gan(options, network, _plan(options, math.ceil(options.size / min(options.crops) / 2)))


def _measure_peaks(options: argparse.Namespace) -> Path:
    from pastiched.networks.pastiche_net import MULTIPLE
    from pastiched.training.peaks import PeakMeasurement

    _check(options, MULTIPLE)
    pictures = _read_pictures(options, options.size)
    photos, styles, command = pictures["photos"], pictures["styles"], _command(options)
    return PeakMeasurement(
        options.model, photos, styles, options.out, options.size, options.seed, options.device, command
    ).run()


TRAINERS = {"peaks": _measure_peaks, "fast": _train_fast, "features": _train_features, "gan": _train_gan}


def _plan(options: argparse.Namespace, style_side: int = 0) -> dict[str, Any]:
    """What runs of every method are told (see `Training`). Reads the pictures."""
    names = ("out", "device", "steps", "size", "batch", "seed", "init", "resume", "data_note")
    told = {name: getattr(options, name) for name in names}
    told |= {"minutes": options.minutes or options.default_minutes, "command": _command(options)}
    return told | _read_pictures(options, style_side or options.size)


def _say(line: str) -> None:
    print(line, flush=True)


def _command(options: argparse.Namespace) -> str:
    """The command for the model card, without the user's folders."""
    words = [f"pastiched train {options.method} --photos DIR --styles DIR"]
    files = ("model", "loss_network", "teacher", "init", "hold_out")
    words += [f"--{n.replace('_', '-')} {path.name}" for n in files if (path := getattr(options, n, None))]
    names = (
        "steps",
        "minutes",
        "size",
        "batch",
        "rate",
        "content_weight",
        "style_weight",
        "adversary_weight",
        "texture_weight",
        "repetition_weight",
        "recipe",
        "epochs",
        "keep_colours",
        "seed",
        "device",
    )
    words += [f"--{n.replace('_', '-')} {v}" for n in names if (v := getattr(options, n, None)) is not None]
    if crops := getattr(options, "crops", None):
        words.append("--crops {:g} {:g}".format(*crops))
    if getattr(options, "no_adversary", False):
        words.append("--no-adversary")
    return " ".join(words)
