"""Trained models in a real daemon: found while it runs, painted with, refused by name, gone without a restart."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from wire import Daemon, Wire, job, picture, start_daemon, started

from pastiche.client import Client
from pastiche.connection import Home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import Outcome, StyleRef
from pastiche.options import check_options
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiche.protocol import (
    Accepted,
    Cancel,
    Done,
    Failed,
    Message,
    Result,
    Styles,
    StylesRequest,
    Submit,
    Thumbnail,
    ThumbnailReply,
)
from tests.unit.trained_files import THUMBNAIL, write_model

TRAINED = {"method": "trained", "model": "ink"}
FINE = {"method": "fine", "effort": "draft", "megapixels": 0.005, "scales": 1, "iterations": 100_000}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models that nobody has added yet."""
    folder = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(("ink", "wash")):
        write_model(folder, name, seed, title=name.title(), native_pixels=10_000)
    return folder


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Iterator[Daemon]:
    daemon = start_daemon(tmp_path_factory.mktemp("home"), "--threads", "1")
    put(daemon.home, made, "ink")
    daemon.worker_pid()
    yield daemon
    daemon.stop()


@pytest.fixture
def client(shared_daemon: Daemon) -> Iterator[Client]:
    with Client.connect(shared_daemon.home, start=False) as connected:
        yield connected


def put(home: Home, made: Path, name: str) -> Path:
    target = home.models_folder / "trained" / f"{name}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(made / target.name, target)
    return target


def photograph(height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> PixelBuffer:
    """Noise in colours of its own, opaque in the middle."""
    top = 1.0 if dtype is np.float32 else float(np.iinfo(dtype).max)
    pixels = (np.random.default_rng(height).random((height, width, channels)) * top).astype(dtype)
    depth = {np.uint8: "u8", np.uint16: "u16", np.float32: "f32"}[dtype]  # type: ignore[index]
    return PixelBuffer(PixelFormat("content", width, height, channels, depth), pixels.tobytes())


def paint(client: Client, content: PixelBuffer, mask: PixelBuffer | None = None, **options: Any) -> Outcome:
    return client.submit(content, [], TRAINED | options, mask).wait()


def pixels(buffer: PixelBuffer) -> np.ndarray:
    kind = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}[buffer.format.depth]
    return np.frombuffer(buffer.data, kind).reshape(buffer.format.height, buffer.format.width, buffer.format.channels)


def refusal(client: Client, styles: list[StyleRef], **options: Any) -> PasticheError:
    with pytest.raises(PasticheError) as caught:
        client.submit(photograph(8, 8), styles, options).wait()
    return caught.value


def trained(styles: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in styles if entry["method"] == "trained"}


def test_it_is_offered_and_paints_by_its_name_in_any_case(client: Client) -> None:
    assert client.welcome and "trained" in client.welcome.methods
    entry = trained(client.styles())["ink"]
    revision = entry.pop("revision")
    assert entry == {
        "name": "ink", "title": "Ink", "description": "Black lines.", "method": "trained", "source": "user",
    }  # fmt: skip
    outcome = paint(client, photograph(48, 64), model="INK")
    form = outcome.pixels.format
    assert (form.width, form.height, form.role) == (64, 48, "pastiche")
    report = outcome.report
    assert report["options"]["model"] == "ink" and report["method"] == "trained"
    assert report["models"][0]["id"] == "ink" and len(report["models"][0]["sha256"]) == 64
    assert report["models"][0]["sha256"].startswith(revision) and len(revision) == 12
    assert not np.array_equal(pixels(outcome.pixels), pixels(photograph(48, 64)))


def test_trained_models_come_after_the_styles(client: Client) -> None:
    methods = [entry["method"] for entry in client.styles()]
    assert methods == sorted(methods, key="trained".__eq__) and methods[0] != "trained"


def test_its_thumbnail_is_the_one_in_its_file(client: Client, control: Wire) -> None:
    assert client.thumbnail("Ink") == THUMBNAIL
    asked = control.send_body(Thumbnail("INK"))
    reply = control.until(asked, ThumbnailReply)
    assert isinstance(reply.body, ThumbnailReply)
    assert (reply.body.name, reply.body.media_type, bytes(reply.frames[0])) == ("ink", "image/jpeg", THUMBNAIL)


