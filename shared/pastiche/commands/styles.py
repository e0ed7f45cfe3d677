"""`pastiche styles`: the daemon's library, the shipped gallery and the user's own folder."""

from __future__ import annotations

import argparse
import json

from pastiche.client import Client
from pastiche.connection import find_home


def run(flags: argparse.Namespace) -> int:
    """Raises PasticheError."""
    home = find_home()
    with Client.connect(home) as client:
        styles = client.styles()
    if flags.json:
        print(json.dumps(styles))
        return 0
    width = max((len(str(style.get("name", ""))) for style in styles), default=0)
    for style in styles:
        title, text = str(style.get("title", "")), str(style.get("description", ""))
        print(f"{style.get('name', ''):<{width}}  {title}{': ' if title and text else ''}{text}".rstrip())
    print(f"\nYour own: put pictures into {home.styles_folder}")
    return 0
