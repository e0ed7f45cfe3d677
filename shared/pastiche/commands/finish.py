"""`pastiche finish`: ends Fine jobs early and keeps their pictures as they are now."""

from __future__ import annotations

import argparse
import json
from typing import Any

from pastiche.client import Client
from pastiche.connection import find_home, read_connection
from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import FINE
from pastiche.protocol import Finish


def run(flags: argparse.Namespace) -> int:
    """Raises PasticheError: UNKNOWN_JOB for an id that there is not, BAD_OPTION for one that several jobs share."""
    home = find_home()
    asked: list[str] = []
    if read_connection(home) is not None:
        with Client.connect(home, start=False) as client:
            for job in choose_jobs(client.status().jobs, flags.job):
                client.control(Finish(str(job["id"]), str(job["session"])))
                asked.append(str(job["id"]))
    elif flags.job is not None:
        raise PasticheError(ErrorCode.UNKNOWN_JOB, "The daemon is not running, and so is no job.")
    if flags.json:
        print(json.dumps({"finished": asked}))
    elif asked:
        print(
            "The picture is finished as it is now." if len(asked) == 1 else "The pictures are finished as they are now."
        )
    else:
        print("No Fine job is running.")
    return 0


def choose_jobs(jobs: list[dict[str, Any]], given: str | None) -> list[dict[str, Any]]:
    """The job whose id begins so; without one all that run and can end early, which previews never need to.

    Raises PasticheError(UNKNOWN_JOB, BAD_OPTION).
    """
    if given is None:
        return [job for job in jobs if job.get("state") == "running" and _ends_early(job) and not job.get("preview")]
    chosen = [job for job in jobs if given and str(job.get("id")).startswith(given)]
    if not chosen:
        raise PasticheError(
            ErrorCode.UNKNOWN_JOB, f"There is no job {given[:40]!r}.", "See the list with `pastiche status`."
        )
    if len(chosen) > 1:
        raise PasticheError(ErrorCode.BAD_OPTION, f"Several jobs begin with {given[:40]!r}.", "Give more of the id.")
    if not _ends_early(chosen[0]):
        raise PasticheError(ErrorCode.BAD_OPTION, "This job paints at once; it cannot be finished early.", "Wait.")
    return chosen


def _ends_early(job: dict[str, Any]) -> bool:
    # A daemon before 1.2 does not tell the method.
    return job.get("method") in (*FINE, None)
