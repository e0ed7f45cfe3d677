"""--state and --resume: the files in which an interrupted run is kept."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from pastiche.commands.progress import Bar
from pastiche.errors import ErrorCode, PasticheError
from pastiche.state_files import SUFFIX, check_files, check_names


@dataclass(frozen=True)
class RunFiles:
    """Absolute paths; `notes` say what the user did not write so."""

    state: Path | None = None
    resume: Path | None = None
    notes: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.time)

    @property
    def kept(self) -> bool:
        """Whether this run has been kept so far."""
        return bool(self.state and self.state.is_file() and self.state.stat().st_mtime >= self.began - 1)

    def gone_on_with(self) -> RunFiles:
        """For another daemon that takes over from one that has left."""
        return replace(self, resume=self.state) if self.kept else self

    def say_how_to_go_on(self, bar: Bar) -> None:
        """For a run that has ended early, where it was kept."""
        if self.kept:
            bar.say(f"The run is kept; add --resume {self.state} to go on.")


def read_run_files(flags: argparse.Namespace, method: str) -> RunFiles:
    """Raises PasticheError: BAD_OPTION, UNREADABLE, UNWRITABLE."""
    notes: list[str] = []
    for flag, text in (("--state", flags.state), ("--resume", flags.resume)):
        if text == "":
            raise PasticheError(ErrorCode.BAD_OPTION, f"{flag} needs the name of a file.")
    state, resume = (_complete(text, notes) for text in (flags.state, flags.resume))
    check_names(str(state or ""), str(resume or ""), method)
    check_files(state, resume)
    return RunFiles(state, resume, notes)


def _complete(text: str | None, notes: list[str]) -> Path | None:
    if text is None:
        return None
    path = Path(text).absolute()
    if path.suffix or path.name == SUFFIX or not path.name:
        return path
    path = path.with_name(path.name + SUFFIX)
    note = f"The file of the run is {path.name}."
    if note not in notes:
        notes.append(note)
    return path
