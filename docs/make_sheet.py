"""Paints scikit-image's photographs in styles of the gallery, through the real daemon.

`python docs/make_sheet.py fast` docs/sheet.jpg: every style, brush 180; `fine` docs/fine.jpg: some, with Fine.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from skimage import data

from pastiche.client import Client, StyleRef
from pastiche.options import check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.styles import GALLERY, StyleLibrary

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket")
CELL = (300, 225)
SHEETS = {
    "fast": ("sheet.jpg", {"brush_size": 180}, None),
    "fine": ("fine.jpg", {"effort": "normal"}, ("starlit-swirl", "harbour-knife", "indigo-wave", "sea-mosaic")),
}
"""File, options and styles (None: all) by method."""


def cell(picture: Image.Image) -> Image.Image:
    """The middle of a picture in the shape of a cell."""
    scale = max(CELL[0] / picture.width, CELL[1] / picture.height)
    size = round(picture.width * scale), round(picture.height * scale)
    left, top = (size[0] - CELL[0]) // 2, (size[1] - CELL[1]) // 4
    return picture.resize(size, Image.Resampling.LANCZOS).crop((left, top, left + CELL[0], top + CELL[1]))


def main() -> None:
    method = sys.argv[1]
    file, options, chosen = SHEETS[method]
    library = StyleLibrary(GALLERY / "nobody").list()
    styles = [s for s in library if s.source == "gallery" and (chosen is None or s.name in chosen)]
    sheet = Image.new("RGB", ((len(PHOTOGRAPHS) + 1) * CELL[0], (len(styles) + 1) * CELL[1]), "white")
    with Client.connect() as client:
        for column, name in enumerate(PHOTOGRAPHS, 1):
            photo = Image.fromarray(getattr(data, name)())
            sheet.paste(cell(photo), (column * CELL[0], 0))
            form = PixelFormat("content", photo.width, photo.height, 3, "u8")
            for row, style in enumerate(styles, 1):
                if column == 1:
                    sheet.paste(cell(Image.open(style.path)), (0, row * CELL[1]))
                job = client.submit(
                    PixelBuffer(form, photo.tobytes()),
                    [StyleRef(name=style.name)],
                    check_options({"method": method, **options}),
                )
                pastiche = Image.frombytes("RGB", photo.size, bytes(job.wait().pixels.data))
                sheet.paste(cell(pastiche), (column * CELL[0], row * CELL[1]))
    sheet.save(Path(__file__).parent / file, quality=88)


if __name__ == "__main__":
    main()
