"""Promises about `pastiched train gan`: what it refuses, what it survives, that going on is as never having stopped."""

from __future__ import annotations

import copy
import io
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from pastiched.trained_model import MAX_THUMBNAIL, read_trained_model
from pastiched.training import generator_run
from pastiched.training.adversary import Adversary
from pastiched.training.cli import main
from pastiched.training.gan import GanRun
from pastiched.training.generator_run import GeneratorRun, thumbnail
from pastiched.training.plain import PlainRun
from tests.unit.tiny_networks import compact_weights
from tests.unit.trained_files import random_generator, write_model
from tests.unit.training_folders import write_photographs, write_styles

QUICK = ["--size", "64", "--batch", "2", "--threads", "1", "--preview-every", "1000"]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> object:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sheets and figures of few and small pictures."""
    for module, name, value in (
        ("folder_distance", "SIDE", 64), ("folder_distance", "PICTURES", 3), ("generator_run", "SHEET_SIDE", 32),
        ("gan", "SURVEYED", 3),
    ):  # fmt: skip
        monkeypatch.setattr(f"pastiched.training.{module}.{name}", value)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_photographs(folder / "photos", side=100, most=2)
    write_styles(folder / "styles", side=120, most=6)
    save_file(compact_weights(), str(folder / "features.safetensors"))
    return folder


@pytest.fixture
def train(pictures: Path, tmp_path: Path) -> Callable[..., int]:
    """Into `tmp_path / "run"`."""

    def command(*more: object, steps: int | None = 4, **folders: Path) -> int:
        given = {"photos": pictures / "photos", "styles": pictures / "styles"} | folders
        words = ["gan", "--name", "ink", "--out", tmp_path / "run", "--loss-network", pictures / "features.safetensors"]
        for kind, folder in given.items():
            words += [f"--{kind}", folder]
        return main([*map(str, words), *QUICK, *(["--steps", str(steps)] if steps else []), *map(str, more)])

    return command


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text("utf-8").splitlines()]


def weights(path: Path) -> dict[str, Tensor]:
    return load_file(str(path))


def stopped_at(step: int, kind: type[GeneratorRun], monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Ctrl+C in that step; what is given undoes it."""
    advance = kind.advance

    def interrupted(run: Any, *given: Any) -> Any:
        if run.step == step - 1:
            signal.raise_signal(signal.SIGINT)
        return advance(run, *given)

    monkeypatch.setattr(kind, "advance", interrupted)
    return lambda: monkeypatch.setattr(kind, "advance", advance)


@pytest.mark.parametrize(("recipe", "kind", "preview"), [("gan", GanRun, 3), ("plain", PlainRun, 6)])
def test_a_run_that_was_stopped_and_went_on_ends_as_one_that_never_stopped(
    train: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str,
    kind: type[GeneratorRun], preview: int,
) -> None:  # fmt: skip
    """Bit for bit, whatever sheets were drawn and guards asked on the way."""
    more = ["--recipe", recipe, "--preview-every", preview, "--seed", 5]
    assert train(*more, steps=12) == 0
    (tmp_path / "run").rename(tmp_path / "at once")
    again = stopped_at(6, kind, monkeypatch)
    assert train(*more, steps=12) == 130
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"] == 6
    again()
    assert train(*more, "--resume", steps=12) == 0
    states = [torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("at once", "run")]
    assert states[0].keys() == states[1].keys() and same(*({**state, "seconds": 0} for state in states))
    once, twice = (weights(tmp_path / name / "ink.safetensors") for name in ("at once", "run"))
    assert all(torch.equal(once[name], twice[name]) for name in once)