def test_an_older_client_is_shown_no_trained_models(control: Wire) -> None:
    for version, shown in (((1, 2), False), ((1, 3), True)):
        asked = control.send(Message(StylesRequest(), session=control.session, version=version))
        answer = control.until(asked, Styles).body
        assert isinstance(answer, Styles) and bool(trained(answer.styles)) is shown and answer.styles


def test_one_that_is_added_while_the_daemon_runs_paints_at_once_and_one_that_is_removed_no_more(
    client: Client, shared_daemon: Daemon, made: Path
) -> None:
    pid = client.status().pid
    assert "wash" not in trained(client.styles())
    assert refusal(client, [], **TRAINED | {"model": "wash"}).code is ErrorCode.UNKNOWN_MODEL
    file = put(shared_daemon.home, made, "wash")
    assert trained(client.styles())["wash"]["title"] == "Wash"
    content = photograph(40, 40)
    wash, ink = (pixels(paint(client, content, model=name).pixels) for name in ("wash", "ink"))
    assert not np.array_equal(wash, ink)
    file.unlink()
    assert "wash" not in trained(client.styles())
    error = refusal(client, [], **TRAINED | {"model": "wash"})
    assert error.code is ErrorCode.UNKNOWN_MODEL and "wash" in error.sentence
    assert client.status().pid == pid


def test_one_that_is_removed_while_its_job_waits_is_a_sentence(
    shared_daemon: Daemon, made: Path, jobs: Wire, control: Wire
) -> None:
    file = put(shared_daemon.home, made, "wash")
    before = jobs.send(job(64, 48, session=jobs.session, options=FINE))
    started(jobs, before)
    waiting = jobs.send(trained_job(jobs.session, model="wash"))
    assert jobs.until(waiting, Accepted, Failed).body.TYPE == "accepted"
    file.unlink()
    control.session = jobs.session
    control.ask(Cancel(before), Done)
    outcome = jobs.outcome(waiting).body
    assert isinstance(outcome, Failed) and outcome.code == "unknown_model" and "wash" in outcome.sentence


def test_a_preview_is_painted_while_a_fine_job_runs(jobs: Wire, control: Wire) -> None:
    before = jobs.send(job(64, 48, session=jobs.session, options=FINE))
    started(jobs, before)
    preview = jobs.send(trained_job(jobs.session, preview=True))
    assert isinstance(jobs.outcome(preview).body, Result)
    control.session = jobs.session
    control.ask(Cancel(before), Done)
    jobs.outcome(before)


