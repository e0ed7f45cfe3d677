"""`python -m pastiched.painting DIR` renders the whole gallery into DIR."""

import argparse
from pathlib import Path

from .atelier import render_gallery


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pastiched.painting", description="Render the style gallery.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where pictures, thumbnails and gallery.json go")
    render_gallery(parser.parse_args().folder)


if __name__ == "__main__":
    main()
