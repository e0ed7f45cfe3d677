"""Promises about a folder of styles as a whole: its statistics, and how far pictures are from it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from pastiched.networks.features import FeatureNetwork
from pastiched.training.collection import Collection
from pastiched.training.folder_distance import FolderDistance
from pastiched.training.losses import gaussian
from pastiched.training.run import Training
from pastiched.training.style_statistics import StyleStatistics, desaturated, pooled, pooled_gaussian
from tests.unit.tiny_networks import compact, picture


@pytest.fixture(autouse=True)
def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """The promises are about numbers, not about half precision nor large pictures."""
    monkeypatch.setattr("pastiched.training.precision.fastest_type", lambda device: torch.float32)
    monkeypatch.setattr("pastiched.training.folder_distance.SIDE", SIDE)


def batch(seed: int, power: float = 1.0, count: int = 4) -> Tensor:
    return torch.cat([picture(64, 64, 10 * seed + k) for k in range(count)]) ** power


def test_the_moments_of_several_batches_are_those_of_one_large_one() -> None:
    network, x = compact(), batch(1, count=6)
    apart, together = pooled(network, [x[:2], x[2:4], x[4:]]), pooled(network, [x])
    for (mean, covariance), (other_mean, other_covariance) in zip(apart, together, strict=True):
        assert torch.allclose(mean, other_mean, rtol=1e-4, atol=1e-5)
        assert torch.allclose(covariance, other_covariance, rtol=1e-3, atol=1e-4)


def test_a_pooled_gaussian_is_that_of_all_places_of_all_pictures() -> None:
    features = torch.randn(4, 5, 8, 8, generator=torch.Generator().manual_seed(0))
    mean, covariance = pooled_gaussian(features)
    wanted = gaussian(torch.cat(tuple(features), 2)[None])
    assert torch.allclose(mean, wanted[0], atol=1e-5) and torch.allclose(covariance, wanted[1], atol=1e-4)


def test_no_picture_of_a_batch_has_to_be_what_the_folder_is_as_a_whole() -> None:
    """Half of the folder is dark and half light: so may be the pastiches."""
    network = compact()
    dark, light = 0.3 * picture(64, 64, 1), 0.7 + 0.3 * picture(64, 64, 1)
    statistics = StyleStatistics(network, [(batch(2, count=2), torch.cat([dark, light]))])
    both, one = torch.cat([light, dark]), torch.cat([dark, dark])
    assert float(statistics.losses(both, network(both))[0]) < 0.05 < float(statistics.losses(one, network(one))[0])


def test_the_loss_is_nothing_for_the_folders_own_and_about_one_for_photographs() -> None:
    network = compact()
    styles, photos = batch(1, 3.0, count=2), batch(2, count=2)
    statistics = StyleStatistics(network, [(photos, styles)])
    assert float(statistics.losses(styles, network(styles))[0]) < 0.01
    assert float(statistics.losses(photos, network(photos))[0]) == pytest.approx(1, abs=0.1)
    between = statistics.losses((styles + photos) / 2, network((styles + photos) / 2))[0]
    assert 0.05 < float(between) < 0.9


def test_the_loss_leads_from_photographs_towards_the_folder() -> None:
    network = compact()
    styles, photos = batch(1, 3.0, count=2), batch(2, count=2)
    statistics = StyleStatistics(network, [(photos, styles)])
    x = photos.clone().requires_grad_()
    before = statistics.losses(x, network(x))[0]
    (slope,) = torch.autograd.grad(before, x)
    moved = x - 0.01 * slope / slope.square().mean().sqrt()
    after = statistics.losses(moved, network(moved))[0]
    assert float(after.detach()) < 0.97 * float(before.detach())


def test_a_tint_that_is_left_is_seen_by_the_palette() -> None:
    network = compact()
    photos = batch(2, count=2)
    grey = desaturated(batch(1, count=2), 1)
    statistics = StyleStatistics(network, [(photos, grey)])
    palettes = [float(statistics.losses(x, network(x))[1]) for x in (grey, torch.lerp(grey, photos, 0.2), photos)]
    assert palettes[0] < 0.01 and 0.01 < palettes[1] < 0.5 and palettes[2] == pytest.approx(1, abs=0.1)


def test_colours_can_be_left_out_of_it_by_any_share() -> None:
    x = batch(1, count=2)
    assert torch.equal(desaturated(x, 0), x)
    grey = desaturated(x, 1)
    assert torch.allclose(grey, grey[:, :1].expand_as(x), atol=1e-6)
    assert torch.allclose(desaturated(x, 0.5), (x + grey) / 2, atol=1e-6)


class Pictures(Collection):
    """In memory."""

    def __init__(self, pictures: list[Tensor]) -> None:
        self.names, self.files = [f"{k}.png" for k in range(len(pictures))], [as_png(x) for x in pictures]

    def read(self, index: int) -> bytes | None:
        return self.files[index]


def as_png(x: Tensor) -> bytes:
    file = io.BytesIO()
    Image.fromarray((x[0].permute(1, 2, 0) * 255).round().byte().numpy()).save(file, "PNG")
    return file.getvalue()


SIDE = 96
PHOTOS = [picture(SIDE, SIDE, seed) for seed in range(3)]
STYLES = [picture(SIDE, SIDE, 100 + seed).pow(3) for seed in range(3)]


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    return compact()


def distance(network: FeatureNetwork, folder: Path, **held: Any) -> FolderDistance:
    told = {
        "photos": Pictures(PHOTOS),
        "styles": Pictures(STYLES),
        "held_photos": Pictures([]),
        "held_styles": Pictures([]),
    }
    return FolderDistance(network, Training(out=folder, minutes=1, size=64, **(told | held)))


def test_the_style_pictures_themselves_are_at_no_distance_and_photographs_at_their_own(
    network: FeatureNetwork, tmp_path: Path
) -> None:
    measure = distance(network, tmp_path)
    assert len(measure.photos) == 3
    as_they_are = measure.figures(measure.photos)
    assert as_they_are["patchfd_share"] == 1 and as_they_are["content"] == 0 and as_they_are["patchfd"] > 0
    arrived = measure.figures([(x[0] * 255).round() / 255 for x in STYLES])
    assert arrived["patchfd_share"] < 0.05 and arrived["content"] > 0


def test_what_was_held_out_is_measured_where_there_is_any(network: FeatureNetwork, tmp_path: Path) -> None:
    held = distance(network, tmp_path, held_photos=Pictures(PHOTOS[:1]), held_styles=Pictures(STYLES[2:]))
    assert len(held.photos) == 1 and torch.allclose(held.photos[0], PHOTOS[0][0], atol=0.01)
    assert held.figures([(STYLES[2][0] * 255).round() / 255])["patchfd_share"] < 0.05
