"""File systems that are soon full."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A file system of `size` ("1m") at `folder`, which is made; skips where none can be mounted."""
    folder.mkdir()
    mount = shutil.which("mount")
    if not (sys.platform == "linux" and os.geteuid() == 0 and mount):
        pytest.skip("a file system can be mounted by root on Linux alone")
    if subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)
