"""Between pixel buffers and tensors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import PixelBuffer, PixelFormat
from pastiched.imaging.scale import resize

TYPES: dict[str, np.dtype[Any]] = {"u8": np.dtype("u1"), "u16": np.dtype("<u2"), "f32": np.dtype("<f4")}
SCALES = {"u8": 255.0, "u16": 65535.0, "f32": 1.0}
DEPTHS = {"8": "u8", "16": "u16", "32": "f32"}
"""Wire depth by the value of the option `depth`."""
STRIP_PIXELS = 1_000_000
EDGE = 4


class PictureView:
    """A buffer's pixels as H x W x C, without a copy; rows become tensors only when they are asked for."""

    def __init__(self, buffer: PixelBuffer) -> None:
        self.format = buffer.format
        self.shape = (buffer.format.height, buffer.format.width)
        flat = np.frombuffer(buffer.data, TYPES[buffer.format.depth])
        self._array = flat.reshape(*self.shape, buffer.format.channels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch warns of memory that is read-only; it is only read
            self._pixels = torch.from_numpy(self._array)
        self.has_alpha = buffer.format.channels == 4

    def check_finite(self) -> None:
        """Raises PasticheError(BAD_PICTURE) where a float picture has a NaN or an infinity."""
        if self.format.depth != "f32":
            return
        if not all(np.isfinite(self._array[y : y + 256]).all() for y in range(0, self.shape[0], 256)):
            raise PasticheError(
                ErrorCode.BAD_PICTURE, f"The {self.format.role} picture has values that are not numbers."
            )

    def rows(self, first: int = 0, count: int | None = None) -> Tensor:
        """Rows as 1 x C x rows x W float32 in [0, 1]."""
        part = self._pixels[first : None if count is None else first + count].permute(2, 0, 1)
        tensor = part.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
        return tensor.mul_(1 / SCALES[self.format.depth]).clamp_(0, 1)[None]

    def reduced(self, width: int, height: int, wrap: tuple[bool, bool], check: Callable[[], None]) -> Tensor:
        """The colours at another size, 1 x 3 x height x width, of an opaque picture; `check` is called between strips.

        8-bit pictures are averaged as they are, deeper ones first by whole factors, strip by strip.
        """
        if (height, width) == self.shape:
            return self.rows()[:, :3]
        if self.format.depth == "u8":
            pixels = self._pixels[:, :, :3].permute(2, 0, 1)[None]
            return resize_wrapped(pixels, width, height, wrap).float().mul_(1 / SCALES["u8"]).clamp_(0, 1)
        averaged = self._averaged(min(self.shape[1] // width, self.shape[0] // height), check)
        return resize_wrapped(averaged[:, :3], width, height, wrap).clamp_(0, 1)

    def reduced_premultiplied(self, width: int, height: int, check: Callable[[], None]) -> Tensor:
        """Colours times alpha, and alpha, at another size: 1 x 4 x height x width."""
        averaged = self._averaged(min(self.shape[1] // width, self.shape[0] // height), check)
        return resize(averaged, width, height)

    def _averaged(self, factor: int, check: Callable[[], None]) -> Tensor:
        """Means of factor x factor blocks; colours are multiplied by alpha where there is one."""
        factor, parts = max(1, factor), []
        step = factor * max(1, STRIP_PIXELS // (self.shape[1] * factor))
        for first in range(0, self.shape[0], step):
            check()
            strip = self.rows(first, step)
            if self.has_alpha:
                strip[:, :3] *= strip[:, 3:]
            parts.append(F.avg_pool2d(strip, factor, ceil_mode=True, count_include_pad=False) if factor > 1 else strip)
        return torch.cat(parts, 2)

    def opaque(self) -> bool:
        """Whether no pixel lets anything through."""
        if not self.has_alpha:
            return True
        full = SCALES[self.format.depth]
        return all(bool((self._array[y : y + 256, :, 3] >= full).all()) for y in range(0, self.shape[0], 256))

    def alpha_into(self, target: np.ndarray[Any, Any], first: int, depth: str) -> None:
        """Writes the alpha of target's rows from row `first`: exactly where the depth is the same."""
        alpha = self._array[first : first + target.shape[0], :, 3]
        if depth == self.format.depth:
            target[...] = alpha
            return
        value = alpha.astype(np.float64) * (SCALES[depth] / SCALES[self.format.depth])
        target[...] = value if depth == "f32" else np.rint(np.clip(value, 0, SCALES[depth]))


def resize_wrapped(x: Tensor, width: int, height: int, wrap: tuple[bool, bool]) -> Tensor:
    """Averaging resize of 1 x C x H x W, uint8 or float, that sees across the edges which meet.

    The picture is also resized turned by half its sides, so that what was an edge lies in the middle, and the outermost
    pixels are taken from there.
    """

    def resized(y: Tensor) -> Tensor:
        return F.interpolate(y, (height, width), mode="bicubic", antialias=True, align_corners=False)

    plain = resized(x)
    for axis, wrapped in ((3, wrap[0]), (2, wrap[1])):
        if not wrapped or x.shape[axis] < 4 * EDGE or plain.shape[axis] < 4 * EDGE:
            continue
        turned = resized(x.roll(-(x.shape[axis] // 2), axis)).roll(plain.shape[axis] // 2, axis)
        for at in (slice(0, EDGE), slice(-EDGE, None)):
            where = (slice(None),) * axis + (at,)
            plain[where] = turned[where]
    return plain


class PictureCanvas:
    """The result in the making: rows of float pixels go in, a buffer of the wanted depth comes out."""

    def __init__(self, width: int, height: int, channels: int, depth: str) -> None:
        self.format = PixelFormat("pastiche", width, height, channels, depth)
        self.array = np.empty((height, width, channels), TYPES[depth])
        self._pixels = torch.from_numpy(self.array)

    def put(self, first: int, rgb: Tensor) -> None:
        """Rows from row `first`: 1 x 3 x rows x W in [0, 1]; values outside are cut off. `rgb` is changed."""
        scale = SCALES[self.format.depth]
        target = self._pixels[first : first + rgb.shape[2], :, :3]
        pixels = rgb[0].clamp_(0, 1).mul_(scale)
        if self.format.depth != "f32":
            pixels.round_()
        target.copy_(pixels.permute(1, 2, 0))

    def buffer(self) -> PixelBuffer:
        return PixelBuffer(self.format, self.array.data.cast("B"))


def preview_buffer(x: Tensor) -> PixelBuffer:
    """1 x 3 x H x W in [0, 1] as an 8-bit picture of role "preview"."""
    pixels = x[0].clamp(0, 1).mul(255).round_().to(torch.uint8).permute(1, 2, 0).contiguous()
    form = PixelFormat("preview", x.shape[3], x.shape[2], 3, "u8")
    return PixelBuffer(form, pixels.numpy().tobytes())
