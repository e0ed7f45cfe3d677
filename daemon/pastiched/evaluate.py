"""`pastiched evaluate`: paints pairs of photograph and style, measures them, and says whether a model got worse.

Exit codes: 0 done, 1 a figure got worse, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiched.evaluation import table
from pastiched.evaluation.bench import Bench, measuring_network
from pastiched.evaluation.comparison import compare
from pastiched.evaluation.figures import FIGURES, SMALLEST_SIDE, Figures, Gauge, means, medians
from pastiched.evaluation.overwriting import refuse_overwriting
from pastiched.evaluation.pairs import SUITE_SIDE, Pair, read_pairs, render_suite, suite
from pastiched.evaluation.record import Record, Setting, read_record
from pastiched.evaluation.sheet import sheet_paths, write_sheets
from pastiched.evaluation.studio import Studio, read_options, unusual

SIDE = 512
GOT_WORSE, BAD_INPUT, INTERRUPTED = 1, 2, 130


@dataclass
class Series:
    """What one model painted: `folder` holds its pictures."""

    studio: Studio
    folder: Path
    model: dict[str, Any] = field(default_factory=dict)
    pictures: list[Path] = field(default_factory=list)
    rows: list[Figures] = field(default_factory=list)

    def take(self, bench: Bench, pair: Pair) -> Figures:
        """Paints and measures the next pair."""
        path = self._picture(len(self.rows) + 1)
        row, self.model = bench.judge(pair, self.studio, path)
        self.pictures.append(path)
        self.rows.append(row)
        return row

    def write(self, setting: Setting, names: list[list[str]]) -> None:
        Record(setting, self.model, names, self.rows).write(self._record)

    def files(self, count: int) -> Iterator[Path]:
        """What is written for so many pairs."""
        yield self._record
        yield from map(self._picture, range(1, count + 1))

    @property
    def _record(self) -> Path:
        return self.folder / "figures.json"

    def _picture(self, number: int) -> Path:
        return self.folder / f"{number:02d}.png"


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _evaluate(options)
    except PasticheError as error:
        return _complain(str(error), BAD_INPUT)
    except OSError as error:
        return _complain(f"{error.filename or 'A file'}: {error.strerror or type(error).__name__}.", BAD_INPUT)
    except KeyboardInterrupt:
        return _complain("Interrupted.", INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    figures = "\n".join(f"  {figure.name:<11} {figure.meaning}" for figure in FIGURES)
    parser = argparse.ArgumentParser(
        prog="pastiched evaluate",
        description="Paint pairs of photograph and style, and measure them.\n\n"
        "Fast paints each once, at the photograph's own size, which measures the network.\n"
        "Pictures of users are painted from coarse to fine: see --as-users-see-it.",
        epilog=f"figures (lower is better, but for ssim and edge):\n{figures}\n\n"
        "exit codes: 0 done, 1 a median got worse, 2 bad input, 130 interrupted",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "pairs",
        nargs="?",
        type=Path,
        help="text file with a line PHOTO STYLE for each pair, relative to the file, or a folder with the folders "
        "photos and styles; without it, a suite of 6 photographs in 8 styles of the gallery",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where pictures, figures and sheets go")
    parser.add_argument("--model", type=Path, metavar="FILE", help="another weight file of the method (only fast)")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="what to compare with: figures.json of an earlier run over the same pairs, or another weight file",
    )
    parser.add_argument(
        "--tolerance", type=float, default=5.0, metavar="PERCENT", help="a median may get this much worse (%(default)s)"
    )
    parser.add_argument("--method", default="fast")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the method; may be repeated"
    )
    parser.add_argument(
        "--as-users-see-it",
        action="store_true",
        help="fast: paint from coarse to fine, as `pastiche apply` does, at the brush size (100 unless given); "
        "--option brush-size=... and wrap=... imply it, fine always does",
    )
    parser.add_argument("--side", type=int, help=f"long side of the photographs ({SIDE}; {SUITE_SIDE} in the suite)")
    parser.add_argument(
        "--feature-network", type=Path, metavar="FILE", help="measure with this one, not with the one that ships"
    )
    parser.add_argument("--device", default="cpu")
    return parser


def _evaluate(options: argparse.Namespace) -> int:
    usual_side = SIDE if options.pairs else SUITE_SIDE
    side = usual_side if options.side is None else options.side
    if side < 2 * SMALLEST_SIDE:
        raise PasticheError(ErrorCode.BAD_OPTION, f"--side is at least {2 * SMALLEST_SIDE} pixels.")
    if not options.tolerance >= 0:
        raise PasticheError(ErrorCode.BAD_OPTION, "--tolerance is a percentage of 0 or more.")
    given = read_options(options.option)
    network, reference = measuring_network(options.feature_network)
    earlier = read_record(options.against) if options.against and options.against.suffix == ".json" else None
    studio = Studio(options.method, options.device, options.model, given, options.as_users_see_it)
    series = [Series(studio, options.out)]
    if options.against and not earlier:
        other = Studio(options.method, options.device, options.against, given, options.as_users_see_it)
        series.append(Series(other, options.out / "against"))
    rendered = options.out / "suite"
    pairs = read_pairs(options.pairs) if options.pairs else suite(rendered)
    identities = [[pair.photograph.identity, pair.style.identity] for pair in pairs]
    setting = Setting(options.method, unusual(given), side, reference, studio.as_users_see_it, identities)
    if earlier and (difference := setting.difference(earlier.setting)):
        said = f"{options.against} cannot be compared with: it was made with {difference}."
        raise PasticheError(ErrorCode.BAD_OPTION, said, "Repeat the earlier run in the same way.")

    refuse_overwriting(_inputs(options, pairs), _outputs(pairs, series))
    if not options.pairs:
        render_suite(rendered, side)
    bench = Bench(Gauge(network), side)
    names = [[pair.photograph.path.stem, pair.style.path.stem] for pair in pairs]
    for one in series:
        one.folder.mkdir(parents=True, exist_ok=True)
    print(table.header())
    for number, (pair, (photograph, style)) in enumerate(zip(pairs, names, strict=True), 1):
        for name, one in zip((f"{number:02d} {photograph} / {style}", "   against"), series, strict=False):
            print(table.line(name, one.take(bench, pair)), flush=True)
    for name, one in zip(("", " against"), series, strict=False):
        print(table.line(f"mean{name}", means(one.rows)))
        print(table.line(f"median{name}", medians(one.rows)))
        one.write(setting, names)
    _write_pictures(pairs, series)
    if not options.against:
        return 0
    changes = compare(series[0].rows, earlier.rows if earlier else series[1].rows, options.tolerance)
    print("\n" + "\n".join(table.comparison(changes)))
    return GOT_WORSE if any(change.worse for change in changes) else 0


def _inputs(options: argparse.Namespace, pairs: list[Pair]) -> Iterator[Path]:
    given = (options.pairs, options.model, options.against, options.feature_network)
    yield from (path for path in given if path is not None)
    for pair in pairs:
        yield pair.photograph.path
        yield pair.style.path


def _outputs(pairs: list[Pair], series: list[Series]) -> Iterator[Path]:
    for one in series:
        yield from one.files(len(pairs))
    folder = series[0].folder
    yield _list(folder)
    yield from sheet_paths(len(pairs), folder)


def _list(folder: Path) -> Path:
    return folder / "list.txt"


def _write_pictures(pairs: list[Pair], series: list[Series]) -> None:
    folder = series[0].folder
    rows = [
        [pair.photograph.path, pair.style.path, *pictures]
        for pair, *pictures in zip(pairs, *(one.pictures for one in series), strict=True)
    ]
    lines = [shlex.join(str(path.resolve()) for path in row[:3]) for row in rows]
    _list(folder).write_text("\n".join(lines) + "\n", "utf-8")
    sheets = write_sheets(rows, folder)
    print(f"\n{len(rows)} pictures in {folder}: figures.json, list.txt, {', '.join(path.name for path in sheets)}")


def _complain(sentence: str, code: int) -> int:
    print(f"pastiched evaluate: {sentence}", file=sys.stderr)
    return code
