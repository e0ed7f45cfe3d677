"""Pixels as they cross a border: raw, row by row, channels interleaved, little endian, sRGB-encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pastiche.errors import ErrorCode, PasticheError

MAX_PIXELS = 400_000_000
"""The one limit for a picture, in pixels."""

MAX_SIDE = 1_000_000
DEPTH_BYTES = {"u8": 1, "u16": 2, "f32": 4}
ROLES = {"content": (3, 4), "style": (3, 4), "mask": (1,), "pastiche": (3, 4), "preview": (3, 4)}
"""Channels that a picture of each role may have: 3 RGB, 4 RGBA (alpha not premultiplied), 1 a mask."""


def _said(value: object) -> str:
    """A value from the wire, short enough to be quoted."""
    return repr(value)[:40] if isinstance(value, int | float | str | None) else type(value).__name__


@dataclass(frozen=True)
class PixelFormat:
    """One raw frame: sides in pixels, `channels` 1, 3 or 4, `depth` "u8" (0..255), "u16" (0..65535), "f32" (0..1)."""

    role: str
    width: int
    height: int
    channels: int
    depth: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise PasticheError(ErrorCode.BAD_MESSAGE, f"There is no picture role {str(self.role)[:40]!r}.")
        for side in (self.width, self.height):
            if type(side) is not int or not 1 <= side <= MAX_SIDE:
                raise PasticheError(
                    ErrorCode.BAD_PICTURE,
                    f"A picture of {_said(self.width)} x {_said(self.height)} pixels cannot be used.",
                )
        if self.width * self.height > MAX_PIXELS:
            megapixels = self.width * self.height // 1_000_000
            raise PasticheError(
                ErrorCode.TOO_LARGE, f"The picture has {megapixels} megapixels, more than Pastiche accepts."
            )
        if self.channels not in ROLES[self.role] or type(self.channels) is not int:
            raise PasticheError(
                ErrorCode.BAD_PICTURE, f"A {self.role} picture cannot have {_said(self.channels)} channels."
            )
        if self.depth not in DEPTH_BYTES:
            raise PasticheError(ErrorCode.BAD_PICTURE, f"There is no pixel depth {str(self.depth)[:40]!r}.")

    @property
    def row_bytes(self) -> int:
        return self.width * self.channels * DEPTH_BYTES[self.depth]

    @property
    def nbytes(self) -> int:
        return self.row_bytes * self.height

    def to_wire(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "width": self.width,
            "height": self.height,
            "channels": self.channels,
            "depth": self.depth,
        }

    @classmethod
    def from_wire(cls, data: object) -> PixelFormat:
        """Raises PasticheError for a missing field, a wrong type or a size out of bounds; allocates nothing."""
        if not isinstance(data, dict):
            raise PasticheError(ErrorCode.BAD_MESSAGE, "A buffer description is not a map.")
        try:
            values = [data[name] for name in ("role", "width", "height", "channels", "depth")]
        except KeyError as missing:
            raise PasticheError(ErrorCode.BAD_MESSAGE, f"A buffer description lacks {missing}.") from None
        if not isinstance(values[0], str) or not isinstance(values[4], str):
            raise PasticheError(ErrorCode.BAD_MESSAGE, "A buffer description has a field of the wrong type.")
        return cls(*values)


@dataclass(frozen=True)
class PixelBuffer:
    """A picture: its format and exactly `format.nbytes` bytes."""

    format: PixelFormat
    data: bytes | bytearray | memoryview

    def __post_init__(self) -> None:
        size = memoryview(self.data).nbytes
        if size != self.format.nbytes:
            raise PasticheError(
                ErrorCode.BAD_PICTURE,
                f"A {self.format.width} x {self.format.height} picture needs {self.format.nbytes} bytes, {size} came.",
            )

    def rows(self, first: int, count: int) -> memoryview:
        """A view of `count` rows from row `first`, without a copy."""
        view = memoryview(self.data).cast("B")
        return view[first * self.format.row_bytes : (first + count) * self.format.row_bytes]
