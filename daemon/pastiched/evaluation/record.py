"""figures.json: what was painted, with what, how it was measured, and what came out; nothing of when and where."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pastiche.errors import ErrorCode, PasticheError
from pastiched.evaluation.figures import FIGURES, Figures, means, medians, rounded
from pastiched.evaluation.studio import unusual

FORMAT = 1


@dataclass(frozen=True)
class Setting:
    """What must be the same for figures to be compared. `options`: those that differ from the defaults; `network`: id
    and sha256 of the feature network that measured; `pairs`: identities of photograph and style; `side` in pixels;
    `as_users_see_it`: painted from coarse to fine at the brush size, not once at the photograph's own size."""

    method: str
    options: dict[str, Any]
    side: int
    network: dict[str, Any]
    as_users_see_it: bool
    pairs: list[list[str]]

    def difference(self, other: Setting) -> str | None:
        """What is not the same, in words; None where all is."""
        different = (
            ("another method", self.method != other.method),
            ("another way of painting (see --as-users-see-it)", self.as_users_see_it != other.as_users_see_it),
            ("other options", self.options != other.options),
            ("another size of the photographs", self.side != other.side),
            ("another network for measuring", self.network.get("sha256") != other.network.get("sha256")),
            ("other pairs", self.pairs != other.pairs),
        )
        return next((words for words, is_so in different if is_so), None)


@dataclass(frozen=True)
class Record:
    """The figures of one model. `model`: id, file, sha256, and `computed`, the precision of its numbers; `names`:
    photograph and style of each row."""

    setting: Setting
    model: dict[str, Any]
    names: list[list[str]]
    rows: Sequence[Figures]

    def write(self, path: Path) -> None:
        """Raises OSError."""
        pairs = [
            {"photograph": names[0], "style": names[1], "identities": identities, "figures": row}
            for names, identities, row in zip(self.names, self.setting.pairs, self.rows, strict=True)
        ]
        setting = asdict(self.setting)
        del setting["pairs"]
        content = {
            "format": FORMAT,
            "model": self.model,
            **setting,
            "means": rounded(means(self.rows)),
            "medians": rounded(medians(self.rows)),
            "pairs": pairs,
        }
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_record(path: Path) -> Record:
    """Where a file is older than the field `as_users_see_it`, Fast painted so where a brush size was asked for.

    Raises PasticheError(UNREADABLE).
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != FORMAT:
            raise PasticheError(ErrorCode.UNREADABLE, f"{path} is of another version of Pastiche.", "Measure it again.")
        pairs, options, method = content["pairs"], _object(content["options"]), content["method"]
        identities = [[str(name) for name in pair["identities"]] for pair in pairs]
        as_users_see_it = content.get("as_users_see_it", method != "fast" or "brush_size" in options)
        network = _object(content["network"])
        setting = Setting(method, unusual(options), content["side"], network, as_users_see_it, identities)
        rows = [{figure.name: _number(pair["figures"][figure.name]) for figure in FIGURES} for pair in pairs]
        names = [[str(pair["photograph"]), str(pair["style"])] for pair in pairs]
        return Record(setting, _object(content["model"]), names, rows)
    except OSError as error:
        said = f"{path} cannot be read: {error.strerror or 'no reason given'}."
        raise PasticheError(ErrorCode.UNREADABLE, said, "Give an existing file.") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        said = f"{path} is no figures.json of `pastiched evaluate`."
        raise PasticheError(ErrorCode.UNREADABLE, said, "Give one, or a weight file.") from None


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no number")
    return float(value)
