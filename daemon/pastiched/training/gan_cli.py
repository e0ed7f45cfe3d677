"""`pastiched train gan`: its flags, what is wrong with them, and the run."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pastiche.options import METHODS
from pastiched.models import user_folder
from pastiched.storage import write_atomically
from pastiched.styles import gallery_names
from pastiched.trained_library import FOLDER, TrainedLibrary
from pastiched.trained_model import NAME, TEXTS, has_controls
from pastiched.training.report import RUN_FILE

if TYPE_CHECKING:
    from pastiched.networks.features import FeatureNetwork

PLAIN_EPOCHS = 50
WORDS = ("title", "description", "licence")
"""What the maker of a model says of it."""


def add_gan_flags(parser: argparse.ArgumentParser) -> None:
    """Beside those of every training."""
    parser.set_defaults(out=None, held_share=0.2)
    add = parser.add_argument
    add("--name", required=True, help="what the model is called: lower-case letters, digits and hyphens")
    add("--recipe", choices=("gan", "plain"), default="gan", help="plain: the textbook form (%(default)s)")
    add("--epochs", type=int, metavar="N", help="end after N times all photographs (plain only, default 50)")
    add(
        "--keep-colours", type=float, default=0, metavar="PERCENT",
        help="how much of the photographs' colours stays (%(default)s)",
    )  # fmt: skip
    add(
        "--crops", type=float, nargs=2, default=(0.5, 0.9), metavar=("LEAST", "MOST"),
        help="share of a style picture that a crop shows, by its short side; smaller makes larger strokes (0.5 0.9)",
    )  # fmt: skip
    add("--title", default="", help="what users read (the name)")
    add("--description", default="", help="a sentence about the look, which users read too")
    add("--licence", default="", help="a sentence about the rights to the style pictures, for the model's card")
    add("--rate", type=float, help="learning rate at the start (0.001; 0.0002 with --recipe plain)")
    add("--preview-every", type=int, default=500, metavar="N", help="steps from sheet to sheet (%(default)s)")
    add("--plot", action="store_true", help="draw the curves as curves.svg as well; report.html has them anyway")
    add("--no-adversary", action="store_true", help="go on with the style loss alone, to see what the adversary adds")
    for term, what in (("content", "the photograph"), ("style", "the style"), ("adversary", "the discriminator")):
        add(f"--{term}-weight", type=float, default=1.0, metavar="W", help=f"how much {what} counts (%(default)s)")


def train_gan(options: argparse.Namespace, network: FeatureNetwork, plan: dict[str, Any]) -> Path:
    """`plan`: what runs of every method are told. Returns the exported model."""
    from pastiched.training.gan import GanTraining, GanWeights
    from pastiched.training.plain import PlainTraining

    told = plan | {
        "name": options.name, "features": network, "crops": tuple(options.crops),
        "preview_every": options.preview_every, "plot": options.plot,
    }  # fmt: skip
    told |= {text: getattr(options, text) for text in WORDS}
    told |= {"rate": options.rate} if options.rate else {}
    _write_run_file(options, told)
    if options.recipe == "plain":
        epochs = options.epochs or PLAIN_EPOCHS
        steps = options.steps or (None if options.minutes else epochs * max(1, len(told["photos"]) // options.batch))
        return PlainTraining(**told | {"steps": steps}, epochs=epochs).run()
    usual = GanWeights()
    weights = dataclasses.replace(
        usual,
        content=usual.content * options.content_weight,
        style=usual.style * options.style_weight,
        adversary=usual.adversary * options.adversary_weight,
    )
    return GanTraining(
        **told, keep_colours=options.keep_colours / 100, adversarial=not options.no_adversary, weights=weights
    ).run()


def check_gan(options: argparse.Namespace) -> None:
    """Raises ValueError, ModelError or PasticheError. `init` becomes the path of the model that it names."""
    if not re.fullmatch(NAME, options.name):
        raise ValueError("--name must be 1 to 40 lower-case letters, digits and hyphens, with no hyphen at an end")
    if options.name in (*METHODS, *gallery_names()):
        raise ValueError(f"a method or a style of the gallery is called {options.name}; --name must be another")
    if options.size < 64 or options.size > 1024:
        raise ValueError("--size must be between 64 and 1024")
    if not 0 <= options.keep_colours <= 100:
        raise ValueError("--keep-colours must be between 0 and 100")
    least, most = options.crops
    if not 0.05 <= least <= most <= 1:
        raise ValueError("--crops must be two numbers between 0.05 and 1, the smaller one first")
    if options.epochs is not None and (options.recipe != "plain" or options.epochs <= 0):
        raise ValueError("--epochs must be above 0, and goes with --recipe plain")
    if options.preview_every <= 0:
        raise ValueError("--preview-every must be above 0")
    if options.recipe == "plain":
        _check_plain(options)
    for term in ("content", "style", "adversary"):
        if not 0 <= getattr(options, f"{term}_weight") <= 1000:
            raise ValueError(f"--{term}-weight must be between 0 and 1000")
    for text in WORDS:
        if len(getattr(options, text)) > TEXTS[text]:
            raise ValueError(f"--{text} has at most {TEXTS[text]} characters")
        if has_controls(getattr(options, text)):
            raise ValueError(f"--{text} must be plain text")
    if options.init and not options.init.is_file():
        options.init = TrainedLibrary(user_folder() / FOLDER).find(str(options.init)).path


def _check_plain(options: argparse.Namespace) -> None:
    """Raises ValueError for what belongs to the other recipe."""
    changed = {
        "--keep-colours": options.keep_colours != 0, "--no-adversary": options.no_adversary,
        "--content-weight": options.content_weight != 1, "--style-weight": options.style_weight != 1,
        "--adversary-weight": options.adversary_weight != 1,
    }  # fmt: skip
    if wrong := [flag for flag, given in changed.items() if given]:
        raise ValueError(f"{wrong[0]} does not go with --recipe plain")
    if options.epochs is not None and (options.steps or options.minutes):
        raise ValueError("--epochs, --steps and --minutes all say when the run ends: give one of them")


def _write_run_file(options: argparse.Namespace, told: dict[str, Any]) -> None:
    """run.json, what the report tells of the run."""
    facts = {
        "name": options.name, "title": options.title, "recipe": options.recipe, "command": told["command"],
        "data": {
            "photographs": len(told["photos"]), "styles": len(told["styles"]),
            "held out": f"{len(told['held_photos'])} photographs, {len(told['held_styles'])} style pictures",
            "left out": {kind: dict(told[kind].counts) for kind in ("photos", "styles")},
            "note": options.data_note,
        },
    }  # fmt: skip
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    write_atomically(options.out / RUN_FILE, lambda part: part.write_text(text, "utf-8"))
