"""The command `pastiche`: arguments, exit codes, and what a user sees when something goes wrong.

Exit codes: 0 done, 1 the job failed, 2 bad input or options, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import AT_ONCE, OPTIONS, TRAINED, Option
from pastiche.state_files import SUFFIX
from pastiche.version import VERSION

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
BAD_INPUT_CODES = frozenset(
    {
        ErrorCode.BAD_OPTION,
        ErrorCode.BAD_PICTURE,
        ErrorCode.TOO_LARGE,
        ErrorCode.UNKNOWN_STYLE,
        ErrorCode.UNKNOWN_MODEL,
        ErrorCode.UNREADABLE,
        ErrorCode.UNWRITABLE,
    }
)
STYLE_HELP = "a picture file, or a name from `pastiche styles`; repeat it to mix up to four"
ALIASES = {"colour": ("--color",)}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise PasticheError(
            ErrorCode.BAD_OPTION, f"{message[:1].upper()}{message[1:].rstrip('.')}.", f"See `{self.prog} --help`."
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code; no exception gets out."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        options = build_parser().parse_args(given)
        command = importlib.import_module(f"pastiche.commands.{options.command}")
        code: int = command.run(options)
        sys.stdout.flush()
        return code
    except PasticheError as error:
        return _report(error, given)
    except KeyboardInterrupt:
        _print_json({"code": "interrupted", "sentence": "Interrupted.", "hint": ""}, given)
        return _say("Interrupted.", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain once more at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        # Imported late, as it is rarely needed.
        from pastiche.failures import log_failure

        log_failure(error)
        unexpected = PasticheError(
            ErrorCode.ENGINE,
            f"Something unexpected went wrong ({type(error).__name__}).",
            "client.log has the details.",
        )
        return _report(unexpected, given)


def exit_code(error: PasticheError) -> int:
    """2 where the user can put it right by other input or options, else 1."""
    return BAD_INPUT if error.code in BAD_INPUT_CODES else FAILED


def _report(error: PasticheError, given: Sequence[str]) -> int:
    _print_json({"code": str(error.code), "sentence": error.sentence, "hint": error.hint}, given)
    return _say(f"{error.sentence} {error.hint}".strip(), exit_code(error))


def _print_json(failure: dict[str, str], given: Sequence[str]) -> None:
    """A failure is a report too, where a report was asked for."""
    if "--json" in given:
        import json

        with contextlib.suppress(OSError):
            print(json.dumps({"error": failure}), flush=True)


def _say(sentence: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"pastiche: {' '.join(sentence.split())}", file=sys.stderr, flush=True)
    return code


def build_parser() -> Parser:
    parser = Parser("pastiche", description="Paints pictures in the style of other pictures.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"pastiche {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> Parser:
        made: Parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        made.add_argument("--json", action="store_true", help="print one JSON report")
        return made

    apply = command("apply", "Paints one picture in the style of another, or with a trained model.")
    apply.add_argument("content", metavar="CONTENT", help="the picture: PNG, JPEG, WebP or TIFF")
    apply.add_argument("-o", "--output", required=True, metavar="OUT", help="where to; the extension says the format")
    apply.add_argument("--mask", metavar="MASK", help="a picture of the same size: white where the style goes")
    fine = _add_job_flags(apply)
    fine.add_argument("--state", metavar="FILE", help=f"keep an interrupted run in this file (*{SUFFIX})")
    fine.add_argument("--resume", metavar="FILE", help="go on with the run of that file; --state may be the same")

    batch = command("batch", "Paints many pictures in one style, or with a trained model; goes on after a bad file.")
    batch.add_argument("inputs", nargs="+", metavar="IN", help="pictures, folders, or patterns like '*.jpg'")
    batch.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="the folder of the results; made if missing"
    )
    batch.add_argument("--format", choices=("png", "jpg", "webp", "tif"), help="of the results (default: as the input)")
    batch.add_argument("--skip-existing", action="store_true", help="leave out pictures whose result exists already")
    batch.add_argument("--ray", metavar="ADDRESS", help="paint on a Ray cluster: auto, host:port or ray://host:port")
    batch.add_argument("--ray-workers", metavar="N", help="of the cluster (default: one a GPU, or one a node)")
    _add_job_flags(batch)

    command("styles", "Lists the styles and the trained models that have a name.")
    command("status", "Says what the daemon is doing.")
    finish = command("finish", "Ends running Fine jobs early and keeps their pictures.")
    finish.add_argument("job", nargs="?", metavar="JOB", help="one job, by its id or the start of it (pastiche status)")
    stop = command("stop", "Stops the daemon.")
    stop.add_argument("--when-idle", action="store_true", help="after the jobs it has")
    doctor = command("doctor", "Checks the installation and says how to repair it.")
    doctor.add_argument("--no-gimp", action="store_true", help="start no GIMP, which takes seconds")
    doctor.add_argument("--report", action="store_true", help="a text to copy, without names of yours or your pictures")
    return parser


def _add_job_flags(parser: Parser) -> argparse._ArgumentGroup:
    """Returns the group of the flags that only Fine heeds."""
    add = parser.add_argument
    add("--style", "-s", action="append", default=[], dest="styles", metavar="STYLE", help=STYLE_HELP)
    add("--weights", metavar="W,W", help="how much each style counts, for instance 2,1 (default: all the same)")
    trained = parser.add_argument_group("with --method trained")
    fine = parser.add_argument_group("with --method fine")
    expert = parser.add_argument_group("with --method fine, for experts")
    pieces = parser.add_argument_group("with --method fast or trained, for experts")
    groups = {TRAINED: trained, AT_ONCE: pieces}
    for option in OPTIONS:
        own = groups.get(option.methods, expert if option.expert else fine)
        group = own if option.methods else parser
        names = option.flag, *ALIASES.get(option.name, ())
        group.add_argument(*names, dest=option.name, metavar=option.range_text, help=_help(option))
    add("--quality", default="95", metavar="1..100", help="of JPEG and WebP (default: 95)")
    add("--compression", default="1", metavar="0..9", help="effort for PNG and TIFF, 9 = smallest file (default: 1)")
    add("--overwrite", action="store_true", help="replace an existing result; an input is never replaced")
    add("--keep-gps", action="store_true", help="keep the place in the EXIF data")
    add("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N, rocm, xpu, mps, if the daemon has to be started")
    add("--threads", metavar="N", help="CPU threads of the daemon, if it has to be started")
    add("--low-priority", action="store_true", help="leave the processor to others, if the daemon has to be started")
    add("--quiet", "-q", action="store_true", help="no progress bar, no notes")
    return fine


def _help(option: Option) -> str:
    default = f"{option.default:g}" if isinstance(option.default, int | float) else option.default
    told = f"{option.help} (default: {default})" if default else option.help
    return told.replace("%", "%%")


if __name__ == "__main__":
    sys.exit(main())
