"""`pastiche apply`: one picture, one or more styles, one result."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pastiche.client import Client
from pastiche.commands.job_flags import (
    StyleFlag,
    idle_flags,
    job_options,
    open_client,
    read_styles,
    resolve_model,
    resolve_names,
    style_flags,
    write_settings,
)
from pastiche.commands.progress import Bar, Interrupts
from pastiche.commands.run_files import RunFiles, read_run_files
from pastiche.commands.stages import Stages, client_memory
from pastiche.connection import find_home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import JobCancelled, Outcome, StyleRef
from pastiche.picture_files import Picture, check_output, check_sides, prepare_writing, read_picture, write_picture
from pastiche.pixels import PixelBuffer
from pastiche.protocol import Accepted, Progress


@dataclass(frozen=True)
class Order:
    """What is to be painted, and in which files the run is kept or was kept."""

    content: PixelBuffer
    styles: list[StyleRef]
    options: dict[str, float | int | str]
    mask: PixelBuffer | None
    run: RunFiles


def run(flags: argparse.Namespace) -> int:
    """Raises PasticheError; KeyboardInterrupt where the job was cancelled."""
    stages = Stages()
    options, settings, styles = job_options(flags), write_settings(flags), style_flags(flags)
    run_files = read_run_files(flags, str(options["method"]))
    content, output = Path(flags.content), Path(flags.output)
    mask = Path(flags.mask) if flags.mask is not None else None
    inputs = [content, *(style.path for style in styles if style.path), *([mask] if mask else [])]
    format = check_output(output, str(options["depth"]), inputs, settings.overwrite)
    with Bar(flags.quiet) as bar:
        for note in [*run_files.notes, idle_flags(flags, str(options["method"]))]:
            if note:
                bar.say(note)
        with stages.measure("decode"):
            picture = read_picture(content)
            refs = read_styles(styles, bar.say)
            order = Order(picture.pixels, refs, options, _read_mask(mask, picture) if mask else None, run_files)
        check_sides(format, picture.pixels.format.width, picture.pixels.format.height)
        for note in picture.notes:
            bar.say(note)
        try:
            outcome = paint(order, lambda: open_client(flags, find_home(), bar.say), output, bar, stages)
        except JobCancelled:
            run_files.say_how_to_go_on(bar)
            raise KeyboardInterrupt from None
        except PasticheError:
            run_files.say_how_to_go_on(bar)
            raise
        with stages.measure("encode"):
            notes = write_picture(output, outcome.pixels, picture.metadata, settings)
        bar.close()
        for note in notes:
            bar.say(note)
        for note in outcome.report.get("notes", []):
            bar.remark(str(note))
    if flags.json:
        kept = {"quality": settings.quality, "compression": settings.compression, "keep_gps": settings.keep_gps}
        written = {"mask": mask is not None, **kept}
        print(json.dumps(_report(output, outcome, styles, stages, bar.notes) | {"output_options": written}))
    return 0


def _report(
    output: Path, outcome: Outcome, styles: list[StyleFlag], stages: Stages, notes: list[str]
) -> dict[str, Any]:
    """The daemon's report with the client's share: times in milliseconds, memory in bytes."""
    shape = outcome.pixels.format
    return {
        **outcome.report,
        "output": str(output),
        "width": shape.width,
        "height": shape.height,
        "channels": shape.channels,
        "depth": shape.depth,
        "styles": [{"style": style.given, "weight": style.weight} for style in styles],
        "peak_memory": outcome.report.get("memory", 0),
        "client_peak_memory": client_memory(),
        "timings": stages.report() | {"daemon": outcome.report.get("timings", {})},
        "notes": notes,
    }


def _read_mask(path: Path, picture: Picture) -> PixelBuffer:
    mask = read_picture(path, "mask").pixels
    wanted = picture.pixels.format
    if (mask.format.width, mask.format.height) != (wanted.width, wanted.height):
        raise PasticheError(
            ErrorCode.BAD_PICTURE,
            f"The mask {path.name} has {mask.format.width} x {mask.format.height} pixels and the picture "
            f"{wanted.width} x {wanted.height}.",
            "Make them the same size.",
        )
    return mask


def paint(order: Order, connect: Callable[[], Client], output: Path, bar: Bar, stages: Stages) -> Outcome:
    """Connects, submits and waits; a daemon that is just leaving is followed by a new one.

    Raises PasticheError, JobCancelled.
    """
    for last in (False, True):
        with stages.measure("connect"):
            client = connect()
        with client:
            try:
                return _run_job(order, client, output, bar, stages)
            except PasticheError as error:
                if error.code is not ErrorCode.STOPPING or last:
                    raise
                client.wait_for_successor(bar.say)
                order = replace(order, run=order.run.gone_on_with())
    raise PasticheError(ErrorCode.STOPPING)


def _run_job(order: Order, client: Client, output: Path, bar: Bar, stages: Stages) -> Outcome:
    styles, options = resolve_names(order.styles, client), resolve_model(order.options, client)
    kept = order.run
    with Interrupts(bar) as interrupts:
        began = accepted = time.monotonic()
        job = client.submit(order.content, styles, options, order.mask, state=kept.state, resume=kept.resume)
        prepare_writing(output)
        for event in job.events(lambda: interrupts.pass_on(job)):
            if isinstance(event.body, Accepted):
                accepted = time.monotonic()
                stages.add("send", accepted - began)
            elif isinstance(event.body, Progress):
                bar.show(event.body.stage, event.body.fraction, left=event.body.seconds_left)
                if event.body.detail:
                    bar.tell(event.body.detail)
            elif event.final:
                arrived = job.result_began or time.monotonic()
                stages.add("wait", arrived - accepted)
                stages.add("receive", time.monotonic() - arrived)
                outcome = event.outcome()
                if interrupts.count:
                    kept.say_how_to_go_on(bar)
                return outcome
    raise PasticheError(ErrorCode.BAD_MESSAGE, "The daemon sent no outcome.")
