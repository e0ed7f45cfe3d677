"""One worker process as the server sees it: started, heard over its link, watched, ended, and what it died of."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import zmq
import zmq.asyncio

from pastiche.connection import Home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.failures import describe_failure
from pastiche.protocol import Message
from pastiched.config import ServeConfig
from pastiched.link import Setup, decode
from pastiched.log import LONGEST_LINE
from pastiched.sockets import Doorman, KeyPair, at_once, bind_ipc, bind_tcp, remove_socket, secure

END_SECONDS = 3.0
log = logging.getLogger(__name__)
worker_log = logging.getLogger("worker")


class WorkerProcess:
    """Started at once. `on_message` and `on_exit` are called in the event loop."""

    def __init__(
        self,
        config: ServeConfig,
        device: str,
        context: zmq.asyncio.Context,
        doorman: Doorman,
        on_message: Callable[[WorkerProcess, Message], None],
        on_exit: Callable[[WorkerProcess], None],
    ) -> None:
        self._on_message, self._on_exit = on_message, on_exit
        self._loop = asyncio.get_running_loop()
        self._oom_kills = _oom_kills()
        self.killed = False
        self.exit_code: int | None = None
        self._socket = context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.sndhwm = self._socket.rcvhwm = 0
        keys, theirs = KeyPair.create(), KeyPair.create()
        self._doorman, self._domain = doorman, b"worker-" + theirs.public
        self._endpoint = bind_ipc(self._socket, config.home.run_folder)
        secret = not self._endpoint
        if secret:
            secure(self._socket, keys, self._domain)
            doorman.allow(self._domain, theirs.public)
            self._endpoint = bind_tcp(self._socket, "127.0.0.1")
        setup = Setup(
            endpoint=self._endpoint,
            server_public=keys.public.decode() if secret else "",
            public=theirs.public.decode() if secret else "",
            secret=theirs.secret.decode() if secret else "",
            device=device,
            threads=config.threads,
            low_priority=config.low_priority,
            idle_unload=config.idle_unload,
            log_level=config.log_level,
        )
        self._process = _spawn(config.home, setup)
        self._reader = asyncio.create_task(self._read())
        assert self._process.stderr is not None
        threading.Thread(target=_copy_log, args=(self._process.stderr,), name="worker-log", daemon=True).start()
        threading.Thread(target=self._wait, name="worker-exit", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: Message) -> None:
        """Sends to a worker that has been heard; it never waits."""
        with contextlib.suppress(zmq.Again):
            at_once(self._socket.send_multipart(message.encode(), flags=zmq.NOBLOCK, copy=False))

    def kill(self) -> None:
        """Ends the process at once; `on_exit` follows."""
        self.killed = True
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """Lets go of a process that has ended, or is to end now."""
        self._reader.cancel()
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._process.poll() is None:
            self.kill()
        self._socket.close(0)
        self._doorman.forget(self._domain)
        remove_socket(self._endpoint)

    def wait(self) -> None:
        """After `close`, at the daemon's end: until the process is gone."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)

    async def _read(self) -> None:
        while True:
            self._hear(await self._socket.recv_multipart(copy=False))

    def _hear(self, parts: list[zmq.Frame]) -> None:
        try:
            if message := decode(parts):
                self._on_message(self, message)
        except Exception as error:
            log.error("A worker's message could not be dealt with.\n%s", describe_failure(error))

    def _wait(self) -> None:
        self._process.wait()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._exited)

    def _exited(self) -> None:
        self.exit_code = self._process.returncode
        # What it said before it died still counts: a finished result is a result.
        self._reader.cancel()
        with contextlib.suppress(zmq.ZMQError):
            while True:
                self._hear(at_once(self._socket.recv_multipart(flags=zmq.NOBLOCK, copy=False)))
        self._on_exit(self)

    def cause_of_death(self) -> PasticheError:
        """One sentence about how the process ended."""
        code = self.exit_code or 0
        if code >= 0:
            return PasticheError(ErrorCode.WORKER_DIED, f"The computing process ended by itself with exit code {code}.")
        name = _signal_name(-code)
        if -code != getattr(signal, "SIGKILL", 9):
            return PasticheError(ErrorCode.WORKER_DIED, f"The computing process was ended by {name}.")
        if self._oom_kills is not None and (now := _oom_kills()) is not None and now > self._oom_kills:
            return PasticheError(
                ErrorCode.OUT_OF_MEMORY, "The system ended the computing process because memory ran out."
            )
        return PasticheError(
            ErrorCode.WORKER_DIED, "The computing process was killed (SIGKILL), probably because memory ran out."
        )


def _spawn(home: Home, setup: Setup) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "pastiched.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        close_fds=True,
        cwd=str(home.folder),
        # It looks for the user's models there.
        env=os.environ | {"PASTICHE_HOME": str(home.folder)},
    )
    assert process.stdin is not None
    # A few hundred bytes fit into any pipe: this does not wait for the process.
    with contextlib.suppress(OSError):
        process.stdin.write(setup.to_line())
        process.stdin.flush()
    return process


def _copy_log(stream: IO[bytes]) -> None:
    """Takes over what the worker and the libraries in it say, crashes of native code included."""
    with stream:
        while line := stream.readline(LONGEST_LINE):
            worker_log.info("%s", line.decode("utf-8", "replace").rstrip())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _oom_kills() -> int | None:
    """How often this system has ended a process for want of memory, where it tells."""
    if os.name != "posix":
        return None
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return None
