"""A real HTTP server of one file on this computer, which can be slow, forgetful, broken or another's."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PIECE = 1 << 14


@dataclass
class FileServer:
    """What it serves and how. `ranges` holds what each request asked for, `sent` how many bytes of the file left."""

    data: bytes
    url: str = ""
    etag: str = '"one"'
    modified: str = ""
    status: int = 200
    redirect: str = ""
    knows_ranges: bool = True
    says_length: bool = True
    break_after: int = 0
    """Bytes after which the connection is closed."""
    hold_after: int = 0
    """Bytes after which nothing comes until `go_on` is set."""
    go_on: threading.Event = field(default_factory=threading.Event)
    holding: threading.Event = field(default_factory=threading.Event)
    ranges: list[str | None] = field(default_factory=list)
    sent: int = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        place: FileServer = self.server.place  # type: ignore[attr-defined]
        wanted = self.headers.get("Range")
        place.ranges.append(wanted)
        if place.redirect or place.status != 200:
            self.send_response(302 if place.redirect else place.status)
            self.send_header("Location", place.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size, start = len(place.data), 0
        if wanted and place.knows_ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= size:
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            self.send_response(200)
        for name, value in (("ETag", place.etag), ("Last-Modified", place.modified)):
            if value:
                self.send_header(name, value)
        if place.says_length:
            self.send_header("Content-Length", str(size - start))
        self.end_headers()
        with suppress(OSError):
            self._send(place, start)

    def _send(self, place: FileServer, start: int) -> None:
        gone = 0
        while piece := place.data[start + gone : start + gone + PIECE]:
            if place.hold_after and gone >= place.hold_after:
                place.holding.set()
                place.go_on.wait(60)
            if place.break_after and gone >= place.break_after:
                return
            self.wfile.write(piece)
            gone += len(piece)
            place.sent += len(piece)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(place: FileServer, certificate: tuple[Path, Path] | None = None) -> Iterator[FileServer]:
    """`place.url` is set while it serves. `certificate` (and its key) make it https."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.place = place  # type: ignore[attr-defined]
    scheme = "http"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    place.url = f"{scheme}://127.0.0.1:{server.server_port}/models/small.pth"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield place
    finally:
        place.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
