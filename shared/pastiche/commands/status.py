"""`pastiche status`: whether the daemon runs, on what, and what it is doing. Never starts one."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from pastiche.client import Client
from pastiche.connection import find_home, read_connection
from pastiche.protocol import Status


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
    lines = [f"Daemon {status.daemon}, process {status.pid}, running for {_duration(status.uptime)}."]
    for device in status.devices:
        detail = f" ({device['detail']})" if device.get("detail") else ""
        lines.append(f"Device {device.get('kind') or device.get('name')}: {device.get('state')}{detail}")
    lines += [f"Worker {worker.get('pid')}: {worker.get('state')}" for worker in status.workers]
    lines.append(f"Jobs: {len(status.jobs) or 'none'}")
    if status.idle_stop > 0 and not status.jobs:
        lines.append(f"It stops by itself in {_duration(status.idle_stop)} without work.")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"
