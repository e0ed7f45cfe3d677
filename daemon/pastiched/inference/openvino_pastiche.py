"""PasticheNet's stages by OpenVINO."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from openvino import Model
from openvino import opset13 as op
from torch import Tensor

from pastiched.inference.openvino_layers import (
    Graph,
    Node,
    constant,
    convolution,
    corners,
    every_second,
    noise_input,
    phase_convolution,
    up_convolution,
)
from pastiched.inference.openvino_library import OpenVinoStages
from pastiched.networks.noise import NoiseInput
from pastiched.networks.pastiche_net import BROAD, MIDDLE, RANK, TRUNK, WIDE, Branch, Controls, Modulated, PasticheNet


class OpenVinoPasticheStages(OpenVinoStages):
    """Compiled when they are made; the network is not kept."""

    def __init__(self, network: PasticheNet, dtype: torch.dtype) -> None:
        super().__init__(dtype, [_encoder(network, dtype), _painter(network, dtype), _decoder(network, dtype)])
        self._encoder, self._painter, self._decoder = self.graphs

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        phases = F.pixel_unshuffle(x * 2 - 1, 2).to(self.dtype)
        quarter, eighth = self._features(x, MIDDLE, 4), self._features(x, WIDE, 8)
        self._encoder.run({"x": phases}, [quarter, eighth], self.check)
        return quarter, eighth

    def paint(self, quarter: Tensor, eighth: Tensor, noise: Tensor, controls: Controls) -> Tensor:
        h = torch.empty_like(quarter, memory_format=torch.contiguous_format)
        pictures = {"quarter": quarter, "eighth": eighth, "noise": noise}
        self._painter.run(_contiguous(pictures | controls), [h], self.check)
        return h

    def decode(self, h: Tensor, controls: Controls) -> Tensor:
        height, width = h.shape[2] * 2, h.shape[3] * 2
        phases = torch.empty(1, 12, height, width, dtype=self.dtype)
        self._decoder.run(_contiguous({"h": h} | controls), [phases], self.check)
        return F.pixel_shuffle(phases, 2).float().mul_(0.5).add_(0.5)

    def _features(self, x: Tensor, channels: int, cell: int) -> Tensor:
        return torch.empty(1, channels, x.shape[2] // cell, x.shape[3] // cell, dtype=self.dtype)


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _encoder(network: PasticheNet, dtype: torch.dtype) -> Model:
    graph, encoder = Graph(dtype), network.content
    x = op.relu(convolution(graph.features(12, "x"), encoder.level2))
    x = op.relu(convolution(x, encoder.level4))
    quarter = op.add(x, convolution(op.relu(convolution(x, encoder.residual.a)), encoder.residual.b))
    return graph.model(quarter, op.relu(convolution(quarter, encoder.level8)))


def _painter(network: PasticheNet, dtype: torch.dtype) -> Model:
    graph = Graph(dtype)
    quarter, h, noise = graph.features(MIDDLE, "quarter"), graph.features(WIDE, "eighth"), graph.noise()
    h = _transformed(graph, h, network)
    for i, (block, layer) in enumerate(zip(network.trunk, network.noises, strict=True)):
        assert isinstance(block, Modulated) and isinstance(layer, NoiseInput)
        if i == TRUNK // 2:
            h = op.add(h, _branch(graph, h, noise, network.branch))
        h = noise_input(h, noise, layer, graph.control(f"trunk{i}.gain", (1, WIDE, 1, 1)))
        h = _modulated(graph, h, block, f"trunk{i}")
    skip = convolution(graph.affine(quarter, MIDDLE, "quarter"), network.skip)
    return graph.model(op.add(op.relu(up_convolution(h, network.up4)), skip))


def _branch(graph: Graph, h: Node, noise: Node, branch: Branch) -> Node:
    broad = op.relu(convolution(h, branch.down))
    broad = noise_input(broad, every_second(noise), branch.noise, graph.control("branch.gain", (1, BROAD, 1, 1)))
    return up_convolution(_modulated(graph, broad, branch.block, "branch"), branch.up)


def _decoder(network: PasticheNet, dtype: torch.dtype) -> Model:
    graph = Graph(dtype)
    h = graph.affine(graph.features(MIDDLE, "h"), MIDDLE, "painted")
    h = op.relu(up_convolution(_modulated(graph, h, network.fine, "fine"), network.up2))
    return graph.model(phase_convolution(op.relu(corners(h, network.up1)), network.out))


def _modulated(graph: Graph, x: Node, block: Modulated, name: str) -> Node:
    channels = block.a.out_channels
    h = op.relu(graph.affine(convolution(x, block.a), channels, f"{name}.a"))
    return op.add(x, graph.affine(convolution(h, block.b), channels, f"{name}.b"))


def _transformed(graph: Graph, x: Node, network: PasticheNet) -> Node:
    """The style's covariance, means and deviations for the photograph's."""
    normal = graph.affine(x, WIDE, "eighth")
    z = convolution(normal, network.squeeze)
    flat = op.matmul(graph.control("covariance", (1, RANK, RANK)), op.reshape(z, [1, RANK, -1], False), False, False)
    z = op.reshape(flat, op.shape_of(z), False)
    h = op.add(normal, op.multiply(convolution(z, network.unsqueeze), constant(network.gain)))
    return graph.affine(h, WIDE, "style")
