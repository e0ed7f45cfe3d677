"""What the Fine method promises, on real pictures and the weights that ship."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data

from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.engines.base import Cancelled, EngineJob, EngineResult, StyleInput
from pastiched.engines.fine import FineEngine
from pastiched.optimization.state import read_state, write_state
from tests.unit.tiny_networks import install_vgg19

GALLERY = Path(__file__).parents[2] / "daemon" / "pastiched" / "gallery"
STYLES = [GALLERY / f"{name}.jpg" for name in ("harbour-knife", "indigo-wave", "ink-mountains", "lavender-chalk")]
QUICK = {"method": "fine", "effort": "draft", "features": "compact", "iterations": 12, "scales": 1}


class Watch:
    """Callbacks that remember; wishes to finish after `finish` steps, and cancels after `cancel`."""

    lent = 0.0

    def __init__(self, finish: int | None = None, cancel: int | None = None) -> None:
        self.finish, self.cancel, self.steps = finish, cancel, 0
        self.stage = ""
        self.fractions: list[float] = []
        self.details: list[dict[str, Any]] = []
        self.previews: list[PixelBuffer] = []
        self.between: Callable[[], None] = lambda: None

    def progress(self, stage: str, fraction: float, detail: dict[str, Any] | None = None) -> None:
        self.stage = stage
        self.fractions.append(fraction)
        if detail:
            self.details.append(detail)

    def check(self) -> None:
        if self.cancel is not None and self.steps >= self.cancel:
            raise Cancelled

    def between_steps(self) -> None:
        if self.stage == "stylize":
            self.steps += 1
            self.between()

    def preview(self, pixels: PixelBuffer) -> None:
        self.previews.append(pixels)

    def finishing(self) -> bool:
        return self.finish is not None and self.steps >= self.finish


def buffer(array: np.ndarray, role: str = "content") -> PixelBuffer:
    array = array[..., None] if array.ndim == 2 else array
    depth = {"uint8": "u8", "uint16": "u16", "float32": "f32"}[array.dtype.name]
    height, width, channels = array.shape
    return PixelBuffer(PixelFormat(role, width, height, channels, depth), np.ascontiguousarray(array).tobytes())


def array_of(result: EngineResult) -> np.ndarray:
    form = result.pastiche.format
    types = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}
    return np.frombuffer(result.pastiche.data, types[form.depth]).reshape(form.height, form.width, form.channels)


def run(
    engine: FineEngine, photo: np.ndarray, styles: list[tuple[int, float]] | None = None,
    mask: np.ndarray | None = None, watch: Watch | None = None, state: Path | None = None,
    resume: Path | None = None, **options: Any,
) -> EngineResult:  # fmt: skip
    inputs = [StyleInput(None, STYLES[i], weight) for i, weight in styles or [(0, 1.0)]]
    masked = None if mask is None else buffer(mask, "mask")
    job = EngineJob(buffer(photo), inputs, masked, check_options(QUICK | options), state=state, resume=resume)
    result = engine.run(job, watch or Watch())
    form = result.pastiche.format
    assert (form.width, form.height, form.role) == (photo.shape[1], photo.shape[0], "pastiche")
    return result


def paint(engine: FineEngine, photo: np.ndarray, *given: Any, **more: Any) -> np.ndarray:
    return array_of(run(engine, photo, *given, **more))


def away(a: np.ndarray, b: np.ndarray) -> float:
    """Root of the mean squared difference, in 255ths."""
    return float(np.sqrt(np.mean((a.astype(float) - b.astype(float)) ** 2)))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def engine() -> FineEngine:
    return FineEngine(torch.device("cpu"))


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """96 x 128 pixels."""
    return np.ascontiguousarray(data.astronaut()[:384:4, 60:572:4][:, :128])


@pytest.fixture(scope="module")
def painted(engine: FineEngine, face: np.ndarray) -> np.ndarray:
    return paint(engine, face)


def test_strength_0_gives_the_photograph_back_and_half_lies_between(
    engine: FineEngine, face: np.ndarray, painted: np.ndarray
) -> None:
    assert np.array_equal(paint(engine, face, strength=0), face)
    assert 0 < away(paint(engine, face, strength=50), face) < away(painted, face)


def test_the_seed_varies_and_repeats(engine: FineEngine, face: np.ndarray, painted: np.ndarray) -> None:
    assert np.array_equal(paint(engine, face), painted)
    other = paint(engine, face, seed=1)
    assert not np.array_equal(other, painted)
    assert away(other, painted) < 40


def test_another_engine_paints_the_same(face: np.ndarray, painted: np.ndarray) -> None:
    assert np.array_equal(paint(FineEngine(torch.device("cpu")), face), painted)


def test_styles_differ_and_weights_count(engine: FineEngine, face: np.ndarray) -> None:
    first, second = (paint(engine, face, [(i, 1.0)]) for i in (0, 3))
    mixed = paint(engine, face, [(0, 9.0), (3, 1.0)])
    assert away(first, second) > 5
    assert away(mixed, first) < away(mixed, second)


def test_kept_colours_are_the_photographs(engine: FineEngine, face: np.ndarray, painted: np.ndarray) -> None:
    def chroma(x: np.ndarray) -> np.ndarray:
        return x - (x.astype(float) @ [0.299, 0.587, 0.114])[..., None]

    kept = paint(engine, face, colour="keep")
    assert np.abs(chroma(kept) - chroma(face)).mean() < 0.5 * np.abs(chroma(painted) - chroma(face)).mean()
    assert kept.mean() == pytest.approx(face.mean(), abs=4), "and so is the light"


def test_matched_colours_are_nearer_to_the_photographs(engine: FineEngine, face: np.ndarray) -> None:
    wanted = face.mean((0, 1))
    matched, free = (paint(engine, face, [(3, 1.0)], colour=colour).mean((0, 1)) for colour in ("match", "style"))
    assert np.abs(matched - wanted).sum() < np.abs(free - wanted).sum()


@pytest.mark.parametrize("brush", [25, 50, 200, 400])
def test_every_brush_size_paints_the_whole_picture(
    engine: FineEngine, face: np.ndarray, painted: np.ndarray, brush: int
) -> None:
    out = paint(engine, face, brush_size=brush)
    assert away(out, face) > 2 and away(out, painted) > 1


def test_mask_says_where(engine: FineEngine, face: np.ndarray, painted: np.ndarray) -> None:
    mask = np.zeros(face.shape[:2], np.uint8)
    mask[:, 64:] = 255
    out = paint(engine, face, mask=mask)
    assert np.array_equal(out[:, :64], face[:, :64])
    assert np.array_equal(out[:, 64:], painted[:, 64:])


def test_alpha_is_kept_exactly_and_nothing_bleeds_in(engine: FineEngine, face: np.ndarray) -> None:
    alpha = np.zeros(face.shape[:2], np.uint8)
    alpha[16:80, 16:112] = np.arange(96, dtype=np.uint8)[None] + 8
    clean, dirty = (
        np.dstack([np.where(alpha[..., None] > 0, face, junk).astype(np.uint8), alpha]) for junk in (0, 255)
    )
    results = [paint(engine, picture) for picture in (clean, dirty)]
    assert all(np.array_equal(r[..., 3], alpha) for r in results)
    assert np.array_equal(results[0][alpha > 0], results[1][alpha > 0])


@pytest.mark.parametrize("depth", ["16", "32"])
def test_deep_pictures_come_back_as_deep(engine: FineEngine, depth: str) -> None:
    ramp = np.linspace(0, 65535, 96 * 128).reshape(96, 128)
    photo = np.stack([ramp, ramp * 0.8, 65535 - ramp], -1).astype(np.uint16)
    out = paint(engine, photo, depth=depth)
    assert out.dtype == {"16": np.uint16, "32": np.float32}[depth]
    assert len(np.unique(out)) > 5000


def test_wrapped_edges_meet(engine: FineEngine) -> None:
    y, x = np.mgrid[:96, :128]
    waves = np.stack([np.sin(2 * np.pi * (x * k / 128 + y * m / 96)) for k, m in ((2, 1), (3, 2), (5, 3))], -1)
    photo = np.rint(127 + 100 * waves).astype(np.uint8)

    def seam(picture: np.ndarray, axis: int) -> float:
        p = picture.astype(float)
        return float(np.abs(p.take(0, axis) - p.take(-1, axis)).mean() / np.abs(np.diff(p, axis=axis)).mean())

    wrapped = paint(engine, photo, wrap="both", scales=2, iterations=20)
    assert seam(wrapped, 0) < 1.4 and seam(wrapped, 1) < 1.4
    assert seam(paint(engine, photo, wrap="horizontal", scales=2, iterations=20), 1) < 1.4


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 500), (500, 3), (15, 15), (17, 33)])
@pytest.mark.parametrize("wrap", ["none", "both"])
def test_any_shape_works(engine: FineEngine, size: tuple[int, int], wrap: str) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert paint(engine, photo, wrap=wrap, iterations=2).shape == (*size, 3)


@pytest.mark.parametrize("scales", [0, 3, 12])
def test_any_number_of_scales_works(engine: FineEngine, face: np.ndarray, scales: int) -> None:
    watch = Watch()
    paint(engine, face[:64, :64], scales=scales, iterations=1, watch=watch)
    assert watch.steps < 100


@pytest.mark.parametrize("loss", ["wasserstein", "gram", "moments"])
@pytest.mark.parametrize("level", [0, 128])
def test_a_plain_colour_is_a_style_too(engine: FineEngine, face: np.ndarray, loss: str, level: int) -> None:
    style = StyleInput(buffer(np.full((70, 80, 3), level, np.uint8), "style"), None, 1.0)
    job = EngineJob(buffer(face), [style], None, check_options(QUICK | {"loss": loss}))
    result = engine.run(job, Watch())
    assert not any("astray" in note for note in result.notes)
    assert away(array_of(result), face) > 2


def test_the_photograph_may_be_its_own_style(engine: FineEngine, face: np.ndarray) -> None:
    job = EngineJob(buffer(face), [StyleInput(buffer(face, "style"), None, 1.0)], None, check_options(QUICK))
    result = engine.run(job, Watch())
    assert away(array_of(result), face) < 25 and not any("astray" in note for note in result.notes)


def test_a_larger_picture_is_painted_smaller_and_comes_back_in_its_own_size(engine: FineEngine) -> None:
    photo = np.ascontiguousarray(data.astronaut()[:400, :500])
    result = run(engine, photo, megapixels=0.02, iterations=6)
    assert any("painted at 158 x 126" in note and "500 x 400" in note for note in result.notes)


def test_progress_grows_to_the_end(engine: FineEngine, face: np.ndarray) -> None:
    watch = Watch()
    paint(engine, face, scales=2, watch=watch)
    assert watch.fractions == sorted(watch.fractions)
    assert watch.fractions[0] >= 0 and watch.fractions[-1] <= 1


def test_a_line_for_every_hundredth_step_and_the_last_of_each_scale(engine: FineEngine, face: np.ndarray) -> None:
    watch = Watch()
    paint(engine, face[:64, :80], scales=2, iterations=104, loss="gram", style_layers="relu2_1", watch=watch)
    last = {}
    for detail in watch.details:
        last[detail["scale"]] = detail["iterations"]
        assert all(isinstance(detail[name], float) for name in ("content", "style", "tv"))
        assert detail["scales"] == 2
    assert [(d["scale"], d["iteration"]) for d in watch.details] == [
        *((1, k) for k in [*range(100, last[1], 100), last[1]]), (2, 100), (2, 104),
    ]  # fmt: skip
    assert last[2] == 104


def test_the_picture_is_shown_as_it_grows(engine: FineEngine, painted: np.ndarray) -> None:
    photo = np.ascontiguousarray(np.kron(data.astronaut()[:300:2, :460:2], np.ones((4, 4, 1), np.uint8)))
    watch = Watch()
    run(engine, photo, watch=watch, megapixels=0.02)
    assert watch.previews
    for shown in watch.previews:
        form = shown.format
        assert (form.role, form.depth, form.channels) == ("preview", "u8", 3)
        assert max(form.width, form.height) == 512
        assert form.width / form.height == pytest.approx(photo.shape[1] / photo.shape[0], rel=0.01)


def test_finishing_gives_the_picture_so_far(engine: FineEngine, face: np.ndarray, painted: np.ndarray) -> None:
    watch = Watch(finish=3)
    result = run(engine, face, watch=watch)
    assert watch.steps == 3
    assert any("so far" in note for note in result.notes)
    assert 0 < away(array_of(result), face) < away(painted, face)


def test_finishing_at_a_small_scale_gives_the_picture_in_its_size(engine: FineEngine, face: np.ndarray) -> None:
    result = run(engine, face, watch=Watch(finish=3), scales=2)
    assert array_of(result).shape == face.shape


@pytest.mark.parametrize("step", [0, 1, 5])
def test_a_cancel_stops_within_one_step(engine: FineEngine, face: np.ndarray, step: int) -> None:
    watch = Watch(cancel=step)
    with pytest.raises(Cancelled):
        run(engine, face, watch=watch)
    assert watch.steps == step


def test_another_job_may_run_in_between_and_changes_nothing(
    engine: FineEngine, face: np.ndarray, painted: np.ndarray
) -> None:
    watch, inner = Watch(), []

    def between() -> None:
        if watch.steps == 4:
            inner.append(paint(engine, face[::-1].copy(), iterations=2))

    watch.between = between
    assert np.array_equal(paint(engine, face, watch=watch), painted)
    assert len(inner) == 1


def test_an_absurd_step_size_gives_a_picture(engine: FineEngine, face: np.ndarray) -> None:
    for optimizer in ("adam", "lbfgs"):
        out = paint(engine, face, optimizer=optimizer, step_size=10, averaging=0, depth="32")
        assert np.isfinite(out).all() and out.min() >= 0 and out.max() <= 1


def test_steps_that_go_astray_are_told_and_the_picture_so_far_is_kept(face: np.ndarray, tmp_path: Path) -> None:
    fine = FineEngine(torch.device("cpu"))
    run(fine, face, iterations=1)
    (network,) = fine._networks.values()
    watch = Watch()

    def between() -> None:
        if watch.steps == 5:  # the weights' memory goes bad
            network.get_buffer("conv1_1_weight").fill_(float("nan"))

    watch.between = between
    result = run(fine, face, watch=watch)
    assert watch.steps == 5 and any("astray" in note for note in result.notes)
    out = array_of(result)
    assert out.std() > 5 and away(out, face) > 0


def test_a_run_that_was_cancelled_goes_on_bit_for_bit(engine: FineEngine, face: np.ndarray, tmp_path: Path) -> None:
    """At either scale, in another process's engine, as the last bit of floating point shows."""
    options: dict[str, Any] = {"scales": 2, "iterations": 8, "depth": "32", "optimizer": "adam"}
    whole_watch = Watch()
    whole = paint(engine, face, watch=whole_watch, **options)
    for cut in (1, whole_watch.steps - 9, whole_watch.steps - 3):
        kept = tmp_path / f"{cut}.pastiche-state"
        with pytest.raises(Cancelled):
            run(engine, face, watch=Watch(cancel=cut), state=kept, **options)
        before, watch = kept.read_bytes(), Watch()
        resumed = paint(FineEngine(torch.device("cpu")), face, watch=watch, resume=kept, **options)
        assert np.array_equal(resumed, whole), cut
        assert cut + watch.steps == whole_watch.steps
        assert kept.read_bytes() == before, "a file that is only resumed from stays as it is"


