"""The file from which an interrupted painting goes on."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiche.state_files import FORMAT


@dataclass(frozen=True)
class State:
    """How far a painting is, and the tensors it goes on from. `job` tells what is being painted (see FineEngine)."""

    scale: int
    iteration: int
    steps: int
    tensors: dict[str, Tensor]
    job: dict[str, Any] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        """Whether there is a picture to go on from."""
        return self.scale > 0 or any(name.startswith("stepper.") for name in self.tensors)


def write_state(path: Path, state: State) -> None:
    """Written beside and moved into place. Raises PasticheError(UNWRITABLE)."""
    told = {"scale": state.scale, "iteration": state.iteration, "steps": state.steps, "job": state.job}
    target = path.resolve()
    # Not through pastiche.atomic_file: that would need the whole state once more in memory.
    part = target.with_name(f".pastiche-{secrets.token_hex(8)}.part")
    try:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
        save_file(tensors, str(part), {"format": FORMAT, "state": json.dumps(told)})
        part.replace(target)
    except (OSError, SafetensorError):
        with suppress(OSError):
            part.unlink(missing_ok=True)
        sentence = f"The state file {path.name} cannot be written."
        raise PasticheError(ErrorCode.UNWRITABLE, sentence, "Is the disk full, or the folder gone?") from None


def read_state(path: Path) -> State:
    """Raises PasticheError(UNREADABLE) where it is none."""
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ValueError
            told = json.loads(metadata["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return State(int(told["scale"]), int(told["iteration"]), int(told["steps"]), tensors, dict(told["job"]))
    except FileNotFoundError:
        sentence = f"The state file {path.name} does not exist."
        raise PasticheError(ErrorCode.UNREADABLE, sentence, "Look for its name again.") from None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        raise PasticheError(
            ErrorCode.UNREADABLE,
            f"{path.name} is no state of a Fine painting, or it is damaged.",
            "Begin anew, without --resume.",
        ) from None
