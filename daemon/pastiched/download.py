"""One file over HTTP into a partial file, from which an interrupted download goes on."""

from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

from pastiche.version import VERSION
from pastiched.models import ModelError

TIMEOUT = 30.0
CHUNK = 1 << 18
GO_ON = "run it again to go on"


@dataclass(frozen=True)
class Origin:
    """What a partial file is a part of: its address, and what its server said of the file's identity."""

    url: str
    etag: str
    modified: str

    @classmethod
    def of(cls, url: str, response: http.client.HTTPResponse) -> Origin:
        return cls(url, response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))

    @classmethod
    def read(cls, path: Path) -> Origin | None:
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class PartialFile:
    """The bytes that have come so far, and beside them where they came from."""

    path: Path

    @property
    def origin_file(self) -> Path:
        return self.path.with_name(self.path.name + ".origin")

    def usable_bytes(self, url: str, size: int) -> int:
        """How many bytes of the file at `url` are here; 0 where these are of another, or too many."""
        origin = Origin.read(self.origin_file)
        if origin is None or origin.url != url or not self.path.is_file():
            return 0
        here = self.path.stat().st_size
        return here if here <= size else 0

    def delete(self) -> None:
        """Raises OSError."""
        self.path.unlink(missing_ok=True)
        self.origin_file.unlink(missing_ok=True)

    def begin(self, origin: Origin) -> None:
        """Empties the file and remembers where the bytes to come are from."""
        with _writing(self.path):
            # In this order: no bytes ever lie beside an origin that is not theirs.
            self.delete()
            self.path.touch()
            self.origin_file.write_text(json.dumps(asdict(origin)), "utf-8")


def download(url: str, size: int, part: PartialFile, progress: Callable[[int], None]) -> None:
    """Completes `part` to the `size` bytes at `url`; `progress` is told how many are there.

    Goes on from what is there where the server knows how, and starts over where the file there has become another.
    Raises ModelError; the part stays, to go on from, and so it does after KeyboardInterrupt.
    """
    check_address(url)
    here = part.usable_bytes(url, size)
    progress(here)
    if here == size:
        return
    with _naming_failures(url):
        response = _ask(url, here)
        if here and not _continues(response, part, Origin.of(url, response), here):
            here = 0
            if response.status != HTTPStatus.OK:
                response.close()
                response = _ask(url, 0)
    with response:
        _check_size(url, response, size)
        if not here:
            part.begin(Origin.of(url, response))
            progress(0)
        _receive(url, response, part, here, size, progress)


def check_address(url: str) -> None:
    """Raises ModelError unless this is https, or a server on this computer."""
    try:
        parsed = urllib.parse.urlsplit(url)
        host, _ = parsed.hostname or "", parsed.port
    except ValueError:
        host = ""
    if not host or not url.isascii() or ".." in host or parsed.scheme not in ("https", "http"):
        raise ModelError(f"{url[:200]} is not an https address.")
    if parsed.scheme == "http" and not _is_loopback(host):
        raise ModelError(f"{host} is only asked over https.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirection to where a download may not begin."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _ask(url: str, start: int) -> http.client.HTTPResponse:
    headers = {"User-Agent": f"Pastiche/{VERSION}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    handlers: list[urllib.request.BaseHandler] = [_Redirects()]
    if _is_loopback(urllib.parse.urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    try:
        response: http.client.HTTPResponse = opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if start and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return _ask(url, 0)
        raise
    return response


def _continues(response: http.client.HTTPResponse, part: PartialFile, origin: Origin, here: int) -> bool:
    """Whether what comes is the rest of the very file of which `here` bytes are there."""
    if response.status != HTTPStatus.PARTIAL_CONTENT or origin != Origin.read(part.origin_file):
        return False
    return response.headers.get("Content-Range", "").startswith(f"bytes {here}-")


def _check_size(url: str, response: http.client.HTTPResponse, size: int) -> None:
    """Raises ModelError where the server says that its file has another size."""
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        said = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        said = response.headers.get("Content-Length", "")
    if said.isdecimal() and int(said) != size:
        raise _other_size(url, f"{int(said):,}", size)


def _other_size(url: str, said: str, size: int) -> ModelError:
    return ModelError(f"{_host(url)} has another file there: it has {said} bytes and should have {size:,}.")


def _receive(
    url: str,
    response: http.client.HTTPResponse,
    part: PartialFile,
    here: int,
    size: int,
    progress: Callable[[int], None],
) -> None:
    with _writing(part.path):
        # Unbuffered: what has come is there even if this process is killed.
        file = part.path.open("ab", buffering=0)
    with file:
        while chunk := _read(response, here):
            here += len(chunk)
            if here > size:
                part.delete()
                raise _other_size(url, f"more than {size:,}", size)
            with _writing(part.path):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[file.write(rest) :]
            progress(here)
    if here < size:
        raise _broken(here)


def _read(response: http.client.HTTPResponse, here: int) -> bytes:
    try:
        return response.read1(CHUNK)
    except (OSError, http.client.HTTPException):
        raise _broken(here) from None


def _broken(here: int) -> ModelError:
    return ModelError(f"The connection broke off after {here / 1e6:.1f} MB; {GO_ON}.")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({reason(error)}); {GO_ON}.") from None


@contextmanager
def _naming_failures(url: str) -> Iterator[None]:
    """Turns what urllib raises into a sentence."""
    host = _host(url)
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise ModelError(f"{host} has no such file ({error.code}): {url}") from None
        raise ModelError(f"{host} answers {error.code} ({error.reason}); try again later.") from None
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise ModelError(f"The certificate of {host} is not to be trusted: {cause.verify_message}.") from None
        raise ModelError(
            f"{host} cannot be reached ({reason(cause)}); run it again when it can be, or see --from."
        ) from None


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or url


def reason(cause: object) -> str:
    """A few words for people."""
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return text or type(cause).__name__
