"""`pastiched train gan` as people run it: real processes, the network that ships, pieces of an engraving as styles."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pastiched.models import default_model
from pastiched.networks.features import FeatureNetwork
from pastiched.networks.generator import Generator
from pastiched.networks.noise import noise_field
from pastiched.trained_model import TrainedModel, read_trained_model
from pastiched.training.gan import GanWeights
from pastiched.training.losses import content_loss
from tests.unit.small_disk import mounted
from tests.unit.training_folders import write_photographs, write_styles

PATIENCE = 240.0
STEPS, PREVIEW = 300, 150


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_photographs(folder / "photos", most=10)
    write_styles(folder / "styles")
    return folder


def command(pictures: Path, out: Path, *more: object) -> list[str]:
    words = ["train", "gan", "--photos", pictures / "photos", "--styles", pictures / "styles", "--name", "engraving"]
    words += ["--out", out, "--size", 64, "--batch", 4, "--threads", 1, *more]
    return [sys.executable, "-m", "pastiched.cli", *map(str, words)]


def train(pictures: Path, out: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(pictures, out, *more), capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE, check=False
    )


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "progress.jsonl").read_text("utf-8").splitlines()]


def measured(out: Path, key: str) -> list[float]:
    """Of the lines that tell losses, not figures of checkpoints."""
    return [line[key] for line in lines(out) if key in line and "patchfd" not in line]


def painted(model: TrainedModel, photograph: Tensor) -> Tensor:
    generator = Generator().eval()
    generator.load_state_dict(model.load())
    with torch.inference_mode():
        return generator(photograph, noise_field(0, photograph.shape[2], photograph.shape[3]))


def photograph(path: Path) -> Tensor:
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB").resize((96, 96)), np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


@pytest.fixture(scope="module")
def finished(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A whole training, and what it said."""
    out = tmp_path_factory.mktemp("finished") / "run"
    done = train(pictures, out, "--steps", STEPS, "--preview-every", PREVIEW, "--plot", "--title", "Engraving")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return out, done.stdout


def test_the_losses_fall(finished: tuple[Path, str]) -> None:
    out, _ = finished
    weights = {name: weight for name, weight in asdict(GanWeights()).items() if name not in ("adversary", "surface")}
    rows = [line for line in lines(out) if "style" in line]
    total = [sum(weight * line.get(name, 0) for name, weight in weights.items()) for line in rows]
    assert len(rows) == STEPS // 50 and total == sorted(total, reverse=True) and total[-1] < 0.6 * total[0]
    for name in ("style", "palette"):
        assert rows[-1][name] < 0.5 * rows[0][name]
    assert {line["phase"] for line in lines(out)} >= {"style", "adversarial"}
    assert 0 < measured(out, "texture_d")[-1] < measured(out, "texture_d")[0]


def test_photographs_that_were_held_out_move_towards_the_style_and_remain_themselves(
    finished: tuple[Path, str], pictures: Path
) -> None:
    out, _ = finished
    figures = [line for line in lines(out) if "patchfd" in line]
    assert [line["step"] for line in figures][-1] == STEPS
    assert figures[-1]["patchfd_share"] < 0.85
    held = [line for line in (out / "hold-out.txt").read_text().split() if line.startswith("photos/")]
    assert len(held) >= 5
    model = read_trained_model(out / "engraving.safetensors")
    before = torch.cat([photograph(pictures / name) for name in held])
    after = torch.cat([painted(model, x[None]) for x in before])
    assert float((after - before).abs().mean()) > 0.05
    chroma = [float((x - x.mean(1, keepdim=True)).square().mean().sqrt()) for x in (before, after)]
    assert chroma[1] < 0.7 * chroma[0], "an engraving has no colours"
    network = FeatureNetwork.load(default_model("features").path)
    with torch.inference_mode():
        of_photographs, of_pastiches = ([network(x[None]) for x in pictures] for pictures in (before, after))
    for k, own in enumerate(of_pastiches):
        distances = [float(content_loss(own, other)) for other in of_photographs]
        assert min(distances) == distances[k], "nearer to its own photograph than to any other"


