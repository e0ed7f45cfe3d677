"""`pastiched train features`: a small network learns what a larger one sees, from real pictures."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from skimage import data
from torch import Tensor

from pastiched.networks.features import TAPS, FeatureNetwork
from pastiched.networks.student import WIDTHS, Student
from pastiched.training.cli import main
from pastiched.training.features import vary
from pastiched.training.practice import LIFE, Practice
from pastiched.training.teacher import Teacher
from tests.unit.tiny_networks import compact, picture, vgg19, vgg19_weights

needs_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="the optimizer Muon is of PyTorch 2.9")
TEACHER_WIDTHS = (24, 40, 72, 136, 136)
"""More channels than the student has at every level, as VGG-19."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> object:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for kind, names in (("photos", ("astronaut", "chelsea", "coffee")), ("styles", ("retina", "immunohistochemistry"))):
        (tmp_path / kind).mkdir()
        for name in names:
            whole = Image.fromarray(getattr(data, name)()).resize((200, 150))
            for part in range(2):
                whole.crop((part * 20, 0, 160 + part * 20, 150)).save(tmp_path / kind / f"{name}-{part}.png")
    save_file(vgg19_weights(TEACHER_WIDTHS), str(tmp_path / "teacher.safetensors"))
    (tmp_path / "hold-out.txt").write_text("photos/coffee-1.png\nstyles/retina-1.png\n")
    return tmp_path


def train(folder: Path, *more: str) -> int:
    given: list[object] = ["--photos", folder / "photos", "--styles", folder / "styles"]
    given += ["--teacher", folder / "teacher.safetensors", "--hold-out", folder / "hold-out.txt"]
    where = ["--out", folder / "run", "--size", "32", "--batch", "4", "--threads", "1"]
    return main(["features", *map(str, given), *map(str, where), *more])


@needs_muon
def test_training_writes_what_it_learnt_with_a_card_and_resumes(folders: Path) -> None:
    assert train(folders, "--steps", "50", "--seed", "3") == 0
    path = folders / "run" / "features.safetensors"
    first = load_file(str(path))
    assert all(tensor.dtype == torch.float16 for tensor in first.values())
    network = FeatureNetwork.load(path)
    assert network.has_maps and network.layers[-1] == "relu5_1"
    assert [network.width(tap) for tap in TAPS] == list(WIDTHS)
    for level, (features, wide) in enumerate(zip(network(picture(64, 64)), TEACHER_WIDTHS, strict=True)):
        assert features.isfinite().all() and network.linear(level)[0].shape == (wide, WIDTHS[level])
    card = json.loads(path.with_suffix(".json").read_text())
    assert (card["id"], card["method"], card["steps"], card["seed"]) == ("run", "features", 50, 3)
    assert card["data"]["teacher"] == "teacher.safetensors" and card["data"]["held_out"] == [1, 1]
    assert (card["data"]["photographs"], card["data"]["styles"]) == (5, 3)
    assert card["started_from"] == "random weights"
    assert set(card["figures"]) == {f"relative_error_{tap}" for tap in TAPS}
    assert card["figures"]["relative_error_relu1_1"] < 0.95, "1 would be to know nothing"
    (line,) = [json.loads(text) for text in (folders / "run" / "progress.jsonl").read_text().splitlines()]
    assert line["step"] == 50 and all(line[tap] > 0 for tap in TAPS)
    assert str(folders) not in json.dumps(card), "no path of this machine"

    assert train(folders, "--steps", "52", "--seed", "3", "--resume") == 0
    assert json.loads(path.with_suffix(".json").read_text())["steps"] == 52
    assert any(not torch.equal(tensor, first[name]) for name, tensor in load_file(str(path)).items())


@needs_muon
def test_training_from_what_a_run_exported_starts_there(folders: Path) -> None:
    """The file is what `--init` says that it takes."""
    assert train(folders, "--steps", "1") == 0
    start = folders / "start.safetensors"
    (folders / "run" / "features.safetensors").rename(start)
    (folders / "run" / "checkpoint.pt").unlink()
    assert train(folders, "--steps", "1", "--init", str(start)) == 0
    assert json.loads((folders / "run" / "features.json").read_text())["started_from"] == "start"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--size", "40"], "multiple of 16"),
        (["--size", "16"], "--size"),
        (["--teacher", "nothing.safetensors"], "does not exist"),
        (["--teacher", "{photos}/coffee-0.png"], "header"),
        (["--photos", "/nowhere"], "nowhere"),
        (["--batch", "2"], "--batch must be at least 4"),
        (["--batch", "0"], "--batch must be above 0"),
        (["--minutes", "0"], "--minutes must be above 0"),
        (["--init", "{photos}/coffee-0.png"], "header"),
        (["--init", "{photos}/../teacher.safetensors"], "teacher.safetensors"),
        (["--device", "nonsense"], "device"),
    ],
)
def test_bad_input_gets_one_sentence(
    folders: Path, capsys: pytest.CaptureFixture[str], wrong: list[str], said: str
) -> None:
    more = [] if "--minutes" in wrong else ["--steps", "1"]
    assert train(folders, *more, *(word.format(photos=folders / "photos") for word in wrong)) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_run_is_not_overwritten(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folders / "run").mkdir()
    (folders / "run" / "checkpoint.pt").write_bytes(b"a run")
    assert train(folders, "--steps", "1") == 2
    assert "--resume" in capsys.readouterr().err


