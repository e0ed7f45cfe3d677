"""What the Trained method promises, with random weights on real pictures."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data

from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.engines import create_engine, trained
from pastiched.engines.base import Cancelled, EngineJob, EngineResult
from pastiched.engines.silence import Silent
from pastiched.engines.trained import FINISH, WARM, TrainedEngine
from pastiched.imaging.scale import strips
from pastiched.inference import generator_painter
from pastiched.trained_model import write_trained_model
from tests.unit.engine_jobs import Guest, compute_with
from tests.unit.trained_files import CARD, random_generator, write_model

TYPES = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}


@pytest.fixture(scope="module")
def engine() -> TrainedEngine:
    return TrainedEngine(torch.device("cpu"))


@pytest.fixture(scope="module")
def ink(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:160, 120:320])


class Patience(Silent):
    """Callbacks that remember how far it got, and cancel after `allowed` checks."""

    def __init__(self, allowed: int = 1_000_000) -> None:
        self.allowed, self.asked = allowed, 0
        self.fractions: list[float] = []
        super().__init__(self._ask)

    def progress(self, stage: str, fraction: float, detail: dict[str, Any] | None = None) -> None:
        self.fractions.append(fraction)

    def _ask(self) -> None:
        self.asked += 1
        if self.asked > self.allowed:
            raise Cancelled


def buffer(array: np.ndarray, role: str = "content") -> PixelBuffer:
    array = array[..., None] if array.ndim == 2 else array
    depth = {"uint8": "u8", "uint16": "u16", "float32": "f32"}[array.dtype.name]
    height, width, channels = array.shape
    return PixelBuffer(PixelFormat(role, width, height, channels, depth), np.ascontiguousarray(array).tobytes())


def run(
    engine: TrainedEngine, model: Path | None, photo: np.ndarray, mask: np.ndarray | None = None,
    callbacks: Any = None, **options: Any,
) -> EngineResult:  # fmt: skip
    values = check_options({"method": "trained", "model": model.stem if model else "ink"} | options)
    job = EngineJob(buffer(photo), [], None if mask is None else buffer(mask, "mask"), values, model=model)
    return engine.run(job, callbacks or Silent())


def paint(
    engine: TrainedEngine, model: Path, photo: np.ndarray, mask: np.ndarray | None = None, **options: Any
) -> np.ndarray:
    result = run(engine, model, photo, mask, **options).pastiche
    form = result.format
    assert (form.width, form.height, form.role) == (photo.shape[1], photo.shape[0], "pastiche")
    return np.frombuffer(result.data, TYPES[form.depth]).reshape(form.height, form.width, form.channels)


def psnr(a: np.ndarray, b: np.ndarray, peak: float = 255) -> float:
    error = float(np.mean((a.astype(float) - b.astype(float)) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(peak**2 / error)


def test_it_is_the_engine_of_the_method() -> None:
    assert isinstance(create_engine("trained", torch.device("cpu")), TrainedEngine)


def test_the_report_says_which_file_painted_and_how(engine: TrainedEngine, ink: Path, face: np.ndarray) -> None:
    result = run(engine, ink, face, brush_size=200)
    (model,) = result.models
    assert (model["id"], model["file"]) == ("ink", "ink.safetensors") and len(model["sha256"]) == 64
    assert result.notes[0].startswith("precision ") and "painted at" in result.notes[1]
    assert {"load", "stylize", "finish"} <= set(result.timings)


@pytest.mark.parametrize("brush", [50, 100, 400])
@pytest.mark.parametrize("colour", ["style", "keep", "match"])
def test_strength_0_is_the_photograph_exactly(
    engine: TrainedEngine, ink: Path, face: np.ndarray, brush: int, colour: str
) -> None:
    assert np.array_equal(paint(engine, ink, face, strength=0, brush_size=brush, colour=colour), face)


def test_strength_goes_up_evenly(engine: TrainedEngine, ink: Path, face: np.ndarray) -> None:
    away = [psnr(paint(engine, ink, face, strength=s), face) for s in (1, 20, 50, 80, 100)]
    assert all(a > b + 0.5 for a, b in itertools.pairwise(away)), away
    assert away[0] > 35


def test_kept_colours_are_the_photographs(engine: TrainedEngine, ink: Path, face: np.ndarray) -> None:
    def chroma(x: np.ndarray) -> np.ndarray:
        x = x.astype(float)
        return x - (x @ [0.299, 0.587, 0.114])[..., None]

    kept, free = (paint(engine, ink, face, colour=colour) for colour in ("keep", "style"))
    assert np.abs(chroma(kept) - chroma(face)).mean() < 0.5 * np.abs(chroma(free) - chroma(face)).mean()


def test_matched_colours_have_the_photographs_mean_and_spread(
    engine: TrainedEngine, ink: Path, face: np.ndarray
) -> None:
    matched, free = (paint(engine, ink, face, colour=colour).astype(float) for colour in ("match", "style"))
    wanted = face.mean((0, 1))
    assert np.abs(matched.mean((0, 1)) - wanted).max() < 8 < np.abs(free.mean((0, 1)) - wanted).max()


def test_alpha_is_kept_exactly_and_nothing_bleeds_in(engine: TrainedEngine, ink: Path, face: np.ndarray) -> None:
    alpha = np.zeros(face.shape[:2], np.uint8)
    alpha[20:140, 20:180] = np.arange(160, dtype=np.uint8)[None] + 8
    clean, dirty = (
        np.dstack([np.where(alpha[..., None] > 0, face, junk).astype(np.uint8), alpha]) for junk in (0, 255)
    )
    results = [paint(engine, ink, picture) for picture in (clean, dirty)]
    assert all(np.array_equal(r[..., 3], alpha) for r in results)
    assert np.array_equal(results[0][alpha > 0], results[1][alpha > 0])


def test_mask_says_where(engine: TrainedEngine, ink: Path, face: np.ndarray) -> None:
    mask = np.zeros(face.shape[:2], np.uint8)
    mask[:, 100:] = 255
    out = paint(engine, ink, face, mask)
    assert np.array_equal(out[:, :100], face[:, :100])
    assert np.array_equal(out[:, 100:], paint(engine, ink, face)[:, 100:])


def waves(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    periods = ((2, 1), (3, 2), (5, 3))
    return np.stack([np.sin(2 * np.pi * (x * k / width + y * m / height)) for k, m in periods], -1)


@pytest.mark.parametrize(("wrap", "shifted"), [("horizontal", (0, 64)), ("both", (48, 64))])
def test_what_meets_is_painted_as_if_it_were_the_middle(
    engine: TrainedEngine, ink: Path, wrap: str, shifted: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture rolled round its joint, with the noise rolled along, is the same pastiche rolled."""
    photo = (0.5 + 0.3 * waves(160, 256)).astype(np.float32)
    options = {"wrap": wrap, "depth": "32", "brush_size": 100.0}
    field = generator_painter.noise_field
    plain = paint(engine, ink, photo, **options)
    size = run(engine, ink, photo, **options).notes
    assert len(size) == 1, "painted at its own size"
    cells = tuple(side // 8 for side in shifted)
    monkeypatch.setattr(generator_painter, "noise_field", lambda *given: field(*given).roll(cells, (2, 3)))
    rolled = paint(engine, ink, np.roll(photo, shifted, (0, 1)), **options)
    assert psnr(np.roll(plain, shifted, (0, 1)), rolled, 1.0) > 60
    monkeypatch.setattr(generator_painter, "noise_field", field)
    assert psnr(np.roll(plain, shifted, (0, 1)), paint(engine, ink, np.roll(photo, shifted, (0, 1)), **options), 1) < 45


def test_seed_varies_and_repeats(engine: TrainedEngine, ink: Path, face: np.ndarray) -> None:
    once, again, other = (paint(engine, ink, face, seed=s) for s in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 900), (900, 3), (17, 33), (121, 79)])
