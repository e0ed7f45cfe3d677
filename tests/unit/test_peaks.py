"""How large values become in a network, and a network that is computed in 8-bit integers with that."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from skimage import data
from torch import Tensor

from pastiched.imaging.scale import rows_of
from pastiched.inference.numbers import EXACT, Numbers
from pastiched.inference.opening import open_pastiche_stages
from pastiched.inference.openvino_library import openvino_works
from pastiched.inference.pastiche_painter import PastichePainter
from pastiched.inference.rim import Rim
from pastiched.inference.stages import PasticheStages
from pastiched.inference.torch_stages import TorchPasticheStages
from pastiched.models import default_model
from pastiched.networks.noise import noise_field
from pastiched.networks.pastiche_net import MULTIPLE, PEAKS, PasticheNet
from pastiched.networks.peaks import LEAST, measure_peaks, peak_of
from pastiched.networks.statistics import StyleCode, moments
from pastiched.processor import multiplies_integers
from pastiched.training.cli import main
from tests.unit.tiny_networks import picture

needs_integers = pytest.mark.skipif(
    not (openvino_works() and multiplies_integers()), reason="nothing is computed in integers here"
)
both_types = pytest.mark.parametrize("computed", [torch.bfloat16, torch.float32])
CPU = torch.device("cpu")
SHIPPED = default_model("fast")


def network_of(weights: dict[str, Tensor]) -> PasticheNet:
    network = PasticheNet().eval().requires_grad_(False)
    network.load_state_dict(weights)
    return network


def without_peaks(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if not name.endswith(".peak")}


def known(network: PasticheNet) -> set[str]:
    return {name for name in PEAKS if peak_of(network.get_submodule(name)) is not None}


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for kind, names in (("photos", ("astronaut", "coffee")), ("styles", ("retina",))):
        (tmp_path / kind).mkdir()
        for name in names:
            Image.fromarray(getattr(data, name)()).resize((96, 96)).save(tmp_path / kind / f"{name}.png")
    return tmp_path


def measure(folders: Path, model: Path, out: str = "run") -> int:
    return main(
        ["peaks", "--model", str(model), "--photos", str(folders / "photos"), "--styles", str(folders / "styles"),
         "--out", str(folders / out), "--size", "64"]
    )  # fmt: skip


def test_the_network_that_ships_knows_them_and_its_card_tells_how() -> None:
    assert known(network_of(SHIPPED.load())) == set(PEAKS)
    assert SHIPPED.card["peaks"]["pairs"] >= 100
    assert SHIPPED.card["peaks"]["command"].startswith("pastiched train peaks ")


def test_weights_from_before_there_were_any_still_load() -> None:
    network = network_of(without_peaks(SHIPPED.load()))
    assert not known(network)
    assert not known(copy.deepcopy(network))


def test_peaks_are_the_largest_values_that_come_and_none_is_tiny() -> None:
    network = network_of(without_peaks(SHIPPED.load()))
    x, noise, seen = picture(64, 96), noise_field(0, 64, 96), list[Tensor]()
    hook = network.trunk[1].a.register_forward_pre_hook(  # type: ignore[union-attr, operator]
        lambda layer, given: seen.append(given[0].abs().amax((0, 2, 3)))
    )
    measure_peaks(network, [lambda: network(x, network.encode_style(picture(64, 64, 1)), noise)])
    hook.remove()
    peak = peak_of(network.get_submodule("trunk.1.a"))
    assert peak is not None and known(network) == set(PEAKS)
    assert torch.allclose(peak, seen[0].clamp_min(float(seen[0].max()) * LEAST))
    measure_peaks(network, [])
    assert not known(network), "nothing was seen"


def astronaut() -> Tensor:
    """1 x 3 x 240 x 272 in [0, 1]."""
    return torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None, :, :240, :272].float() / 255


def painted(stages: PasticheStages, x: Tensor, code: StyleCode, most: int = 10**9) -> Tensor:
    rim = Rim.of(272, 240, (False, True), MULTIPLE)
    with torch.inference_mode():
        return PastichePainter(stages, most).paint(rows_of(x), rim, code, 0, lambda done: None).rows(0, 240)


@needs_integers
@both_types
def test_integers_paint_the_same_picture_at_once_and_in_pieces(computed: torch.dtype) -> None:
    weights, x, coarse = SHIPPED.load(), astronaut(), Numbers(computed, coarse=True)
    network = network_of(weights)
    code = network.encode_style(picture(128, 128, 1))
    integers = open_pastiche_stages(weights, coarse, CPU)
    assert integers.quantized
    assert not open_pastiche_stages(weights, Numbers(computed), CPU).quantized, "where more than 8 bits are wanted"
    assert not open_pastiche_stages(without_peaks(weights), coarse, CPU).quantized
    whole = painted(integers, x, code)
    assert decibels(whole, painted(TorchPasticheStages(network, EXACT, CPU), x, code)) >= 38
    assert torch.equal(whole, painted(integers, x, code, 96 * 96)), "to the last bit"
    assert not torch.equal(whole, painted(open_pastiche_stages(without_peaks(weights), coarse, CPU), x, code))


@needs_integers
@both_types
def test_what_integers_are_too_coarse_for_is_painted_without_them(computed: torch.dtype) -> None:
    """Pictures without contrasts, and styles further out than those that peaks were measured on."""
    weights, x, coarse = SHIPPED.load(), astronaut(), Numbers(computed, coarse=True)
    integers, without = (open_pastiche_stages(w, coarse, CPU) for w in (weights, without_peaks(weights)))
    checks = (torch.arange(128)[:, None] // 16 + torch.arange(128) // 16) % 2
    ordinary, glaring = map(
        network_of(weights).encode_style, (picture(128, 128, 1), checks.expand(1, 3, 128, 128) + 0.0)
    )
    for given, code in ((0.05 * x + 0.6, ordinary), (x, glaring)):
        for most in (10**9, 96 * 96):
            assert torch.equal(painted(integers, given, code, most), painted(without, given, code, most))
    quarter, _ = integers.encode(x[:, :, :, :256])
    assert integers.suited(moments(quarter), ordinary) is integers
    precise = integers.suited(moments(quarter), glaring)
    assert not precise.quantized

    class CalledOff(Exception):
        """By the test."""

    def call_off() -> None:
        raise CalledOff

    with pytest.raises(CalledOff), integers.watched(call_off):
        precise.encode(x[:, :, :, :256])


def decibels(a: Tensor, b: Tensor) -> float:
    return float(-10 * torch.log10((a.double() - b.double()).square().mean() + 1e-12))


def test_measuring_leaves_the_weights_and_says_in_the_card_what_was_done(folders: Path) -> None:
    assert measure(folders, SHIPPED.path) == 0
    weights, before = load_file(str(folders / "run" / "fast.safetensors")), load_file(str(SHIPPED.path))
    assert weights.keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in without_peaks(weights).items())
    assert any(not torch.equal(weights[f"{name}.peak"], before[f"{name}.peak"]) for name in PEAKS)
    card = json.loads((folders / "run" / "fast.json").read_text())
    assert card["peaks"]["pairs"] == 2
    assert (card["steps"], card["bytes"]) == (
        SHIPPED.card["steps"],
        (folders / "run" / "fast.safetensors").stat().st_size,
    )
    assert card["sha256"] != SHIPPED.card["sha256"]
    assert str(folders) not in json.dumps(card)


def test_what_is_no_fast_network_is_named_in_a_sentence(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features = default_model("features").path
    alone = shutil.copy(SHIPPED.path, folders / "alone.safetensors")
    taken = folders / "taken"
    taken.mkdir()
    for path in (SHIPPED.path, SHIPPED.path.with_suffix(".json")):
        shutil.copy(path, taken)
    before = (taken / "fast.safetensors").read_bytes()
    for model, out, said in (
        (features, "a", "not that of a Fast network"),
        (Path(alone), "b", "alone.json"),
        (folders / "nowhere.safetensors", "c", "nowhere"),
        (taken / "fast.safetensors", "taken", "choose another --out"),
    ):
        assert measure(folders, model, out) == 2
        complaint = capsys.readouterr().err.strip()
        assert said in complaint and "\n" not in complaint
    assert (taken / "fast.safetensors").read_bytes() == before