def test_a_run_that_was_ended_early_goes_on_in_the_same_file(
    engine: FineEngine, face: np.ndarray, tmp_path: Path
) -> None:
    kept = tmp_path / "run.pastiche-state"
    whole = paint(engine, face, optimizer="adam")
    run(engine, face, watch=Watch(finish=5), state=kept, optimizer="adam")
    assert np.array_equal(paint(engine, face, state=kept, resume=kept, optimizer="adam"), whole)
    assert list(tmp_path.iterdir()) == [kept]
    watch = Watch()
    assert np.array_equal(paint(engine, face, resume=kept, watch=watch, optimizer="adam"), whole), (
        "what is done already stays so"
    )
    assert watch.steps == 0


def test_the_state_of_another_job_is_refused_naming_what_differs(
    engine: FineEngine, face: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path / "home"))
    install_vgg19(tmp_path / "home" / "models")
    kept = tmp_path / "run.pastiche-state"
    run(engine, face, watch=Watch(finish=2), state=kept)
    others: list[tuple[str, dict[str, Any]]] = [
        ("photograph", {"photo": face[::-1].copy()}),
        ("style", {"styles": [(1, 1.0)]}),
        ("style", {"styles": [(0, 1.0), (1, 1.0)]}),
        ("--seed", {"seed": 4}),
        ("--iterations", {"iterations": 13}),
        ("--style-layers", {"style_layers": "relu1_1:2"}),
        ("feature", {"features": "vgg19"}),
    ]
    for named, change in others:
        watch = Watch()
        with pytest.raises(PasticheError, match=named) as caught:
            run(engine, resume=kept, watch=watch, **{"photo": face, **change})
        assert caught.value.code is ErrorCode.BAD_OPTION and watch.steps == 0
        assert "run.pastiche-state" in caught.value.sentence


