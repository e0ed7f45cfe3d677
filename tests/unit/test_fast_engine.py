"""What the Fast method promises, on real pictures and the weights that ship."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from pastiche.options import check_options, defaults
from pastiche.picture_files import read_picture
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.engines import fast, refining
from pastiched.engines.base import Cancelled, EngineJob, StyleInput
from pastiched.engines.fast import FINISH, STYLIZE, FastEngine
from pastiched.engines.inputs import read_style
from pastiched.inference import opening
from tests.unit.engine_jobs import Guest, compute_with

GALLERY = Path(__file__).parents[2] / "daemon" / "pastiched" / "gallery"
SWIRL, ENGRAVING, WHEAT, WAVE = "starlit-swirl", "storm-engraving", "golden-wheat", "indigo-wave"


class Watch:
    """Callbacks that remember, and cancel after `allowed` checks."""

    lent = 0.0

    def __init__(self, allowed: int | None = None) -> None:
        self.allowed, self.stages, self.fractions = allowed, [], []  # type: ignore[var-annotated]

    def progress(self, stage: str, fraction: float, detail: dict[str, Any] | None = None) -> None:
        self.stages.append(stage)
        self.fractions.append(fraction)

    def check(self) -> None:
        if self.allowed is not None:
            self.allowed -= 1
            if self.allowed < 0:
                raise Cancelled

    def between_steps(self) -> None:
        self.check()

    def preview(self, pixels: PixelBuffer) -> None: ...

    def finishing(self) -> bool:
        return False


@pytest.fixture(scope="module")
def engine() -> FastEngine:
    fast = FastEngine(torch.device("cpu"))
    fast.load()
    return fast


def buffer(array: np.ndarray, role: str = "content") -> PixelBuffer:
    array = array[..., None] if array.ndim == 2 else array
    depth = {"uint8": "u8", "uint16": "u16", "float32": "f32"}[array.dtype.name]
    height, width, channels = array.shape
    return PixelBuffer(PixelFormat(role, width, height, channels, depth), np.ascontiguousarray(array).tobytes())


def paint(
    engine: FastEngine, photo: np.ndarray, styles: list[tuple[str, float]] | None = None,
    mask: np.ndarray | None = None, watch: Watch | Guest | None = None, **options: Any,
) -> np.ndarray:  # fmt: skip
    inputs = [StyleInput(None, GALLERY / f"{name}.jpg", weight) for name, weight in styles or [(WHEAT, 1.0)]]
    options = {"brush_size": 400} | options
    job = EngineJob(buffer(photo), inputs, None if mask is None else buffer(mask, "mask"), check_options(options))
    result = engine.run(job, watch or Watch()).pastiche
    types = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}
    form = result.format
    assert (form.width, form.height) == (photo.shape[1], photo.shape[0])
    return np.frombuffer(result.data, types[form.depth]).reshape(form.height, form.width, form.channels)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = float(np.mean((a.astype(float) - b.astype(float)) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:320, 60:380])


@pytest.mark.parametrize("brush", [100, 200, 400])
@pytest.mark.parametrize("colour", ["style", "keep", "match"])
def test_strength_0_gives_the_photograph_back(engine: FastEngine, face: np.ndarray, brush: int, colour: str) -> None:
    assert np.array_equal(paint(engine, face, strength=0, brush_size=brush, colour=colour), face)


def test_strength_goes_up_evenly_to_both_ends(engine: FastEngine, face: np.ndarray) -> None:
    strengths = (0, 1, 2, 20, 50, 80, 98, 99, 100)
    painted = [paint(engine, face, strength=s).astype(float) for s in strengths]
    away = [psnr(picture, face) for picture in painted]
    assert all(a > b for a, b in itertools.pairwise(away)), away
    first, second, *broad, last_but_one, last = (
        np.abs(b - a).mean() / (t - s) for (a, s), (b, t) in itertools.pairwise(zip(painted, strengths, strict=True))
    )
    even = np.abs(painted[-1] - face).mean() / 100
    assert all(0.5 * even < step < 2 * even for step in broad), (broad, even)
    # Single points are more than even, as strokes shift a little with each; the ends are no different.
    assert first < 1.5 * second and last < 1.5 * last_but_one


def test_half_strength_is_no_mixture_of_two_pictures(engine: FastEngine, face: np.ndarray) -> None:
    half, full = (paint(engine, face, [(SWIRL, 1)], strength=s).astype(float) for s in (50, 100))
    assert np.abs(half - (face + full) / 2).mean() > 0.08 * np.abs(full - face).mean()


def test_styles_differ_and_weights_count(engine: FastEngine, face: np.ndarray) -> None:
    first, second = paint(engine, face, [(SWIRL, 1)]), paint(engine, face, [(ENGRAVING, 1)])
    assert psnr(first, second) < 25
    near_first = paint(engine, face, [(SWIRL, 9), (ENGRAVING, 1)])
    near_second = paint(engine, face, [(SWIRL, 1), (ENGRAVING, 9)])
    assert psnr(near_first, first) > psnr(near_second, first)
    assert psnr(near_second, second) > psnr(near_first, second)


def test_seed_varies_and_repeats(engine: FastEngine, face: np.ndarray) -> None:
    once, again, other = (paint(engine, face, seed=s) for s in (1, 1, 2))
    assert np.array_equal(once, again)
    assert psnr(once, other) < 30, "other strokes"
    broad = [array.reshape(20, 16, 20, 16, 3).mean((1, 3)) for array in (once, other)]
    assert psnr(*broad) > 25, "of the same picture"


def test_kept_colours_are_the_photographs(engine: FastEngine, face: np.ndarray) -> None:
    def chroma(x: np.ndarray) -> np.ndarray:
        x = x.astype(float)
        return x - (x @ [0.299, 0.587, 0.114])[..., None]

    kept, free = paint(engine, face, colour="keep"), paint(engine, face)
    assert np.abs(chroma(kept) - chroma(face)).mean() < 0.5 * np.abs(chroma(free) - chroma(face)).mean()


def test_kept_colours_keep_the_light_of_the_day(engine: FastEngine, face: np.ndarray) -> None:
    night = paint(engine, face, [(SWIRL, 1)], colour="keep")
    assert abs(night.mean() - face.mean()) < 8 < abs(paint(engine, face, [(SWIRL, 1)]).mean() - face.mean())


def test_matched_colours_are_nearer_to_the_photographs(engine: FastEngine, face: np.ndarray) -> None:
    wanted = face.mean((0, 1))
    matched, free = (paint(engine, face, colour=c).mean((0, 1)) for c in ("match", "style"))
    assert np.abs(matched - wanted).sum() < np.abs(free - wanted).sum()


def test_alpha_is_kept_exactly_and_nothing_bleeds_in(engine: FastEngine, face: np.ndarray) -> None:
    alpha = np.zeros(face.shape[:2], np.uint8)
    alpha[40:280, 40:280] = np.arange(240, dtype=np.uint8)[None] + 8
    clean, dirty = (
        np.dstack([np.where(alpha[..., None] > 0, face, junk).astype(np.uint8), alpha]) for junk in (0, 255)
    )
    results = [paint(engine, picture) for picture in (clean, dirty)]
    assert all(np.array_equal(r[..., 3], alpha) for r in results)
    visible = alpha > 0
    assert np.array_equal(results[0][visible], results[1][visible])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_hidden_colours_never_show_in_a_large_picture(engine: FastEngine, dtype: type) -> None:
    scale = np.iinfo(dtype).max // 255
    photo = np.repeat(np.repeat(data.astronaut(), 3, 0), 3, 1).astype(dtype) * scale
    alpha = np.full(photo.shape[:2], 255 * scale, dtype)
    alpha[300:900, 400:1100] = 0
    results = [
        paint(engine, np.dstack([np.where(alpha[..., None] > 0, photo, junk).astype(dtype), alpha]), brush_size=300)
        for junk in (0, 255 * scale)
    ]
    assert np.array_equal(results[0][alpha > 0], results[1][alpha > 0])


def test_a_library_picture_is_read_like_a_file_of_the_client(engine: FastEngine, tmp_path: Path) -> None:
    picture = Image.fromarray(data.chelsea()).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "style.png", exif=exif)
    by_name = read_style(StyleInput(None, tmp_path / "style.png", 1.0), 8)
    sent = read_style(StyleInput(read_picture(tmp_path / "style.png", "style").pixels, None, 1.0), 8)
    assert torch.equal(by_name, sent)
    assert by_name.shape[2] > by_name.shape[3]


def test_all_transparent_stays_transparent(engine: FastEngine) -> None:
    assert not paint(engine, np.zeros((20, 30, 4), np.uint8))[..., 3].any()


def test_mask_says_where(engine: FastEngine, face: np.ndarray) -> None:
    mask = np.zeros(face.shape[:2], np.uint8)
    mask[:, 160:] = 255
    out = paint(engine, face, mask=mask)
    assert np.array_equal(out[:, :160], face[:, :160])
    assert np.array_equal(out[:, 160:], paint(engine, face)[:, 160:])


def test_wrapped_edges_meet(engine: FastEngine) -> None:
    height, width = 256, 384
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(2 * np.pi * (x * k / width + y * m / height)) for k, m in ((2, 1), (3, 2), (5, 3))], -1)
    photo = np.rint(127 + 100 * waves).astype(np.uint8)

    def seam(picture: np.ndarray, axis: int) -> float:
        p = picture.astype(float)
        steps = np.abs(np.diff(p, axis=axis)).mean()
        return float(np.abs(p.take(0, axis) - p.take(-1, axis)).mean() / steps)

    wrapped, plain = paint(engine, photo, wrap="both"), paint(engine, photo)
    for axis in (0, 1):
        assert seam(wrapped, axis) < 1.3
        assert seam(wrapped, axis) < seam(plain, axis)
    assert seam(paint(engine, photo, wrap="horizontal"), 1) < 1.3


def test_sixteen_bits_come_back_without_banding(engine: FastEngine) -> None:
    ramp = np.linspace(0, 65535, 256 * 400).reshape(256, 400)
    photo = np.stack([ramp, ramp * 0.8, 65535 - ramp], -1).astype(np.uint16)
    out = paint(engine, photo, depth="16")
    assert out.dtype == np.uint16
    assert len(np.unique(out)) > 5000
    assert paint(engine, photo, depth="32").dtype == np.float32


@pytest.mark.parametrize("size", [(1, 1), (3, 5000), (5000, 3), (17, 33)])
def test_any_shape_works(engine: FastEngine, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    out = paint(engine, rng.integers(0, 256, (*size, 3), dtype=np.uint8), brush_size=100)
    assert out.shape == (*size, 3)


def enlarged(photo: np.ndarray, factor: int) -> np.ndarray:
    pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float()
    large = torch.nn.functional.interpolate(pixels, scale_factor=factor, mode="bicubic")[0].permute(1, 2, 0)
    return large.clamp(0, 255).round().byte().numpy()


def reduced(picture: np.ndarray, factor: int) -> np.ndarray:
    height, width = (side // factor for side in picture.shape[:2])
    mean: np.ndarray = picture.reshape(height, factor, width, factor, -1).mean((1, 3))
    return mean


@pytest.mark.parametrize(("brush", "factor"), [(100, 3), (400, 3), (100, 7)])
def test_a_larger_picture_looks_as_painted(engine: FastEngine, face: np.ndarray, brush: int, factor: int) -> None:
    small_result = paint(engine, face, brush_size=brush)
    large_result = paint(engine, enlarged(face, factor), brush_size=brush)
    assert psnr(reduced(large_result, factor), small_result) > 24


@pytest.mark.parametrize("own_size", [True, False])
def test_large_pictures_have_fine_strokes_too(
    engine: FastEngine, face: np.ndarray, own_size: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 100 % they are painted; reduced, the picture is the same."""
    photo = enlarged(face, 4 if own_size else 7)
    monkeypatch.setattr(refining, "USUAL_BRUSH", 400)
    monkeypatch.setattr(refining, "LARGEST", 2_000_000)
    refined = paint(engine, photo, [(SWIRL, 1)], brush_size=200)
    monkeypatch.setattr(refining, "LEAST_GROWTH", 1e9)
    soft = paint(engine, photo, [(SWIRL, 1)], brush_size=200)
    assert psnr(reduced(refined, 8), reduced(soft, 8)) > 26

    def strokes(picture: np.ndarray) -> float:
        return float((picture - enlarged(reduced(picture, 4).astype(np.uint8), 4).astype(float)).std())

    assert strokes(refined) > 1.5 * strokes(soft)


