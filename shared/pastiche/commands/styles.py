"""`pastiche styles`: the daemon's library: the shipped gallery, the user's own folder, and the trained models."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from pastiche.client import Client
from pastiche.commands.job_flags import is_trained
from pastiche.connection import find_home


def run(flags: argparse.Namespace) -> int:
    """Raises PasticheError."""
    home = find_home()
    with Client.connect(home) as client:
        listed = client.styles()
    if flags.json:
        print(json.dumps(listed))
        return 0
    width = max((len(str(entry.get("name", ""))) for entry in listed), default=0)
    for entry in listed:
        if not is_trained(entry):
            print(_line(entry, width))
    print(f"\nYour own: put pictures into {home.styles_folder}")
    print("\nTrained models, for --model:")
    trained = [entry for entry in listed if is_trained(entry)]
    for entry in trained:
        print(_line(entry, width))
    print(f"{'' if trained else 'none; '}`pastiched models add FILE` adds one")
    return 0


def _line(entry: Mapping[str, Any], width: int) -> str:
    title, text = str(entry.get("title", "")), str(entry.get("description", ""))
    return f"{entry.get('name', ''):<{width}}  {title}{': ' if title and text else ''}{text}".rstrip()