def test_a_state_is_refused_where_the_presets_have_changed_since(
    engine: FineEngine, face: np.ndarray, tmp_path: Path
) -> None:
    """Another version may paint other scales, or more steps, by the same options."""
    kept = tmp_path / "run.pastiche-state"
    run(engine, face, watch=Watch(finish=2), state=kept)
    state = read_state(kept)
    for change in ({"scale": 7}, {"iteration": 5000}, {"tensors": {"best": torch.rand(1, 3, 5, 5)}}):
        other = type(state)(**{**vars(state), **change})
        if "tensors" in change:
            other = type(state)(
                **{**vars(state), "tensors": {n: t[..., :4] for n, t in state.tensors.items() if t.ndim}}
            )
        write_state(kept, other)
        with pytest.raises(PasticheError) as caught:
            run(engine, face, resume=kept)
        assert caught.value.code in (ErrorCode.BAD_OPTION, ErrorCode.UNREADABLE)


def test_a_damaged_state_is_refused_and_left_as_it_is(engine: FineEngine, face: np.ndarray, tmp_path: Path) -> None:
    kept = tmp_path / "run.pastiche-state"
    run(engine, face, watch=Watch(finish=2), state=kept)
    cut = kept.read_bytes()[:-100]
    kept.write_bytes(cut)
    with pytest.raises(PasticheError, match="damaged") as caught:
        run(engine, face, state=kept, resume=kept)
    assert caught.value.code is ErrorCode.UNREADABLE
    assert kept.read_bytes() == cut


