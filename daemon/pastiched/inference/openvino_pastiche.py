"""PasticheNet's stages by OpenVINO: convolutions, with what the style says in their kernels and biases."""

from __future__ import annotations

import torch
from openvino import Model
from openvino import opset13 as op
from torch import Tensor

from pastiched.inference.numbers import Numbers
from pastiched.inference.openvino_layers import (
    Graph,
    Node,
    constant,
    convolution,
    convolved,
    corners,
    every_second,
    folded,
    inside,
    reflected,
    replicated,
    spread,
)
from pastiched.inference.openvino_library import OpenVinoStages
from pastiched.inference.openvino_quantized_pastiche import (
    integers_suffice,
    quantized_decoder,
    quantized_encoder,
    quantized_painter,
)
from pastiched.inference.pastiche_weights import (
    Weights,
    decoder_weights,
    painter_weights,
    quantized_decoder_weights,
    quantized_painter_weights,
)
from pastiched.networks.pastiche_net import BROAD, MIDDLE, NARROW, PEAKS, TRUNK, WIDE, Branch, Controls, PasticheNet
from pastiched.networks.peaks import peak_of
from pastiched.networks.statistics import Moments, StyleCode
from pastiched.processor import multiplies_integers


class OpenVinoPasticheStages(OpenVinoStages):
    """Compiled when they are made."""

    def __init__(self, network: PasticheNet, numbers: Numbers, integers: bool = True) -> None:
        """`integers`: whether layers may be computed in them where coarse numbers do."""
        self.quantized = (
            integers
            and numbers.coarse
            and multiplies_integers()
            and all(peak_of(network.get_submodule(name)) is not None for name in PEAKS)
        )
        quantized = quantized_encoder, quantized_painter, quantized_decoder
        builders = quantized if self.quantized else (_encoder, _painter, _decoder)
        super().__init__(numbers, [build(network, numbers) for build in builders])
        self._encoder, self._painter, self._decoder = self.graphs
        self._for_painter = quantized_painter_weights if self.quantized else painter_weights
        self._for_decoder = quantized_decoder_weights if self.quantized else decoder_weights
        self._network = network
        self._precise: OpenVinoPasticheStages | None = None

    def suited(self, quarter: Moments, code: StyleCode) -> OpenVinoPasticheStages:
        if not self.quantized or integers_suffice(self._network, quarter, code):
            return self
        if self._precise is None:
            self._precise = OpenVinoPasticheStages(self._network, self.numbers, integers=False)
            # Who calls these off or gives their memory back means those, too.
            self._precise.check = lambda: self.check()
            self.graphs += self._precise.graphs
        return self._precise

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        quarter, eighth = self._features(x, MIDDLE, 4), self._features(x, WIDE, 8)
        self._encoder.run({"x": x.contiguous()}, [quarter, eighth], self.check)
        return quarter, eighth

    def paint(self, quarter: Tensor, eighth: Tensor, noise: Tensor, controls: Controls) -> Tensor:
        h = torch.empty_like(quarter, memory_format=torch.contiguous_format)
        weights = self._for_painter(self._network, controls, self.numbers.computed)
        self._painter.run(_inputs(weights, quarter=quarter, eighth=eighth, noise=noise), [h], self.check)
        return h

    def decode(self, h: Tensor, controls: Controls) -> Tensor:
        painted = torch.empty(1, 3, h.shape[2] * 4, h.shape[3] * 4)
        weights = self._for_decoder(self._network, controls, self.numbers.computed)
        self._decoder.run(_inputs(weights, h=h), [painted], self.check)
        # Not in the graph: near 1 bfloat16 has no more than 8 bits.
        return painted.mul_(0.5).add_(0.5)

    def _features(self, x: Tensor, channels: int, cell: int) -> Tensor:
        return torch.empty(1, channels, x.shape[2] // cell, x.shape[3] // cell, dtype=self.numbers.kept)


def _inputs(weights: Weights, **maps: Tensor) -> dict[str, Tensor]:
    return {name: x.contiguous() for name, x in maps.items()} | weights


def _encoder(network: PasticheNet, numbers: Numbers) -> Model:
    graph, encoder = Graph(numbers), network.content
    x = op.relu(convolution(graph.phases(), encoder.level2))
    x = op.relu(convolution(x, encoder.level4))
    quarter = op.add(x, convolution(op.relu(convolution(x, encoder.residual.a)), encoder.residual.b))
    return graph.model(quarter, op.relu(convolution(quarter, encoder.level8)))


def _painter(network: PasticheNet, numbers: Numbers) -> Model:
    graph = Graph(numbers)
    quarter, h, noise = graph.features(MIDDLE, "quarter"), graph.features(WIDE, "eighth"), graph.noise()
    h = op.add(convolved(h, graph.kernel(WIDE, WIDE, 1, "style")), graph.bias(WIDE, "style.bias"))
    for i in range(TRUNK):
        if i == TRUNK // 2:
            h = op.add(h, _branch(graph, h, noise, network.branch))
        h = _modulated(graph, graph.with_noise(h, noise, WIDE, f"trunk{i}"), WIDE, f"trunk{i}")
    h = op.add(h, graph.bias(WIDE, "trunk.bias"))
    h = inside(spread(op.relu(corners(h, network.up4))))
    return graph.model(op.add(h, convolved(quarter, graph.kernel(MIDDLE, MIDDLE, 1, "skip"))))


def _branch(graph: Graph, h: Node, noise: Node, branch: Branch) -> Node:
    down = convolved(reflected(h), constant(branch.down.weight), 2)
    h = op.relu(op.add(down, graph.bias(BROAD, "branch.down.bias")))
    h = _modulated(graph, graph.with_noise(h, every_second(noise), BROAD, "branch"), BROAD, "branch")
    return inside(spread(corners(h, branch.up)))


def _decoder(network: PasticheNet, numbers: Numbers) -> Model:
    graph = Graph(numbers)
    h = _modulated(graph, graph.features(MIDDLE, "h"), MIDDLE, "fine")
    h = replicated(op.add(h, graph.bias(MIDDLE, "fine.bias")))
    _, bias = network.up2.folded()
    h = op.add(convolved(h, graph.kernel(4 * NARROW, MIDDLE, 2, "up2")), constant(bias[None, :, None, None]))
    h = op.relu(folded(spread(op.relu(h)), *network.up1.folded()))
    return graph.picture_model(folded(h, *network.out.folded()))


def _modulated(graph: Graph, x: Node, channels: int, name: str) -> Node:
    a, b = (graph.kernel(channels, channels, 3, f"{name}.{part}") for part in "ab")
    h = op.relu(op.add(convolved(reflected(x), a), graph.bias(channels, f"{name}.a.bias")))
    return op.add(x, convolved(reflected(h), b))
