"""Files that are no pictures."""

from __future__ import annotations

from PIL import Image

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
"""What Pillow raises for files that are no whole picture, or too large a one."""