@pytest.mark.parametrize("colour", ["style", "keep", "match"])
def test_at_strength_0_large_pictures_are_given_back_too(engine: FastEngine, face: np.ndarray, colour: str) -> None:
    photo = enlarged(face, 7)
    assert np.array_equal(paint(engine, photo, strength=0, brush_size=100, colour=colour), photo)


def test_the_report_says_at_which_sizes_strokes_were_painted(engine: FastEngine, face: np.ndarray) -> None:
    job = EngineJob(buffer(enlarged(face, 7)), [StyleInput(None, GALLERY / f"{WHEAT}.jpg", 1.0)], None, defaults())
    assert "strokes were painted at 866 x 866, fine ones at 2240 x 2240" in engine.run(job, Watch()).notes


def test_strokes_are_as_large_as_the_brush(engine: FastEngine) -> None:
    y, x = np.mgrid[:400, :500] / 400
    sky = np.stack([120 + 60 * y, 150 + 50 * y, 220 - 30 * x], -1).astype(np.uint8)

    def stroke(picture: np.ndarray) -> float:
        """Pixels a period: the middle of the spectrum of what is finer than 40."""
        grey = picture.mean(2) - picture.mean()
        window = np.hanning(400)[:, None] * np.hanning(500)
        power = np.abs(np.fft.rfft2(grey * window)) ** 2
        frequency = np.hypot(np.fft.fftfreq(400)[:, None], np.fft.rfftfreq(500))
        fine = frequency > 1 / 40
        return float(power[fine].sum() / (power * frequency)[fine].sum())

    sizes = [stroke(paint(engine, sky, [(SWIRL, 1)], brush_size=brush)) for brush in (100, 200, 400)]
    assert all(b > 1.1 * a for a, b in itertools.pairwise(sizes)), sizes


