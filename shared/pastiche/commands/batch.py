"""`pastiche batch`: many pictures, the same styles; a bad file costs itself only."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pastiche.commands.batch_files import Item, find_sources, name_outputs
from pastiche.commands.batch_painting import Batch
from pastiche.commands.job_flags import idle_flags, job_options, read_styles, style_flags, write_settings
from pastiche.commands.progress import Bar
from pastiche.connection import find_home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import StyleRef
from pastiche.picture_files import WriteSettings

if TYPE_CHECKING:
    from pastiche.commands.batch_ray import RayBatch

DONE, SOME_FAILED, INTERRUPTED = 0, 1, 130


def run(flags: argparse.Namespace) -> int:
    """Raises PasticheError for what concerns the whole batch."""
    options, settings, styles = job_options(flags), write_settings(flags), style_flags(flags)
    sources, folder = find_sources(flags.inputs), Path(flags.output)
    if not sources:
        raise PasticheError(ErrorCode.UNREADABLE, "There are no pictures there.", "PNG, JPEG, WebP and TIFF work.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PasticheError(ErrorCode.UNWRITABLE, f"The folder {folder} cannot be made: {error.strerror}.") from None
    inputs = [*sources, *(style.path for style in styles if style.path)]
    items = list(name_outputs(sources, folder, flags.format, inputs))
    with Bar(flags.quiet) as bar:
        if note := idle_flags(flags, str(options["method"])):
            bar.say(note)
        refs = read_styles(styles, bar.say)
        batch = _batch(flags, options, settings, refs, inputs, bar, items)
        interrupted = batch.run()
        bar.close()
        tally = batch.tally
        painted, failed, skipped = (tally.count(key) for key in ("timings", "error", "skipped"))
        if not flags.quiet:
            parts = [f"{painted} painted", f"{failed} failed"] + ([f"{skipped} left out"] if skipped else [])
            print(f"pastiche: {', '.join(parts)}{', interrupted' if interrupted else ''}.", file=sys.stderr)
    if flags.json:
        summary = {"painted": painted, "failed": failed, "skipped": skipped, "interrupted": interrupted}
        print(json.dumps(summary | {"files": tally.files, "notes": bar.notes}))
    if interrupted:
        return INTERRUPTED
    return SOME_FAILED if failed else DONE


def _batch(
    flags: argparse.Namespace,
    options: dict[str, float | int | str],
    settings: WriteSettings,
    refs: list[StyleRef],
    inputs: list[Path],
    bar: Bar,
    items: list[Item],
) -> Batch | RayBatch:
    """On this machine, or on a cluster. Raises PasticheError(BAD_OPTION)."""
    if flags.ray is None:
        if flags.ray_workers is not None:
            raise PasticheError(ErrorCode.BAD_OPTION, "--ray-workers goes with --ray.", "Leave it out.")
        return Batch(flags, find_home(), options, settings, refs, inputs, bar, items)
    from pastiche.commands.batch_ray import RayBatch

    return RayBatch(flags, options, settings, refs, inputs, bar, items)
