"""The atelier: the table of the gallery's pictures, and the rendering of the whole gallery."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .bands import paint_bands
from .cubist import paint_cubist
from .cyanotype import paint_cyanotype
from .dots import paint_dots
from .engraving import paint_engraving
from .fields import Paint
from .glass import paint_rose_window
from .halftone import paint_halftone
from .knife import paint_knife
from .lilies import paint_lilies
from .linocut import paint_linocut
from .nocturne import paint_nocturne
from .pastel import paint_pastel
from .sanguine import paint_sanguine
from .tesserae import paint_mosaic
from .wash import paint_ink_mountains
from .watercolour import paint_watercolour
from .wave import paint_wave
from .wheat import paint_wheat

QUALITY = 80
"""JPEG quality of the pictures: the whole gallery stays below 4 MB."""

THUMBNAIL = 192
"""Long side of a thumbnail, px."""

LICENCE = "CC0-1.0"


@dataclass(frozen=True)
class Picture:
    """A picture of the gallery and how to paint it."""

    slug: str
    title: str
    description: str
    technique: str
    seed: int
    paint: Callable[[np.random.Generator, int, int], Paint]
    width: int = 1024
    height: int = 768

    def render(self) -> Image.Image:
        """The finished picture, RGB; the same on every call."""
        paint = self.paint(np.random.default_rng(self.seed), self.width, self.height)
        return Image.fromarray((np.clip(paint, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))


PICTURES: tuple[Picture, ...] = (
    Picture(
        "starlit-swirl",
        "Starlit swirl",
        "A night sky of eddies and haloed stars over a sleeping village, in thick curling strokes of blue and gold.",
        "impasto oil",
        11,
        paint_nocturne,
    ),
    Picture(
        "rose-window",
        "Rose window",
        "A church window of ruby, sapphire and amber glass in dark lead, glowing from behind.",
        "stained glass",
        5,
        paint_rose_window,
        800,
        800,
    ),
    Picture(
        "indigo-wave",
        "Indigo wave",
        "A breaking wave, a red sun and a far mountain in flat indigo inks with fine cut lines.",
        "colour woodcut",
        3,
        paint_wave,
    ),
    Picture(
        "lily-pond",
        "Lily pond",
        "Water lilies among the mirrored trees of a garden, in broken touches of violet, green and rose.",
        "impressionist oil",
        1,
        paint_lilies,
    ),
    Picture(
        "burning-fjord",
        "Burning fjord",
        "A bare tree before a sun that sets the sky on fire, in long wavy bands of red, yellow and deep blue.",
        "expressionist oil",
        1,
        paint_bands,
    ),
    Picture(
        "ink-mountains",
        "Ink mountains",
        "A misty gorge with pines and a fisherman in grey ink, with touches of ochre, malachite and vermilion.",
        "ink wash",
        21,
        paint_ink_mountains,
    ),
    Picture(
        "toucan-pop",
        "Toucan pop",
        "A toucan with bold black outlines, printed in coarse dots of red, yellow, pink and blue.",
        "halftone print",
        1,
        paint_halftone,
    ),
    Picture(
        "golden-wheat",
        "Golden wheat",
        "A ripe field and haystacks under a turquoise sky, in thick ridges of gold and blue that follow the wind.",
        "thick impasto oil",
        1,
        paint_wheat,
    ),
    Picture(
        "bistro-facets",
        "Bistro facets",
        "A guitar, a bottle and fruit on a bistro table, broken into facets of ochre, grey and umber.",
        "cubist oil",
        2,
        paint_cubist,
    ),
    Picture(
        "poppy-wash",
        "Poppy wash",
        "Red poppies in a summer meadow, in transparent washes with dark drying edges on rough paper.",
        "watercolour",
        9,
        paint_watercolour,
    ),
    Picture(
        "blueprint-ferns",
        "Blueprint ferns",
        "Pressed ferns and seed heads, printed by the sun in white on deep Prussian blue.",
        "cyanotype",
        1,
        paint_cyanotype,
    ),
    Picture(
        "sea-mosaic",
        "Sea mosaic",
        "Two fishes below a golden sun, laid in rows of small stones with dark joints.",
        "mosaic",
        4,
        paint_mosaic,
    ),
    Picture(
        "red-chalk-oak",
        "Red chalk oak",
        "An old oak in the wind, in strokes of red and white chalk on warm toothed paper.",
        "red chalk drawing",
        6,
        paint_sanguine,
    ),
    Picture(
        "riverbank-dots",
        "Riverbank dots",
        "A sunlit river with sails, woven from thousands of small touches of pure colour.",
        "pointillism",
        8,
        paint_dots,
    ),
    Picture(
        "moonlit-jungle",
        "Moonlit jungle",
        "Great leaves under a coral moon, printed in five flat inks with visible gouge marks.",
        "linocut",
        2,
        paint_linocut,
    ),
    Picture(
        "lavender-chalk",
        "Lavender chalk",
        "Rows of lavender under an evening sky, in grainy chalk strokes on toothed paper.",
        "soft pastel",
        14,
        paint_pastel,
    ),
    Picture(
        "harbour-knife",
        "Harbour knife",
        "Sailing boats in a burning evening harbour, in slabs of paint laid with a palette knife.",
        "palette knife oil",
        6,
        paint_knife,
    ),
    Picture(
        "storm-engraving",
        "Storm engraving",
        "A lighthouse in a storm, cut in swelling and crossing black lines and tinted by hand.",
        "tinted engraving",
        17,
        paint_engraving,
    ),
)


def render_gallery(folder: Path) -> None:
    """Renders every picture, its thumbnail and `gallery.json` into `folder` (made where it is missing)."""
    thumbnails = folder / "thumbnails"
    thumbnails.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, str | int]] = []
    for picture in PICTURES:
        image = picture.render()
        file, thumbnail = f"{picture.slug}.jpg", f"thumbnails/{picture.slug}.jpg"
        image.save(folder / file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
        image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        image.save(folder / thumbnail, "JPEG", quality=QUALITY, optimize=True)
        entries.append(
            {
                "name": picture.slug,
                "title": picture.title,
                "description": picture.description,
                "technique": picture.technique,
                "file": file,
                "thumbnail": thumbnail,
                "width": picture.width,
                "height": picture.height,
                "sha256": hashlib.sha256((folder / file).read_bytes()).hexdigest(),
                "licence": LICENCE,
            }
        )
    text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
    (folder / "gallery.json").write_text(text, encoding="utf-8")