def same(a: object, b: object) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_a_finished_run_is_a_folder_with_everything_in_it_once(train: Callable[..., int], tmp_path: Path) -> None:
    start, told = write_model(tmp_path, "start"), ["--title", "Black ink", "--licence", "CC0", "--data-note", "mine"]
    told += ["--description", "Brush and ink."]
    assert train("--init", start, "--preview-every", 2, "--plot", *told) == 0
    run = tmp_path / "run"
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert names == {
        "ink.safetensors", "checkpoint.pt", "progress.jsonl", "run.json", "report.html", "curves.svg", "hold-out.txt",
        "sheet-000002.png", "sheet-000004.png",
        "checkpoints/step-000002.safetensors", "checkpoints/step-000004.safetensors",
    }  # fmt: skip
    card = read_trained_model(run / "ink.safetensors").card
    assert (card["title"], card["licence"], card["data"]["note"]) == ("Black ink", "CC0", "mine")
    assert card["description"] == "Brush and ink."
    assert (card["steps"], card["size"], card["recipe"], card["data"]["held_out"]) == (4, 64, "gan", [1, 1])
    assert str(tmp_path) not in json.dumps(card), "no path of this machine"
    assert [line["step"] for line in lines(run) if "patchfd" in line] == [2, 4], "each once"
    assert Image.open(run / "sheet-000004.png").size == (8 * 32, 3 * 32)


