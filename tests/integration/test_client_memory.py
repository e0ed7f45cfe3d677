"""How much memory a large picture takes beside the computing process: docs/USER_GUIDE.md has the formula."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_fixtures import PATIENCE, QUICK, Shell, own_shell, photograph

__all__ = ["own_shell"]

SIDES = 6000, 4000
PICTURE = 3 * SIDES[0] * SIDES[1]
APPLY = """
import sys
from pathlib import Path
from pastiche.cli import main
code = main(sys.argv[1:])
print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
sys.exit(code)
"""


def client_peak(shell: Shell, content: str, output: str) -> int:
    """Bytes of a `pastiche apply`, measured by itself at its end."""
    command = [sys.executable, "-c", APPLY, "apply", content, "-s", "style.png", *QUICK, "-o", output]
    done = subprocess.run(
        command, cwd=shell.folder, env=shell.environment(), capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    return 1024 * int(done.stdout.split()[1])


def peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return 1024 * int(found[1])


@pytest.mark.skipif(sys.platform != "linux", reason="peaks of processes are Linux's")
def test_a_large_picture_is_held_once_by_the_client_and_in_strips_by_the_server(own_shell: Shell) -> None:
    folder = own_shell.folder
    for name in ("small.jpg", "style.png"):
        photograph(folder / name)
    large = photograph(folder / "large.jpg", *SIDES, quality=95)
    plain = client_peak(own_shell, "small.jpg", "small.png")
    server = peak(own_shell.daemon_pid())
    taken = client_peak(own_shell, "large.jpg", "large.png") - plain
    # Once at a time: read, let go of, received, written; and the file that is read, with strips in between.
    assert taken < PICTURE + large.stat().st_size + 30_000_000
    # A window of strips in each direction, with their encrypted copies.
    assert peak(own_shell.daemon_pid()) - server < PICTURE
