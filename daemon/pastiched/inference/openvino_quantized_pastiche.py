"""PasticheNet's stages by OpenVINO in 8-bit integers: kernels are constants, and what the style says comes
after them. About 1.6 times as fast as bfloat16 where the processor has instructions for it (VNNI)."""

from __future__ import annotations

import torch
from openvino import Model
from openvino import opset13 as op

from pastiched.inference.openvino_layers import (
    Graph,
    Node,
    convolution,
    convolved,
    every_second,
    folded,
    inside,
    integer_convolution,
    integer_corners,
    spread,
    with_bias,
)
from pastiched.networks.convolution import Convolution
from pastiched.networks.pastiche_net import BROAD, MIDDLE, TRUNK, WIDE, Branch, Modulated, PasticheNet


def quantized_encoder(network: PasticheNet, dtype: torch.dtype) -> Model:
    graph, encoder = Graph(dtype), network.content
    x = op.relu(convolution(graph.phases(), encoder.level2))
    x = op.relu(_layer(x, encoder.level4))
    quarter = op.add(x, _layer(op.relu(_layer(x, encoder.residual.a)), encoder.residual.b))
    return graph.model(quarter, op.relu(_layer(quarter, encoder.level8, signed=True)))


def quantized_painter(network: PasticheNet, dtype: torch.dtype) -> Model:
    graph = Graph(dtype)
    quarter, h, noise = graph.features(MIDDLE, "quarter"), graph.features(WIDE, "eighth"), graph.noise()
    h = op.add(convolved(h, graph.kernel(WIDE, WIDE, 1, "style")), graph.bias(WIDE, "style.bias"))
    for i, block in enumerate(network.trunk):
        assert isinstance(block, Modulated)
        if i == TRUNK // 2:
            h = op.add(h, _branch(graph, h, noise, network.branch))
        h = _modulated(graph, graph.with_noise(h, noise, WIDE, f"trunk{i}"), block, WIDE, f"trunk{i}")
    h = inside(spread(op.relu(integer_corners(h, network.up4))))
    return graph.model(op.add(h, convolved(quarter, graph.kernel(MIDDLE, MIDDLE, 1, "skip"))))


def quantized_decoder(network: PasticheNet, dtype: torch.dtype) -> Model:
    graph = Graph(dtype)
    h = _affine(graph, graph.features(MIDDLE, "h"), MIDDLE, "painted")
    h = _modulated(graph, h, network.fine, MIDDLE, "fine")
    h = spread(op.relu(integer_corners(h, network.up2)))
    h = op.relu(folded(h, *network.up1.folded()))
    return graph.picture_model(folded(h, *network.out.folded()))


def _branch(graph: Graph, h: Node, noise: Node, branch: Branch) -> Node:
    h = op.relu(_layer(h, branch.down, signed=True))
    h = graph.with_noise(h, every_second(noise), BROAD, "branch")
    h = _modulated(graph, h, branch.block, BROAD, "branch")
    return inside(spread(integer_corners(h, branch.up)))


def _modulated(graph: Graph, x: Node, block: Modulated, channels: int, name: str) -> Node:
    h = op.relu(_affine(graph, integer_convolution(x, block.a, signed=True), channels, f"{name}.a"))
    return op.add(x, _affine(graph, integer_convolution(h, block.b), channels, f"{name}.b"))


def _affine(graph: Graph, x: Node, channels: int, name: str) -> Node:
    scale, shift = (graph.bias(channels, f"{name}.{what}") for what in ("scale", "shift"))
    return op.add(op.multiply(x, scale), shift)


def _layer(x: Node, layer: Convolution, signed: bool = False) -> Node:
    assert layer.bias is not None
    return with_bias(integer_convolution(x, layer, signed), layer.bias)
