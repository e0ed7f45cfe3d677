"""What the installer wrote down beside the plug-in: where its libraries, the daemon and the guide are.

Imports neither `pastiche` nor gi: it is what makes `pastiche` importable.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pastiche.connection import Home

FOLDER = Path(__file__).resolve().parent.parent
NAME = "pastiche.json"


class NotInstalled(Exception):
    """The plug-in's libraries cannot be found; the text says why."""


@dataclass(frozen=True)
class Installation:
    """Absolute places: `libraries` for GIMP's Python, the daemon's `home`, its `python` ("" if it runs elsewhere)."""

    libraries: Path
    home: Path
    python: str
    guide: Path
    version: str = ""

    @classmethod
    def read(cls, file: Path = FOLDER / NAME) -> Installation:
        """Raises NotInstalled where the installer's file is missing or damaged."""
        try:
            data = json.loads(file.read_text("utf-8"))
            return cls(
                Path(data["libraries"]),
                Path(data["home"]),
                str(data.get("python", "")),
                Path(data.get("guide", "")),
                str(data.get("version", "")),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotInstalled(f"{file}: {error}") from None

    def use_libraries(self) -> None:
        """Makes `pastiche`, zmq and msgpack importable: those for this Python first, then those for any other.

        The libraries lie outside the GIMP profile, as GIMP copies a profile only a few levels deep when it upgrades.
        Raises NotInstalled where they are gone.
        """
        common = self.libraries / "common"
        if not (common / "pastiche").is_dir():
            raise NotInstalled(str(self.libraries))
        own = self.libraries / f"cp{sys.version_info[0]}{sys.version_info[1]}"
        others = sorted(path for path in self.libraries.glob("cp*") if path != own)
        for path in reversed([own, *others, common]):
            if path.is_dir() and str(path) not in sys.path:
                sys.path.insert(1, str(path))

    def daemon_home(self) -> Home:
        """The home as `pastiche.client` wants it."""
        from pastiche.connection import Home

        return Home(self.home, Path(self.python))
