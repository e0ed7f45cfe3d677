"""The Fast method: one pass of PasticheNet for any style picture."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiched.engines.base import Callbacks, EngineJob, EngineResult, StyleInput
from pastiched.engines.finishing import finish
from pastiched.engines.inputs import Photograph, content_hash, read_photograph, read_style
from pastiched.engines.stages import Stages
from pastiched.imaging.colour import match_colours
from pastiched.imaging.scale import pad_to_multiple, working_size
from pastiched.models import Model, ModelError, default_model
from pastiched.networks.convolution import Convolution
from pastiched.networks.pastiche_net import MULTIPLE, PasticheNet, noise_field
from pastiched.networks.statistics import StyleCode, blend_codes

PREPARED_STYLES = 64
WRAPS = {"none": (False, False), "horizontal": (True, False), "both": (True, True)}
SECONDS_PER_MEGAPIXEL = 0.6
SECONDS_PER_OUTPUT_MEGAPIXEL = 0.05
BYTES_PER_MEGAPIXEL = 400_000_000
BYTES_PER_OUTPUT_MEGAPIXEL = 40_000_000


class FastEngine:
    """One device's Fast engine. `load` once; styles are prepared once each and kept by content hash.

    `model` is another weight file than the one that ships.
    """

    method = "fast"

    def __init__(self, device: torch.device, model: Model | None = None) -> None:
        self.device = device
        self._given = model
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
        size = working_size(width, height, options["brush_size"], WRAPS[options["wrap"]], MULTIPLE)
        work, output = size.width * size.height / 1e6, width * height / 1e6
        seconds = self._speed * work * (2 if options["strength"] < 100 else 1) + SECONDS_PER_OUTPUT_MEGAPIXEL * output
        return seconds, int(BYTES_PER_MEGAPIXEL * work + BYTES_PER_OUTPUT_MEGAPIXEL * output)

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
            size = working_size(form.width, form.height, job.options["brush_size"], wrap, MULTIPLE)
            photograph = read_photograph(job.content, size, wrap, callbacks.check)
        with clock.stage("style", 0.1), _checks(network, callbacks.check):
            network.set_wrap(False, False)
            code = self._style_code(job, photograph)
        strength = job.options["strength"] / 100
        with clock.stage("stylize", 0.2), _checks(network, callbacks.check):
            pastiche = self._stylize(network, dtype, photograph, code, strength, job.options["seed"], wrap)
        if strength == 1:
            area = photograph.size.width * photograph.size.height
            self._speed += 0.3 * (clock.timings["stylize"] / 1e3 / (area / 1e6) - self._speed)
        with clock.stage("finish", 0.8):
            result = finish(job, photograph, pastiche, strength, wrap, callbacks)
        return EngineResult(result, clock.timings, [model.reference()], self._notes(photograph, dtype))

    def _stylize(
        self, network: PasticheNet, dtype: torch.dtype, photograph: Photograph, code: StyleCode, strength: float,
        seed: int, wrap: tuple[bool, bool],
    ) -> Tensor:  # fmt: skip
        """At working size. Below full strength the style's statistics are blended with the photograph's own, and what
        the network cannot reproduce of a photograph by its own statistics is given back in proportion."""
        x = pad_to_multiple(photograph.small, MULTIPLE)
        noise = noise_field(seed, x.shape[2], x.shape[3]).to(self.device, dtype)
        x = x.to(self.device, dtype, memory_format=torch.channels_last)
        network.set_wrap(*wrap)

        def render(with_code: StyleCode) -> Tensor:
            out: Tensor = network(x, with_code, noise).float().cpu()
            return out[:, :, : photograph.size.height, : photograph.size.width]

        if strength == 1:
            return render(code).clamp_(0, 1)
        if strength == 0:
            return photograph.small
        own = self._networks[torch.float32].encode_style(x.float())
        lost = photograph.small - render(own)
        return (render(blend_codes([own, code], [1 - strength, strength])) + (1 - strength) * lost).clamp_(0, 1)

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