@pytest.mark.skipif(shutil.which("sh") is None, reason="permissions as on POSIX")
def test_a_state_that_cannot_be_written_is_said_and_the_picture_is_not_lost(
    engine: FineEngine, face: np.ndarray, tmp_path: Path
) -> None:
    result = run(engine, face, watch=Watch(finish=2), state=tmp_path / "nowhere" / "run.pastiche-state")
    assert any("could not be kept" in note and "run.pastiche-state" in note for note in result.notes)
    assert str(tmp_path) not in " ".join(result.notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"content_weight": 0, "style_weight": 0}, "must not both be 0"),
        ({"style_layers": "relu5_4"}, "--style-layers: this feature network has no relu5_4"),
        ({"content_layers": "relu5_2:3"}, "--content-layers: this feature network has no relu5_2"),
        ({"style_layers": "relu1_1:0,relu2_1:0"}, "above 0"),
        ({"features": "vgg19"}, "pastiched models fetch vgg19"),
    ],
)
def test_options_that_cannot_be_are_refused_in_a_sentence(
    engine: FineEngine, face: np.ndarray, options: dict[str, Any], said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path))
    with pytest.raises(PasticheError, match=said):
        run(engine, face, **options)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_either_optimizer_paints_a_picture_that_was_reduced(engine: FineEngine, optimizer: str) -> None:
    photo = np.ascontiguousarray(data.astronaut()[:400, :500])
    assert paint(engine, photo, optimizer=optimizer, megapixels=0.01, scales=2, iterations=3).std() > 5


