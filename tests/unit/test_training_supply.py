"""Promises about the endless supply of crops that trainings are fed with."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pastiched.training.data import CropSupply, Shares, centre_crops
from tests.unit.training_folders import collection, write_photographs, write_styles


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_photographs(folder / "photos", most=2)
    write_styles(folder / "styles", most=5)
    return folder


def supply(folder: Path, seed: int = 0, first: int = 0, shares: Shares = ((0.5, 1), (0.5, 0.9))) -> CropSupply:
    photos, styles = (collection(folder / kind, kind) for kind in ("photos", "styles"))  # type: ignore[arg-type]
    return CropSupply(photos, styles, 64, 3, seed, shares, first)


def batches(pictures: CropSupply, count: int) -> list[tuple[Tensor, Tensor]]:
    return list(islice(pictures, count))


def same(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> bool:
    return torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])


def test_a_batch_depends_on_the_seed_and_its_number_alone(folders: Path) -> None:
    whole = batches(supply(folders), 6)
    torch.manual_seed(7)
    later = batches(supply(folders, first=3), 3)
    assert all(same(a, b) for a, b in zip(whole[3:], later, strict=True)), "as after a resumption"
    assert not any(same(a, b) for a, b in zip(whole, batches(supply(folders, seed=1), 6), strict=True))
    assert not any(same(whole[0], other) for other in whole[1:])


def test_the_supply_draws_nothing_from_torchs_own_generator(folders: Path) -> None:
    before = torch.get_rng_state()
    batches(supply(folders), 5)
    assert torch.equal(torch.get_rng_state(), before)


def test_batches_are_pictures_of_the_size(folders: Path) -> None:
    for photos, styles in batches(supply(folders), 3):
        for x in (photos, styles):
            assert x.shape == (3, 3, 64, 64) and x.dtype == torch.float32
            assert float(x.min()) >= 0 and float(x.max()) <= 1 and float(x.std()) > 0.02


def test_smaller_shares_show_larger_strokes(folders: Path) -> None:
    def fineness(shares: tuple[float, float]) -> float:
        styles = torch.cat([styles for _, styles in batches(supply(folders, shares=((1, 1), shares)), 4)])
        return float((styles[..., 1:] - styles[..., :-1]).square().mean() / styles.var())

    assert fineness((0.2, 0.2)) < 0.5 * fineness((0.9, 0.9))


def test_damaged_files_are_passed_over(folders: Path, tmp_path: Path) -> None:
    for kind in ("photos", "styles"):
        (tmp_path / kind).mkdir()
        for path in (folders / kind).iterdir():
            (tmp_path / kind / path.name).write_bytes(path.read_bytes())
        cut = sorted((tmp_path / kind).iterdir())[0]
        cut.write_bytes(cut.read_bytes()[:3000])
    made = batches(supply(tmp_path), 6)
    assert all(x.isfinite().all() and float(x.flatten(1).std(1).min()) > 0.005 for pair in made for x in pair)
    photos = collection(tmp_path / "photos", "photos")
    assert len(centre_crops(photos, 32)) == len(photos) - 1 and photos.damaged == 1


def test_margins_are_never_shown_and_dull_pictures_seldom(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "styles").mkdir()
    plate = np.full((200, 200, 3), 255, np.uint8)
    plate[40:160, 40:160] = rng.integers(0, 200, (120, 120, 3)) * np.array([1, 0.4, 0.1])
    Image.fromarray(plate).save(tmp_path / "styles" / "plate.png")
    Image.new("RGB", (200, 200), (20, 20, 20)).save(tmp_path / "styles" / "dull.png")
    write_photographs(tmp_path / "photos", most=1)
    styles = torch.cat([styles for _, styles in batches(supply(tmp_path, shares=((1, 1), (1, 1))), 40)])
    dull = (styles.flatten(1).std(1) < 0.01).float()
    assert float(styles.amin(1).max()) < 0.95, "no white of the margin"
    assert 0.05 < float(dull.mean()) < 0.4, "half without any choice"
