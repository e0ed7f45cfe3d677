"""The generator's one stage by OpenVINO."""

from __future__ import annotations

import numpy as np
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
from pastiched.networks.generator import SLOPE, Block, Generator


class OpenVinoGeneratorStages(OpenVinoStages):
    """Compiled when they are made; the network is not kept."""

    def __init__(self, network: Generator, dtype: torch.dtype) -> None:
        super().__init__(dtype, [_generator(network, dtype)])

    def generate(self, x: Tensor, noise: Tensor) -> Tensor:
        inputs = {"x": F.pixel_unshuffle(x * 2 - 1, 2).to(self.dtype), "noise": noise.contiguous()}
        phases = torch.empty_like(inputs["x"])
        self.graphs[0].run(inputs, [phases], self.check)
        return F.pixel_shuffle(torch.tanh(phases.float()) * 0.5 + 0.5, 2)


def _generator(network: Generator, dtype: torch.dtype) -> Model:
    graph = Graph(dtype)
    half = _leaky(convolution(graph.features(12, "x"), network.level2))
    noise = graph.noise()
    quarter = _leaky(convolution(half, network.level4))
    eighth = _leaky(convolution(quarter, network.level8))
    broad = _block(_leaky(convolution(eighth, network.level16)), every_second(noise), network.broad)
    h = op.add(eighth, up_convolution(_leaky(broad), network.up8))
    for block in network.trunk:
        assert isinstance(block, Block)
        h = _block(h, noise, block)
    h = _leaky(op.add(up_convolution(_leaky(h), network.up4), convolution(quarter, network.skip4)))
    h = _leaky(op.add(up_convolution(h, network.up2), convolution(half, network.skip2)))
    return graph.model(phase_convolution(_leaky(corners(h, network.up1)), network.out))


def _block(x: Node, noise: Node, block: Block) -> Node:
    x = noise_input(x, noise, block.noise, constant(block.gain[:, :, None, None]))
    return op.add(x, convolution(_leaky(convolution(x, block.a)), block.b))


def _leaky(x: Node) -> Node:
    return op.prelu(x, op.constant(np.array([SLOPE], np.float32)))
