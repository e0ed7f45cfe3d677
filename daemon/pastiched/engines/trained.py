"""The Trained method: a generator that has learned one look, in one pass, and on large pictures a finer one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer
from pastiched.engines.attempts import Attempt, attempts, first_that_fits
from pastiched.engines.base import Callbacks, EngineJob, EngineResult
from pastiched.engines.finishing import finish
from pastiched.engines.inputs import WRAPS, Photograph, read_photograph
from pastiched.engines.precision import numbers_for_depth, precision_note
from pastiched.engines.refining import PaintingSizes, painting_sizes, refine
from pastiched.engines.stage_clock import StageClock
from pastiched.imaging.colour import ColourMatch, gaussian
from pastiched.imaging.scale import NATIVE_PIXELS, Rows, WorkingSize, rows_of, strips
from pastiched.inference.generator_painter import paint_by_generator
from pastiched.inference.numbers import Numbers
from pastiched.inference.opening import open_generator_stages
from pastiched.inference.piece_size import GENERATOR, bytes_taken, piece_pixels
from pastiched.inference.rim import Rim
from pastiched.inference.stages import GeneratorStages
from pastiched.models import ModelError
from pastiched.networks.generator import MULTIPLE
from pastiched.trained_model import TrainedModel, read_trained_model

WARM = 4
"""Generators that stay loaded."""
SECONDS_PER_MEGAPIXEL = 0.4
SECONDS_PER_OUTPUT_MEGAPIXEL = 0.05
BYTES_PER_OUTPUT_MEGAPIXEL = 40_000_000
STYLIZE, FINISH = 0.1, 0.8
"""Shares of the job that are behind us when painting begins and ends."""


class TrainedEngine:
    """One device's engine of trained models. A job says which file; the last few generators stay loaded."""

    method = "trained"

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._generators: OrderedDict[tuple[str, Numbers, str], GeneratorStages] = OrderedDict()
        """By the hash of the file."""
        self._native: dict[str, int] = {}
        """Pixels at which strokes have the size of training, by the names of models that have painted."""
        self._speed = SECONDS_PER_MEGAPIXEL

    def load(self) -> None:
        """Nothing: a job says which model it wants."""

    def unload(self) -> None:
        self._generators.clear()

    def estimate(self, width: int, height: int, options: dict[str, Any]) -> tuple[float, int]:
        sizes = _sizes(width, height, options, self._native.get(str(options["model"]), NATIVE_PIXELS))
        largest, output = sizes.last.area, width * height / 1e6
        seconds = self._speed * sizes.area / 1e6 + SECONDS_PER_OUTPUT_MEGAPIXEL * output
        numbers = numbers_for_depth(options["depth"], self.device)
        most = piece_pixels(options["tile"], largest, numbers, self.device, GENERATOR)
        memory = bytes_taken(largest, most, numbers, GENERATOR) + BYTES_PER_OUTPUT_MEGAPIXEL * (output + largest / 1e6)
        return seconds, int(memory)

    @torch.inference_mode()
    def run(self, job: EngineJob, callbacks: Callbacks) -> EngineResult:
        clock, wrap = StageClock(callbacks), WRAPS[job.options["wrap"]]
        numbers = numbers_for_depth(job.options["depth"], self.device)
        with clock.stage("load", 0.0):
            model = _read_model(job)
            self._open_stages(model, numbers, self.device)
        with clock.stage("prepare", 0.02):
            form = job.content.format
            native = self._native[model.name] = model.native_pixels
            sizes = _sizes(form.width, form.height, job.options, native)
            photograph = read_photograph(job.content, sizes.last, wrap, callbacks.check)
        strength, soft = job.options["strength"] / 100, sizes.refined is None

        def paint(attempt: Attempt) -> tuple[PixelBuffer, str]:
            stages = self._open_stages(model, attempt.numbers, attempt.device)
            with stages.watched(callbacks.check):
                with clock.stage("stylize", STYLIZE):
                    pastiche = self._stylize(stages, job, photograph, sizes, attempt.most, callbacks)
                with clock.stage("finish", FINISH):
                    picture = finish(job, photograph, pastiche, strength, wrap, callbacks, FINISH, soft=soft)
            if photograph.streamed:
                stages.release()
            return picture, precision_note(stages)

        most = piece_pixels(job.options["tile"], sizes.last.area, numbers, self.device, GENERATOR)
        (result, precision), troubles = first_that_fits(attempts(most, numbers, self.device), paint)
        if strength > 0 and not troubles:
            self._speed += 0.3 * (clock.timings["stylize"] / 1e3 / (sizes.area / 1e6) - self._speed)
        notes = [precision, *photograph.size_notes(sizes.painted[-1]), *troubles]
        return EngineResult(result, clock.timings, [model.reference()], notes)

    def _stylize(
        self, stages: GeneratorStages, job: EngineJob, photograph: Photograph, sizes: PaintingSizes, most: int,
        callbacks: Callbacks,
    ) -> Rows:  # fmt: skip
        strength, size = job.options["strength"] / 100, photograph.size
        if strength == 0:
            return photograph.working_rows

        def generated(content: Rows, its: WorkingSize) -> Rows:
            rim = Rim.of(its.width, its.height, photograph.wrap, MULTIPLE)
            return paint_by_generator(stages, content, rim, job.options["seed"], most, callbacks.between_steps).rows

        pastiche = generated(photograph.working_rows, size)
        if sizes.refined or not photograph.streamed:
            painting = torch.empty(1, 3, size.height, size.width)
            for place, part in zip(strips(size.height, size.width), _parts(pastiche, size, callbacks), strict=True):
                painting.narrow(2, *place).copy_(part)
            if sizes.refined:
                (brush,) = sizes.painted
                broad = generated(rows_of(photograph.reduced(brush)), brush)(0, brush.height)
                painting = refine(broad, painting, photograph.wrap, callbacks.between_steps)
            pastiche = rows_of(painting)
        if job.options["colour"] == "match":
            match = ColourMatch(gaussian(_parts(pastiche, size, callbacks)), gaussian([photograph.colours]))
            return lambda first, count: torch.lerp(
                photograph.working_rows(first, count), match(pastiche(first, count)), strength
            )
        return lambda first, count: torch.lerp(photograph.working_rows(first, count), pastiche(first, count), strength)

    def _open_stages(self, model: TrainedModel, numbers: Numbers, device: torch.device) -> GeneratorStages:
        key = model.sha256, numbers, device.type
        if key not in self._generators:
            try:
                weights = model.load()
            except ModelError as error:
                raise _unusable(str(error)) from None
            self._generators[key] = open_generator_stages(weights, numbers, device)
            if len(self._generators) > WARM:
                self._generators.popitem(last=False)
        self._generators.move_to_end(key)
        return self._generators[key]


def _sizes(width: int, height: int, options: dict[str, Any], native: int) -> PaintingSizes:
    return painting_sizes(width, height, options["brush_size"], WRAPS[options["wrap"]], MULTIPLE, native)


def _parts(pastiche: Rows, size: WorkingSize, callbacks: Callbacks) -> Iterator[Tensor]:
    """All of it from top to bottom, with progress."""
    for first, count in strips(size.height, size.width):
        callbacks.progress("stylize", STYLIZE + (FINISH - STYLIZE) * first / size.height)
        yield pastiche(first, count)


def _read_model(job: EngineJob) -> TrainedModel:
    """Raises PasticheError where the file is not there any more, or is no whole model."""
    path = job.model
    if path is None or not path.is_file():
        raise PasticheError(ErrorCode.UNKNOWN_MODEL, f"The trained model {job.options['model']} is not there any more.")
    return _read(path)


def _read(path: Path) -> TrainedModel:
    try:
        return read_trained_model(path)
    except ModelError as error:
        raise _unusable(str(error)) from None


def _unusable(said: str) -> PasticheError:
    return PasticheError(ErrorCode.ENGINE, said, "Remove it and add it again, see `pastiched models`.")
