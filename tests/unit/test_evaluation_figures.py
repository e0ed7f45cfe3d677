"""Each figure catches the fault it is there for, and leaves sound pictures alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pastiched.evaluation.bench import tensor
from pastiched.evaluation.checkerboard import grid
from pastiched.evaluation.colours import lab, palette, palette_distance
from pastiched.evaluation.figures import FIGURES, Figures, Gauge, means, medians
from pastiched.evaluation.flat_areas import flat_area, noise
from pastiched.evaluation.halos import halo, silhouettes
from pastiched.evaluation.passes import low_pass
from pastiched.evaluation.repetition import repetition, self_likeness
from pastiched.evaluation.scenes import render
from pastiched.imaging.colour import luminance
from tests.unit.tiny_networks import compact, picture

WIDTH = 300


@pytest.fixture(scope="module")
def sky() -> Tensor:
    return tensor(render("sky", WIDTH))


@pytest.fixture(scope="module")
def portrait() -> Tensor:
    return tensor(render("portrait", WIDTH))


def random(like: Tensor, seed: int = 0) -> Tensor:
    return torch.randn(1, 1, *like.shape[2:], generator=torch.Generator().manual_seed(seed))


def stamped(field: Tensor, places: Tensor) -> Tensor:
    """A small hooked mark at each of the places (row, column)."""
    field = field.clone()
    for row, column in places.tolist():
        field[..., row : row + 3, column : column + 9] += 0.15
        field[..., row + 3 : row + 8, column : column + 3] -= 0.15
    return field.clamp(0, 1)


def even_places(pitch: int) -> Tensor:
    return torch.cartesian_prod(torch.arange(0, 120, pitch), torch.arange(0, WIDTH - 12, pitch))


def test_a_photograph_left_as_it_is_has_all_its_style_to_go_and_all_its_content(portrait: Tensor) -> None:
    gauge = Gauge(compact())
    standard = gauge.photograph(portrait)
    figures = gauge.measure(portrait, standard, gauge.style(picture(160, 192, 1)))
    assert list(figures) == [figure.name for figure in FIGURES]
    wanted = {"style%": 100, "w2%": 100, "content": 0, "ssim": 1, "edge": 1, "halo": 0, "repetition": 0}
    assert {name: figures[name] for name in wanted} == pytest.approx(wanted, abs=1e-4)


def test_the_style_itself_has_no_style_to_go_and_its_own_colours() -> None:
    gauge, style = Gauge(compact()), picture(160, 192, 1)
    figures = gauge.measure(style, gauge.photograph(picture(160, 192, 2)), gauge.style(style))
    assert {name: figures[name] for name in ("style%", "w2%", "palette")} == pytest.approx(
        {"style%": 0, "w2%": 0, "palette": 0}, abs=1e-3
    )
    assert figures["content"] is not None and figures["content"] > 0.01


def test_a_photograph_in_its_own_style_has_no_share_of_style_to_go() -> None:
    gauge, same = Gauge(compact()), picture(64, 96)
    figures = gauge.measure(same, gauge.photograph(same), gauge.style(same))
    assert figures["style%"] is None and figures["w2%"] is None


def test_a_pastiche_of_another_size_is_refused(sky: Tensor) -> None:
    gauge = Gauge(compact())
    with pytest.raises(ValueError, match="the photograph"):
        gauge.measure(sky[..., :-1], gauge.photograph(sky), gauge.style(sky))


@pytest.mark.parametrize("period", [2, 4])
def test_a_checkerboard_raises_grid(sky: Tensor, period: int) -> None:
    grey = luminance(sky)
    before = grid(grey)
    rows, columns = torch.meshgrid(*(torch.arange(side) for side in grey.shape[2:]), indexing="ij")
    after = grid(grey + 0.01 * ((rows + columns) % period < period / 2))
    assert before is not None and after is not None
    assert before < 1.4 < 1.5 < after


def test_a_picture_too_small_for_its_spectrum_has_no_grid() -> None:
    assert grid(luminance(picture(63, 200))) is None


def test_grain_on_even_areas_raises_noise_and_elsewhere_does_not(sky: Tensor) -> None:
    grey = luminance(sky)
    flat = flat_area(grey)
    assert flat is not None and 0.02 < float(flat.float().mean()) < 0.3
    far_from_flat = torch.nn.functional.max_pool2d(flat.float(), 9, 1, 4) == 0
    before, there, elsewhere = (
        noise(grey + 8 / 255 * random(grey) * place, flat) for place in (torch.zeros(1), flat, far_from_flat)
    )
    assert before is not None and there is not None and elsewhere is not None
    assert before < 2 and 5 < there < 9, "the finest part of 8 levels of white noise"
    assert elsewhere == pytest.approx(before, abs=0.01)


def test_strokes_broader_than_grain_are_no_noise(sky: Tensor) -> None:
    grey = luminance(sky)
    strokes = grey + 0.3 * low_pass(random(grey), 4)
    found = noise(strokes, flat_area(grey))
    assert found is not None and found < 2


def test_a_photograph_without_even_areas_has_no_noise_and_one_without_edges_no_halo() -> None:
    rough = 0.5 + 0.2 * random(torch.zeros(1, 1, 128, 160))
    assert flat_area(rough) is None and noise(rough, None) is None
    smooth = torch.linspace(0, 1, 160).expand(1, 1, 128, 160)
    assert silhouettes(smooth) is None and halo(smooth, None) is None


@pytest.mark.parametrize("scene", ["portrait", "architecture", "line-art"])
def test_unsharp_rims_raise_halo(scene: str) -> None:
    grey = 0.15 + 0.7 * luminance(tensor(render(scene, WIDTH)))
    edges = silhouettes(grey)
    found = halo((grey + 0.8 * (grey - low_pass(grey, 8))).clamp(0, 1), edges)
    assert found is not None and found > 5


@pytest.mark.parametrize("change", ["contrast", "negative", "blurred"])
def test_what_leaves_no_rims_leaves_halo_low(portrait: Tensor, change: str) -> None:
    grey = luminance(portrait)
    changed = {"contrast": 0.2 + 0.6 * grey, "negative": 1 - grey, "blurred": low_pass(grey, 5)}[change]
    found = halo(changed, silhouettes(grey))
    assert found is not None and found < 1


def test_other_colours_raise_palette(portrait: Tensor) -> None:
    style = palette(portrait)
    assert palette_distance(palette(portrait), style) == 0
    assert palette_distance(palette(portrait.flip(3)), style) == pytest.approx(0, abs=1e-9), "not where, but how much"
    assert palette_distance(palette(portrait.flip(1)), style) > 5


def test_palette_is_half_the_way_that_all_colours_went_in_lab() -> None:
    light, dark = (torch.full((1, 3, 40, 40), value) for value in (0.8, 0.3))
    way = lab(light)[0, 0] - lab(dark)[0, 0]
    assert palette_distance(palette(light), palette(dark)) == pytest.approx(way / 2, rel=0.1)


def test_lab_has_the_published_values() -> None:
    red, white = (torch.tensor(rgb).view(1, 3, 1, 1) for rgb in ((1.0, 0, 0), (1.0, 1, 1)))
    np.testing.assert_allclose(lab(red)[0], (53.24, 80.09, 67.20), atol=0.02)
    np.testing.assert_allclose(lab(white)[0], (100, 0, 0), atol=0.01)


def repeated(grey: Tensor, pastiche: Tensor, style: Tensor) -> float:
    found = repetition(*(self_likeness(x) for x in (pastiche, grey, style)))
    assert found is not None
    return found


@pytest.mark.parametrize("pitch", [14, 24])
def test_a_mark_stamped_over_the_sky_raises_repetition(sky: Tensor, pitch: int) -> None:
    grey, style = luminance(sky), luminance(picture(160, 200, 3))
    assert repeated(grey, stamped(grey, even_places(pitch)), style) > 0.4


def test_marks_put_down_by_hand_are_no_repetition(sky: Tensor) -> None:
    grey, style = luminance(sky), luminance(picture(160, 200, 3))
    generator = torch.Generator().manual_seed(1)
    anywhere = torch.rand(len(even_places(18)), 2, generator=generator) * torch.tensor([120, WIDTH - 12])
    assert repeated(grey, stamped(grey, anywhere.long()), style) < 0.1


def test_what_repeats_in_the_style_may_repeat(sky: Tensor) -> None:
    grey = luminance(sky)
    tiled = stamped(
        torch.full((1, 1, 180, WIDTH), 0.5), torch.cat([even_places(14), even_places(14) + torch.tensor([56, 0])])
    )
    assert repeated(grey, stamped(grey, even_places(14)), tiled) < 0.1


def test_one_long_stroke_or_one_edge_is_no_repetition() -> None:
    rows, columns = torch.meshgrid(torch.arange(160.0), torch.arange(160.0), indexing="ij")
    away = (rows - 0.7 * columns - 20).abs()
    likeness = self_likeness(torch.exp(-((away / 5) ** 2))[None, None])
    assert likeness is not None and float(likeness.max()) < 0.1


def test_a_picture_smaller_than_a_block_has_no_repetition() -> None:
    assert self_likeness(luminance(picture(127, 300))) is None
    assert repetition(None, None, None) is None


def test_means_and_medians_leave_out_what_could_not_be_measured() -> None:
    rows: list[Figures] = [dict.fromkeys((figure.name for figure in FIGURES), value) for value in (1.0, 2.0, 6.0)]
    rows[1]["halo"] = None
    for row in rows:
        row["noise"] = None
    assert (means(rows)["grid"], medians(rows)["grid"]) == (3.0, 2.0)
    assert (means(rows)["halo"], medians(rows)["halo"]) == (3.5, 3.5)
    assert means(rows)["noise"] is None and medians(rows)["noise"] is None
