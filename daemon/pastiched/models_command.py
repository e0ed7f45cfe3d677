"""The command `pastiched models`: list, show, fetch, add and remove weight files and trained models.

Exit codes: 0 done, 1 it failed or a file is not whole, 2 bad arguments, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pastiche.connection import find_home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import TRAINED
from pastiched.download import GO_ON
from pastiched.download_progress import megabytes
from pastiched.fetching import FetchableModel, fetch, remove, take_file
from pastiched.models import Model, ModelError, installed_models, shipped_models, user_folder
from pastiched.trained_library import FOLDER, TrainedLibrary
from pastiched.trained_model import TrainedModel
from pastiched.vgg19 import VGG19

if TYPE_CHECKING:
    from pastiched.trained_addition import Addition

FETCHABLE = (VGG19,)
FAILED, BAD_ARGUMENTS, INTERRUPTED = 1, 2, 130
NAMES_WIDE = 22
"""Columns that names have in the list."""
CONTINUED = "\n" + " " * 16


def main(arguments: Sequence[str], fetchable: Sequence[FetchableModel] = FETCHABLE) -> int:
    """`fetchable` are the models that can be fetched. Returns the exit code."""
    options = _parser(fetchable).parse_args(arguments)
    try:
        command = Command(fetchable)
        if options.command == "show":
            return command.show(options.id)
        if options.command == "fetch":
            return command.fetch(options.id, options.file, options.url)
        if options.command == "add":
            return command.add(options.path, options.name)
        if options.command == "remove":
            return command.remove(options.id)
        return command.overview(options.json)
    except ModelError as error:
        return _complain(str(error), FAILED)
    except PasticheError as error:
        return _complain(error.sentence, BAD_ARGUMENTS if error.code == ErrorCode.BAD_OPTION else FAILED)
    except OSError as error:
        return _complain(f"{error.filename or 'A file'}: {error.strerror or type(error).__name__}.", FAILED)
    except KeyboardInterrupt:
        return _complain(f"Interrupted; {GO_ON}.", INTERRUPTED)


def _parser(fetchable: Sequence[FetchableModel]) -> argparse.ArgumentParser:
    ids = " or ".join(model.id for model in fetchable)
    top = argparse.ArgumentParser(
        prog="pastiched models", description="List, verify, fetch, add and remove weight files."
    )
    top.add_argument("--json", action="store_true", help="print the model cards")
    commands = top.add_subparsers(dest="command", title="commands")
    listing = commands.add_parser("list", help="list and verify (also without a command)")
    listing.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the model cards")
    showing = commands.add_parser("show", help="everything the card of one model says")
    showing.add_argument("id", metavar="ID")
    fetching = commands.add_parser("fetch", help=f"download {ids}; run it again to go on after an interruption")
    fetching.add_argument("id", metavar="ID", help=ids)
    source = fetching.add_mutually_exclusive_group()
    source.add_argument("--from", dest="file", type=Path, metavar="FILE", help="take this file; no network is used")
    source.add_argument("--url", default="", help="an https address that has the same file")
    adding = commands.add_parser("add", help="take over a trained model, from then on in `pastiche styles`")
    adding.add_argument("path", metavar="FILE|DIR", help="its file, or a folder with such files")
    adding.add_argument("--name", metavar="NAME", help="call it so (default: as it calls itself)")
    removing = commands.add_parser("remove", help="delete a model that was fetched or added")
    removing.add_argument("id", metavar="ID", help=f"{ids}, or a trained model's name")
    return top


class Command:
    """What the subcommands do; each returns an exit code."""

    def __init__(self, fetchable: Sequence[FetchableModel]) -> None:
        self._fetchable = {model.id: model for model in fetchable}
        self._folder = user_folder()
        self._trained = TrainedLibrary(self._folder / FOLDER, find_home().styles_folder)

    def overview(self, as_json: bool) -> int:
        models = self._models()
        states = [state(model) for model in models]
        trained, left_out = self._trained.list(), self._trained.left_out()
        if as_json:
            cards = [model.card | {"state": found} for model, found in zip(models, states, strict=True)]
            cards += [self._facts(model) | {"state": "ok"} for model in trained]
            cards += [{"file": path.name, "method": TRAINED[0], "state": why} for path, why in left_out.items()]
            print(json.dumps(cards, indent=1))
        else:
            for model, found in zip(models, states, strict=True):
                _say(_line(model.id, model.method, model.card.get("bytes", 0), model.card.get("licence", ""), found))
            self._list_absent({model.id for model in models})
            for model_file in trained:
                _say(self._trained_line(model_file))
            for why in left_out.values():
                _say(why)
        return FAILED if left_out or any(found != "ok" for found in states) else 0

    def _trained_line(self, model: TrainedModel) -> str:
        licence = textwrap.shorten(str(model.card["licence"]), 60, placeholder="...")
        return _line(
            model.name, TRAINED[0], model.path.stat().st_size, f"{self._trained.source(model)}, {licence}", "ok"
        )

    def _facts(self, model: TrainedModel) -> dict[str, Any]:
        """What the card of a trained model says, and what is known of its file, which no card can contradict."""
        about = {"id": model.name, "method": TRAINED[0], "source": self._trained.source(model)}
        file = {"file": model.path.name, "bytes": model.path.stat().st_size, "sha256": model.sha256}
        return about | {key: value for key, value in model.card.items() if key != "name"} | file | about

    def _list_absent(self, here: set[str]) -> None:
        for model in self._fetchable.values():
            if model.id not in here:
                told = f"not here; `pastiched models fetch {model.id}` downloads {megabytes(model.size)}"
                print(f"{model.id:{NAMES_WIDE}} {told}")

    def show(self, name: str) -> int:
        for model in self._models():
            if model.id == name:
                _print_facts(model.card | {"path": str(model.path), "state": (found := state(model))})
                return 0 if found == "ok" else FAILED
        if trained := self._trained.get(name):
            _print_facts(self._facts(trained) | {"path": str(trained.path), "state": "ok"})
            return 0
        if name not in self._fetchable:
            raise self._unknown(name, {model.id for model in self._models()} | set(self._fetchable) | self._names())
        absent = self._fetchable[name]
        _print_facts(
            {
                "id": absent.id,
                "title": absent.title,
                "description": absent.description,
                "licence": absent.licence,
                "source": absent.url(),
                "download": f"{absent.size} bytes, sha256 {absent.sha256}",
                "kept": f"about {megabytes(absent.kept_bytes)} in {absent.file(self._folder)}",
                "state": f"not here; fetch it with `pastiched models fetch {absent.id}`",
            }
        )
        return 0

    def fetch(self, name: str, file: Path | None, url: str) -> int:
        if name not in self._fetchable:
            raise self._unknown(name, set(self._fetchable))
        model = self._fetchable[name]
        made = take_file(model, self._folder, file, _say) if file else fetch(model, self._folder, _say, url)
        _say(f"{made.id} is ready.")
        return 0

    def add(self, path: str, name: str | None) -> int:
        if not path.strip():
            return _complain("What is to be added has no name; give a model's file, or a folder.", BAD_ARGUMENTS)
        try:
            additions = self._trained.add(Path(path), name)
        except ModelError as error:
            return _complain(str(error), BAD_ARGUMENTS)
        for addition in additions:
            _report_addition(addition)
        refused = [addition for addition in additions if addition.model is None]
        return 0 if not refused else BAD_ARGUMENTS if len(refused) == len(additions) else FAILED

    def remove(self, name: str) -> int:
        if any(model.id == name for model in shipped_models()):
            raise PasticheError(ErrorCode.BAD_OPTION, f"{name} is a part of Pastiche and cannot be removed.")
        installed = {model.id for model in installed_models(self._folder)}
        if name not in installed | set(self._fetchable):
            if trained := self._trained.get(name):
                freed = self._trained.remove(trained)
                _say(f"{trained.name} was removed; {megabytes(freed)} are free again.")
                return 0
            raise self._unknown(name, installed | set(self._fetchable) | self._names())
        freed = remove(name, self._folder, self._fetchable.get(name))
        _say(f"{name} was removed; {megabytes(freed)} are free again." if freed else f"{name} is not here.")
        return 0

    def _names(self) -> set[str]:
        """Of trained models."""
        return {model.name for model in self._trained.list()}

    def _models(self) -> list[Model]:
        return [*shipped_models(), *installed_models(self._folder)]

    @staticmethod
    def _unknown(name: str, known: set[str]) -> PasticheError:
        return PasticheError(
            ErrorCode.BAD_OPTION, f"There is no model {name[:40]!r} for that; there is {', '.join(sorted(known))}."
        )


def state(model: Model) -> str:
    """ "ok", or what is wrong with its file."""
    try:
        model.verify()
    except ModelError as error:
        return str(error)
    return "ok"


def _line(name: str, method: str, size: int, licence: str, found: str) -> str:
    return f"{name:{NAMES_WIDE}} {method:8} {size / 1e6:6.2f} MB  {licence}  {found}"


def _print_facts(facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
        # Lines of a text that began where facts do could be taken for facts.
        print(f"{_shown(name) + ':':15} {_shown(text, CONTINUED)}")


def _shown(text: str, line_ends: str = "?") -> str:
    """Without what terminals obey: cards and the names of files may be of strangers."""
    return "".join(c if c.isprintable() else "?" if c != "\n" else line_ends for c in text)


def _report_addition(addition: Addition) -> None:
    if addition.model is None:
        _complain(addition.refusal, FAILED)
        return
    name = addition.model.name
    known = f"{name} is here already" if addition.already else f"{name} was added"
    _say(f"{known}: `pastiche apply PHOTO --model {name} -o OUT` paints with it.")


def _say(sentence: str) -> None:
    print(_shown(sentence), flush=True)


def _complain(sentence: str, code: int) -> int:
    print(f"pastiched models: {_shown(sentence)}", file=sys.stderr)
    return code
