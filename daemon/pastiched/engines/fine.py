"""The Fine method: the picture itself is optimized against a pre-trained network (Gatys et al. 2016)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer
from pastiched.engines.base import Callbacks, EngineJob, EngineResult, StyleInput
from pastiched.engines.fast import FastEngine
from pastiched.engines.fine_options import painted_size, read_recipe
from pastiched.engines.fine_state import StateFile, job_description
from pastiched.engines.finishing import finish
from pastiched.engines.inputs import WRAPS, Photograph, read_photograph, read_style
from pastiched.engines.precision import fastest_type
from pastiched.engines.silence import Silent
from pastiched.engines.stage_clock import StageClock
from pastiched.imaging.colour import keep_chroma, keep_light, light_of, match_colours
from pastiched.imaging.scale import resize, rows_of
from pastiched.imaging.tensors import PictureView, preview_buffer
from pastiched.memory import claim, free_unused
from pastiched.models import Model, ModelError, feature_model
from pastiched.networks.features import LAYERS, FeatureNetwork
from pastiched.optimization.objective import Plan
from pastiched.optimization.painter import Ending, Painted, Painter, Recipe, StateMismatch, Step, Style, Watcher
from pastiched.optimization.state import State

LARGEST_STYLE_SIDE = 2048
PREVIEW_SECONDS = 0.5
PREVIEW_SIDE = 512
LINE_EVERY = 100
STYLIZE, FINISH = 0.04, 0.97
"""Shares of the job that are behind us when painting begins and ends."""
SECONDS_PER_MEGAPIXEL = 0.8
"""Of one step with the compact network."""
VGG19_FACTOR = 7.0
SECONDS_PER_OUTPUT_MEGAPIXEL = 0.1
FLOOR_SECONDS = 0.015
BYTES_PER_MEGAPIXEL, BYTES_PER_OUTPUT_MEGAPIXEL = 130_000_000, 40_000_000
BLOCK_BYTES = 1_000_000_000
BYTES_PER_BLOCK_PIXEL = {torch.bfloat16: 330, torch.float32: 660}
"""Of the compact network; in proportion to its first layer's width for another."""
COMPACT_WIDTH = 16
SPARE, KERNEL_BYTES = 1.5, 100_000_000
"""Addresses taken for each byte used, and what oneDNN takes for the kernels of a new shape (15 to 80 MB seen)."""
NOTES = {
    Ending.FINISHED: "it was ended early: this is the picture so far",
    Ending.DIVERGED: "the steps went astray, so this is the picture before they did; a smaller step size helps",
    Ending.NO_MEMORY: "memory ran out, so this is the picture so far; fewer megapixels need less",
}


