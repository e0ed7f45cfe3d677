"""What became of a batch's pictures: settled in any order, told in the order in which they were given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pastiche.commands.batch_files import Item
from pastiche.errors import PasticheError


@dataclass
class _Fate:
    entry: dict[str, Any]
    """The picture's part of the JSON report."""
    notes: list[str]


@dataclass
class Tally:
    """`say` is told each picture's notes once all pictures before it are settled. For one thread."""

    items: Sequence[Item]
    say: Callable[[str], None]
    settled: int = 0
    _fates: dict[int, _Fate] = field(default_factory=dict)
    _told: int = 0

    def painted(self, index: int, report: dict[str, Any], notes: Sequence[str]) -> None:
        item = self.items[index]
        entry = {"input": str(item.source), "output": str(item.output), "timings": report.get("timings", {})}
        self._settle(index, entry, [f"{item.source.name}: {note}" for note in notes])

    def skipped(self, index: int) -> None:
        item = self.items[index]
        self._settle(index, {"input": str(item.source), "output": str(item.output), "skipped": True}, [])

    def failed(self, index: int, error: PasticheError, notes: Sequence[str] = ()) -> None:
        source = self.items[index].source
        failure = {"code": str(error.code), "sentence": error.sentence, "hint": error.hint}
        said = error.sentence if source.name in error.sentence else f"{source.name}: {error.sentence}"
        told = [*(f"{source.name}: {note}" for note in notes), said]
        self._settle(index, {"input": str(source), "error": failure}, told)

    def _settle(self, index: int, entry: dict[str, Any], notes: list[str]) -> None:
        self._fates[index] = _Fate(entry, notes)
        self.settled += 1
        while self._told in self._fates:
            self._tell(self._told)
            self._told += 1

    def close(self) -> None:
        """Tells what is left where an interrupted batch has gaps."""
        for index in sorted(index for index in self._fates if index >= self._told):
            self._tell(index)
        self._told = len(self.items)

    def _tell(self, index: int) -> None:
        for note in self._fates[index].notes:
            self.say(note)

    @property
    def files(self) -> list[dict[str, Any]]:
        """The JSON report's entries."""
        return [self._fates[index].entry for index in sorted(self._fates)]

    def count(self, key: str) -> int:
        return sum(key in fate.entry for fate in self._fates.values())
