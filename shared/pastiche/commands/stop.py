"""`pastiche stop`: ends the daemon and waits until it has gone."""

from __future__ import annotations

import argparse
import json

from pastiche.client import stop_daemon


def run(flags: argparse.Namespace) -> int:
    """Raises PasticheError(TIMEOUT) where the daemon stays."""
    pid = stop_daemon(when_idle=flags.when_idle)
    if flags.json:
        print(json.dumps({"stopped": pid is not None, "pid": pid}))
    else:
        print("The daemon was not running." if pid is None else "The daemon has stopped.")
    return 0