class FineEngine:
    """One device's Fine engine. Feature networks stay loaded; jobs may be nested (see Callbacks.between_steps)."""

    method = "fine"

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._networks: dict[str, FeatureNetwork] = {}
        self._speed: dict[str, float] = {}
        """Seconds of a step for each megapixel, by feature network."""

    def load(self) -> None:
        """Nothing: a job says which feature network it wants."""

    def unload(self) -> None:
        self._networks.clear()

    def estimate(self, width: int, height: int, options: dict[str, Any]) -> tuple[float, int]:
        size = painted_size(width, height, options)
        model = _model(options["features"])
        recipe = read_recipe(size, options, LAYERS)
        steps = sum(scale.iterations for scale in recipe.scales)
        painted, output = size.width * size.height / 1e6, width * height / 1e6
        seconds = self._pace(model) * recipe.work + FLOOR_SECONDS * steps + SECONDS_PER_OUTPUT_MEGAPIXEL * output
        return seconds, int(BLOCK_BYTES + BYTES_PER_MEGAPIXEL * painted + BYTES_PER_OUTPUT_MEGAPIXEL * output)

    @torch.no_grad()
    def run(self, job: EngineJob, callbacks: Callbacks) -> EngineResult:
        clock, wrap = StageClock(callbacks), WRAPS[job.options["wrap"]]
        with clock.stage("load", 0.0):
            model = _model(job.options["features"])
            network = self._network(model)
        with clock.stage("prepare", 0.01):
            form = job.content.format
            size = painted_size(form.width, form.height, job.options)
            recipe = read_recipe(size, job.options, network.layers)
            wanted = job.state or job.resume
            file = StateFile(job.state, job_description(job, model, recipe) if wanted else {})
            resumed = file.read(job.resume) if job.resume else None
            photograph = read_photograph(job.content, size, wrap, callbacks.check)
        with clock.stage("style", 0.02):
            styles = [_read_style(style, job, photograph) for style in job.styles]
        with clock.stage("stylize", STYLIZE):
            painted = self._paint(job, network, model, photograph, styles, recipe, resumed, file, callbacks)
        if painted.ending is Ending.NO_MEMORY:
            free_unused(self.device)
        with clock.stage("finish", FINISH):
            picture = resize(painted.picture.float().cpu(), size.width, size.height)
            result = finish(job, photograph, rows_of(picture), recipe.strength, wrap, callbacks, FINISH)
        notes = _notes(photograph, painted, network)
        if file.trouble:
            notes.append(f"the run could not be kept: {file.trouble}")
        return EngineResult(result, clock.timings, [model.reference()], notes, painted.broken)

    def _paint(
        self, job: EngineJob, network: FeatureNetwork, model: Model, photograph: Photograph,
        styles: list[Style], recipe: Recipe, resumed: State | None, file: StateFile, callbacks: Callbacks,
    ) -> Painted:  # fmt: skip
        if recipe.strength == 0:
            return Painted(photograph.small, Ending.DONE, 0)
        plan = Plan(
            network.dtype, self._block_pixels(network), WRAPS[job.options["wrap"]], job.options["pooling"],
            callbacks.check, lambda pixels: self._claim(network, pixels),
        )  # fmt: skip
        first = (
            self._fast_picture(job, photograph, callbacks)
            if recipe.start == "fast" and not (resumed and resumed.begun)
            else None
        )
        painter = Painter(network, photograph.small.to(self.device), styles, recipe, plan, first)
        show = Show(job, photograph, callbacks)
        watcher = Watcher(show.after_step, file.offer)
        begun, lent, before = time.monotonic(), callbacks.lent, resumed.steps if resumed else 0
        try:
            painted = painter.run(watcher, resumed)
        except StateMismatch:
            raise PasticheError(
                ErrorCode.UNREADABLE, "The state does not fit this painting.", "Begin anew, without --resume."
            ) from None
        except BaseException:
            file.write(painter.state)
            raise
        if painted.ending is not Ending.DIVERGED:
            file.write(painter.state)
        if painted.ending is Ending.DONE and not before and recipe.work > 1:
            pace = (time.monotonic() - begun - (callbacks.lent - lent) - FLOOR_SECONDS * painted.steps) / recipe.work
            self._speed[model.id] = max(0.0, pace + self._pace(model)) / 2
        return painted

    def _fast_picture(self, job: EngineJob, photograph: Photograph, callbacks: Callbacks) -> Tensor:
        """What the Fast method makes of it, as a picture to begin with."""
        plain = EngineJob(job.content, job.styles, None, {**job.options, "method": "fast", "depth": "8"})
        result = FastEngine(self.device).run(plain, Silent(callbacks.check))
        size = photograph.size
        view = PictureView(result.pastiche)
        return view.reduced(size.width, size.height, WRAPS[job.options["wrap"]], callbacks.check).to(self.device)

    def _pace(self, model: Model) -> float:
        return self._speed.get(model.id, SECONDS_PER_MEGAPIXEL * (VGG19_FACTOR if model.id == "vgg19" else 1))

    def _network(self, model: Model) -> FeatureNetwork:
        if model.id not in self._networks:
            try:
                weights = model.load()
            except ModelError as error:
                raise PasticheError(ErrorCode.ENGINE, str(error)) from None
            dtype = fastest_type(self.device)
            # Gradients of half precision vanish; bfloat16 has the range of float32.
            network = FeatureNetwork(weights).to(self.device, torch.float32 if dtype == torch.float16 else dtype)
            self._networks[model.id] = network.to(memory_format=torch.channels_last)
        return self._networks[model.id]

    def _block_pixels(self, network: FeatureNetwork) -> int:
        """As many as the memory that may be taken allows; where it proves too little, blocks shrink."""
        allowed = BLOCK_BYTES
        if self.device.type == "cuda":
            allowed = torch.cuda.mem_get_info(self.device)[0] // 2
        return int(allowed / _bytes_per_pixel(network))

    def _claim(self, network: FeatureNetwork, pixels: int) -> None:
        """Raises what says that there is no memory. oneDNN must not be the one to find out: where it cannot get a few
        kilobytes for a kernel, it takes the kernel for made, and the process ends when that is called."""
        if self.device.type == "cpu":
            claim(int(SPARE * _bytes_per_pixel(network) * pixels) + KERNEL_BYTES)


