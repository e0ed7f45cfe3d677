"""PasticheNet's painter and decoder as convolutions alone: scales, shifts and normalizations, in their weights.

Exact but for rounding. A constant that a layer would add to a residual stream goes into the biases of the layers that
read the stream.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pastiched.networks.noise import NoiseInput
from pastiched.networks.pastiche_net import TRUNK, Branch, Controls, Modulated, PasticheNet

Weights = dict[str, Tensor]
"""By name: kernels O x I x k x k in the type of numbers of the computation, biases 1 x O x 1 x 1 in float32."""


class _Folding:
    """Kernels are rounded first, so that biases make up for what their rounding does to means."""

    def __init__(self, controls: Controls, dtype: torch.dtype) -> None:
        self.weights: Weights = {}
        self._flat, self._dtype = {name: control[0].flatten(1).squeeze(1) for name, control in controls.items()}, dtype

    def control(self, name: str) -> Tensor:
        """C, or 32 x 32 of the covariance."""
        return self._flat[name]

    def kernel(self, name: str, kernel: Tensor) -> Tensor:
        """Puts it down; what an even map of 1 gives, O x I."""
        self.weights[name] = kernel.to(self._dtype).contiguous()
        return self.weights[name].float().sum((2, 3))

    def bias(self, name: str, bias: Tensor) -> None:
        self.weights[name] = bias.view(1, -1, 1, 1)

    def noise(self, name: str, layer: NoiseInput) -> None:
        self.kernel(f"{name}.noise", self.control(f"{name}.gain")[:, None, None, None] * layer.mixture)

    def block(self, name: str, block: Modulated, stream: Tensor, scale: Tensor | None = None) -> Tensor:
        """A block whose input is `scale` (1) times what is computed there plus `stream`; the constant that it adds."""
        scale = torch.ones_like(stream) if scale is None else scale
        a, b = ((self.control(f"{name}.{part}.scale"), self.control(f"{name}.{part}.shift")) for part in "ab")
        even = self.kernel(f"{name}.a", a[0][:, None, None, None] * block.a.weight * scale[:, None, None])
        self.bias(f"{name}.a.bias", a[0] * _bias(block.a) + a[1] + even @ (stream / scale))
        self.kernel(f"{name}.b", (b[0] / scale)[:, None, None, None] * block.b.weight)
        return b[0] * _bias(block.b) + b[1]

    def affine(self, name: str, block: Modulated) -> None:
        """A block whose kernels are constants: what comes after them, the layers' own biases among the shifts."""
        for part, own in (("a", _bias(block.a)), ("b", _bias(block.b))):
            scale, shift = (self.control(f"{name}.{part}.{what}") for what in ("scale", "shift"))
            self.bias(f"{name}.{part}.scale", scale)
            self.bias(f"{name}.{part}.shift", shift + scale * own)


def painter_weights(network: PasticheNet, controls: Controls, dtype: torch.dtype) -> Weights:
    """For `PasticheNet.paint`."""
    folding = _Folding(controls, dtype)
    _fold_transform(folding, network)
    stream = torch.zeros(network.squeeze.in_channels)
    for i, (name, block, layer) in enumerate(_trunk(network)):
        if i == TRUNK // 2:
            stream = stream + _fold_branch(folding, network.branch, stream)
        folding.noise(name, layer)
        stream = stream + folding.block(name, block, stream)
    folding.bias("trunk.bias", stream)
    folding.kernel("skip", network.skip.weight * folding.control("quarter.scale")[:, None, None])
    return folding.weights


def quantized_painter_weights(network: PasticheNet, controls: Controls, dtype: torch.dtype) -> Weights:
    """For `PasticheNet.paint` where the blocks' kernels are constants: scales and shifts come after them, by name, too,
    1 x O x 1 x 1 in float32."""
    folding = _Folding(controls, dtype)
    _fold_transform(folding, network)
    for name, block, layer in [*_trunk(network), ("branch", network.branch.block, network.branch.noise)]:
        folding.noise(name, layer)
        folding.affine(name, block)
    folding.kernel("skip", network.skip.weight * folding.control("quarter.scale")[:, None, None])
    return folding.weights


def decoder_weights(network: PasticheNet, controls: Controls, dtype: torch.dtype) -> Weights:
    """For `PasticheNet.decode`."""
    folding = _Folding(controls, dtype)
    scale, shift = folding.control("painted.scale"), folding.control("painted.shift")
    stream = shift + folding.block("fine", network.fine, shift, scale)
    folding.kernel("up2", network.up2.folded()[0] * scale[:, None, None])
    folding.bias("fine.bias", stream / scale)
    return folding.weights


def quantized_decoder_weights(network: PasticheNet, controls: Controls, dtype: torch.dtype) -> Weights:
    """The same for `PasticheNet.decode`."""
    folding = _Folding(controls, dtype)
    for name in ("painted.scale", "painted.shift"):
        folding.bias(name, folding.control(name))
    folding.affine("fine", network.fine)
    return folding.weights


def _trunk(network: PasticheNet) -> list[tuple[str, Modulated, NoiseInput]]:
    """Its blocks, each with the noise before it."""
    blocks = []
    for i, (block, layer) in enumerate(zip(network.trunk, network.noises, strict=True)):
        assert isinstance(block, Modulated) and isinstance(layer, NoiseInput)
        blocks.append((f"trunk{i}", block, layer))
    return blocks


def _fold_transform(folding: _Folding, network: PasticheNet) -> None:
    """The style's covariance, means and deviations for the photograph's: a matrix."""
    squeeze, unsqueeze = (layer.weight[:, :, 0, 0] for layer in (network.squeeze, network.unsqueeze))
    scale, mean = folding.control("eighth.scale"), -folding.control("eighth.shift") / folding.control("eighth.scale")
    through = network.gain * unsqueeze @ folding.control("covariance")
    matrix = torch.eye(len(scale)) + through @ squeeze
    style = folding.control("style.scale")
    even = folding.kernel("style", (style[:, None] * matrix * scale)[:, :, None, None])
    added = through @ _bias(network.squeeze) + network.gain * _bias(network.unsqueeze)
    folding.bias("style.bias", style * added + folding.control("style.shift") - even @ mean)


def _fold_branch(folding: _Folding, branch: Branch, stream: Tensor) -> Tensor:
    """What it adds to the stream as a constant."""
    folding.bias("branch.down.bias", _bias(branch.down) + branch.down.weight.sum((2, 3)) @ stream)
    folding.noise("branch", branch.noise)
    own = folding.block("branch", branch.block, torch.zeros(branch.down.out_channels))
    # The upsampling's own bias is added by itself.
    return branch.up.weight.sum((2, 3)) @ own


def _bias(layer: torch.nn.Module) -> Tensor:
    bias = layer.bias
    assert isinstance(bias, Tensor)
    return bias
