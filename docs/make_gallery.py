"""Lays out the style pictures of the gallery, each with its title: `python docs/make_gallery.py` writes gallery.jpg."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from pastiched.styles import GALLERY, StyleLibrary

COLUMNS = 6
PICTURE = (280, 210)
CAPTION = 34
GAP = 12


def main() -> None:
    styles = [style for style in StyleLibrary(GALLERY / "nobody").list() if style.source == "gallery"]
    step = PICTURE[0] + GAP, PICTURE[1] + CAPTION + GAP
    rows = -(-len(styles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * step[0] + GAP, rows * step[1] + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(18)
    for number, style in enumerate(styles):
        left, top = GAP + number % COLUMNS * step[0], GAP + number // COLUMNS * step[1]
        with Image.open(style.path) as picture:
            sheet.paste(ImageOps.fit(picture, PICTURE, Image.Resampling.LANCZOS), (left, top))
        below = left + PICTURE[0] // 2, top + PICTURE[1] + CAPTION // 2
        pen.text(below, style.title, fill="#222222", font=font, anchor="mm")
    sheet.save(Path(__file__).parent / "gallery.jpg", quality=84, optimize=True)


if __name__ == "__main__":
    main()