class Show:
    """What a run shows while it is on: progress, lines, the growing picture; and the wishes it heeds."""

    def __init__(self, job: EngineJob, photograph: Photograph, callbacks: Callbacks) -> None:
        self._callbacks, self._photograph = callbacks, photograph
        self._keep = job.options["colour"] == "keep"
        self._shown = 0.0

    def after_step(self, step: Step, picture: Callable[[], Tensor]) -> bool:
        """Whether the user wants the picture as it is now."""
        detail = None
        if step.iteration % LINE_EVERY == 0 or step.iteration == step.iterations:
            losses = step.losses
            detail = {
                "scale": step.scale, "scales": step.scales, "iteration": step.iteration, "iterations": step.iterations,
                "content": round(losses.content, 5), "style": round(losses.style, 5), "tv": round(losses.tv, 5),
                "total": round(losses.total, 5),
            }  # fmt: skip
        self._callbacks.progress("stylize", STYLIZE + (FINISH - STYLIZE) * step.done, detail)
        now = time.monotonic()
        if now - self._shown > PREVIEW_SECONDS:
            self._shown = now
            self._callbacks.preview(self._reduced(picture()))
        self._callbacks.between_steps()
        return self._callbacks.finishing()

    def _reduced(self, picture: Tensor) -> PixelBuffer:
        height, width = self._photograph.view.shape
        factor = min(1.0, PREVIEW_SIDE / max(height, width))
        sides = max(1, round(width * factor)), max(1, round(height * factor))
        small = resize(picture.float().cpu(), *sides)
        if self._keep:
            own = resize(self._photograph.small, *sides)
            small = keep_chroma(keep_light(small, light_of(small), light_of(own)).clamp_(0, 1), own)
        return preview_buffer(small)


def _bytes_per_pixel(network: FeatureNetwork) -> float:
    return BYTES_PER_BLOCK_PIXEL[network.dtype] * network.width("relu1_1") / COMPACT_WIDTH


def _model(name: str) -> Model:
    """Raises PasticheError where the feature network is missing or damaged."""
    try:
        return feature_model(name)
    except ModelError as error:
        raise PasticheError(ErrorCode.ENGINE, str(error)) from None


def _read_style(style: StyleInput, job: EngineJob, photograph: Photograph) -> Style:
    picture = read_style(style, 1, LARGEST_STYLE_SIDE)
    if job.options["colour"] == "match":
        picture = match_colours(picture, photograph.small)
    return Style(picture, style.weight)


def _notes(photograph: Photograph, painted: Painted, network: FeatureNetwork) -> list[str]:
    height, width = photograph.view.shape
    size = photograph.size
    notes = [f"precision {str(network.dtype).removeprefix('torch.')}, {painted.steps} steps"]
    if note := NOTES.get(painted.ending):
        notes.append(note)
    if (size.width, size.height) != (width, height):
        notes.append(f"it was painted at {size.width} x {size.height} and brought to {width} x {height}")
    return notes
