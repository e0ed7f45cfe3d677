"""What an engine gets, as tensors: the photograph at working size and the style pictures."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer
from pastiched.engines.base import StyleInput
from pastiched.imaging.alpha import fill_transparent
from pastiched.imaging.scale import WorkingSize, resize
from pastiched.imaging.tensors import PictureView

STYLE_SIDE = 512
"""Style pictures are read at this short side at most: the scale the network was trained on."""
LONGEST_STYLE_SIDE = 2048
SMALLEST_STYLE_SIDE = 64


@dataclass(frozen=True)
class Photograph:
    """The content at the size the network works at, and how to get its full-size rows (transparency filled)."""

    view: PictureView
    small: Tensor
    size: WorkingSize
    filled: Tensor | None

    def rows(self, first: int, count: int) -> Tensor:
        if self.filled is not None:
            return self.filled[:, :, first : first + count]
        return self.view.rows(first, count)[:, :3]


def read_photograph(content: PixelBuffer, size: WorkingSize) -> Photograph:
    """Raises PasticheError(BAD_PICTURE) for values that are not numbers."""
    view = PictureView(content)
    view.check_finite()
    if view.opaque():
        return Photograph(view, view.reduced(size.width, size.height), size, None)
    filled = fill_transparent(view.rows())
    return Photograph(view, resize(filled, size.width, size.height), size, filled)


def read_style(style: StyleInput, multiple: int) -> Tensor:
    """1 x 3 x H x W: short side at most 512, sides multiples of `multiple`, no transparency. Raises PasticheError."""
    if style.pixels is not None:
        view = PictureView(style.pixels)
        view.check_finite()
        x = view.rows()
    else:
        x = _decode(style)
    height, width = x.shape[-2:]
    factor = min(STYLE_SIDE / min(height, width), LONGEST_STYLE_SIDE / max(height, width), 1.0)
    sides = [max(SMALLEST_STYLE_SIDE, round(s * factor / multiple) * multiple) for s in (width, height)]
    if x.shape[1] == 4:
        x = fill_transparent(x)
    return resize(x, *sides)


def _decode(style: StyleInput) -> Tensor:
    """A library picture. The client's own pictures never come as files."""
    assert style.path is not None
    try:
        picture = Image.open(io.BytesIO(style.path.read_bytes()), formats=("JPEG", "PNG", "WEBP", "TIFF"))
        pixels = np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError):
        raise PasticheError(ErrorCode.UNREADABLE, f"The style {style.path.stem!r} cannot be read.") from None
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def content_hash(style: StyleInput) -> str:
    """The same for the same picture, from wherever it comes."""
    if style.pixels is None:
        assert style.path is not None
        return hashlib.sha256(style.path.read_bytes()).hexdigest()
    digest = hashlib.sha256(repr(style.pixels.format).encode())
    digest.update(style.pixels.data)
    return digest.hexdigest()
