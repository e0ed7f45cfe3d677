"""A program that answers to the installer as GIMP 3.0 does, and runs what it is given in this Python.

It knows the plug-in where its main file is in the right place and executable. Real GIMPs are in tests/gimp.
"""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

profile = Path(os.environ["HOME"]) / ".config" / "GIMP" / "3.0"
plug_ins = profile / "plug-ins"


class Procedure:
    """Any procedure: it can be configured and returns plug-in-path."""

    def create_config(self) -> Procedure:
        return self

    def set_property(self, name: str, value: str) -> None:
        return

    def run(self, config: object) -> Procedure:
        return self

    def index(self, number: int) -> str:
        return str(plug_ins)

    def lookup_procedure(self, name: str) -> Procedure | None:
        there = os.access(plug_ins / "pastiche-gimp" / "pastiche-gimp.py", os.X_OK)
        return self if there or not name.startswith("plug-in-pastiche") else None


def main(arguments: list[str]) -> None:
    if "--version" in arguments:
        print("GNU Image Manipulation Program version 3.0.4")
        return
    plug_ins.mkdir(parents=True, exist_ok=True)
    with (profile / "starts").open("a") as file:
        file.write(f"{'batch' if '-b' in arguments else 'plain'}\n")
    if "-b" in arguments:
        gi, repository, gimp = (types.ModuleType(name) for name in ("gi", "gi.repository", "Gimp"))
        functions = {"require_version": lambda *_: None, "directory": lambda: str(profile), "get_pdb": Procedure}
        for module in (gi, gimp):
            vars(module).update(functions)
        vars(repository)["Gimp"] = gimp
        vars(gi)["repository"] = repository
        sys.modules |= {"gi": gi, "gi.repository": repository}
        exec(arguments[arguments.index("-b") + 1], {})


main(sys.argv)