def settled_student(seed: int = 0) -> Student:
    """As after some training: every normalisation has statistics and gains of its own."""
    torch.manual_seed(seed)
    student = Student()
    for head in student.heads:
        torch.nn.init.normal_(head.weight, std=0.2)
        torch.nn.init.normal_(head.bias)
    for norm in student.norms.values():
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias, std=0.3)
    with torch.no_grad():
        for k in range(30):
            student(torch.cat([picture(48, 48, seed=2 * k), picture(48, 48, seed=2 * k + 1).square()]))
    return student.eval()


def test_the_folded_network_is_the_student(tmp_path: Path) -> None:
    student, x = settled_student(), picture(64, 80, 100)
    generator = torch.Generator().manual_seed(1)
    bases = [(torch.randn(2 * w, w, generator=generator), torch.randn(2 * w, generator=generator)) for w in WIDTHS]
    network = FeatureNetwork(student.folded(bases))
    with torch.no_grad():
        maps = student(x)
    for level, (features, coordinates) in enumerate(zip(network(x), maps, strict=True)):
        weight, bias = network.linear(level)
        matrix, offset = bases[level]
        wanted = F.conv2d(coordinates, matrix[:, :, None, None], offset)
        found = F.conv2d(features, weight[:, :, None, None], bias)
        assert torch.allclose(found, wanted, atol=2e-3 * float(wanted.abs().max())), TAPS[level]


def explained(teacher: Teacher, x: Tensor) -> list[float]:
    """Share of the variance of the teacher's features that its coordinates hold."""
    shares = []
    for coordinates, features, (matrix, offset) in zip(teacher(x), teacher.features(x), teacher.bases, strict=True):
        back = F.conv2d(coordinates, matrix[:, :, None, None], offset)
        variance = (features - features.mean((0, 2, 3), keepdim=True)).square().sum()
        shares.append(1 - float((back - features).square().sum() / variance))
    return shares


SAMPLE = [picture(96, 96, seed) for seed in range(6)]


@pytest.mark.parametrize("network", [vgg19, compact])
def test_as_many_coordinates_as_channels_hold_everything(network: type) -> None:
    full = (4, 6, 8, 8, 8)
    teacher = Teacher(network(), full, torch.cat(SAMPLE))
    assert min(explained(teacher, torch.cat(SAMPLE))) > 0.999


def test_fewer_coordinates_hold_most_of_the_variance_and_more_hold_more() -> None:
    network, sample = vgg19(), torch.cat(SAMPLE)
    few, more = (explained(Teacher(network, widths, sample), sample) for widths in ((2, 2, 2, 2, 2), (3, 4, 5, 5, 5)))
    assert all(0.3 < a < b <= 1 for a, b in zip(few, more, strict=True))


def test_coordinates_have_a_total_variance_of_one_and_the_mean_zero() -> None:
    sample = torch.cat(SAMPLE)
    for coordinates in Teacher(compact(), (4, 5, 6, 6, 6), sample)(sample):
        flat = coordinates.transpose(0, 1).flatten(1)
        assert float(flat.var(1, correction=0).sum()) == pytest.approx(1, rel=0.01)
        assert float(flat.mean(1).abs().max()) < 1e-3


def test_the_teacher_is_on_the_scale_of_its_linear_maps() -> None:
    network, x = compact(), picture(64, 64)
    teacher = Teacher(network, (4, 5, 6, 6, 6), torch.cat(SAMPLE))
    for level, (small, wide) in enumerate(zip(network(x), teacher.features(x), strict=True)):
        weight, bias = network.linear(level)
        assert torch.allclose(wide, F.conv2d(small, weight[:, :, None, None], bias))


def test_varied_pictures_are_pictures_and_not_all_the_same_as_before() -> None:
    torch.manual_seed(0)
    x = torch.cat([picture(32, 32, seed) for seed in range(16)])
    varied = vary(x.clone())
    assert varied.shape == x.shape and float(varied.min()) >= 0 and float(varied.max()) <= 1
    changed = (varied - x).abs().amax((1, 2, 3)) > 1e-3
    assert 0 < int(changed.sum()) < 16


def test_practice_leads_from_photographs_towards_styles_and_begins_anew() -> None:
    student = settled_student()
    photos, styles = (torch.cat([picture(32, 32, base + k) for k in range(4)]) for base in (0, 50))
    practice = Practice(student, photos, styles.square())
    begun = practice.pictures.clone()
    assert 0 < len(begun) < len(photos)
    seen: list[Tensor] = []
    for _ in range(2 * LIFE + 8):
        practice.advance(photos, styles)
        seen.append(practice.pictures.clone())
        assert float(seen[-1].min()) >= 0 and float(seen[-1].max()) <= 1
    assert float((seen[4] - begun).abs().mean()) > 1e-3
    jumps = [float((b - a).abs().amax()) for a, b in itertools.pairwise(seen)]
    assert max(jumps) > 0.2, "an old picture gave way to a photograph"
