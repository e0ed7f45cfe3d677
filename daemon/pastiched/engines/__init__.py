"""Engines: the methods behind one small interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pastiche.errors import ErrorCode, PasticheError

if TYPE_CHECKING:
    import torch

    from pastiched.engines.base import Engine


def create_engine(method: str, device: torch.device) -> Engine:
    """The engine of a method on a device; nothing is loaded yet. Raises PasticheError(BAD_OPTION)."""
    if method == "fast":
        from pastiched.engines.fast import FastEngine

        return FastEngine(device)
    if method == "fine":
        from pastiched.engines.fine import FineEngine

        return FineEngine(device)
    raise PasticheError(ErrorCode.BAD_OPTION, f"There is no method {method[:40]!r}.")
