"""The Fast method: PasticheNet for any style picture, first broad, then fine; and finer still on large pictures."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer
from pastiched.engines.attempts import Attempt, attempts, first_that_fits
from pastiched.engines.base import Callbacks, EngineJob, EngineResult, StyleInput
from pastiched.engines.finishing import finish
from pastiched.engines.inputs import WRAPS, Photograph, content_hash, read_photograph, read_style
from pastiched.engines.precision import fastest_numbers, numbers_for_depth, precision_note
from pastiched.engines.refining import PaintingSizes, painting_sizes, refine
from pastiched.engines.stage_clock import StageClock
from pastiched.imaging.colour import match_colours
from pastiched.imaging.detail import half_band
from pastiched.imaging.scale import Enlargement, Rows, WorkingSize, rows_of
from pastiched.inference.interruption import checks
from pastiched.inference.numbers import Numbers
from pastiched.inference.opening import open_pastiche_stages
from pastiched.inference.pastiche_painter import PastichePainter, Show, code_of
from pastiched.inference.piece_size import PASTICHE, bytes_taken, piece_pixels
from pastiched.inference.rim import Rim
from pastiched.inference.stages import PasticheStages
from pastiched.models import Model, ModelError, default_model
from pastiched.networks.pastiche_net import MULTIPLE, PasticheNet
from pastiched.networks.statistics import StyleCode, blend_codes

PREPARED_STYLES = 64
UNDERPAINTING = 0.5
"""How much of what was painted an octave coarser goes into the next painting; the rest is the photograph."""
STYLIZE, FINISH = 0.2, 0.8
"""Shares of the job that are behind us when painting begins and ends."""
SECONDS_PER_MEGAPIXEL = 0.6
SECONDS_PER_OUTPUT_MEGAPIXEL = 0.05
BYTES_PER_OUTPUT_MEGAPIXEL = 40_000_000


Cover = Callable[[Rows], Rows]
"""Lays a photograph over what was painted before."""


@dataclass(frozen=True)
class Brush:
    """What a job paints with."""

    stages: PasticheStages
    code: StyleCode
    strength: float
    seed: int
    wrap: tuple[bool, bool]
    most: int
    """Pixels that go through the network at once."""
    pause: Callable[[], None]
    """Called between pieces."""

    def cover(self, underpainting: Tensor, coarse: WorkingSize, fine: WorkingSize) -> Cover:
        """The enlarged underpainting, half covered with the photograph; less where it is hardly broader."""
        octaves = math.log2(fine.area / coarse.area) / 2
        # It is kept as long as the painting over it lasts: in half precision.
        small = half_band(underpainting, self.wrap).half()
        enlarged = Enlargement(small, fine.width, fine.height, self.wrap)
        share = self.strength * UNDERPAINTING * min(octaves, 1)
        return lambda photograph: (
            lambda first, count: enlarged.rows(first, count).clamp_(0, 1).lerp_(photograph(first, count), 1 - share)
        )


def _part(callbacks: Callbacks, begin: float, share: float) -> Show:
    """Tells progress within a part of the painting."""
    return lambda done: callbacks.progress("stylize", STYLIZE + (FINISH - STYLIZE) * (begin + share * done))


class FastEngine:
    """One device's Fast engine. `load` once; styles are prepared once each and kept by content hash.

    `model` is another weight file than the one that ships. `native`: every picture is painted at its own size in one
    pass, whatever the brush size: so the network is measured.
    """

    method = "fast"

    def __init__(self, device: torch.device, model: Model | None = None, native: bool = False) -> None:
        self.device = device
        self._given, self._native = model, native
        self._style_network: PasticheNet | None = None
        """In float32: styles are prepared once."""
        self._stages: dict[tuple[Numbers, str], PasticheStages] = {}
        """By numbers and kind of device."""
        self._codes: OrderedDict[str, StyleCode] = OrderedDict()
        self._speed = SECONDS_PER_MEGAPIXEL

    def load(self) -> None:
        if self._style_network is not None:
            return
        weights = self._weights()
        network = PasticheNet().eval().requires_grad_(False)
        network.load_state_dict(weights)
        self._style_network = network.to(self.device).to(memory_format=torch.channels_last)
        self._open_stages(fastest_numbers(self.device), self.device, weights)

    def unload(self) -> None:
        self._style_network = None
        self._stages.clear()
        self._codes.clear()

    def _open_stages(
        self, numbers: Numbers, device: torch.device, weights: dict[str, Tensor] | None = None
    ) -> PasticheStages:
        key = numbers, device.type
        if key not in self._stages:
            self._stages[key] = open_pastiche_stages(weights or self._weights(), numbers, device)
        return self._stages[key]

    def _weights(self) -> dict[str, Tensor]:
        try:
            return (self._given or default_model("fast")).load()
        except ModelError as error:
            raise PasticheError(ErrorCode.ENGINE, str(error)) from None

    def estimate(self, width: int, height: int, options: dict[str, Any]) -> tuple[float, int]:
        sizes = self._sizes(width, height, options)
        output, largest = width * height / 1e6, sizes.last.area
        seconds = self._speed * sizes.area / 1e6 * (2 if options["strength"] < 100 else 1)
        numbers = numbers_for_depth(options["depth"], self.device)
        most = piece_pixels(options["tile"], largest, numbers, self.device, PASTICHE)
        memory = bytes_taken(largest, most, numbers, PASTICHE) + BYTES_PER_OUTPUT_MEGAPIXEL * output
        return seconds + SECONDS_PER_OUTPUT_MEGAPIXEL * output, int(memory)

    def _sizes(self, width: int, height: int, options: dict[str, Any]) -> PaintingSizes:
        if self._native:
            return PaintingSizes([WorkingSize(width, height)])
        return painting_sizes(width, height, options["brush_size"], WRAPS[options["wrap"]], MULTIPLE)

    @torch.inference_mode()
    def run(self, job: EngineJob, callbacks: Callbacks) -> EngineResult:
        clock = StageClock(callbacks)
        with clock.stage("load", 0.0):
            self.load()
            model = self._given or default_model("fast")
        wrap = WRAPS[job.options["wrap"]]
        with clock.stage("prepare", 0.02):
            form = job.content.format
            sizes = self._sizes(form.width, form.height, job.options)
            photograph = read_photograph(job.content, sizes.last, wrap, callbacks.check)
            if not photograph.streamed:
                _ = photograph.small
        with clock.stage("style", 0.1), checks(self._network, callbacks.check):
            code = self._style_code(job, photograph)
        strength, soft = job.options["strength"] / 100, sizes.refined is None

        def paint(attempt: Attempt) -> tuple[PixelBuffer, str]:
            stages = self._open_stages(attempt.numbers, attempt.device)
            brush = Brush(stages, code, strength, job.options["seed"], wrap, attempt.most, callbacks.between_steps)
            with stages.watched(callbacks.check), checks(self._network, callbacks.check):
                with clock.stage("stylize", STYLIZE):
                    pastiche = self._stylize(brush, photograph, sizes, callbacks)
                with clock.stage("finish", FINISH):
                    picture = finish(job, photograph, pastiche, strength, wrap, callbacks, FINISH, soft=soft)
            if photograph.streamed:
                stages.release()
            return picture, precision_note(stages)

        numbers = numbers_for_depth(job.options["depth"], self.device)
        most = piece_pixels(job.options["tile"], sizes.last.area, numbers, self.device, PASTICHE)
        (result, precision), troubles = first_that_fits(attempts(most, numbers, self.device), paint)
        if strength == 1 and not troubles:
            self._speed += 0.3 * (clock.timings["stylize"] / 1e3 / (sizes.area / 1e6) - self._speed)
        notes = [precision, *photograph.size_notes(sizes.painted[-1]), *troubles]
        return EngineResult(result, clock.timings, [model.reference()], notes)

    @property
    def _network(self) -> PasticheNet:
        assert self._style_network is not None
        return self._style_network

    def _stylize(self, brush: Brush, photograph: Photograph, sizes: PaintingSizes, callbacks: Callbacks) -> Rows:
        """From coarse to fine: what was painted is enlarged, half covered with the photograph, and painted over.
        On a large picture it is painted over once more, for the strokes that are finer than the brush's."""
        if brush.strength == 0:
            return photograph.working_rows
        *coarser, fine = sizes.painted

        def show(size: WorkingSize) -> Show:
            before = sum(other.area for other in sizes.all[: sizes.all.index(size)])
            return _part(callbacks, before / sizes.area, size.area / sizes.area)

        cover: Cover | None = None
        for size in coarser:
            underpainting = self._whole(brush, photograph, cover, size, show(size))
            cover = brush.cover(underpainting, size, fine)
        if photograph.streamed and not sizes.refined:
            brush.stages.release()
            return self._paint(brush, photograph.working_rows, cover, fine, show(fine))
        painting = self._whole(brush, photograph, cover, fine, show(fine))
        if sizes.refined:
            cover = brush.cover(painting, fine, sizes.refined)
            finer = self._paint(brush, photograph.working_rows, cover, sizes.refined, show(sizes.refined))
            painting = refine(painting, finer(0, sizes.refined.height), brush.wrap, brush.pause)
        return rows_of(painting)

    def _whole(
        self, brush: Brush, photograph: Photograph, cover: Cover | None, size: WorkingSize, show: Show
    ) -> Tensor:
        """1 x 3 x H x W."""
        return self._paint(brush, rows_of(photograph.reduced(size)), cover, size, show)(0, size.height)

    def _paint(self, brush: Brush, photograph: Rows, cover: Cover | None, size: WorkingSize, show: Show) -> Rows:
        """The photograph, or what it covers half, once through the network. Below full strength the style's statistics
        are blended with the photograph's own, and what the network cannot reproduce of it by its own statistics is
        given back in proportion.
        """
        strength = brush.strength
        content = cover(photograph) if cover else photograph
        painter = PastichePainter(brush.stages, brush.most, brush.pause)
        rim = Rim.of(size.width, size.height, brush.wrap, MULTIPLE)
        if strength == 1:
            painting = painter.paint(content, rim, brush.code, brush.seed, show)
            return lambda first, count: painting.rows(first, count).clamp_(0, 1)
        plain = Rim.of(size.width, size.height, (False, False), MULTIPLE, rim=0)
        own = code_of(self._network, photograph, plain, brush.most)
        blended = blend_codes([own, brush.code], [1 - strength, strength])
        reproduction = painter.paint(photograph, rim, own, brush.seed, lambda done: show(done / 2))
        painting = painter.paint(content, rim, blended, brush.seed, lambda done: show((1 + done) / 2))

        def rows(first: int, count: int) -> Tensor:
            lost = photograph(first, count) - reproduction.rows(first, count)
            return (painting.rows(first, count) + (1 - strength) * lost).clamp_(0, 1)

        return rows

    def _style_code(self, job: EngineJob, photograph: Photograph) -> StyleCode:
        matched = photograph.colours if job.options["colour"] == "match" else None
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
        code = self._network.encode_style(picture.to(self.device)).cpu()
        if matched is None:
            self._codes[key] = code
            if len(self._codes) > PREPARED_STYLES:
                self._codes.popitem(last=False)
        return code