def trained_job(
    session: str, preview: bool = False, pictures: tuple[PixelBuffer, ...] = (), styles: Any = (), **options: Any
) -> Message:
    buffers = pictures or (picture("content", 64, 48),)
    body = Submit(TRAINED | options, list(styles), [], preview)
    formats, frames = tuple(p.format for p in buffers), tuple(p.data for p in buffers)
    return Message(body, session=session, buffers=formats, frames=frames)


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown name, near another": ({"model": "inc"}, "unknown_model", '"ink"'),
    "no name": ({"model": ""}, "unknown_model", "chosen"),
    "a style's name": ({"model": "rose-window"}, "unknown_model", "rose-window"),
    "a path": ({"model": "../ink"}, "bad_option", "--model"),
    "a style by name": ({"styles": [{"weight": 1.0, "name": "rose-window"}]}, "bad_option", "no style pictures"),
    "a path for a style": ({"styles": [{"model": "/etc/passwd"}]}, "bad_option", "no style pictures"),
    "a style picture": (
        {"pictures": (picture("content", 8, 8), picture("style", 8, 8)), "styles": [{"weight": 1.0, "buffer": 1}]},
        "bad_option", "no style pictures",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_before_it_is_queued(jobs: Wire, case: str) -> None:
    changed, code, part = REFUSED[case]
    answer = jobs.until(jobs.send(trained_job(jobs.session, **changed)), Accepted, Failed).body
    assert isinstance(answer, Failed) and answer.code == code and part in answer.sentence + answer.hint


def test_a_path_in_place_of_a_style_is_no_model(jobs: Wire) -> None:
    """What only the daemon tells its own worker is nothing that a client can say."""
    message = trained_job(jobs.session, styles=[{"model": "/etc/passwd"}], method="fast", model="")
    answer = jobs.until(jobs.send(message), Accepted, Failed).body
    assert isinstance(answer, Failed) and answer.code == "bad_message"


def test_a_trained_model_named_as_a_style_is_told_apart(client: Client) -> None:
    error = refusal(client, [StyleRef("ink")])
    assert error.code is ErrorCode.UNKNOWN_STYLE and "--model ink" in error.hint
    assert refusal(client, [StyleRef("rose-window")], **TRAINED).code is ErrorCode.BAD_OPTION


def test_a_daemon_before_trained_models_is_sent_nothing_of_them(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_peer_version", (1, 2))
    fine = client._known_options(check_options({"method": "fine"}))
    assert "model" not in fine and {"effort", "strength"} <= set(fine)
    error = refusal(client, [], **TRAINED)
    assert error.code is ErrorCode.VERSION and "trained models" in error.sentence and "pastiche stop" in error.hint


def test_a_daemon_before_pieces_could_be_chosen_is_not_sent_their_size(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "tile" in client._known_options(check_options({"tile": 64}))
    monkeypatch.setattr(client, "_peer_version", (1, 3))
    fast = client._known_options(check_options({"tile": 64}))
    assert "tile" not in fast and {"model", "effort"} <= set(fast)


def test_strength_0_is_the_photograph_and_alpha_is_kept(client: Client) -> None:
    content = photograph(37, 53, 4)
    seen = pixels(content)[..., 3] > 0
    assert np.array_equal(pixels(paint(client, content, strength=0).pixels)[seen], pixels(content)[seen])
    assert np.array_equal(pixels(paint(client, content).pixels)[..., 3], pixels(content)[..., 3])


def test_a_mask_says_where(client: Client) -> None:
    content, half = photograph(40, 60), np.zeros((40, 60, 1), np.uint8)
    half[:, 30:] = 255
    out = pixels(paint(client, content, PixelBuffer(PixelFormat("mask", 60, 40, 1, "u8"), half.tobytes())).pixels)
    assert np.array_equal(out[:, :30], pixels(content)[:, :30])
    assert not np.array_equal(out[:, 30:], pixels(content)[:, 30:])


@pytest.mark.parametrize(
    ("size", "options"),
    [((1, 1), {}), ((1, 1), {"wrap": "both"}), ((37, 61), {"wrap": "horizontal"}), ((3, 700), {"brush_size": 400})],
)
def test_any_size_works(client: Client, size: tuple[int, int], options: dict[str, Any]) -> None:
    assert pixels(paint(client, photograph(*size), **options).pixels).shape == (*size, 3)


@pytest.mark.parametrize(("depth", "dtype"), [("16", np.uint16), ("32", np.float32)])
def test_deeper_pictures_come_back_as_deep(client: Client, depth: str, dtype: type) -> None:
    out = pixels(paint(client, photograph(64, 64, dtype=dtype), depth=depth).pixels)
    assert out.dtype == dtype and len(np.unique(out)) > 2000


def test_the_same_seed_is_the_same_picture(client: Client) -> None:
    content = photograph(40, 40)
    once, again, other = (pixels(paint(client, content, seed=seed).pixels) for seed in (3, 3, 4))
    assert np.array_equal(once, again) and not np.array_equal(once, other)


def test_the_status_estimates_it(client: Client) -> None:
    entries = [entry for entry in client.status().estimates if entry["method"] == "trained"]
    assert len(entries) == 1 and entries[0]["options"] == {} and entries[0]["seconds_per_megapixel"] >= 0


def test_a_library_of_thousands_of_pictures_leaves_room_for_trained_models(
    launch: Callable[..., Daemon], made: Path, tmp_path: Path
) -> None:
    daemon = launch("--threads", "1")
    put(daemon.home, made, "ink")
    Image.new("RGB", (2, 2)).save(tmp_path / "one.png")
    data = (tmp_path / "one.png").read_bytes()
    for number in range(1500):
        (daemon.home.styles_folder / f"a picture with a long name, number {number}.png").write_bytes(data)
    with Client.connect(Home(daemon.home.folder, Path(sys.executable)), start=False) as client:
        styles = client.styles()
        assert len(styles) > 100 and {"ink", "ukiyo-e"} <= set(trained(styles))
