"""Contact sheets: photograph, style and pastiches side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from pastiched.evaluation.pairs import read_picture

HEIGHT, WIDEST, GAP = 256, 512, 4
ROWS = 16


def write_sheets(rows: Sequence[Sequence[Path]], folder: Path) -> list[Path]:
    """A row of pictures each, 256 pixels high (less where they are wider than 512), 16 rows a sheet: `sheet.png`, or
    `sheet-1.png` and so on. Raises PasticheError, OSError."""
    paths = sheet_paths(len(rows), folder)
    for number, path in enumerate(paths):
        _page(rows[number * ROWS : (number + 1) * ROWS]).save(path)
    return paths


def sheet_paths(rows: int, folder: Path) -> list[Path]:
    """What `write_sheets` writes for so many rows."""
    pages = math.ceil(rows / ROWS)
    return [folder / (f"sheet-{page}.png" if pages > 1 else "sheet.png") for page in range(1, pages + 1)]


def _page(rows: Sequence[Sequence[Path]]) -> Image.Image:
    cells = [[_cell(path) for path in row] for row in rows]
    widths = [max(cell.width for cell in column) for column in zip(*cells, strict=True)]
    page = Image.new("RGB", (sum(widths) + GAP * (len(widths) - 1), len(rows) * (HEIGHT + GAP) - GAP), "white")
    for row, pictures in enumerate(cells):
        for column, picture in enumerate(pictures):
            page.paste(picture, (sum(widths[:column]) + GAP * column, row * (HEIGHT + GAP)))
    return page


def _cell(path: Path) -> Image.Image:
    picture = read_picture(path)
    scale = min(HEIGHT / picture.height, WIDEST / picture.width)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)
