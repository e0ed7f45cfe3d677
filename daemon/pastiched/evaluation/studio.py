"""Paints pairs with one method and one weight file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError

from pastiche.errors import ErrorCode, PasticheError
from pastiche.option_texts import option_value
from pastiche.options import BY_NAME, check_options, defaults
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.engines import create_engine
from pastiched.engines.base import EngineJob, StyleInput
from pastiched.engines.silence import Silent
from pastiched.models import Model, file_sha256


class Studio:
    """A method on a device, with the weights that ship or those of a file, and options; those left out have their
    defaults.

    Fast paints each picture once through the network at its own size, which measures the network, or from coarse to
    fine, as every picture of a user is painted: where that or a brush size is asked for, and where edges are to meet,
    which they do at few sizes only.

    Raises PasticheError where the device, the method or the file cannot be used.
    """

    def __init__(
        self, method: str, device: str, weights: Path | None, options: dict[str, Any], as_users_see_it: bool = False
    ) -> None:
        self.method = method
        self.options = options
        wrapped = options.get("wrap", "none") != "none"
        self.as_users_see_it = as_users_see_it or method != "fast" or "brush_size" in options or wrapped
        model = given_model(weights, method) if weights else None
        self._engine = create_engine(method, open_device(device), model, native=not self.as_users_see_it)
        try:
            self._engine.load()
        except (RuntimeError, SafetensorError, PasticheError):
            if weights is None:
                raise
            raise _no_weights(weights, method) from None

    def paint(self, photograph: Image.Image, style: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
        """The pastiche, RGB of the photograph's size, and what it was painted with (file, sha256, precision)."""
        values = self.options | {"method": self.method}
        styles = [StyleInput(_buffer(style, "style"), None, 1.0)]
        job = EngineJob(_buffer(photograph, "content"), styles, None, check_options(values))
        result = self._engine.run(job, Silent())
        painted_with = result.models[0] | {"computed": result.notes[0]}
        return Image.frombytes("RGB", photograph.size, bytes(result.pastiche.data)), painted_with


def read_options(given: list[str]) -> dict[str, Any]:
    """NAME=VALUE pairs, checked. Raises PasticheError(BAD_OPTION)."""
    values: dict[str, Any] = {}
    for pair in given:
        name, _, text = pair.partition("=")
        option = BY_NAME.get(name.replace("-", "_"))
        if option is None:
            raise PasticheError(ErrorCode.BAD_OPTION, f"There is no option {name[:40]!r}.")
        if option.name == "method":
            raise PasticheError(ErrorCode.BAD_OPTION, "The method is no --option.", "Choose it with --method.")
        values[option.name] = option_value(option, text)
    checked = check_options(values)
    if checked["depth"] != "8":
        said = "Pastiches are measured with 8 bits per channel only."
        raise PasticheError(ErrorCode.BAD_OPTION, said, "Leave out --option depth.")
    return {name: checked[name] for name in sorted(values)}


def unusual(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that differ from the defaults, or have none."""
    usual = defaults()
    return {name: value for name, value in options.items() if name not in usual or value != usual[name]}


def given_model(path: Path, method: str) -> Model:
    """A weight file that is none of the installed ones. Raises PasticheError(UNREADABLE)."""
    try:
        return Model(path.stem, method, path, file_sha256(path), {}, "check the file")
    except OSError:
        raise _no_weights(path, method) from None


def open_device(name: str) -> torch.device:
    """Raises PasticheError(NO_DEVICE)."""
    try:
        device = torch.device(name)
        # Read back, since the device `meta` takes tensors and holds no values.
        torch.zeros(1, device=device).item()
        return device
    except (RuntimeError, AssertionError, ImportError):
        raise PasticheError(
            ErrorCode.NO_DEVICE, f"The device {name[:40]!r} cannot be used.", "Leave out --device."
        ) from None


def _no_weights(path: Path, method: str) -> PasticheError:
    advice = "Give a .safetensors file that `pastiched train` wrote."
    return PasticheError(ErrorCode.UNREADABLE, f"{path} is no weight file of the method {method}.", advice)


def _buffer(picture: Image.Image, role: str) -> PixelBuffer:
    return PixelBuffer(PixelFormat(role, picture.width, picture.height, 3, "u8"), picture.tobytes())