@pytest.mark.parametrize("start", ["content", "noise", "fast"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_any_start_and_optimizer_paint(engine: FineEngine, face: np.ndarray, start: str, optimizer: str) -> None:
    result = run(engine, face, start=start, optimizer=optimizer)
    assert array_of(result).std() > 5 and not any("astray" in note for note in result.notes)


def test_the_report_names_the_network_and_the_steps(engine: FineEngine, face: np.ndarray) -> None:
    result = run(engine, face)
    assert [model["id"] for model in result.models] == ["features-1"] and len(result.models[0]["sha256"]) == 64
    assert "12 steps" in result.notes[0]
    assert {"load", "style", "stylize", "finish"} <= result.timings.keys()


def test_estimates_grow_with_the_effort_and_are_learnt_from(face: np.ndarray) -> None:
    fine = FineEngine(torch.device("cpu"))

    def estimate(side: int, **options: Any) -> tuple[float, int]:
        return fine.estimate(side, side, check_options({"method": "fine", "features": "compact"} | options))

    seconds = [estimate(1024, effort=effort)[0] for effort in ("draft", "normal", "best")]
    assert seconds == sorted(seconds) and seconds[0] > 0
    assert estimate(4096, megapixels=16)[1] > estimate(1024)[1] > 100_000_000
    assert estimate(512, iterations=400)[0] > 2 * estimate(512, iterations=100)[0]
    before = estimate(1024)
    paint(fine, np.tile(face, (3, 3, 1)), iterations=30, scales=1)
    assert estimate(1024)[0] != before[0] and estimate(1024)[1] == before[1]


TEXTBOOK = {
    "features": "vgg19", "loss": "gram", "content_weight": 0.5, "style_weight": 0.5, "optimizer": "adam",
    "step_size": 0.01, "iterations": 1000, "scales": 1,
}  # fmt: skip


def test_the_textbook_form_is_possible(
    engine: FineEngine, face: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gatys et al. 2016 with VGG-19 (here of few channels and random weights): 1000 steps, told of every 100."""
    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path))
    install_vgg19(tmp_path / "models")
    watch = Watch()
    result = run(engine, np.ascontiguousarray(face[::2, ::2][:48, :48]), watch=watch, **TEXTBOOK)
    assert [(d["scale"], d["scales"], d["iteration"], d["iterations"]) for d in watch.details] == [
        (1, 1, k, 1000) for k in range(100, 1001, 100)
    ]
    assert result.models[0]["id"] == "vgg19" and "1000 steps" in result.notes[0]
    totals = [0.5 * d["content"] + 0.5 * d["style"] for d in watch.details]
    assert totals[-1] < totals[0] and all(b < 1.5 * a for a, b in itertools.pairwise(totals))
    assert all(d["content"] > 0 and d["style"] > 0 for d in watch.details)


def test_every_layer_of_vgg19_can_be_named(
    engine: FineEngine, face: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path))
    install_vgg19(tmp_path / "models")
    layers = {"content_layers": "relu4_2", "style_layers": "relu1_1:0.5,relu2_2,relu3_4,relu5_4:2"}
    result = run(engine, face, features="vgg19", pooling="average", iterations=4, **layers)
    assert result.models[0]["id"] == "vgg19"


def test_vgg19_is_taken_where_it_was_fetched_and_nothing_else_is_asked_for(
    face: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path))
    fine = FineEngine(torch.device("cpu"))
    before = run(fine, face, features="auto", iterations=1)
    install_vgg19(tmp_path / "models")
    after = run(fine, face, features="auto", iterations=1)
    assert [r.models[0]["id"] for r in (before, after)] == ["features-1", "vgg19"]
