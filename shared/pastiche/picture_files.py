"""Picture files: `read_picture` and `write_picture`. Nothing heavy is imported before one of them is called."""

from __future__ import annotations

from pastiche.exif import Metadata
from pastiche.picture_formats import check_output, check_sides, output_format
from pastiche.picture_reading import Picture, picture_samples, read_picture
from pastiche.picture_writing import WriteSettings, prepare_writing, write_picture

__all__ = [
    "Metadata",
    "Picture",
    "WriteSettings",
    "check_output",
    "check_sides",
    "output_format",
    "picture_samples",
    "prepare_writing",
    "read_picture",
    "write_picture",
]
