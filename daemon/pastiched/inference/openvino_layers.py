"""The networks' layers as nodes of OpenVINO's graphs. Values are B x C x H x W, sides of any length."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from openvino import Model, Type
from openvino import opset13 as op
from torch import Tensor, nn

from pastiched.networks.convolution import PhaseConvolution, UpConvolution
from pastiched.networks.noise import BREADTHS, NoiseInput

Node = Any
_EDGES = np.array([0, 0, 1, 1])


class Graph:
    """A graph in the making: its inputs by name, then its layers, then what comes out."""

    def __init__(self, dtype: torch.dtype) -> None:
        """`dtype`: of feature maps that go in and come out."""
        self._features = Type.bf16 if dtype is torch.bfloat16 else Type.f32
        self._inputs: list[Node] = []

    def features(self, channels: int, name: str) -> Node:
        """1 x channels x H x W."""
        x = self._input([1, channels, -1, -1], name, self._features)
        return x if self._features == Type.f32 else op.convert(x, Type.f32)

    def noise(self) -> Node:
        """1 x 8 x H x W, float32."""
        return self._input([1, len(BREADTHS), -1, -1], "noise", Type.f32)

    def control(self, name: str, shape: tuple[int, ...]) -> Node:
        """A small float32 tensor."""
        return self._input(list(shape), name, Type.f32)

    def affine(self, x: Node, channels: int, name: str) -> Node:
        """x with the scale and the shift of that name, each 1 x channels x 1 x 1."""
        scale, shift = (self.control(f"{name}.{part}", (1, channels, 1, 1)) for part in ("scale", "shift"))
        return op.add(op.multiply(x, scale), shift)

    def model(self, *outputs: Node) -> Model:
        """In the type of feature maps."""
        if self._features != Type.f32:
            outputs = tuple(op.convert(x, self._features) for x in outputs)
        return Model([op.result(x) for x in outputs], self._inputs)

    def _input(self, shape: list[int], name: str, kind: Type) -> Node:
        node = op.parameter(shape, kind, name=name)
        node.output(0).set_names({name})
        self._inputs.append(node)
        return node


def constant(values: Tensor) -> Node:
    return op.constant(np.ascontiguousarray(values.detach().float().cpu().numpy()))


def convolution(x: Node, layer: nn.Conv2d) -> Node:
    """A `Convolution`, or an ordinary 1 x 1 one."""
    if layer.kernel_size != (1, 1):
        x = op.pad(x, _EDGES, _EDGES, "reflect")
    return _convolved(x, layer.weight, layer.bias, layer.stride[0])


def corners(x: Node, layer: UpConvolution) -> Node:
    """`UpConvolution.corners`."""
    return _convolved(op.pad(x, _EDGES, _EDGES, "edge"), *layer.folded())


def up_convolution(x: Node, layer: UpConvolution) -> Node:
    x = op.depth_to_space(corners(x, layer), "depth_first", 2)
    return op.slice(x, np.array([1, 1]), np.array([-1, -1]), np.array([1, 1]), np.array([2, 3]))


def phase_convolution(x: Node, layer: PhaseConvolution) -> Node:
    return _convolved(x, *layer.folded())


def noise_input(x: Node, noise: Node, layer: NoiseInput, gain: Node) -> Node:
    """`gain`: 1 x C x 1 x 1."""
    return op.add(x, op.multiply(_convolved(noise, layer.mixture, None), gain))


def every_second(x: Node) -> Node:
    """x[:, :, ::2, ::2]"""
    return op.strided_slice(x, [0] * 4, [0] * 4, [1, 1, 2, 2], [1] * 4, [1] * 4)


def _convolved(x: Node, weight: Tensor, bias: Tensor | None, stride: int = 1) -> Node:
    """Without padding."""
    out = op.convolution(x, constant(weight), [stride, stride], [0, 0], [0, 0], [1, 1])
    return out if bias is None else op.add(out, constant(bias[None, :, None, None]))
