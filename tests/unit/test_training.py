"""`pastiched train fast`: real steps on real pictures, with a loss network of the right shape and random weights."""

from __future__ import annotations

import io
import json
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from skimage import data

from pastiched.networks.features import STAGES, FeatureNetwork
from pastiched.networks.pastiche_net import PEAKS, PasticheNet
from pastiched.networks.peaks import peak_of
from pastiched.training.calm import calm_loss
from pastiched.training.cli import main
from pastiched.training.collection import survey
from pastiched.training.curation import LEAST_CHANCE, Worth, judge
from pastiched.training.data import CropSupply, choose_hold_out, random_crop
from pastiched.training.fast import FastRun
from pastiched.training.losses import content_loss, grid_loss, lattice_loss, repetition_loss, rim_loss, style_losses
from pastiched.training.matrix_optimizer import MatrixOptimizer
from pastiched.training.stamps import stamp_loss
from pastiched.training.wasserstein import WassersteinTarget

WIDTHS, WIDE = (16, 32, 64, 128, 128), (64, 128, 256, 512, 512)


def random_loss_network(path: Path) -> Path:
    torch.manual_seed(0)
    weights = {"preprocess.weight": torch.eye(3)[:, :, None, None] * 2, "preprocess.bias": -torch.ones(3)}
    inputs = 3
    for stage, width, wide in zip(STAGES, WIDTHS, WIDE, strict=True):
        for name in stage:
            weights[f"conv{name}.weight"] = torch.randn(width, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
            weights[f"conv{name}.bias"] = torch.zeros(width)
            inputs = width
        weights[f"linear{stage[0]}.weight"] = torch.randn(wide, width, 1, 1) * width**-0.5
        weights[f"linear{stage[0]}.bias"] = torch.zeros(wide)
    save_file(weights, str(path))
    return path


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for kind, names in (("photos", ("astronaut", "chelsea", "coffee")), ("styles", ("retina", "immunohistochemistry"))):
        (tmp_path / kind).mkdir()
        for name in names:
            for part in range(2):
                picture = Image.fromarray(getattr(data, name)()).resize((200, 150))
                picture.crop((part * 20, 0, 160 + part * 20, 150)).save(tmp_path / kind / f"{name}-{part}.png")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    random_loss_network(tmp_path / "loss.safetensors")
    return tmp_path


def train(folder: Path, *more: str) -> int:
    given = [
        "--photos",
        folder / "photos",
        "--styles",
        folder / "styles",
        "--loss-network",
        folder / "loss.safetensors",
    ]
    where = ["--out", folder / "run", "--size", "64", "--batch", "2", "--hold-out", folder / "hold-out.txt"]
    return main(["fast", *map(str, given + where), *more])


def test_training_writes_weights_card_sheet_and_resumes(folders: Path) -> None:
    assert train(folders, "--steps", "3") == 0
    first = load_file(str(folders / "run" / "fast.safetensors"))
    assert all(tensor.dtype == torch.float16 for tensor in first.values())
    network = PasticheNet()
    network.load_state_dict({k: v.float() for k, v in first.items()})
    assert all(peak_of(network.get_submodule(name)) is not None for name in PEAKS), "it can be computed in integers"
    card = json.loads((folders / "run" / "fast.json").read_text())
    assert (card["steps"], card["image_steps"], card["seed"]) == (3, 6, 0)
    assert card["figures"]["held_out_style"] > 0
    assert str(folders) not in json.dumps(card)
    held = (folders / "hold-out.txt").read_text().split()
    assert len(held) == 5
    assert Image.open(folders / "run" / "sheet-000003.png").width == 3 * 256

    assert train(folders, "--steps", "5", "--resume") == 0
    card = json.loads((folders / "run" / "fast.json").read_text())
    assert card["steps"] == 5
    second = load_file(str(folders / "run" / "fast.safetensors"))
    assert any(not torch.equal(second[k], first[k]) for k in first)
    assert train(folders, "--steps", "5", "--resume") == 0
    third = load_file(str(folders / "run" / "fast.safetensors"))
    assert all(torch.equal(third[k], second[k]) for k in first), "nothing was left to do"
    assert "to step 3" in card["command"] and "to step 5" in card["command"]
    assert (folders / "hold-out.txt").read_text().split() == held


def test_training_from_shipped_weights_starts_there(folders: Path) -> None:
    assert train(folders, "--steps", "1") == 0
    start = folders / "start.safetensors"
    (folders / "run" / "fast.safetensors").rename(start)
    assert main(
        ["fast", "--photos", str(folders / "photos"), "--styles", str(folders / "styles"), "--loss-network",
         str(folders / "loss.safetensors"), "--out", str(folders / "second"), "--size", "64", "--batch", "2",
         "--steps", "1", "--rate", "1e-9", "--seed", "1", "--init", str(start)]
    ) == 0  # fmt: skip
    before, after = load_file(str(start)), load_file(str(folders / "second" / "fast.safetensors"))
    learned = [name for name in before if not name.endswith(".peak")]
    assert all(torch.allclose(before[k].float(), after[k].float(), atol=1e-3) for k in learned)
    assert json.loads((folders / "second" / "fast.json").read_text())["started_from"] == "start"


def test_ctrl_c_ends_the_run_after_the_step_with_a_checkpoint_of_it(
    folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = FastRun.advance

    def interrupted(run: FastRun, *given: Any) -> dict[str, torch.Tensor]:
        if run.step == 1:
            signal.raise_signal(signal.SIGINT)
        return advance(run, *given)

    monkeypatch.setattr(FastRun, "advance", interrupted)
    before = signal.getsignal(signal.SIGINT)
    assert train(folders, "--steps", "9") == 130
    assert "--resume" in capsys.readouterr().err
    assert torch.load(folders / "run" / "checkpoint.pt", weights_only=True)["step"] == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every weight, though sheets were drawn on the way."""
    advance = FastRun.advance
    monkeypatch.setattr("pastiched.training.run.SAVE_EVERY", 2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert train(folders, "--steps", "4") == 0
    (folders / "run").rename(folders / "at once")

    def interrupted(run: FastRun, *given: Any) -> dict[str, torch.Tensor]:
        if run.step == 2:
            raise KeyboardInterrupt
        return advance(run, *given)

    monkeypatch.setattr(FastRun, "advance", interrupted)
    assert train(folders, "--steps", "4") == 130
    monkeypatch.setattr(FastRun, "advance", advance)
    assert train(folders, "--steps", "4", "--resume") == 0
    torch.set_num_threads(threads)
    once, twice = (load_file(str(folders / name / "fast.safetensors")) for name in ("at once", "run"))
    assert all(torch.equal(once[name], twice[name]) for name in once)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "damaged"),
        (b"junk", "damaged"),
        ([1, 2], "another method"),
        ({"student": {}}, "another method"),
        ({"network": {}}, "another method"),
    ],
    ids=["empty", "junk", "list", "other run", "other network"],
)
def test_a_checkpoint_that_cannot_be_gone_on_from_is_named(
    folders: Path, capsys: pytest.CaptureFixture[str], content: object, said: str
) -> None:
    (folders / "run").mkdir()
    path = folders / "run" / "checkpoint.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    assert train(folders, "--steps", "1", "--resume") == 2
    assert said in capsys.readouterr().err


def test_a_picture_too_large_for_pillow_is_left_out_and_named(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("1", (20000, 10000)).save(folders / "photos" / "bomb.png")
    assert train(folders, "--steps", "1") == 0
    assert "photos: 1 file is larger than can be opened safely and is left out: bomb.png." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--size", "100"], "multiple of 64"),
        (["--loss-network", "nothing.safetensors"], "does not exist"),
        (["--photos", "/nowhere"], "nowhere"),
        (["--batch", "0"], "--batch must be above 0"),
        (["--minutes", "0"], "--minutes must be above 0"),
        (["--init", "{photos}/broken.jpg"], "header"),
        (["--loss-network", "{photos}/broken.jpg"], "header"),
        (["--device", "nonsense"], "device"),
    ],
)
def test_bad_input_gets_one_sentence(
    folders: Path, capsys: pytest.CaptureFixture[str], wrong: list[str], said: str
) -> None:
    more = [] if "--minutes" in wrong else ["--steps", "1"]
    assert train(folders, *more, *(word.format(photos=folders / "photos") for word in wrong)) == 2
    assert said in capsys.readouterr().err


def test_a_run_is_not_overwritten_and_not_all_can_be_held_out(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(folders, "--steps", "1") == 0
    assert train(folders, "--steps", "1") == 2
    assert "--resume" in capsys.readouterr().err
    names = [f"photos/{p.name}" for p in (folders / "photos").iterdir()]
    (folders / "hold-out.txt").write_text("\n".join(names))
    assert train(folders, "--steps", "1", "--resume") == 2
    assert "held out" in capsys.readouterr().err


def test_a_failing_supply_ends_the_training_instead_of_waiting(folders: Path) -> None:
    photos = survey(folders / "photos", 64, "photos", lambda line: None)
    for path in (folders / "photos").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="is the folder still there"):
        next(iter(CropSupply(photos, photos, 64, 2, 0)))


def test_another_network_is_no_loss_network(tmp_path: Path) -> None:
    save_file({"something": torch.zeros(1)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(ValueError, match="not a feature network"):
        FeatureNetwork.load(tmp_path / "other.safetensors")


def test_losses_are_zero_for_the_same_picture_and_not_for_another(tmp_path: Path) -> None:
    network = FeatureNetwork.load(random_loss_network(tmp_path / "loss.safetensors"))
    a, b = (network(torch.rand(1, 3, 64, 64) ** power) for power in (1, 3))
    assert content_loss(a, a) == 0 and content_loss(a, b) > 0
    same, other = style_losses(network, a, a, b), style_losses(network, b, a, b)

    assert max(map(float, same)) < 0.01 * min(map(float, other)) and max(map(float, other)) <= 1


def test_the_wasserstein_distance_and_its_slope_are_those_of_the_definition() -> None:
    torch.manual_seed(0)
    means, roots = torch.randn(2, 1, 6), torch.randn(2, 1, 6, 9)
    covariances = (roots @ roots.transpose(2, 3) / 9).double()
    own = covariances[0].requires_grad_()
    target = WassersteinTarget(means[1], covariances[1])
    distance = target.distance(means[0].double(), own)

    def root(matrix: torch.Tensor) -> torch.Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        return (vectors * values.clamp_min(0).sqrt()) @ vectors.t()

    a, b = own[0].detach(), covariances[1][0]
    known = (means[0] - means[1]).double().square().sum() + torch.trace(a + b - 2 * root(root(b) @ a @ root(b)))
    assert float(distance.detach()) == pytest.approx(float(known), rel=0.02), "but for the ridge"

    distance.sum().backward()
    assert own.grad is not None
    way = torch.randn(6, 6).double()
    way = 1e-5 * (way + way.t())
    after, before = (target.distance(means[0].double(), own.detach() + sign * way) for sign in (1, -1))
    assert float((own.grad[0] * way).sum()) == pytest.approx(float(after - before) / 2, rel=1e-4)


def test_margins_are_cut_off_and_dull_pictures_come_less_often() -> None:
    rng = np.random.default_rng(0)
    plate = np.full((200, 160, 3), 240, np.uint8)
    plate[30:180, 20:150] = rng.integers(0, 255, (150, 130, 3))

    def judged(pixels: np.ndarray) -> Worth:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return judge(file.getvalue())

    lively = judged(plate)
    assert lively.box == (20, 30, 150, 180)
    assert lively.chance > 0.9
    grey, even = plate[..., :1].repeat(3, 2), np.full((90, 90, 3), 128, np.uint8)
    assert LEAST_CHANCE <= judged(grey).chance < 0.6
    assert judged(even).chance == LEAST_CHANCE
    left, top, right, bottom = judged(even).box
    assert right > left and bottom > top, "something is left of a picture that is all margin"


def test_the_optimizer_moves_every_weight_and_goes_on_where_it_was() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 3, 12, 12)

    def steps(network: torch.nn.Module, optimizer: MatrixOptimizer, count: int) -> None:
        for _ in range(count):
            network.zero_grad()
            network(x).square().mean().backward()
            optimizer.step()

    def build() -> torch.nn.Module:
        torch.manual_seed(1)
        return torch.nn.Sequential(torch.nn.Conv2d(3, 12, 3), torch.nn.ReLU(), torch.nn.Conv2d(12, 12, 3))

    whole, first, second = build(), build(), build()
    start = {k: v.clone() for k, v in whole.state_dict().items()}
    steps(whole, MatrixOptimizer(whole, 1e-2), 4)
    assert all(not torch.equal(v, start[k]) for k, v in whole.state_dict().items())

    optimizer = MatrixOptimizer(first, 1e-2)
    steps(first, optimizer, 2)
    second.load_state_dict(first.state_dict())
    resumed = MatrixOptimizer(second, 1e-2)
    resumed.load_state_dict(optimizer.state_dict())
    steps(second, resumed, 2)
    assert all(torch.equal(v, whole.state_dict()[k]) for k, v in second.state_dict().items())


def test_a_checkerboard_is_seen() -> None:
    torch.manual_seed(0)
    assert grid_loss(torch.rand(1, 3, 128, 128)) < 0.05
    assert grid_loss(torch.rand(1, 3, 4, 4).repeat(1, 1, 32, 32)) > 0.8


def test_marks_on_the_networks_own_grid_are_seen() -> None:
    torch.manual_seed(0)
    free, a, b = torch.rand(1, 3, 128, 128), torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    quincunx = torch.cat([torch.cat([a, b], 3), torch.cat([b, a], 3)], 2).repeat(1, 1, 8, 8)
    assert lattice_loss(free) < 0.01
    assert lattice_loss(quincunx) > 0.2


@pytest.mark.parametrize("period", [5, 8, 11, 16])
def test_repetition_is_seen_at_any_period_unless_the_style_repeats_too(period: int) -> None:
    torch.manual_seed(0)
    free = torch.rand(1, 3, 128, 128)
    wave = 0.5 + 0.4 * torch.cos(torch.arange(128) * 2 * torch.pi / period)
    repeated = (wave[:, None] * wave).expand(1, 3, 128, 128)
    assert repetition_loss(free, free) < 0.002
    assert repetition_loss(repeated, free) > 0.02
    assert repetition_loss(repeated, repeated) < 0.1 * repetition_loss(repeated, free)


def test_one_mark_stamped_in_an_even_sky_is_seen_and_strokes_are_not() -> None:
    torch.manual_seed(0)
    sky, mark = (
        torch.full((1, 3, 128, 128), 0.6),
        torch.rand(1, 1, 12, 12).repeat_interleave(2, 2).repeat_interleave(2, 3),
    )
    stamped, painted = sky.clone(), sky.clone()
    for row in range(2, 100, 25):
        for column in range(2, 100, 25):
            down, right = torch.randint(0, 4, (2,)).tolist()
            place = (..., slice(row + down, row + down + 24), slice(column + right, column + right + 24))
            stamped[place] = 0.4 + 0.4 * mark
            painted[place] = 0.4 + 0.4 * torch.rand(1, 1, 12, 12).repeat_interleave(2, 2).repeat_interleave(2, 3)
    pale = 0.6 + 0.01 * (stamped - 0.6)
    assert stamp_loss(stamped, sky, painted) > 0.2
    assert stamp_loss(painted, sky, painted) < 0.1
    assert stamp_loss(pale, sky, painted) < 0.02, "nobody sees it"
    assert stamp_loss(stamped, sky, stamped) < 0.1, "the style is stamped itself"


@pytest.mark.parametrize("edge", range(4))
def test_a_coloured_rim_is_seen_at_every_edge(edge: int) -> None:
    torch.manual_seed(0)
    photographs = torch.rand(2, 3, 96, 96)
    rimmed = photographs.rot90(edge, (2, 3)).clone()
    rimmed[:, 0, :, :8] += 0.1
    rimmed = rimmed.rot90(-edge, (2, 3))
    assert rim_loss(0.7 * photographs + 0.1, photographs) < 1e-4
    assert rim_loss(rimmed, photographs) > 3e-4


def test_stamps_count_only_where_the_photograph_is_even() -> None:
    torch.manual_seed(0)
    photograph = torch.full((1, 3, 128, 128), 0.6)
    photograph[:, :, 64:] = torch.rand(1, 3, 64, 128)
    windows = torch.rand(1, 3, 16, 16).repeat(1, 1, 4, 8)
    y = photograph.clone()
    y[:, :, 72:] = windows[:, :, 8:]
    y[:, :, :64] += 0.05 * torch.rand(1, 3, 64, 128)
    style = torch.rand(1, 3, 128, 128)
    lively_there, even_there = stamp_loss(y, photograph, style), stamp_loss(y, photograph.flip(2), style)
    assert lively_there < 0.6 * even_there
    assert even_there > 0.3


def test_foreign_colours_are_seen_where_the_photograph_is_even_unless_the_style_has_them_everywhere() -> None:
    torch.manual_seed(0)
    photograph = torch.full((1, 3, 192, 192), 0.5)
    photograph[:, :, 96:] = torch.rand(1, 3, 12, 24).repeat_interleave(8, 2).repeat_interleave(8, 3)
    dashes = torch.zeros(192, 192)
    for left in range(4, 192, 24):
        dashes[10:80, left : left + 8] = 0.3
    poppies, light = photograph.clone(), photograph + dashes
    poppies[:, 0] += dashes
    meadow = photograph.clone()
    meadow[:, 0] += dashes.flip(0)
    assert calm_loss(poppies, photograph, photograph) > 0.02
    assert calm_loss(light, photograph, photograph) < 1e-4, "strokes of the same colour"
    assert calm_loss(meadow, photograph, photograph) < 0.002, "poppies in a lively meadow"
    everywhere = torch.rand(1, 3, 24, 24).repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert calm_loss(poppies, photograph, everywhere) < 0.5 * calm_loss(poppies, photograph, photograph)


def test_held_out_pictures_are_fixed_by_the_seed_and_never_more_than_half() -> None:
    names = [f"{i}.jpg" for i in range(100)]
    assert choose_hold_out(names, 40, 1) == choose_hold_out(names, 40, 1) != choose_hold_out(names, 40, 2)
    assert len(choose_hold_out(names[:10], 40, 1)) == 5


def test_crops_are_square_and_unreadable_files_are_left_out(folders: Path) -> None:
    folder = survey(folders / "photos", 64, "photos", lambda line: None)
    assert "broken.jpg" not in folder.names and len(folder) == 6
    data = folder.read(0)
    assert data is not None
    crop = random_crop(data, 64, (0.1, 0.5), random.Random(0))
    assert crop.shape == (3, 64, 64) and crop.dtype == torch.uint8
