"""Promises that hold whichever library computes: the same pictures, and a stage that is called off ends."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from pastiched.imaging.scale import rows_of
from pastiched.inference import opening, openvino_library
from pastiched.inference.numbers import EXACT, Numbers
from pastiched.inference.openvino_library import CompiledGraph, openvino_works
from pastiched.inference.pastiche_painter import PastichePainter
from pastiched.inference.rim import Rim
from pastiched.inference.stages import GeneratorStages, PasticheStages, Stages
from pastiched.inference.torch_stages import TorchGeneratorStages, TorchPasticheStages
from pastiched.models import default_model
from pastiched.networks.convolution import Convolution
from pastiched.networks.generator import Generator
from pastiched.networks.noise import noise_field
from pastiched.networks.pastiche_net import MULTIPLE, PasticheNet, decoder_controls, painter_controls
from pastiched.networks.statistics import moments
from tests.unit.tiny_networks import picture
from tests.unit.trained_files import random_generator

CPU = torch.device("cpu")
S = TypeVar("S", bound=Stages)
LIBRARIES = ["PyTorch", "OpenVINO"]
FAST, COARSE = Numbers(torch.bfloat16), Numbers(torch.float32, coarse=True)
WAYS = [("OpenVINO", EXACT, 80), ("OpenVINO", FAST, 40), ("OpenVINO", COARSE, 38), ("PyTorch", FAST, 40)]
WAYS += [("PyTorch", COARSE, 50)]
"""With the decibels within which it is the picture of PyTorch in float32."""
needs_openvino = pytest.mark.skipif(not openvino_works(), reason="OpenVINO is not here")


class CalledOff(Exception):
    """By a test."""


def call_off() -> None:
    raise CalledOff


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def network() -> PasticheNet:
    ours = PasticheNet().eval().requires_grad_(False)
    ours.load_state_dict(default_model("fast").load())
    return ours


@pytest.fixture(scope="module")
def generator() -> Generator:
    """Not so steep that most of its picture is black or white."""
    random = random_generator().eval().requires_grad_(False)
    random.out.weight.div_(8)
    return random


def opened(open_stages: Callable[..., S], network: nn.Module, library: str, numbers: Numbers) -> S:
    if library == "OpenVINO" and not openvino_works():
        pytest.skip("OpenVINO is not here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "openvino_works", lambda: library == "OpenVINO")
        stages = open_stages(network.state_dict(), numbers, CPU)
    assert (stages.library, stages.numbers) == (library, numbers)
    return stages


def pastiche_stages(network: nn.Module, library: str, numbers: Numbers = EXACT) -> PasticheStages:
    return opened(opening.open_pastiche_stages, network, library, numbers)


def generator_stages(network: nn.Module, library: str, numbers: Numbers = EXACT) -> GeneratorStages:
    return opened(opening.open_generator_stages, network, library, numbers)


def decibels(a: Tensor, b: Tensor) -> float:
    return float(-10 * torch.log10((a.double() - b.double()).square().mean()))


@pytest.mark.parametrize(("library", "numbers", "least"), WAYS)
def test_a_pastiche_is_the_same_by_every_library(
    network: PasticheNet, library: str, numbers: Numbers, least: int
) -> None:
    x, code = picture(144, 208), network.encode_style(picture(128, 128, 1))
    rim = Rim.of(208, 144, (True, False), MULTIPLE)

    def painted(stages: PasticheStages, most: int) -> Tensor:
        return PastichePainter(stages, most).paint(rows_of(x), rim, code, 0, lambda done: None).rows(0, 144)

    measure = painted(TorchPasticheStages(copy.deepcopy(network), EXACT, CPU), 10**9)
    stages = pastiche_stages(network, library, numbers)
    assert float(measure.std()) > 0.05
    assert all(decibels(painted(stages, most), measure) >= least for most in (10**9, 96 * 96))


@pytest.mark.parametrize(("library", "numbers", "least"), WAYS)
def test_a_generators_picture_is_the_same_by_every_library(
    generator: Generator, library: str, numbers: Numbers, least: int
) -> None:
    stages = generator_stages(generator, library, numbers)
    measure = TorchGeneratorStages(copy.deepcopy(generator), EXACT, CPU)
    for height, width in ((144, 208), (32, 32)):
        given = picture(height, width), noise_field(0, height, width)
        wanted = measure.generate(*given)
        assert float(wanted.std()) > 0.05
        assert decibels(stages.generate(*given), wanted) >= least


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_stage_that_is_called_off_ends_and_the_next_run_is_right(
    network: PasticheNet, generator: Generator, library: str
) -> None:
    pastiche, look = pastiche_stages(network, library), generator_stages(generator, library)
    x, noise, code = picture(96, 128), noise_field(0, 96, 128), network.encode_style(picture(64, 64, 1))
    quarter, eighth = pastiche.encode(x)
    painter = painter_controls(code, moments(quarter), moments(eighth))
    h = pastiche.paint(quarter, eighth, noise, painter)
    runs: list[tuple[Stages, Callable[[], Tensor]]] = [
        (pastiche, lambda: pastiche.encode(x)[1]),
        (pastiche, lambda: pastiche.paint(quarter, eighth, noise, painter)),
        (pastiche, lambda: pastiche.decode(h, decoder_controls(code, moments(h)))),
        (look, lambda: look.generate(x, noise)),
    ]
    for stages, run in runs:
        wanted = run()
        with pytest.raises(CalledOff), stages.watched(call_off):
            run()
        assert torch.equal(run(), wanted), "and nobody asks any more"


class Later:
    """A check that calls a run off the `number`th time that it is asked."""

    def __init__(self, number: int) -> None:
        self.number, self.asked = number, 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked == self.number:
            raise CalledOff


class Chain(nn.Module):
    """Layers enough for a run that lasts: each is added to what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Convolution(64, 64) for _ in range(12))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x)
        return x

    def compiled(self) -> CompiledGraph:
        from openvino import opset13

        from pastiched.inference.openvino_layers import Graph, convolution

        building = Graph(EXACT)
        node = building.features(64, "x")
        for layer in self.layers:
            assert isinstance(layer, Convolution)
            node = opset13.add(node, convolution(node, layer))
        return CompiledGraph(building.model(node), torch.float32)


