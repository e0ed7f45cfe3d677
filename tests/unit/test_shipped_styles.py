"""What the trained styles that ship promise: small files that say what they are, and the look of their folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from pastiche.options import check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.engines.base import EngineJob
from pastiched.engines.silence import Silent
from pastiched.engines.trained import TrainedEngine
from pastiched.trained_library import TrainedLibrary

NAMES = ("storybook-watercolour", "ukiyo-e")


@pytest.fixture
def library(tmp_path: Path) -> TrainedLibrary:
    return TrainedLibrary(tmp_path)


def test_they_are_the_two_that_are_told_of(library: TrainedLibrary) -> None:
    assert tuple(model.name for model in library.list()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_small_and_says_what_it_is(library: TrainedLibrary, name: str) -> None:
    model = library.find(name)
    assert model.path.stat().st_size <= 3_500_000
    assert model.title and model.thumbnail and all(model.card[key] for key in ("description", "licence", "date"))
    assert model.card["command"].startswith("pastiched train gan ") and model.card["steps"] > 1000
    assert model.card["data"]["styles"] >= 20 and "public domain" in model.card["data"]["note"]
    assert model.card["figures"]["patchfd_share"] <= 0.6
    assert ".." not in model.card["command"] and "/" not in model.card["command"]


def painted(library: TrainedLibrary, name: str, photo: np.ndarray) -> np.ndarray:
    height, width = photo.shape[:2]
    content = PixelBuffer(PixelFormat("content", width, height, 3, "u8"), photo.tobytes())
    options = check_options({"method": "trained", "model": name})
    job = EngineJob(content, [], None, options, model=library.find(name).path)
    pastiche = TrainedEngine(torch.device("cpu")).run(job, Silent()).pastiche
    return np.frombuffer(bytes(pastiche.data), np.uint8).reshape(height, width, 3)


@pytest.mark.parametrize(
    ("photograph", "size"), [("astronaut", (384, 384)), ("coffee", (480, 320)), ("rocket", (480, 320))]
)
def test_a_print_is_black_ink_and_a_storybook_is_old_paper(
    library: TrainedLibrary, photograph: str, size: tuple[int, int]
) -> None:
    photo = np.asarray(Image.fromarray(getattr(data, photograph)()).resize(size))
    ink, book = (painted(library, name, photo).astype(float) for name in ("ukiyo-e", "storybook-watercolour"))
    colours = [float(np.ptp(picture, axis=2).mean()) for picture in (photo.astype(float), ink)]
    assert colours[1] < 8 and colours[0] > 3 * colours[1], "no tint of the photograph is left"
    assert np.percentile(ink, 2) < 30 and np.ptp(np.percentile(ink, [2, 98])) > 190, "ink is black, also at dusk"
    assert book.max(axis=2).mean() < 225 and np.percentile(book, 99.5) < 250, "paper is never white"
    grey = [picture.mean(axis=2).ravel() for picture in (photo, ink, book)]
    assert min(np.corrcoef(grey[0], one)[0, 1] for one in grey[1:]) > 0.6, "light and dark stay where they were"
