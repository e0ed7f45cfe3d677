"""What a pastiche is measured by: content, style and smoothness, with gradients by every pixel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiched.networks.features import FeatureNetwork, margin, stride
from pastiched.optimization.blocks import NO_FRAME, Block, split
from pastiched.optimization.frame import Frame
from pastiched.optimization.moments import Accumulator, Gaussian
from pastiched.optimization.style_loss import STYLE_LOSSES, StyleLoss
from pastiched.optimization.total_variation import total_variation

LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class Weights:
    """How much each part counts: of the whole, and of each layer within content and style (any sum)."""

    content: float
    style: float
    tv: float
    content_layers: Mapping[str, float]
    style_layers: Mapping[str, float]

    @property
    def layers(self) -> list[str]:
        """All that are needed, from the picture inwards."""
        return sorted({**self.content_layers, **self.style_layers})


@dataclass(frozen=True)
class Losses:
    """Each before its weight: content and style 0 (the same) to about 1 (unrelated), tv the mean squared difference of
    neighbours x 100; `total` with weights."""

    content: float
    style: float
    tv: float
    total: float


@dataclass
class Plan:
    """How features are computed: in which type, and in blocks of at most so many pixels. No block stands for itself:
    the size only says how much memory is taken."""

    dtype: torch.dtype = torch.float32
    block_pixels: int = 4_000_000
    wrap: tuple[bool, bool] = (False, False)
    pooling: str = "max"
    check: Callable[[], None] = field(default=lambda: None)
    """Called before each block; may raise."""
    claim: Callable[[int], None] = field(default=lambda pixels: None)
    """Called before each block with the pixels that it is computed from; raises where there is no memory for them."""
    frame: Frame = NO_FRAME
    """What lies in it does not count."""

    def begin(self, block: Block) -> None:
        """To be called before anything is computed of a block; may raise."""
        self.check()
        self.claim(block.pixels)


@dataclass(frozen=True)
class FeatureSlope:
    """The gradient by a feature f: `kernel` (f - mean) + `offset`; shapes for F.conv2d."""

    kernel: Tensor
    mean: Tensor
    offset: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        return F.conv2d(features - self.mean, self.kernel, self.offset)


class Objective:
    """Of one photograph and style at one size.

    `losses_and_gradient` is exact in blocks too: a first pass gathers the moments of the whole picture's features,
    which say what every single feature is worth; a second one carries that back to the pixels, block by block, each
    block answering for its own features alone and seeing enough around them.
    """

    def __init__(
        self, network: FeatureNetwork, photograph: Tensor, style: Mapping[str, Gaussian], weights: Weights,
        loss: str, plan: Plan,
    ) -> None:  # fmt: skip
        """`photograph` 1 x 3 x H x W in [0, 1]; `style` by layer, as `measure` gives it."""
        self._network, self._weights, self._plan = network, weights, plan
        self._size = photograph.shape[2], photograph.shape[3]
        self._layers = weights.layers
        self._block_pixels = plan.block_pixels
        self._blocks = self._split()
        self._content: dict[str, Tensor] = {}
        self._pulls: dict[str, Tensor] = {}
        self._metrics = {layer: metric(network, layer) for layer in self._layers}
        if weights.content and weights.content_layers:
            self._remember(photograph)
        self._style: dict[str, StyleLoss] = {layer: STYLE_LOSSES[loss](style[layer]) for layer in weights.style_layers}

    def _remember(self, photograph: Tensor) -> None:
        """The photograph's features of the content layers, and how strongly each pulls back to them."""
        layers = sorted(self._weights.content_layers)
        sums = {layer: Accumulator() for layer in layers}
        height, width = photograph.shape[-2:]
        for block, maps in self._forward(photograph, layers):
            for layer, features in zip(layers, maps, strict=True):
                own = features[(..., *block.owned(stride(layer)))]
                sums[layer].add(own[0].flatten(1))
                if layer not in self._content:
                    step = stride(layer)
                    shape = (1, own.shape[1], height // step, width // step)
                    self._content[layer] = torch.empty(shape, dtype=own.dtype, device=own.device)
                self._content[layer][(..., *block.at(stride(layer)))] = own
        for layer in layers:
            matrix, offset = self._metrics[layer]
            spread = sums[layer].gaussian().mapped(matrix.double(), offset.double()).covariance.diagonal().sum()
            share = self._weights.content_layers[layer] / sum(self._weights.content_layers.values())
            scale = share / (sums[layer].count * max(float(spread), LEAST_VARIANCE))
            pull = matrix.double().t() @ matrix.double() * (2 * self._weights.content * scale)
            self._pulls[layer] = _kernel(pull, self._plan.dtype)

    def shrink_blocks(self, least: int) -> bool:
        """Halves the blocks' pixels; False, and nothing is changed, where they would be fewer than `least`."""
        pixels = min(self._block_pixels, self._size[0] * self._size[1]) // 2
        if pixels < least:
            return False
        self._block_pixels = pixels
        self._blocks = self._split()
        return True

    def _split(self) -> list[Block]:
        plan = self._plan
        return split(*self._size, plan.wrap, self._block_pixels, margin(self._layers), plan.frame)

    def losses_and_gradient(self, picture: Tensor) -> tuple[Losses, Tensor]:
        """Of a picture, 1 x 3 x H x W; the gradient has its shape, float32."""
        gradient = torch.zeros_like(picture)
        run = self._one_pass if len(self._blocks) == 1 else self._two_passes
        return run(picture, gradient), gradient

    def _one_pass(self, picture: Tensor, gradient: Tensor) -> Losses:
        block = self._blocks[0]
        x, maps = self._forward_for_gradient(block, picture)
        style, slopes = self._style_slopes(self._gather([(block, maps)]))
        content = self._backward(block, x, maps, slopes, gradient)
        return self._add_smoothness(picture, gradient, content, style)

    def _two_passes(self, picture: Tensor, gradient: Tensor) -> Losses:
        with torch.no_grad():
            gathered = self._gather(self._forward(picture, self._layers))
        style, slopes = self._style_slopes(gathered)
        content = 0.0
        for block in self._blocks:
            x, maps = self._forward_for_gradient(block, picture)
            content += self._backward(block, x, maps, slopes, gradient)
        return self._add_smoothness(picture, gradient, content, style)

    def _forward(self, picture: Tensor, layers: list[str]) -> Iterator[tuple[Block, list[Tensor]]]:
        with torch.no_grad():
            for block in self._blocks:
                self._plan.begin(block)
                yield block, self._features(block.crop(picture), layers)

    def _forward_for_gradient(self, block: Block, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        self._plan.begin(block)
        x = block.crop(picture).detach().to(self._plan.dtype, memory_format=torch.channels_last).requires_grad_()
        with torch.enable_grad():
            return x, self._features(x, self._layers)

    def _features(self, x: Tensor, layers: list[str]) -> list[Tensor]:
        x = x.to(self._plan.dtype, memory_format=torch.channels_last)
        features: list[Tensor] = self._network(x, layers, self._plan.wrap, self._plan.pooling)
        return features

    def _gather(self, pieces: Iterable[tuple[Block, list[Tensor]]]) -> dict[str, Accumulator]:
        sums = {layer: Accumulator() for layer in self._weights.style_layers}
        for block, maps in pieces:
            for layer, features in zip(self._layers, maps, strict=True):
                if layer in sums:
                    own = features.detach()[(..., *block.owned(stride(layer)))]
                    sums[layer].add(own[0].flatten(1))
        return sums

    def _style_slopes(self, sums: dict[str, Accumulator]) -> tuple[float, dict[str, FeatureSlope]]:
        """The weighted mean of the style losses, and by layer what a feature f gets: matrix (f - mean) + offset."""
        total, value = sum(self._weights.style_layers.values()), 0.0
        slopes = {}
        for layer, weight in self._weights.style_layers.items():
            matrix, offset = (t.double() for t in self._metrics[layer])
            gaussian = sums[layer].gaussian()
            if not torch.isfinite(gaussian.covariance).all():
                return math.nan, {}
            slope = self._style[layer](gaussian.mapped(matrix, offset))
            share = weight / total
            value += share * slope.value
            scale = self._weights.style * share / sums[layer].count
            slopes[layer] = FeatureSlope(
                _kernel(matrix.t() @ slope.by_covariance @ matrix * (2 * scale), self._plan.dtype),
                gaussian.mean.to(self._plan.dtype)[:, None, None],
                (matrix.t() @ slope.by_mean * scale).to(self._plan.dtype),
            )
        return value, slopes

    def _backward(
        self, block: Block, x: Tensor, maps: list[Tensor], slopes: dict[str, FeatureSlope], gradient: Tensor
    ) -> float:
        """Adds a block's share to the gradient; returns its share of the content loss."""
        worths, content = [], 0.0
        with torch.no_grad():
            for layer, features in zip(self._layers, maps, strict=True):
                worth, share = self._worth(layer, block, features.detach(), slopes.get(layer))
                worths.append(worth)
                content += share
        (piece,) = torch.autograd.grad(maps, x, worths)
        block.add_to(gradient, piece.to(gradient.dtype))
        return content

    def _worth(self, layer: str, block: Block, features: Tensor, slope: FeatureSlope | None) -> tuple[Tensor, float]:
        """The gradient by every feature of a crop, 0 where another block answers, and the content loss's share."""
        place, content = (..., *block.owned(stride(layer))), 0.0
        worth = slope(features) if slope else torch.zeros_like(features)
        if layer in self._content and features[place].numel():
            difference = features[place] - self._content[layer][(..., *block.at(stride(layer)))]
            pulled = F.conv2d(difference, self._pulls[layer])
            worth[place] += pulled
            content = float((difference * pulled).sum(dtype=torch.float64)) / (2 * self._weights.content)
        if worth[place].shape == worth.shape:
            return worth, content
        owned = torch.zeros_like(worth)
        owned[place] = worth[place]
        return owned, content

    def _add_smoothness(self, picture: Tensor, gradient: Tensor, content: float, style: float) -> Losses:
        weights, tv = self._weights, 0.0
        if weights.tv:
            tv, slope = total_variation(picture, self._plan.wrap)
            gradient.add_(slope, alpha=weights.tv)
        total = weights.content * content + weights.style * style + weights.tv * tv
        return Losses(content, style, tv, total)


def measure(network: FeatureNetwork, picture: Tensor, layers: list[str], plan: Plan) -> dict[str, Gaussian]:
    """The Gaussians of a style picture's features (1 x 3 x H x W in [0, 1]) by layer, float64; its edges never meet."""
    sums = {layer: Accumulator() for layer in layers}
    order = sorted(layers)
    height, width = picture.shape[-2:]
    with torch.no_grad():
        for block in split(height, width, (False, False), plan.block_pixels, margin(layers)):
            plan.begin(block)
            x = block.crop(picture).to(plan.dtype, memory_format=torch.channels_last)
            for layer, features in zip(order, network(x, order, pooling=plan.pooling), strict=True):
                sums[layer].add(features[(0, ..., *block.owned(stride(layer)))].flatten(1))
    found = {}
    for layer in layers:
        matrix, offset = metric(network, layer)
        found[layer] = sums[layer].gaussian().mapped(matrix.double(), offset.double())
    return found


def _kernel(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    return matrix[:, :, None, None].to(dtype)


def metric(network: FeatureNetwork, layer: str) -> tuple[Tensor, Tensor]:
    """Matrix and offset to features with VGG-19's geometry, in as many dimensions as the layer has channels.

    Where the compact network maps a layer to VGG-19's channels, distances behind the map are kept (its QR
    decomposition); elsewhere it is the identity.
    """
    level = int(layer.removeprefix("relu")[0]) - 1
    if network.has_maps and layer.endswith("_1"):
        weight, bias = network.linear(level)
        axes, matrix = torch.linalg.qr(weight.double())
        return matrix.to(weight.dtype), (axes.t() @ bias.double()).to(weight.dtype)
    width = network.width(layer)
    device = network.get_buffer("preprocess_bias").device
    return torch.eye(width, device=device), torch.zeros(width, device=device)
