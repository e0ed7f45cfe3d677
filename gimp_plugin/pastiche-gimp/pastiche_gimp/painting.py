"""Painting without a dialog: one job from the layer to the new layer, with GIMP's own progress bar."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from gi.repository import Gimp

from pastiche.client import Client
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import Job, JobCancelled, Outcome, StyleRef
from pastiche.protocol import Progress
from pastiche_gimp.content import Content, layer_of
from pastiche_gimp.installation import Installation
from pastiche_gimp.placement import place
from pastiche_gimp.recipe import Recipe, Remembered, StyleChoice
from pastiche_gimp.report_notes import tell_notes
from pastiche_gimp.steps import Steps
from pastiche_gimp.style_pictures import display_stem, file_pixels, keep_pixels, style_refs, titles_of
from pastiche_gimp.words import N_, _

LOOK_SECONDS = 0.5
"""How often a waiting plug-in looks whether the image is still open."""
STAGES = {
    "starting": N_("Starting the Pastiche daemon"),
    "connecting": N_("Connecting to the Pastiche daemon"),
    "waiting": N_("Waiting for the running daemon to finish"),
    "queued": N_("Waiting for other pastiches"),
    "receive": N_("Sending the picture"),
    "load": N_("Loading the model"),
    "prepare": N_("Preparing the picture"),
    "style": N_("Looking at the style"),
    "stylize": N_("Painting"),
    "finish": N_("Finishing"),
    "send": N_("Fetching the pastiche"),
}


def stage_text(stage: str) -> str:
    return _(STAGES.get(stage, "Painting"))


def subject(image: Any, drawable: Any) -> tuple[Content, Any | None]:
    """What a run without a question paints: a pastiche is made anew from its original, and replaced (the second of
    the pair); any other layer as it is. Raises PasticheError."""
    layer = layer_of(drawable)
    remembered = Remembered.of_layer(layer)
    if remembered is None:
        return Content.of(image, drawable), None
    content = remembered.content(image, layer)
    if content is None:
        raise PasticheError(
            ErrorCode.BAD_PICTURE,
            _("The original of this pastiche is not there any more, or has another size."),
            _("Select another layer, or choose Neural Style (Pastiche)... to paint this one as it is."),
        )
    return content, layer


def paint_now(
    content: Content,
    recipe: Recipe,
    installation: Installation,
    style_file: Any | None = None,
    replaces: Any | None = None,
) -> Any:
    """The new layer. With `style_file` that picture is the only style. Raises PasticheError, JobCancelled."""
    home = installation.daemon_home()

    def closed() -> bool:
        return not content.is_open

    Gimp.progress_init(stage_text("connecting"))
    try:
        titles = {}
        if style_file is None:
            styles = style_refs(recipe.styles, home)
        else:
            picture = file_pixels(style_file)
            styles, kept = [StyleRef(pixels=picture)], keep_pixels(picture, home)
            recipe = replace(recipe, styles=(StyleChoice(kept),))
            titles[kept] = display_stem(style_file)
        for last in (False, True):
            with Client.connect(home, on_note=_show_wait, on_stage=_show_stage, should_stop=closed) as client:
                try:
                    titles = titles_of(recipe, client.styles()) | titles
                    job = client.submit(content.pixels(), styles, recipe.job_options(content))
                    outcome = _wait(job, content)
                    break
                except PasticheError as error:
                    # One that is just leaving is followed by a new one.
                    if error.code is not ErrorCode.STOPPING or last:
                        raise
                    client.wait_for_successor(_show_wait)
        layer = place(content, recipe, outcome.pixels, outcome.report, titles, replaces)
        tell_notes(outcome.report)
        return layer
    finally:
        Gimp.progress_end()


def _show_stage(stage: str) -> None:
    Gimp.progress_set_text(stage_text(stage))
    Gimp.progress_pulse()


def _show_wait(_note: str) -> None:
    _show_stage("waiting")


def _wait(job: Job, content: Content) -> Outcome:
    looked = time.monotonic()
    steps, shown = Steps(), ""

    def look() -> None:
        nonlocal looked
        if time.monotonic() - looked < LOOK_SECONDS:
            return
        looked = time.monotonic()
        if not content.is_open:
            job.cancel()

    for event in job.events(look):
        if event.final:
            return event.outcome()
        if isinstance(event.body, Progress):
            place = steps.place(event.body)
            text = stage_text(event.body.stage) + (f": {place}" if place else "")
            if text != shown:
                shown = text
                Gimp.progress_set_text(shown)
            Gimp.progress_update(min(1.0, max(0.0, event.body.fraction)))
    raise JobCancelled