def test_the_folder_holds_all_that_one_wants_to_look_at(finished: tuple[Path, str]) -> None:
    out, said = finished
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    steps = range(PREVIEW, STEPS + 1, PREVIEW)
    assert names == {
        "engraving.safetensors", "checkpoint.pt", "progress.jsonl", "run.json", "report.html", "curves.svg",
        "hold-out.txt", *(f"sheet-{step:06}.png" for step in steps),
        *(f"checkpoints/step-{step:06}.safetensors" for step in steps),
    }  # fmt: skip
    for step in steps:
        assert read_trained_model(out / f"checkpoints/step-{step:06}.safetensors").card["steps"] == step
    page = (out / "report.html").read_text("utf-8")
    assert "Training of Engraving" in page and f"sheet-{STEPS:06}.png" in page
    assert f"pastiched models add {out / 'engraving.safetensors'}" in said
    assert f"step {STEPS}" in said, "a line of progress"


def test_the_model_is_a_trained_model_with_its_card(finished: tuple[Path, str]) -> None:
    out, _ = finished
    model = read_trained_model(out / "engraving.safetensors")
    assert (model.name, model.title) == ("engraving", "Engraving")
    assert model.card["figures"]["patchfd_share"] < 1 and model.card["steps"] == STEPS
    assert model.thumbnail.startswith(b"\xff\xd8\xff")
    assert str(out.parent) not in json.dumps(model.card)


def test_without_adversary_the_same_command_learns_from_the_style_loss_alone(pictures: Path, tmp_path: Path) -> None:
    done = train(pictures, tmp_path / "run", "--steps", 12, "--no-adversary")
    assert done.returncode == 0, done.stderr
    kept = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert (kept["step"], kept["adversary"]["steps"]) == (12, 0)
    assert lines(tmp_path / "run")[-1]["phase"] == "adversarial"


def test_a_run_that_is_killed_goes_on_from_its_last_checkpoint(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    more = ["--steps", 21, "--preview-every", 7]
    killed = subprocess.Popen(command(pictures, out, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    while not (out / "sheet-000007.png").exists():
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    kept = torch.load(out / "checkpoint.pt", weights_only=True)["step"]
    assert 7 <= kept < 21
    done = train(pictures, out, *more, "--resume")
    assert done.returncode == 0, done.stderr
    assert not list(out.rglob("*.part"))
    assert read_trained_model(out / "engraving.safetensors").card["steps"] == 21
    assert (out / "sheet-000021.png").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Room for a checkpoint and little more."""
    with mounted(tmp_path / "disk", "48m") as folder:
        yield folder


def test_a_full_disk_ends_it_with_a_sentence_and_the_last_checkpoint_survives(pictures: Path, small_disk: Path) -> None:
    out = small_disk / "run"
    done = train(pictures, out, "--steps", 60, "--preview-every", 2)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr and "MB are free" in done.stderr and done.stderr.count("\n") == 1
    kept = torch.load(out / "checkpoint.pt", weights_only=True)["step"]
    assert kept >= 2 and not list(out.rglob("*.part"))
    for path in out.glob("checkpoints/*.safetensors"):
        read_trained_model(path)
    (out / "sheet-000002.png").unlink()
    for path in out.glob("checkpoints/*.safetensors"):
        path.unlink()
    done = train(pictures, out, "--steps", kept + 1, "--resume", "--preview-every", 1000)
    assert done.returncode == 0, done.stderr
    assert read_trained_model(out / "engraving.safetensors").card["steps"] == kept + 1


def test_the_textbook_recipe_tells_a_line_an_epoch(pictures: Path, tmp_path: Path) -> None:
    done = train(pictures, tmp_path / "run", "--recipe", "plain", "--epochs", 2, "--batch", 8)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("epoch")] == ["1/2", "2/2"]
    assert read_trained_model(tmp_path / "run" / "engraving.safetensors").card["recipe"] == "plain"


def test_a_folder_that_is_not_there_is_one_sentence(pictures: Path, tmp_path: Path) -> None:
    done = train(pictures, tmp_path / "run", "--photos", tmp_path / "nowhere")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "there is no folder" in done.stderr
