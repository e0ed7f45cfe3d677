"""Whether a daemon lives: by the lock that it holds, and by its process number where that means anything here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""For `creationflags`: without it Windows flashes a console for each process that a GUI program starts."""
FLATPAK_MARK = Path("/.flatpak-info")


def lock_held(path: Path) -> bool | None:
    """Whether a daemon holds this lock file; it works across the process namespaces of containers.

    None where that cannot be told: without the file, on Windows, on file systems without locks.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        with path.open("rb") as file:
            # Shared, and given back at once: a daemon that starts at this moment tries again.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def process_alive(pid: int) -> bool:
    """Whether a process of that number exists in this process namespace (a zombie counts as dead)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in ("Z", "X")
    except FileNotFoundError:
        if sys.platform == "linux":
            return False
    except (OSError, IndexError):
        return True
    if os.name == "nt":
        listing = subprocess.run(
            ["tasklist", "/FI", f"PID eq {pid}", "/NH"],
            capture_output=True,
            text=True,
            check=False,
            creationflags=NO_WINDOW,
        )
        return str(pid) in listing.stdout
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def process_namespace() -> str:
    """Names the namespace in which process numbers of this process hold; "" where the system does not tell."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def in_sandbox(environment: Mapping[str, str] = os.environ, mark: Path = FLATPAK_MARK) -> bool:
    """Whether this process runs in a Flatpak or a snap, where programs of the host cannot be started."""
    return mark.exists() or "SNAP" in environment
