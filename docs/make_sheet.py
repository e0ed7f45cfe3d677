"""Paints photographs that may be shown to anybody in styles of the gallery, through the real daemon.

`python docs/make_sheet.py fast` docs/sheet.jpg, 8 photographs in 8 styles; `fine` docs/fine.jpg, some with Fine;
`trained` docs/trained.jpg, all with the trained models that ship.
A folder after the method takes the pastiches as PNG.
scikit-image's photographs are in the public domain (NASA, CC0), the others are rendered (pastiched.evaluation.scenes).
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from skimage import data

from pastiche.client import Client
from pastiche.job import StyleRef
from pastiche.options import check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.evaluation.scenes import render
from pastiched.styles import GALLERY
from pastiched.trained_library import SHIPPED
from pastiched.trained_model import SUFFIX, read_trained_model

TAKEN, RENDERED = ("astronaut", "chelsea", "coffee", "rocket"), ("sky", "architecture", "foliage", "night")
SIDE = 1024
"""Long side of the photographs."""
CELL = (240, 180)
EIGHT = (
    "starlit-swirl", "burning-fjord", "golden-wheat", "harbour-knife",
    "indigo-wave", "poppy-wash", "sea-mosaic", "red-chalk-oak",
)  # fmt: skip
MODELS = tuple(sorted(path.stem for path in SHIPPED.glob("*" + SUFFIX)))
SHEETS: dict[str, tuple[str, dict[str, Any], tuple[str, ...], tuple[str, ...]]] = {
    "fast": ("sheet.jpg", {}, TAKEN + RENDERED, EIGHT),
    "fine": ("fine.jpg", {"effort": "normal"}, TAKEN, EIGHT[:5:2]),
    "trained": ("trained.jpg", {}, TAKEN + RENDERED, MODELS),
}
"""File, options, photographs and styles by method."""


def photograph(name: str) -> Image.Image:
    """RGB, its long side SIDE."""
    if name in RENDERED:
        return render(name, SIDE)
    picture = Image.fromarray(getattr(data, name)())
    scale = SIDE / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)


def cell(picture: Image.Image) -> Image.Image:
    """The middle of a picture in the shape of a cell."""
    scale = max(CELL[0] / picture.width, CELL[1] / picture.height)
    size = round(picture.width * scale), round(picture.height * scale)
    left, top = (size[0] - CELL[0]) // 2, (size[1] - CELL[1]) // 4
    return picture.resize(size, Image.Resampling.LANCZOS).crop((left, top, left + CELL[0], top + CELL[1]))


def shown(style: str) -> Image.Image:
    """The style's picture, or what a trained model has in its place."""
    if style in MODELS:
        return Image.open(io.BytesIO(read_trained_model(SHIPPED / (style + SUFFIX)).thumbnail))
    return Image.open(GALLERY / f"{style}.jpg")


def main() -> None:
    method = sys.argv[1]
    file, options, photographs, styles = SHEETS[method]
    sheet = Image.new("RGB", ((len(photographs) + 1) * CELL[0], (len(styles) + 1) * CELL[1]), "white")
    for row, style in enumerate(styles, 1):
        sheet.paste(cell(shown(style)), (0, row * CELL[1]))
    with Client.connect() as client:
        for column, name in enumerate(photographs, 1):
            photo = photograph(name)
            sheet.paste(cell(photo), (column * CELL[0], 0))
            content = PixelBuffer(PixelFormat("content", photo.width, photo.height, 3, "u8"), photo.tobytes())
            for row, style in enumerate(styles, 1):
                named = {"model": style} if style in MODELS else {}
                styles_of_job = [] if style in MODELS else [StyleRef(name=style)]
                job = client.submit(content, styles_of_job, check_options({"method": method, **options, **named}))
                pastiche = Image.frombytes("RGB", photo.size, bytes(job.wait().pixels.data))
                if len(sys.argv) > 2:
                    pastiche.save(Path(sys.argv[2]) / f"{name}-{style}.png")
                sheet.paste(cell(pastiche), (column * CELL[0], row * CELL[1]))
    sheet.save(Path(__file__).parent / file, quality=84, optimize=True)


if __name__ == "__main__":
    main()
