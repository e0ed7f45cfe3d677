"""A client in a Python that cannot import zmq, as GIMP's on Windows; tells on standard output what it did, as JSON.

Usage: without_zmq.py HOME jobs|picture|hold
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any


class Hidden:
    """Stands before the other finders."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name.partition(".")[0] == "zmq":
            raise ImportError(f"{name} is hidden.")


sys.meta_path.insert(0, Hidden())  # type: ignore[arg-type]

from pastiche.client import Client  # noqa: E402
from pastiche.connection import Home  # noqa: E402
from pastiche.job import JobCancelled, StyleRef  # noqa: E402
from pastiche.pixels import PixelBuffer, PixelFormat  # noqa: E402


def picture(width: int, height: int, role: str = "content", channels: int = 3, depth: str = "u8") -> PixelBuffer:
    form = PixelFormat(role, width, height, channels, depth)
    return PixelBuffer(form, (bytes(range(256)) * (form.nbytes // 256 + 1))[: form.nbytes])


STYLE = StyleRef(pixels=picture(64, 64, "style"))


def jobs(client: Client) -> dict[str, Any]:
    told: list[str] = []
    outcome = client.submit(picture(300, 200), [STYLE]).wait(on_progress=lambda progress: told.append(progress.stage))
    slow = client.submit(picture(1600, 1200), [STYLE], {"brush_size": 25})
    try:
        slow.wait(on_progress=lambda _: slow.cancel())
        cancelled = False
    except JobCancelled:
        cancelled = True
    return {
        "size": [outcome.pixels.format.width, outcome.pixels.format.height],
        "told": told,
        "cancelled": cancelled,
        "pid": client.status().pid,
        "thumbnail": hashlib.sha256(client.thumbnail("rose-window")).hexdigest(),
        "fd": client.fd,
    }


def large(client: Client) -> dict[str, Any]:
    """Alpha stays as it was, so that every row can be checked after both ways."""
    content = picture(3400, 3310, channels=4, depth="u16")
    outcome = client.submit(content, [STYLE], {"depth": "16", "strength": 0, "brush_size": 400}).wait()
    same = memoryview(content.data).cast("H")[3::4].tolist() == memoryview(outcome.pixels.data).cast("H")[3::4].tolist()
    return {"bytes": [content.format.nbytes, outcome.pixels.format.nbytes], "same": same}


def hold(client: Client) -> dict[str, Any]:
    job = client.submit(picture(4000, 4000), [STYLE], {"brush_size": 25})
    next(job.events())
    print("{}", flush=True)
    time.sleep(60)
    return {}


def main() -> None:
    try:
        import zmq  # noqa: F401
    except ImportError:
        with Client.connect(Home(Path(sys.argv[1]), Path(sys.executable)), start=False) as client:
            print(json.dumps({"jobs": jobs, "picture": large, "hold": hold}[sys.argv[2]](client)))


if __name__ == "__main__":
    main()
