"""The Fast method: PasticheNet for any style picture, first broad, then fine."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiched.engines.base import Callbacks, EngineJob, EngineResult, StyleInput
from pastiched.engines.finishing import finish
from pastiched.engines.inputs import Photograph, content_hash, read_photograph, read_style
from pastiched.engines.stages import Stages
from pastiched.imaging.colour import match_colours
from pastiched.imaging.scale import Enlargement, WorkingSize, half_band, pad_to_multiple, working_sizes
from pastiched.imaging.tensors import resize_wrapped
from pastiched.models import Model, ModelError, default_model
from pastiched.networks.convolution import Convolution
from pastiched.networks.pastiche_net import MULTIPLE, PasticheNet, noise_field
from pastiched.networks.statistics import StyleCode, blend_codes

PREPARED_STYLES = 64
WRAPS = {"none": (False, False), "horizontal": (True, False), "both": (True, True)}
RIM = 32
"""Pixels mirrored to the left and above, and cut off again: the network colours the edges where its strides begin."""
UNDERPAINTING = 0.5
"""How much of what was painted an octave coarser goes into the next painting; the rest is the photograph."""
SECONDS_PER_MEGAPIXEL = 0.6
SECONDS_PER_OUTPUT_MEGAPIXEL = 0.05
BYTES_PER_MEGAPIXEL = 400_000_000
BYTES_PER_OUTPUT_MEGAPIXEL = 40_000_000


class FastEngine:
    """One device's Fast engine. `load` once; styles are prepared once each and kept by content hash.

    `model` is another weight file than the one that ships. `native`: every picture is painted at its own size in one
    pass, whatever the brush size: so the network is measured.
    """

    method = "fast"

    def __init__(self, device: torch.device, model: Model | None = None, native: bool = False) -> None:
        self.device = device
        self._given, self._native = model, native
        self._networks: dict[torch.dtype, PasticheNet] = {}
        self._codes: OrderedDict[str, StyleCode] = OrderedDict()
        self._speed = SECONDS_PER_MEGAPIXEL

    def load(self) -> None:
        if self._networks:
            return
        try:
            weights = (self._given or default_model("fast")).load()
        except ModelError as error:
            raise PasticheError(ErrorCode.ENGINE, str(error)) from None
        for dtype in {torch.float32, fastest_type(self.device)}:
            network = PasticheNet().eval().requires_grad_(False)
            network.load_state_dict(weights)
            self._networks[dtype] = network.to(self.device, dtype).to(memory_format=torch.channels_last)

    def unload(self) -> None:
        self._networks.clear()
        self._codes.clear()

    def estimate(self, width: int, height: int, options: dict[str, Any]) -> tuple[float, int]:
        sizes = working_sizes(width, height, options["brush_size"], WRAPS[options["wrap"]], MULTIPLE)
        work, output = [size.area / 1e6 for size in sizes], width * height / 1e6
        seconds = self._speed * sum(work) * (2 if options["strength"] < 100 else 1)
        memory = BYTES_PER_MEGAPIXEL * max(work) + BYTES_PER_OUTPUT_MEGAPIXEL * output
        return seconds + SECONDS_PER_OUTPUT_MEGAPIXEL * output, int(memory)

    @torch.inference_mode()
    def run(self, job: EngineJob, callbacks: Callbacks) -> EngineResult:
        clock = Stages(callbacks)
        with clock.stage("load", 0.0):
            self.load()
            model = self._given or default_model("fast")
        dtype = torch.float32 if job.options["depth"] != "8" else fastest_type(self.device)
        network = self._networks[dtype]
        wrap = WRAPS[job.options["wrap"]]
        with clock.stage("prepare", 0.02):
            form = job.content.format
            sizes = working_sizes(form.width, form.height, job.options["brush_size"], wrap, MULTIPLE)
            if self._native:
                sizes = [WorkingSize(form.width, form.height)]
            photograph = read_photograph(job.content, sizes[-1], wrap, callbacks.check)
        with clock.stage("style", 0.1), _checks(network, callbacks.check):
            network.set_wrap(False, False)
            code = self._style_code(job, photograph)
        strength = job.options["strength"] / 100
        with clock.stage("stylize", 0.2), _checks(network, callbacks.check):
            pastiche = self._stylize(network, dtype, photograph, sizes, code, strength, job.options["seed"], wrap)
        if strength == 1:
            area = sum(size.area for size in sizes)
            self._speed += 0.3 * (clock.timings["stylize"] / 1e3 / (area / 1e6) - self._speed)
        with clock.stage("finish", 0.8):
            result = finish(job, photograph, pastiche, strength, wrap, callbacks, soft=True)
        return EngineResult(result, clock.timings, [model.reference()], self._notes(photograph, dtype))

    def _stylize(
        self, network: PasticheNet, dtype: torch.dtype, photograph: Photograph, sizes: list[WorkingSize],
        code: StyleCode, strength: float, seed: int, wrap: tuple[bool, bool],
    ) -> Tensor:  # fmt: skip
        """From coarse to fine: what was painted is enlarged, half covered with the photograph, and painted over."""
        network.set_wrap(*wrap)
        pastiche: Tensor | None = None
        for size in sizes:
            content = own = resize_wrapped(photograph.small, size.width, size.height, wrap).clamp_(0, 1)
            if pastiche is not None:
                octaves = math.log2(size.area / (pastiche.shape[2] * pastiche.shape[3])) / 2
                enlarged = Enlargement(half_band(pastiche, wrap), size.width, size.height, wrap).rows(0, size.height)
                content = torch.lerp(own, enlarged.clamp_(0, 1), strength * UNDERPAINTING * min(octaves, 1))
            pastiche = self._paint(network, dtype, content, own, code, strength, seed, wrap)
        assert pastiche is not None
        return pastiche

    def _paint(
        self, network: PasticheNet, dtype: torch.dtype, content: Tensor, photograph: Tensor, code: StyleCode,
        strength: float, seed: int, wrap: tuple[bool, bool],
    ) -> Tensor:  # fmt: skip
        """`content` once through the network. Below full strength the style's statistics are blended with the
        photograph's own, and what the network cannot reproduce of it by its own statistics is given back in proportion.
        """
        height, width = content.shape[-2:]
        left, top = (0 if wrapped else min(RIM, side - 1) for wrapped, side in zip(wrap, (width, height), strict=True))

        def render(x: Tensor, with_code: StyleCode) -> Tensor:
            x = pad_to_multiple(F.pad(x, (left, 0, top, 0), "reflect"), MULTIPLE)
            noise = noise_field(seed, x.shape[2], x.shape[3]).to(self.device, dtype)
            x = x.to(self.device, dtype, memory_format=torch.channels_last)
            out: Tensor = network(x, with_code, noise).float().cpu()
            return out[:, :, top : top + height, left : left + width]

        if strength == 1:
            return render(content, code).clamp_(0, 1)
        if strength == 0:
            return photograph
        own = self._networks[torch.float32].encode_style(pad_to_multiple(photograph, MULTIPLE).to(self.device))
        lost = photograph - render(photograph, own)
        painted = render(content, blend_codes([own, code], [1 - strength, strength]))
        return (painted + (1 - strength) * lost).clamp_(0, 1)

    def _style_code(self, job: EngineJob, photograph: Photograph) -> StyleCode:
        matched = photograph.small if job.options["colour"] == "match" else None
        codes = [self._prepared(style, matched) for style in job.styles]
        return blend_codes(codes, [style.weight for style in job.styles])

    def _prepared(self, style: StyleInput, matched: Tensor | None) -> StyleCode:
        key = content_hash(style)
        if matched is None and key in self._codes:
            self._codes.move_to_end(key)
            return self._codes[key]
        picture = read_style(style, MULTIPLE)
        if matched is not None:
            picture = match_colours(picture, matched)
        code = self._networks[torch.float32].encode_style(picture.to(self.device))
        if matched is None:
            self._codes[key] = code
            if len(self._codes) > PREPARED_STYLES:
                self._codes.popitem(last=False)
        return code

    def _notes(self, photograph: Photograph, dtype: torch.dtype) -> list[str]:
        height, width = photograph.view.shape
        size = photograph.size
        notes = [f"precision {str(dtype).removeprefix('torch.')}"]
        if (size.width, size.height) != (width, height):
            notes.append(f"strokes were painted at {size.width} x {size.height} and brought to {width} x {height}")
        return notes


def fastest_type(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor computes in it, else float32."""
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_has_bf16() else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float32


def _cpu_has_bf16() -> bool:
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


@contextmanager
def _checks(network: PasticheNet, check: Callable[[], None]) -> Iterator[None]:
    """Calls `check` before every convolution, so that a cancel takes effect within one layer."""
    hooks = [
        module.register_forward_pre_hook(lambda *_: check())
        for module in network.modules()
        if isinstance(module, Convolution)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