@needs_openvino
def test_openvino_stops_in_the_middle_of_a_long_run_and_the_next_of_any_size_is_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # Long enough on machines with many cores, too.
    torch.manual_seed(0)
    network = Chain()
    graph, large, small = network.compiled(), torch.randn(1, 64, 256, 256), torch.randn(1, 64, 96, 64)

    def run(x: Tensor, check: Callable[[], None] = lambda: None) -> Tensor:
        out = torch.full_like(x, torch.nan)
        try:
            graph.run({"x": x}, [out], check)
        except CalledOff:
            assert bool(out.isnan().all()), "before its last layer"
            raise
        return out

    watch, wanted = Later(10**9), {x: network(x) for x in (small, large)}
    assert torch.allclose(run(large, watch), wanted[large], rtol=1e-3, atol=1e-3)
    assert watch.asked >= 4, "several times while it runs"
    for x in (small, small, large):
        with pytest.raises(CalledOff):
            run(large, Later(2))
        assert torch.allclose(run(x), wanted[x], rtol=1e-3, atol=1e-3)


@needs_openvino
def test_a_job_after_one_that_was_called_off_anywhere_is_painted_as_ever(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was stopped leaves the library with some layers of one size and some of another."""
    monkeypatch.setattr(openvino_library, "WAITING", 1)
    stages, shapes = generator_stages(generator, "OpenVINO"), [(288, 288), (256, 192), (192, 320)]
    given = [(picture(*shape), noise_field(0, *shape)) for shape in shapes]
    wanted = [stages.generate(*job) for job in given]
    for number, (off, job) in enumerate(itertools.product(range(3), repeat=2)):
        for asked in (2, 3 + 3 * (number % 5)):
            with pytest.raises(CalledOff), stages.watched(Later(asked)):
                stages.generate(*given[off])
                call_off()
            assert torch.allclose(stages.generate(*given[job]), wanted[job], atol=1e-5)


@pytest.mark.parametrize("library", LIBRARIES)
def test_memory_given_back_between_runs_changes_nothing(generator: Generator, library: str) -> None:
    stages = generator_stages(generator, library)
    for height, width in ((96, 128), (64, 64), (96, 128)):
        given = picture(height, width), noise_field(0, height, width)
        wanted = stages.generate(*given)
        stages.release()
        assert torch.equal(stages.generate(*given), wanted)
