"""Sizes, transparency and colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.imaging import detail
from pastiched.imaging.alpha import fill_transparent
from pastiched.imaging.colour import ColourMatch, Light, gaussian, keep_chroma, keep_light, luminance, match_colours
from pastiched.imaging.detail import crisp, detail_gain, half_band
from pastiched.imaging.doubling import CUBIC, LINEAR, doubled
from pastiched.imaging.scale import (
    Enlargement,
    resize,
    strips,
    working_size,
    working_sizes,
)
from pastiched.imaging.tensors import PictureCanvas, PictureView

NO_WRAP = (False, False)


def test_brush_100_works_on_as_many_pixels_whatever_the_picture() -> None:
    for width, height in ((600, 400), (1000, 1000), (6000, 4000), (20000, 20000)):
        size = working_size(width, height, 100, NO_WRAP, 8)
        assert size.width * size.height == pytest.approx(750_000, rel=0.03)
        assert size.width / size.height == pytest.approx(width / height, rel=0.01)


def test_twice_the_brush_halves_the_working_side() -> None:
    assert working_size(4000, 4000, 200, NO_WRAP, 8).width == 433
    assert working_size(4000, 4000, 50, NO_WRAP, 8).width == 1732


@pytest.mark.parametrize(("brush", "widths"), [(25, [1732, 3464]), (100, [433, 866]), (400, [108, 217])])
def test_a_brush_twice_as_broad_paints_first(brush: float, widths: list[int]) -> None:
    for side in (1000, 4000):
        assert [size.width for size in working_sizes(side, side, brush, NO_WRAP, 16)] == widths
    assert len(working_sizes(1, 1, brush, NO_WRAP, 16)) == 1, "as small as can be"


def test_an_underpainting_that_is_hardly_broader_is_left_out() -> None:
    assert [size.width for size in working_sizes(64, 64, 200, NO_WRAP, 16)] == [256]
    assert working_sizes(10, 3000, 100, NO_WRAP, 16)[0].area == working_sizes(3000, 10, 100, NO_WRAP, 16)[0].area


def test_odd_shapes_keep_workable_sides() -> None:
    assert min(working_size(1, 1, 100, NO_WRAP, 8).__dict__.values()) >= 32
    thin = working_size(3, 5000, 100, NO_WRAP, 8)
    assert thin.width >= 32 and thin.height <= 20000


@pytest.mark.parametrize(("width", "height"), [(1, 1_000_000), (400_000, 1000), (20_000, 20_000)])
def test_no_picture_makes_the_network_work_on_more_than_16_megapixels(width: int, height: int) -> None:
    size = working_size(width, height, 25, NO_WRAP, 8)
    assert size.width * size.height <= 16_000_000


@pytest.mark.parametrize("depth", ["u8", "u16"])
def test_reduction_sees_across_edges_that_meet(depth: str) -> None:
    x = np.arange(600)
    waves = np.sin(2 * np.pi * (x[None] * 3 / 600 + x[:, None] * 2 / 600))[..., None].repeat(3, 2)
    full = {"u8": 255, "u16": 65535}[depth]
    pixels = np.rint((0.5 + 0.4 * waves) * full).astype({"u8": np.uint8, "u16": np.uint16}[depth])
    turned = np.roll(pixels, (300, 300), (0, 1))
    small, small_turned = (
        PictureView(PixelBuffer(PixelFormat("content", 600, 600, 3, depth), p.tobytes())).reduced(
            160, 160, (True, True), lambda: None
        )
        for p in (pixels, turned)
    )
    assert torch.allclose(small.roll((80, 80), (2, 3)), small_turned, atol=2 / 255)


def test_wrapped_sides_are_multiples() -> None:
    size = working_size(1003, 997, 100, (True, False), 8)
    assert size.width % 8 == 0


def test_strips_cover_every_row_once() -> None:
    rows = [row for first, count in strips(1037, 5000, 100_000) for row in range(first, first + count)]
    assert rows == list(range(1037))


def test_enlarged_strips_equal_the_whole_and_follow_the_picture() -> None:
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    small = 0.5 + 0.4 * torch.stack([torch.sin(x / 4), torch.cos(y / 3)])[None]
    wide = Enlargement(small, 77, 61, NO_WRAP)
    whole = wide.rows(0, 61)
    assert torch.equal(torch.cat([wide.rows(0, 13), wide.rows(13, 48)], 2), whole)
    bicubic = F.interpolate(small, (61, 77), mode="bicubic", align_corners=False)
    assert torch.allclose(whole, bicubic, atol=0.02)
    flat = Enlargement(torch.full((1, 1, 5, 5), 0.3), 40, 40, (True, True)).rows(0, 40)
    assert torch.allclose(flat, torch.full_like(flat, 0.3), atol=1e-6)


def test_the_weave_of_upsampling_is_smoothed_away_and_strokes_stay() -> None:
    x = torch.arange(96.0)
    weave, stroke = (torch.sin(2 * torch.pi * x / period).expand(1, 1, 96, 96) for period in (2.5, 12))
    assert half_band(weave)[..., 8:-8].abs().max() < 0.1
    assert torch.allclose(half_band(stroke)[..., 8:-8], stroke[..., 8:-8], atol=0.02)
    assert torch.allclose(half_band(stroke, (True, True)).roll(5, 3), half_band(stroke.roll(5, 3), (True, True)))


@pytest.mark.parametrize("factor", [1, 2])
def test_crisp_edges_are_steeper_and_have_no_halo(factor: int) -> None:
    edge = torch.sigmoid((torch.arange(64.0) - 31.5) / 1.5).expand(1, 3, 64, 64).contiguous()
    plain, sharp = resize(edge, 64 * factor, 64 * factor), crisp(edge, factor)
    assert sharp.shape == plain.shape
    assert sharp.diff(dim=3).max() > 1.1 * plain.diff(dim=3).max()
    assert edge.min() - 1e-6 <= sharp.min() and sharp.max() <= edge.max() + 1e-6
    assert sharp.diff(dim=3).min() > -1e-3


@pytest.mark.parametrize("factor", [1, 2])
def test_edges_and_detail_are_the_same_in_strips(factor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    x, other = torch.rand(2, 1, 3, 40, 48)

    def made() -> list[torch.Tensor]:
        wraps = NO_WRAP, (True, False), (True, True)
        return [crisp(x, factor, wrap) for wrap in wraps] + [detail_gain(x, other, wrap) for wrap in wraps]

    whole = made()
    monkeypatch.setattr(detail, "STRIP_NUMBERS", 48 * 7 * 3)
    assert all(torch.equal(a, b) for a, b in zip(whole, made(), strict=True))


@pytest.mark.parametrize(("taps", "mode"), [(CUBIC, "bicubic"), (LINEAR, "bilinear")])
def test_doubling_is_interpolation(taps: tuple[float, ...], mode: str) -> None:
    torch.manual_seed(0)
    for sides in ((1, 1), (2, 3), (31, 47)):
        x = torch.randn(1, 3, *sides)
        assert torch.allclose(doubled(x, taps), F.interpolate(x, scale_factor=2, mode=mode), atol=1e-6)


def test_crisp_edges_meet_where_the_picture_does() -> None:
    torch.manual_seed(0)
    x = half_band(torch.rand(1, 3, 32, 48), (True, True))
    turned = crisp(x.roll((10, 20), (2, 3)), 2, (True, True))
    assert torch.allclose(crisp(x, 2, (True, True)).roll((20, 40), (2, 3)), turned, atol=1e-5)


def test_detail_gain_is_one_where_the_pastiche_follows_and_zero_where_it_is_flat() -> None:
    photograph = (torch.arange(64) // 8 % 2).float().expand(1, 3, 64, 64).contiguous()
    assert detail_gain(photograph, photograph)[..., 8:-8].min() > 0.95
    assert detail_gain(torch.full_like(photograph, 0.5), photograph).abs().max() < 1e-3


def test_transparent_pixels_take_their_neighbours_colour() -> None:
    rgba = torch.zeros(1, 4, 40, 40)
    rgba[:, 0], rgba[:, 3] = 0.8, 1.0
    rgba[:, :, 10:30, 10:30] = torch.tensor([0.0, 1.0, 0.0, 0.0]).view(4, 1, 1)
    filled = fill_transparent(rgba)
    assert torch.allclose(filled, torch.tensor([0.8, 0.0, 0.0]).view(1, 3, 1, 1).expand_as(filled), atol=1e-3)


def test_nothing_opaque_becomes_grey() -> None:
    assert torch.allclose(fill_transparent(torch.zeros(1, 4, 5, 7)), torch.tensor(0.5))


def test_kept_colours_have_the_pastiches_luma_and_the_photographs_hue_and_fit() -> None:
    torch.manual_seed(0)
    pastiche, photograph = torch.rand(1, 3, 50, 50), torch.rand(1, 3, 50, 50)
    out = keep_chroma(pastiche, photograph)
    assert torch.allclose(luminance(out), luminance(pastiche), atol=1e-5)
    assert out.min() > -1e-5 and out.max() < 1 + 1e-5
    chroma, own = out - luminance(out), photograph - luminance(photograph)
    assert F.cosine_similarity(chroma, own).min() > 0.999
    assert (chroma.abs() <= own.abs() + 1e-5).all()
    assert torch.allclose(keep_chroma(photograph, photograph), photograph, atol=1e-5)


def test_shadows_do_not_glow_in_kept_colours() -> None:
    skin = torch.tensor([0.9, 0.65, 0.5]).view(1, 3, 1, 1)
    half = keep_chroma(torch.full_like(skin, float(luminance(skin)) / 2), skin)
    assert torch.allclose(half, skin / 2, atol=1e-5)


def light(*parts: torch.Tensor) -> Light:
    gathered = Light()
    for part in parts:
        gathered.add(part)
    return gathered


def test_kept_light_is_the_photographs() -> None:
    torch.manual_seed(0)
    photograph = 0.6 + 0.2 * torch.rand(1, 3, 40, 40)
    dark, flat = 0.3 * torch.rand(1, 3, 40, 40), torch.full_like(photograph, 0.7)
    kept, level = (keep_light(dark, light(dark), light(x)) for x in (photograph, flat))
    assert float(luminance(kept).mean()) == pytest.approx(float(luminance(photograph).mean()))
    assert float(luminance(level).std() / luminance(dark).std()) == pytest.approx(2 / 3, rel=1e-3)
    own = light(photograph)
    assert torch.allclose(keep_light(photograph, own, own), photograph, atol=1e-6)


def test_light_and_colours_gathered_from_parts_are_those_of_the_whole() -> None:
    torch.manual_seed(0)
    x = 0.3 + 0.5 * torch.rand(1, 3, 40, 50)
    parts = (x[:, :, :7], x[:, :, 7:8], x[:, :, 8:])
    assert light(*parts).mean == pytest.approx(float(luminance(x).mean()))
    assert light(*parts).spread == pytest.approx(float(luminance(x).std(unbiased=False)), rel=1e-4)
    flat, own = x.double().flatten(2)[0], gaussian(parts)
    assert torch.allclose(own.mean[:, 0], flat.mean(1))
    assert torch.allclose(own.covariance, torch.cov(flat, correction=0) + 1e-5 * torch.eye(3, dtype=torch.float64))


def test_colours_are_matched_part_by_part_as_at_once() -> None:
    torch.manual_seed(0)
    style, photograph = 0.5 * torch.rand(1, 3, 40, 40), 0.3 + 0.2 * torch.rand(1, 3, 30, 50)
    match = ColourMatch(gaussian([style]), gaussian([photograph]))
    in_parts = torch.cat([match(style[:, :, :13]), match(style[:, :, 13:])], 2)
    assert torch.allclose(in_parts, match_colours(style, photograph), atol=1e-6)


def test_matched_style_has_the_photographs_colours() -> None:
    torch.manual_seed(0)
    style, photograph = torch.rand(1, 3, 40, 40) * 0.5, 0.3 + 0.2 * torch.rand(1, 3, 30, 50)
    out = match_colours(style, photograph).flatten(2)[0]
    wanted = photograph.flatten(2)[0]
    assert torch.allclose(out.mean(1), wanted.mean(1), atol=5e-3)
    assert torch.allclose(torch.cov(out), torch.cov(wanted), atol=1e-3)


def test_a_matched_styles_colours_move_as_little_as_can_be() -> None:
    torch.manual_seed(0)
    mixing = torch.tensor([[0.12, 0, 0], [0.1, 0.05, 0], [0.02, 0.06, 0.03]])
    style = 0.5 + (mixing @ torch.randn(3, 4000)).view(1, 3, 40, 100)
    photograph = 0.4 + (mixing.flip(0) @ torch.randn(3, 4000)).view(1, 3, 40, 100) / 3
    (a, b), shift = (torch.cov(x.flatten(2)[0]).double() for x in (style, photograph)), 0.1
    overlap = torch.linalg.eigvals(a @ b).real.clamp_min(0).sqrt().sum()
    least = float(a.trace() + b.trace() - 2 * overlap) + 3 * shift**2
    moved = float((match_colours(style, photograph) - style).square().sum(1).mean())
    assert moved == pytest.approx(least, rel=0.05)


def test_a_pale_styles_grain_is_not_blown_up() -> None:
    torch.manual_seed(0)
    style, photograph = 0.5 + 0.01 * torch.rand(1, 3, 40, 40), torch.rand(1, 3, 40, 40)
    assert (match_colours(style, photograph).std((2, 3)) < 1.6 * style.std((2, 3))).all()


def test_sixteen_bits_go_through_unchanged() -> None:
    values = np.arange(65536, dtype="<u2").repeat(3).reshape(256, 256, 3)
    view = PictureView(PixelBuffer(PixelFormat("content", 256, 256, 3, "u16"), values.tobytes()))
    canvas = PictureCanvas(256, 256, 3, "u16")
    canvas.put(0, view.rows())
    assert np.array_equal(canvas.array, values)


def test_not_a_number_is_refused() -> None:
    values = np.zeros((4, 4, 3), "<f4")
    values[2, 1, 0] = np.nan
    view = PictureView(PixelBuffer(PixelFormat("content", 4, 4, 3, "f32"), values.tobytes()))
    with pytest.raises(PasticheError) as caught:
        view.check_finite()
    assert caught.value.code is ErrorCode.BAD_PICTURE


def test_reduction_averages() -> None:
    fine = (torch.arange(64) % 2).float().expand(1, 1, 64, 64).contiguous()
    assert torch.allclose(resize(fine, 16, 16), torch.tensor(0.5), atol=0.05)
    assert F.interpolate(fine, (16, 16)).max() == 0