@pytest.mark.parametrize("wrap", ["none", "both"])
def test_any_shape_works(engine: TrainedEngine, ink: Path, size: tuple[int, int], wrap: str) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert paint(engine, ink, photo, wrap=wrap).shape == (*size, 3)


def test_deeper_pictures_come_back_without_banding(engine: TrainedEngine, ink: Path) -> None:
    ramp = np.linspace(0, 65535, 100 * 200).reshape(100, 200)
    photo = np.stack([ramp, ramp * 0.8, 65535 - ramp], -1).astype(np.uint16)
    out = paint(engine, ink, photo, depth="16")
    assert out.dtype == np.uint16 and len(np.unique(out)) > 5000
    floating = paint(engine, ink, photo, depth="32")
    assert floating.dtype == np.float32
    assert psnr(floating * 65535, out, 65535) > 90


@pytest.mark.parametrize(
    ("wrap", "sides"), [("none", (480, 256)), ("both", (480, 256)), ("horizontal", (256, 480)), ("none", (256, 480))]
)
def test_pieces_are_the_same_picture(
    engine: TrainedEngine, ink: Path, wrap: str, sides: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = np.random.default_rng(0).random((*sides, 3), dtype=np.float32)
    large = {"depth": "32", "wrap": wrap, "brush_size": 57.0}
    at_once = paint(engine, ink, photo, **large)
    monkeypatch.setattr(trained, "strips", functools.partial(strips, pixels=30_000))
    fractions: list[float] = []
    watch = Silent()
    monkeypatch.setattr(watch, "progress", lambda stage, fraction, detail=None: fractions.append(fraction))
    result = run(engine, ink, photo, callbacks=watch, tile=173, **large)
    in_strips = np.frombuffer(result.pastiche.data, np.float32).reshape(at_once.shape)
    assert len(fractions) > 6 and fractions == sorted(fractions)
    assert psnr(at_once, in_strips, 1.0) > 80


def test_brush_and_trained_size_say_on_how_many_pixels_it_paints(engine: TrainedEngine, tmp_path: Path) -> None:
    photo = np.zeros((400, 400, 3), np.uint8)
    broad, fine = write_model(tmp_path, "broad", native_pixels=10_000), write_model(tmp_path, "fine")
    assert "at 100 x 100" in run(engine, broad, photo).notes[1]
    assert "at 200 x 200" in run(engine, fine, photo).notes[1]
    assert "at 100 x 100" in run(engine, fine, photo, brush_size=200).notes[1]


def test_a_model_that_has_painted_is_estimated_by_its_own_size(tmp_path: Path) -> None:
    engine = TrainedEngine(torch.device("cpu"))
    options = check_options({"method": "trained", "model": "fine"})
    fine = write_model(tmp_path, "fine", native_pixels=4_000_000)
    before = engine.estimate(2000, 2000, options)
    run(engine, fine, np.zeros((8, 8, 3), np.uint8))
    assert engine.estimate(2000, 2000, options)[1] > before[1]
    assert engine.estimate(4000, 4000, check_options({"method": "trained"})) != engine.estimate(4000, 4000, options)


def test_a_few_generators_stay_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, photo, loaded = TrainedEngine(torch.device("cpu")), np.zeros((8, 8, 3), np.uint8), []
    opened = trained.open_generator_stages
    monkeypatch.setattr(trained, "open_generator_stages", lambda *given: loaded.append(1) or opened(*given))
    files = [write_model(tmp_path, f"model-{seed}", seed) for seed in range(WARM + 1)]
    for file in (*files[:WARM], *files[:WARM]):
        run(engine, file, photo)
    assert len(loaded) == WARM
    run(engine, files[WARM], photo)
    run(engine, files[0], photo)
    assert len(loaded) == WARM + 2, "the one that was used least was given up"
    engine.unload()
    run(engine, files[0], photo)
    assert len(loaded) == WARM + 3


def test_a_file_that_was_replaced_is_the_new_model(tmp_path: Path, face: np.ndarray) -> None:
    engine, file = TrainedEngine(torch.device("cpu")), write_model(tmp_path, seed=1)
    before = paint(engine, file, face)
    write_model(tmp_path, seed=2)
    assert psnr(paint(engine, file, face), before) < 40


def test_a_model_that_is_gone_or_damaged_is_a_sentence(engine: TrainedEngine, tmp_path: Path) -> None:
    photo, file = np.zeros((8, 8, 3), np.uint8), write_model(tmp_path)
    data = file.read_bytes()
    (tmp_path / "folder").mkdir()
    for missing in (None, tmp_path / "none.safetensors", tmp_path / "folder"):
        with pytest.raises(PasticheError) as caught:
            run(engine, missing, photo)
        assert caught.value.code is ErrorCode.UNKNOWN_MODEL and "not there any more" in caught.value.sentence
    file.write_bytes(data[:-2])
    with pytest.raises(PasticheError) as caught:
        run(engine, file, photo)
    assert caught.value.code is ErrorCode.ENGINE and "ink.safetensors" in caught.value.sentence


def test_weights_that_are_no_numbers_never_paint(engine: TrainedEngine, tmp_path: Path) -> None:
    weights = random_generator().state_dict()
    weights["out.bias"][0] = torch.nan
    file = tmp_path / "ink.safetensors"
    write_trained_model(file, weights, CARD | {"name": "ink"})
    with pytest.raises(PasticheError, match="no numbers"):
        run(engine, file, np.zeros((8, 8, 3), np.uint8))


def test_a_header_that_only_python_reads_never_paints(engine: TrainedEngine, tmp_path: Path) -> None:
    file = write_model(tmp_path)
    data, more, start = file.read_bytes(), b'"x":NaN,', b'{"__metadata__":{'
    length = int.from_bytes(data[:8], "little") + len(more)
    file.write_bytes(length.to_bytes(8, "little") + data[8:].replace(start, start + more, 1))
    with pytest.raises(PasticheError) as caught:
        run(engine, file, np.zeros((8, 8, 3), np.uint8))
    assert caught.value.code is ErrorCode.ENGINE and "ink.safetensors" in caught.value.sentence


def test_a_picture_with_values_that_are_no_numbers_is_refused(engine: TrainedEngine, ink: Path) -> None:
    photo = np.full((8, 8, 3), np.nan, np.float32)
    with pytest.raises(PasticheError) as caught:
        run(engine, ink, photo)
    assert caught.value.code is ErrorCode.BAD_PICTURE


@pytest.mark.parametrize("library", ["OpenVINO", "PyTorch"])
def test_progress_grows_and_a_cancel_stops_long_before_the_end(
    ink: Path, face: np.ndarray, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute_with(library, monkeypatch)
    engine, whole = TrainedEngine(torch.device("cpu")), Patience()
    assert library in run(engine, ink, face, callbacks=whole, tile=64).notes[0]
    assert whole.fractions == sorted(whole.fractions) and whole.asked >= 16, "twelve pieces"
    for allowed in (0, 3, 9, 13):
        watch = Patience(allowed)
        with pytest.raises(Cancelled):
            run(engine, ink, face, callbacks=watch, tile=64)
        assert max(watch.fractions, default=0.0) < FINISH


def test_a_job_after_a_cancelled_one_is_painted_as_ever(engine: TrainedEngine, ink: Path, face: np.ndarray) -> None:
    wanted = paint(engine, ink, face)
    for allowed in (4, 5):
        with pytest.raises(Cancelled):
            run(engine, ink, face, callbacks=Patience(allowed))
        assert np.array_equal(paint(engine, ink, face), wanted)


@pytest.mark.parametrize("library", ["OpenVINO", "PyTorch"])
def test_another_picture_may_be_painted_between_two_pieces(
    ink: Path, face: np.ndarray, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute_with(library, monkeypatch)
    engine, guests, step = TrainedEngine(torch.device("cpu")), list[np.ndarray](), 0
    wanted, its = paint(engine, ink, face, tile=64), paint(engine, ink, face[:100])
    while True:
        watch = Guest(step, lambda: guests.append(paint(engine, ink, face[:100])))
        assert np.array_equal(paint(engine, ink, face, callbacks=watch, tile=64), wanted), step
        if watch.step >= 0:
            break
        step += 1
    assert step >= 12 and all(np.array_equal(one, its) for one in guests)
