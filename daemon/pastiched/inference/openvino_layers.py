"""The networks' layers as nodes of OpenVINO's graphs. Values are B x C x H x W, sides of any length."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from openvino import Model, Type
from openvino import opset13 as op
from torch import Tensor, nn

from pastiched.inference.numbers import Numbers
from pastiched.networks.convolution import PhaseConvolution, UpConvolution
from pastiched.networks.noise import BREADTHS
from pastiched.networks.peaks import peak_of

Node = Any
_EDGES = np.array([0, 0, 1, 1])
_LARGEST, _LEVELS = 127, 256
"""Of 8-bit integers with a sign."""


class Graph:
    """A graph in the making: its inputs by name, then its layers, then what comes out."""

    def __init__(self, numbers: Numbers) -> None:
        self._computed, self._kept = _type_of(numbers.computed), _type_of(numbers.kept)
        self._inputs: list[Node] = []

    def phases(self) -> Node:
        """The input "x", 1 x 3 x H x W in [0, 1], float32, sides even: 1 x 12 x H/2 x W/2 in [-1, 1], in the order of
        pixel_unshuffle(2)."""
        x = self._input([1, 3, -1, -1], "x", Type.f32)
        return op.space_to_depth(op.subtract(op.multiply(x, _number(2)), _number(1)), "depth_first", 2)

    def features(self, channels: int, name: str) -> Node:
        """1 x channels x H x W, as they are kept."""
        return self._converted([1, channels, -1, -1], name, self._kept)

    def noise(self) -> Node:
        """1 x 8 x H x W, float32."""
        return self._input([1, len(BREADTHS), -1, -1], "noise", Type.f32)

    def kernel(self, outputs: int, inputs: int, side: int, name: str) -> Node:
        """outputs x inputs x side x side, as is computed."""
        return self._converted([outputs, inputs, side, side], name, self._computed)

    def bias(self, channels: int, name: str) -> Node:
        """1 x channels x 1 x 1, float32; a scale, too."""
        given = self._input([1, channels, 1, 1], name, Type.f32)
        # Given at once, it would make the library lay maps out otherwise between two convolutions and back again, in a
        # third of their time. What a convolution gives is laid out as they want it.
        return op.group_convolution(given, constant(torch.ones(channels, 1, 1, 1, 1)), [1, 1], [0, 0], [0, 0], [1, 1])

    def with_noise(self, x: Node, noise: Node, channels: int, name: str) -> Node:
        """x and noise mixed by the kernel of that name."""
        return op.add(x, convolved(noise, self.kernel(channels, len(BREADTHS), 1, f"{name}.noise")))

    def model(self, *outputs: Node) -> Model:
        """What comes out are features, as they are kept."""
        return Model([op.result(op.convert(x, self._kept)) for x in outputs], self._inputs)

    def picture_model(self, phases: Node) -> Model:
        """From phases in the order of pixel_shuffle(2): 1 x 3 x H x W, float32."""
        return Model([op.result(op.depth_to_space(phases, "depth_first", 2))], self._inputs)

    def _converted(self, shape: list[int], name: str, kind: Type) -> Node:
        return op.convert(self._input(shape, name, kind), Type.f32)

    def _input(self, shape: list[int], name: str, kind: Type) -> Node:
        node = op.parameter(shape, kind, name=name)
        node.output(0).set_names({name})
        self._inputs.append(node)
        return node


def _type_of(dtype: torch.dtype) -> Type:
    return Type.bf16 if dtype is torch.bfloat16 else Type.f32


def constant(values: Tensor) -> Node:
    return op.constant(np.ascontiguousarray(values.detach().float().cpu().numpy()))


def reflected(x: Node) -> Node:
    """With a pixel more beyond each edge."""
    return op.pad(x, _EDGES, _EDGES, "reflect")


def replicated(x: Node) -> Node:
    return op.pad(x, _EDGES, _EDGES, "edge")


def convolved(x: Node, kernel: Node, stride: int = 1) -> Node:
    """Without padding."""
    return op.convolution(x, kernel, [stride, stride], [0, 0], [0, 0], [1, 1])


def folded(x: Node, weight: Tensor, bias: Tensor, stride: int = 1) -> Node:
    """With constants; without padding."""
    return with_bias(convolved(x, constant(weight), stride), bias)


def convolution(x: Node, layer: nn.Conv2d) -> Node:
    """A `Convolution`, or an ordinary 1 x 1 one."""
    assert layer.bias is not None
    return folded(x if layer.kernel_size == (1, 1) else reflected(x), layer.weight, layer.bias, layer.stride[0])


def corners(x: Node, layer: UpConvolution) -> Node:
    """`UpConvolution.corners`."""
    return folded(replicated(x), *layer.folded())


def integer_convolution(x: Node, layer: nn.Conv2d, signed: bool = False) -> Node:
    """A `Convolution` in 8-bit integers without its bias. `signed`: x is below 0, too."""
    x = integers(x, layer, signed)
    return convolved(reflected(x), _integer_kernel(layer, layer.weight), layer.stride[0])


def integer_corners(x: Node, layer: UpConvolution) -> Node:
    """`UpConvolution.corners` in 8-bit integers; x is below 0, too."""
    return integer_folded(replicated(integers(x, layer, signed=True)), layer)


def integer_folded(x: Node, layer: UpConvolution | PhaseConvolution) -> Node:
    """The layer itself, from what `integers` gave."""
    kernel, bias = layer.folded()
    return with_bias(convolved(x, _integer_kernel(layer, kernel)), bias)


def with_bias(x: Node, bias: Tensor) -> Node:
    return op.add(x, constant(bias[None, :, None, None]))


def integers(x: Node, layer: nn.Conv2d, signed: bool = False, phases: int = 1) -> Node:
    """What a layer is given, rounded to 8 bits: each channel in steps of its own, which are in the kernel (SmoothQuant,
    Xiao et al. 2023). `signed`: x is below 0, too. `phases`: channels of x for each of the layer's, behind each other.

    Rounded as soon as it is computed, fewer bytes are moved about.
    """
    above = _peak(layer, phases)[None, :, None, None]
    # Zero is one of the levels.
    further = (_LARGEST + 1) / _LARGEST if signed else 0.0
    limits = constant(-above * further), constant(above), _number(-further), _number(1)
    return op.fake_quantize(x, *limits, _LEVELS)


def _integer_kernel(layer: nn.Conv2d, kernel: Tensor) -> Node:
    """Each output channel in steps of its own (Jacob et al. 2018)."""
    # Of a `PhaseConvolution` each channel comes in four phases.
    kernel = kernel * _peak(layer, kernel.shape[1] // layer.in_channels)[:, None, None]
    most = kernel.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
    steps = constant(-most), constant(most)
    return op.fake_quantize(constant(kernel), *steps, *steps, _LEVELS - 1)


def _peak(layer: nn.Conv2d, phases: int) -> Tensor:
    peak = peak_of(layer)
    assert peak is not None
    return peak.repeat_interleave(phases)


def spread(corners: Node) -> Node:
    """`UpConvolution.spread`, from its corners."""
    return op.depth_to_space(corners, "depth_first", 2)


def inside(spread: Node) -> Node:
    """`UpConvolution.upsampled`, from what is spread."""
    return op.slice(spread, np.array([1, 1]), np.array([-1, -1]), np.array([1, 1]), np.array([2, 3]))


def every_second(x: Node) -> Node:
    """x[:, :, ::2, ::2]"""
    return op.strided_slice(x, [0] * 4, [0] * 4, [1, 1, 2, 2], [1] * 4, [1] * 4)


def _number(value: float) -> Node:
    return op.constant(np.float32(value))
