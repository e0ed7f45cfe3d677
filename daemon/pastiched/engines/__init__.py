"""Engines: the methods behind one small interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pastiche.errors import ErrorCode, PasticheError

if TYPE_CHECKING:
    import torch

    from pastiched.engines.base import Engine
    from pastiched.models import Model


def create_engine(method: str, device: torch.device, model: Model | None = None, native: bool = False) -> Engine:
    """The engine of a method on a device; nothing is loaded yet. `model`: another weight file than the one that ships,
    where the method takes one. `native`: Fast at the picture's own size (see FastEngine). Raises
    PasticheError(BAD_OPTION)."""
    if method == "fast":
        from pastiched.engines.fast import FastEngine

        return FastEngine(device, model, native)
    if model is not None:
        said = f"The method {method[:40]!r} takes no other weight file."
        raise PasticheError(ErrorCode.BAD_OPTION, said, "Use the method fast, or the options of the method.")
    if method == "fine":
        from pastiched.engines.fine import FineEngine

        return FineEngine(device)
    if method == "trained":
        from pastiched.engines.trained import TrainedEngine

        return TrainedEngine(device)
    raise PasticheError(ErrorCode.BAD_OPTION, f"There is no method {method[:40]!r}.")
