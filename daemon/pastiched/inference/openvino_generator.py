"""The generator's one stage by OpenVINO."""

from __future__ import annotations

import numpy as np
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
    spread,
)
from pastiched.inference.openvino_library import OpenVinoStages
from pastiched.networks.convolution import UpConvolution
from pastiched.networks.generator import SLOPE, Block, Generator


class OpenVinoGeneratorStages(OpenVinoStages):
    """Compiled when they are made; the network is not kept."""

    def __init__(self, network: Generator, numbers: Numbers) -> None:
        super().__init__(numbers, [_generator(network, numbers)])

    def generate(self, x: Tensor, noise: Tensor) -> Tensor:
        painted = torch.empty_like(x, memory_format=torch.contiguous_format)
        self.graphs[0].run({"x": x.contiguous(), "noise": noise.contiguous()}, [painted], self.check)
        return painted.tanh_().mul_(0.5).add_(0.5)


def _generator(network: Generator, numbers: Numbers) -> Model:
    graph = Graph(numbers)
    half = _leaky(convolution(graph.phases(), network.level2))
    noise = graph.noise()
    quarter = _leaky(convolution(half, network.level4))
    eighth = _leaky(convolution(quarter, network.level8))
    broad = _block(_leaky(convolution(eighth, network.level16)), every_second(noise), network.broad)
    h = op.add(eighth, _up(_leaky(broad), network.up8))
    for block in network.trunk:
        assert isinstance(block, Block)
        h = _block(h, noise, block)
    h = _leaky(op.add(_up(_leaky(h), network.up4), convolution(quarter, network.skip4)))
    h = _leaky(op.add(_up(h, network.up2), convolution(half, network.skip2)))
    return graph.picture_model(folded(_leaky(corners(h, network.up1)), *network.out.folded()))


def _block(x: Node, noise: Node, block: Block) -> Node:
    x = op.add(x, convolved(noise, constant(block.gain[0, :, None, None, None] * block.noise.mixture)))
    return op.add(x, convolution(_leaky(convolution(x, block.a)), block.b))


def _up(x: Node, layer: UpConvolution) -> Node:
    return inside(spread(corners(x, layer)))


def _leaky(x: Node) -> Node:
    return op.prelu(x, op.constant(np.array([SLOPE], np.float32)))
