"""`pastiched evaluate`: paints pairs of photograph and style at network scale 1:1, to be looked at and measured."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from pastiche.errors import ErrorCode, PasticheError
from pastiche.option_texts import option_value
from pastiche.options import BY_NAME, check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.engines import create_engine
from pastiched.engines.base import Engine, EngineJob, StyleInput


class _Quiet:
    """Callbacks of a run that nobody watches."""

    def progress(self, stage: str, fraction: float, detail: dict[str, Any] | None = None) -> None: ...

    def check(self) -> None: ...

    def between_steps(self) -> None: ...

    def preview(self, pixels: PixelBuffer) -> None: ...

    def finishing(self) -> bool:
        return False


def read_options(given: list[str]) -> dict[str, Any]:
    """NAME=VALUE pairs. Raises PasticheError(BAD_OPTION) for a name that there is not; values are not checked yet."""
    values: dict[str, Any] = {}
    for pair in given:
        name, _, text = pair.partition("=")
        option = BY_NAME.get(name.replace("-", "_"))
        if option is None:
            raise PasticheError(ErrorCode.BAD_OPTION, f"There is no option {name[:40]!r}.")
        values[option.name] = option_value(option, text)
    return values


def native_brush_size(width: int, height: int) -> float:
    """The brush size at which the network works on the picture as it is, within the option's range."""
    return min(400.0, max(25.0, 100 * math.sqrt(1e6 / (width * height))))


def read_picture(path: Path, role: str, side: int | None = None) -> PixelBuffer:
    """A picture file as 8-bit RGB, reduced to `side` pixels on its long side."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    if side and max(picture.size) > side:
        scale = side / max(picture.size)
        picture = picture.resize(
            (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
        )
    return PixelBuffer(PixelFormat(role, picture.width, picture.height, 3, "u8"), picture.tobytes())


def main(arguments: list[str]) -> int:
    """Returns an exit code: 0 painted, 2 bad input."""
    parser = argparse.ArgumentParser(prog="pastiched evaluate", description="Paint pairs at network scale 1:1.")
    parser.add_argument(
        "pairs",
        type=Path,
        help="text file, a line each: PHOTO STYLE, relative to the file",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the PNGs and their list go")
    parser.add_argument("--method", default="fast")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the method; may be repeated"
    )
    parser.add_argument("--side", type=int, default=512, help="long side of the photographs (%(default)s)")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    try:
        lines = [shlex.split(line) for line in options.pairs.read_text("utf-8").splitlines() if line.strip()]
        options.out.mkdir(parents=True, exist_ok=True)
        engine = create_engine(options.method, torch.device(options.device))
        listing = [_paint(options, engine, photo, style, number) for number, (photo, style) in enumerate(lines, 1)]
    except (OSError, ValueError, RuntimeError, PasticheError) as error:
        print(f"pastiched evaluate: {error}", file=sys.stderr)
        return 2
    (options.out / "list.txt").write_text("\n".join(listing) + "\n", "utf-8")
    print(f"{len(listing)} pictures in {options.out}; list.txt has a line each: photograph, style, pastiche")
    return 0


def _paint(options: argparse.Namespace, engine: Engine, photo: str, style: str, number: int) -> str:
    folder = options.pairs.parent
    content = read_picture(folder / photo, "content", options.side)
    form = content.format
    # Fine's strokes follow the style picture's size; only Fast has a size of its own.
    brush = native_brush_size(form.width, form.height) if options.method == "fast" else 100.0
    values = {"brush_size": brush} | read_options(options.option) | {"method": options.method}
    job = EngineJob(
        content,
        [StyleInput(read_picture(folder / style, "style"), None, 1.0)],
        None,
        check_options(values),
    )
    result = engine.run(job, _Quiet()).pastiche
    path = options.out / f"{number:02d}.png"
    pixels = np.frombuffer(result.data, np.uint8).reshape(form.height, form.width, 3)
    Image.fromarray(pixels).save(path)
    return f"{(folder / photo).resolve()} {(folder / style).resolve()} {path.resolve()}"
