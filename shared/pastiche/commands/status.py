"""`pastiche status`: whether the daemon runs, on what, and what it is doing. Never starts one."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from pastiche.client import Client
from pastiche.commands.progress import duration
from pastiche.connection import find_home, read_connection
from pastiche.protocol import Status

SHOWN_ID = 8
"""So many characters of a job's id tell it from the others."""


def run(flags: argparse.Namespace) -> int:
    """Raises PasticheError where a daemon runs and does not answer."""
    home = find_home()
    if read_connection(home) is None:
        nothing = json.dumps({"running": False, "workers": []})
        print(nothing if flags.json else "The daemon is not running; `pastiche apply` starts it.")
        return 0
    with Client.connect(home, start=False) as client:
        status = client.status()
    print(json.dumps({"running": True, **asdict(status)}) if flags.json else _text(status))
    return 0


def _text(status: Status) -> str:
    lines = [f"Daemon {status.daemon}, process {status.pid}, running for {duration(status.uptime)}."]
    for device in status.devices:
        detail = f" ({device['detail']})" if device.get("detail") else ""
        lines.append(f"Device {device.get('kind') or device.get('name')}: {device.get('state')}{detail}")
    lines += [f"Worker {worker.get('pid')}: {worker.get('state')}" for worker in status.workers]
    lines.append(f"Jobs: {len(status.jobs) or 'none'}")
    lines += [f"Job {str(job.get('id'))[:SHOWN_ID]}: {_job(job)}" for job in status.jobs]
    if status.idle_stop > 0 and not status.jobs:
        lines.append(f"It stops by itself in {duration(status.idle_stop)} without work.")
    return "\n".join(lines)


def _job(job: dict[str, Any]) -> str:
    """`running, fine, 42 %, 3 min left`. A daemon before 1.2 tells the state alone."""
    words = [str(job.get("state"))]
    if method := job.get("method"):
        words.append(f"{method} preview" if job.get("preview") else str(method))
    fraction, left = job.get("fraction"), job.get("seconds_left")
    if isinstance(fraction, float) and job.get("state") == "running":
        words.append(f"{fraction:.0%}".replace("%", " %"))
    if isinstance(left, int | float):
        words.append(f"{duration(left)} left")
    return ", ".join(words)