def test_broad_strokes_are_painted_first_and_show_through(
    engine: FastEngine, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_underpainting = paint(engine, face, [(SWIRL, 1)])
    assert np.array_equal(with_underpainting, paint(engine, face, [(SWIRL, 1)])), "always the same"
    monkeypatch.setattr(fast, "UNDERPAINTING", 0.0)
    without = paint(engine, face, [(SWIRL, 1)])
    assert psnr(with_underpainting, without) < 30


def test_a_picture_on_its_side_is_painted_as_much(engine: FastEngine) -> None:
    tall = np.random.default_rng(0).integers(0, 256, (600, 24, 3), dtype=np.uint8)
    upright, lying = (paint(engine, x, [(SWIRL, 1)]).astype(float) for x in (tall, tall.transpose(1, 0, 2).copy()))
    assert lying.std() == pytest.approx(upright.std(), rel=0.15)


def test_no_photographic_detail_shows_through_broad_strokes(engine: FastEngine) -> None:
    x = np.arange(1600)
    boards = np.tile(np.where(x % 4 < 2, 20.0, -20.0), (1600, 1))
    houses = np.where((x[:, None] // 160 + x[None] // 160) % 2, 60, -60)
    photo = np.repeat((128 + houses + boards)[..., None], 3, 2).astype(np.uint8)
    grey = paint(engine, photo, brush_size=400).mean(2)
    assert abs((grey * boards).mean() / (boards * boards).mean()) < 0.06


def test_broad_strokes_have_crisp_edges(engine: FastEngine, face: np.ndarray) -> None:
    painted = paint(engine, enlarged(face, 4), brush_size=400).astype(float)
    blurred = torch.from_numpy(painted.mean(2))[None, None]
    blurred = torch.nn.functional.interpolate(
        torch.nn.functional.avg_pool2d(blurred, 5), (1280, 1280), mode="bicubic", align_corners=False
    )
    steep, plain = (np.quantile(np.abs(np.diff(x, axis=1)), 0.99) for x in (painted.mean(2), blurred[0, 0].numpy()))
    assert steep > 1.2 * plain


def test_style_may_be_the_content(engine: FastEngine, face: np.ndarray) -> None:
    job = EngineJob(
        buffer(face), [StyleInput(buffer(face, "style"), None, 1.0)], None, check_options({"brush_size": 400})
    )
    out = np.frombuffer(engine.run(job, Watch()).pastiche.data, np.uint8).reshape(face.shape)
    assert psnr(out, face) > 15


def test_progress_grows_and_a_cancel_stops_long_before_the_end(engine: FastEngine, face: np.ndarray) -> None:
    whole = Watch()
    paint(engine, face, watch=whole, tile=96)
    assert whole.fractions == sorted(whole.fractions)
    assert len([fraction for fraction in whole.fractions if STYLIZE < fraction < FINISH]) > 20, "it tells every piece"
    for allowed in (0, 3, 9, 20):
        watch = Watch(allowed)
        with pytest.raises(Cancelled):
            paint(engine, face, watch=watch, tile=96)
        assert max(watch.fractions, default=0.0) < FINISH


def test_a_cancel_stops_between_the_layers_of_pytorch(face: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "openvino_works", lambda: False)
    engine = FastEngine(torch.device("cpu"))
    wanted = paint(engine, face)
    for allowed in (0, 4, 9, 20, 40):
        watch = Watch(allowed)
        with pytest.raises(Cancelled):
            paint(engine, face, watch=watch)
        assert max(watch.fractions, default=0.0) < FINISH
    assert np.array_equal(paint(engine, face), wanted), "and the next job is painted as ever"


def test_a_job_after_a_cancelled_one_is_painted_as_ever(engine: FastEngine, face: np.ndarray) -> None:
    wanted = paint(engine, face)
    for allowed in (5, 7, 9):
        with pytest.raises(Cancelled):
            paint(engine, face, watch=Watch(allowed))
        assert np.array_equal(paint(engine, face), wanted)


@pytest.mark.parametrize("library", ["OpenVINO", "PyTorch"])
def test_another_picture_may_be_painted_between_two_pieces(
    face: np.ndarray, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute_with(library, monkeypatch)
    engine = FastEngine(torch.device("cpu"))

    def host(watch: Watch | Guest | None = None) -> np.ndarray:
        return paint(engine, face, watch=watch, brush_size=200, tile=160)

    def guest() -> np.ndarray:
        return paint(engine, face[:100], [(SWIRL, 1.0)])

    wanted, its, guests, step = host(), guest(), list[np.ndarray](), 0
    while True:
        watch = Guest(step, lambda: guests.append(guest()))
        assert np.array_equal(host(watch), wanted), step
        if watch.step >= 0:
            break
        step += 3
    assert step > 20 and 3 * len(guests) == step
    assert all(np.array_equal(one, its) for one in guests)


def test_a_picture_in_between_leaves_the_other_to_be_cancelled(engine: FastEngine, face: np.ndarray) -> None:
    class Leaving(Guest):
        """Is cancelled while the network computes, after the other picture."""

        def __init__(self) -> None:
            super().__init__(1, lambda: paint(engine, face[:100]))
            self.check = self._check  # type: ignore[method-assign]

        def _check(self) -> None:
            if self.step < 0:
                self.step -= 1
                if self.step < -3:
                    raise Cancelled

        def between_steps(self) -> None:
            if self.step >= 0:
                super().between_steps()

    with pytest.raises(Cancelled):
        paint(engine, face, watch=Leaving(), brush_size=100, tile=160)