def test_without_adversary_the_discriminators_are_never_asked(
    train: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("the discriminators were asked")

    for name in ("judge", "learn", "deceive", "opinion"):
        monkeypatch.setattr(Adversary, name, asked)
    assert train("--no-adversary", "--preview-every", 4) == 0
    assert read_trained_model(tmp_path / "run" / "ink.safetensors").card["command"].endswith("--no-adversary")
    with pytest.raises(AssertionError):
        train("--out", tmp_path / "other")


def none_from(step: int, to: int, monkeypatch: pytest.MonkeyPatch, kind: type[GeneratorRun] = GanRun) -> None:
    """The losses and the weights are no numbers in these steps."""
    advance = kind.advance

    def broken(run: Any, *given: Any) -> Any:
        losses = advance(run, *given)
        if step <= run.step + 1 <= to:
            with torch.no_grad():
                run.network.out.bias.fill_(float("nan"))
            return losses | {"content": torch.tensor(float("nan"))}
        return losses

    monkeypatch.setattr(kind, "advance", broken)


@pytest.mark.parametrize(("recipe", "kind"), [("gan", GanRun), ("plain", PlainRun)])
def test_a_loss_that_is_no_number_once_is_gone_back_from_and_the_run_goes_on(
    train: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, kind: type[GeneratorRun]
) -> None:
    none_from(4, 4, monkeypatch, kind)
    assert train("--recipe", recipe, steps=7) == 0
    (event,) = [line for line in lines(tmp_path / "run") if "no number" in line.get("event", "")]
    assert event["step"] == 4 and "going back" in event["event"]
    assert "going back" in (tmp_path / "run" / "report.html").read_text("utf-8")
    model = read_trained_model(tmp_path / "run" / "ink.safetensors")
    assert model.card["steps"] == 7 and all(tensor.isfinite().all() for tensor in model.load().values())


@pytest.mark.parametrize(("recipe", "kind"), [("gan", GanRun), ("plain", PlainRun)])
def test_weights_that_are_no_numbers_any_more_are_those_of_before_again(
    train: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, kind: type[GeneratorRun]
) -> None:
    """Whatever fails first in the step after."""
    advance = kind.advance

    def broken(run: Any, *given: Any) -> Any:
        if run.step == 3:
            with torch.no_grad():
                run.network.level2.weight.fill_(float("nan"))
        return advance(run, *given)

    monkeypatch.setattr(kind, "advance", broken)
    assert train("--recipe", recipe, steps=6) == 0
    assert [line["step"] for line in lines(tmp_path / "run") if "no number" in line.get("event", "")] == [4]
    model = read_trained_model(tmp_path / "run" / "ink.safetensors")
    assert all(tensor.isfinite().all() for tensor in model.load().values())


def test_losses_that_are_never_numbers_end_in_one_sentence(
    train: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    none_from(1, 1000, monkeypatch)
    assert train(steps=30) == 2
    error = capsys.readouterr().err
    assert "no numbers again and again" in error and "--rate" in error and error.count("\n") == 1


def test_pastiches_that_collapse_are_gone_back_from_with_a_weaker_adversary(
    train: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, float, dict[str, Tensor]]] = []
    advance = GanRun.advance

    def watched(run: Any, *given: Any) -> Any:
        losses = advance(run, *given)
        seen.append((run.step + 1, run.adversary_share, copy.deepcopy(run.average)))
        return losses

    monkeypatch.setattr(GanRun, "advance", watched)
    looks = iter([False, True, False, False])
    monkeypatch.setattr("pastiched.training.gan.collapsed", lambda *_: next(looks))
    assert train("--preview-every", 2, steps=6) == 0
    (event,) = [line for line in lines(tmp_path / "run") if "single colour" in line.get("event", "")]
    assert event["step"] == 4 and "weaker adversary" in event["event"]
    assert [share for _, share, _ in seen] == [1, 1, 1, 1, 0.5, 0.5]
    after_2, after_4, after_5 = (next(average for step, _, average in seen if step == wanted) for wanted in (2, 4, 5))
    way = [sum(float((after_5[k] - before[k]).square().sum()) for k in after_5) for before in (after_2, after_4)]
    assert way[0] < way[1], "it went on from step 2"


def test_the_textbook_recipe_tells_a_line_an_epoch_and_ends_after_them(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("--recipe", "plain", "--epochs", 3, "--batch", 3, steps=None) == 0
    told = re.findall(
        r"^epoch (\d)/3 content ([\d.]+) generator ([\d.]+) discriminator ([\d.]+)", capsys.readouterr().out, re.M
    )
    assert [line[0] for line in told] == ["1", "2", "3"]
    assert all(0 < float(value) < 100 for line in told for value in line[1:])
    card = read_trained_model(tmp_path / "run" / "ink.safetensors").card
    assert (card["steps"], card["recipe"]) == (6, "plain"), "7 photographs, 3 at a time, 3 times"
    assert train("--recipe", "plain", "--epochs", 4, "--batch", 3, "--resume", steps=None) == 0
    assert re.findall(r"^epoch (\d)/4", capsys.readouterr().out, re.M) == ["4"]
    assert read_trained_model(tmp_path / "run" / "ink.safetensors").card["steps"] == 8


def test_a_model_can_be_started_from_by_its_file_or_by_its_name(
    train: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pastiched.training.gan_cli.user_folder", lambda: tmp_path / "models")
    start = write_model(tmp_path / "models" / "trained", "gouache")
    for given in (start, "gouache"):
        out = tmp_path / f"from {Path(given).name}"
        assert train("--init", given, "--rate", "1e-9", "--out", out, steps=1) == 0
        model = read_trained_model(out / "ink.safetensors")
        assert model.card["started_from"] == "gouache"
        before, after = weights(start), model.load()
        assert all(torch.allclose(before[k].float(), after[k], atol=1e-3) for k in before)


BAD: dict[str, tuple[list[str], str]] = {
    "name": (["--name", "Ünk!"], "--name must be 1 to 40 lower-case letters"),
    "path as a name": (["--name", "../ink"], "--name must be"),
    "name of a method": (["--name", "fast"], "a method or a style of the gallery is called fast"),
    "name of a style": (["--name", "rose-window"], "is called rose-window"),
    "size": (["--size", "100"], "multiple of 16"),
    "small size": (["--size", "48"], "between 64 and 1024"),
    "crops": (["--crops", "0.9", "0.4"], "the smaller one first"),
    "crops of nothing": (["--crops", "nan", "nan"], "--crops"),
    "colours": (["--keep-colours", "150"], "--keep-colours"),
    "weight": (["--style-weight", "-1"], "--style-weight"),
    "epochs": (["--epochs", "2"], "--recipe plain"),
    "batch": (["--batch", "0"], "--batch must be above 0"),
    "title": (["--title", "\x1b[2J"], "plain text"),
    "long title": (["--title", "x" * 81], "80 characters"),
    "long description": (["--description", "x" * 401], "400 characters"),
    "init": (["--init", "gouashe"], 'There is no trained model named "gouashe"'),
    "init of another method": (["--init", "{features}"], "is not a trained model"),
    "out": (["--out", "{features}"], "is a file: --out must be a folder"),
    "loss network": (["--loss-network", "nothing.safetensors"], "does not exist"),
    "device": (["--device", "nonsense"], "device"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_gets_one_sentence(
    train: Callable[..., int], pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    words, said = BAD[kind]
    assert train(*(word.format(features=pictures / "features.safetensors") for word in words), steps=1) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_weights_of_fast_are_no_trained_model(train: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    fast = Path(generator_run.__file__).parents[1] / "weights" / "fast.safetensors"
    assert train("--init", fast) == 2
    assert "is not a trained model of Pastiche" in capsys.readouterr().err


def test_a_run_is_not_overwritten_nor_gone_on_from_by_another_method(
    train: Callable[..., int], pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(steps=1) == 0
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    assert train(steps=2) == 2
    assert "go on with --resume" in capsys.readouterr().err
    assert train("--recipe", "plain", "--resume", steps=2) == 2
    assert "another method" in capsys.readouterr().err
    fast = ["fast", "--out", tmp_path / "run", "--photos", pictures / "photos", "--styles", pictures / "styles"]
    fast += ["--resume", "--steps", "2", "--size", "64", "--loss-network", pictures / "features.safetensors"]
    assert main([str(word) for word in fast]) == 2
    assert "another method" in capsys.readouterr().err
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def empty(folder: Path) -> None:
    folder.mkdir()


def broken(folder: Path) -> None:
    folder.mkdir()
    for name in ("a.jpg", "b.png", "notes.txt"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n but no more")


@pytest.mark.parametrize(
    ("make", "said"),
    [(lambda folder: None, "there is no folder"), (empty, "no usable picture"), (broken, "no usable picture")],
    ids=["none", "empty", "broken"],
)
@pytest.mark.parametrize("kind", ["photos", "styles"])
def test_a_folder_of_which_nothing_is_left_ends_it_with_a_sentence(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, said: str,
    make: Callable[[Path], None],
) -> None:  # fmt: skip
    make(tmp_path / "odd")
    assert train(**{kind: tmp_path / "odd"}) == 2
    error = capsys.readouterr().err
    assert said in error and "odd" in error and error.count("\n") == 1


def test_three_style_pictures_are_trained_on_with_a_word_of_what_to_expect(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(styles=write_styles(tmp_path / "three", side=120, most=3), steps=1) == 0
    assert "With 3 style pictures the generator will soon know them by heart" in capsys.readouterr().out
    assert read_trained_model(tmp_path / "run" / "ink.safetensors").card["data"]["styles"] == 3, "none is held out"


def test_a_folder_in_any_state_is_trained_on(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_styles(tmp_path / "odd", side=150, most=4)
    pieces = sorted(folder.iterdir())
    for mode, path in zip(("L", "P", "CMYK", "RGBA"), pieces, strict=True):
        with Image.open(path) as picture:
            picture.convert(mode).save(folder / f"{mode}.{'jpg' if mode == 'CMYK' else 'png'}")
    Image.new("I;16", (90, 90), 40_000).save(folder / "deep.png")
    Image.new("1", (90, 90)).save(folder / "bits.png")
    (folder / "twin.png").write_bytes(pieces[0].read_bytes())
    Image.new("RGB", (20, 300)).save(folder / "thin.png")
    (folder / "cut.png").write_bytes(pieces[1].read_bytes()[:9000])
    (folder / "text.jpg").write_text("no picture")
    assert train(styles=folder, steps=3) == 0
    said = capsys.readouterr().out
    for name in ("twin.png", "thin.png", "text.jpg"):
        assert re.search(rf"odd: 1 file .* left out: .*{name}", said), name
    card = read_trained_model(tmp_path / "run" / "ink.safetensors").card
    assert card["data"]["styles"] + card["data"]["held_out"][1] == 11


def test_the_wildest_pictures_have_thumbnails_that_fit_into_a_card() -> None:
    wild = random_generator().eval()
    with torch.no_grad():
        wild.out.weight.mul_(100)
    data = thumbnail(wild)
    assert 2000 < len(data) <= MAX_THUMBNAIL
    assert Image.open(io.BytesIO(data)).size == (256, 256)
