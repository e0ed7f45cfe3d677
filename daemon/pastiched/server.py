"""The front process: takes messages in, answers what can be answered at once, and hands jobs to the dispatcher.

It never computes and never waits: torch, numpy and Pillow live in the worker process.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import zmq
import zmq.asyncio

from pastiche.connection import Connection, build_stamp
from pastiche.errors import ErrorCode, PasticheError
from pastiche.failures import describe_failure
from pastiche.liveness import process_namespace
from pastiche.options import MAX_STYLES, METHODS, TRAINED
from pastiche.pixels import MAX_PIXELS, MAX_SIDE
from pastiche.protocol import (
    MAX_HEADER,
    STREAM_ABOVE,
    STRIP_BYTES,
    WINDOW,
    Body,
    Cancel,
    Credit,
    Done,
    Finish,
    Header,
    Hello,
    Message,
    Pixels,
    Status,
    StatusRequest,
    Stop,
    StylesRequest,
    Submit,
    Thumbnail,
    ThumbnailReply,
    Welcome,
    compatible,
    decode_header,
    decode_message,
    salvage_ids,
)
from pastiche.version import PROTOCOL, VERSION
from pastiched.catalogue import Catalogue
from pastiched.config import ServeConfig
from pastiched.dispatcher import Dispatcher, failed
from pastiched.instance import Instance
from pastiched.jobs import check_submit
from pastiched.sockets import CLIENTS, CONTROL_MESSAGE, JOBS_MESSAGE, Doorman, KeyPair, Port, remove_socket
from pastiched.supervisor import Events, Supervisor

TICK_SECONDS = 0.1
LAST_WORDS_MILLISECONDS = 300
"""How long the last messages may take to leave when the daemon ends."""
log = logging.getLogger(__name__)


class Server:
    """One daemon, from binding its sockets to removing them."""

    def __init__(self, config: ServeConfig, instance: Instance) -> None:
        self._config, self._instance = config, instance
        self._started = time.time()
        self._context = zmq.asyncio.Context()
        self._doorman = Doorman(self._context)
        keys = KeyPair.create()
        self._jobs = Port(self._context, keys, JOBS_MESSAGE)
        self._control = Port(self._context, keys, CONTROL_MESSAGE)
        self._keys = keys
        self._dispatcher = Dispatcher(config, self._jobs)
        events = Events(self._dispatcher.worker_ready, self._dispatcher.worker_said, self._dispatcher.worker_lost)
        self._supervisor = Supervisor(config, self._context, self._doorman, events)
        self._dispatcher.workers = self._supervisor.workers
        self._stop = asyncio.Event()
        self._leaving = False
        self._endpoints: list[str] = []
        self._catalogue = Catalogue(config.home)

    async def run(self) -> None:
        """Serves until it is told to stop, or has been idle for long enough."""
        client = KeyPair.create()
        self._doorman.allow(CLIENTS, client.public)
        tasks = [asyncio.create_task(self._doorman.run())]
        jobs, tcp_jobs = self._jobs.bind(self._config.home.run_folder, self._config.bind)
        control, tcp_control = self._control.bind(self._config.home.run_folder, self._config.bind)
        self._endpoints = [jobs, control]
        tasks += [
            asyncio.create_task(self._serve(self._jobs, self._on_jobs)),
            asyncio.create_task(self._serve(self._control, self._on_control)),
            asyncio.create_task(self._keep_time()),
        ]
        self._instance.publish(
            Connection(
                pid=os.getpid(),
                started=self._started,
                jobs=jobs,
                control=control,
                tcp_jobs=tcp_jobs,
                tcp_control=tcp_control,
                server_public=self._keys.public.decode(),
                client_public=client.public.decode(),
                client_secret=client.secret.decode(),
                build=build_stamp(),
                namespace=process_namespace(),
            )
        )
        self._watch_signals()
        log.info("Pastiche %s serves as process %d.", VERSION, os.getpid())
        self._supervisor.start()
        try:
            await self._stop.wait()
        finally:
            self._close(tasks)

    def _close(self, tasks: list[asyncio.Task[None]]) -> None:
        # First the file: whoever comes now must start a new daemon and not talk to this one.
        self._instance.withdraw()
        self._dispatcher.end_all(PasticheError(ErrorCode.STOPPING))
        for task in tasks:
            task.cancel()
        self._supervisor.close()
        self._jobs.close(LAST_WORDS_MILLISECONDS)
        self._control.close(LAST_WORDS_MILLISECONDS)
        self._doorman.close()
        for endpoint in self._endpoints:
            remove_socket(endpoint)
        self._context.term()
        log.info("Stopped.")

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
        for number in [getattr(signal, name) for name in names if hasattr(signal, name)]:
            try:
                loop.add_signal_handler(number, self._stop.set)
            except NotImplementedError:

                def stop(_number: int, _frame: FrameType | None) -> None:
                    loop.call_soon_threadsafe(self._stop.set)

                signal.signal(number, stop)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self._tick(time.monotonic())
            except Exception as error:
                log.error("The clock's work failed.\n%s", describe_failure(error))

    def _tick(self, now: float) -> None:
        self._dispatcher.tick(now)
        self._supervisor.check(now, self._dispatcher.busy, TICK_SECONDS)
        if len(self._dispatcher.queue):
            return
        if self._leaving:
            self._stop.set()
        elif self._config.idle_stop and self._idle_left(now) <= 0:
            log.info("Nobody has needed this daemon for %.0f minutes.", self._config.idle_stop / 60)
            self._stop.set()

    def _idle_left(self, now: float) -> float:
        """Seconds until the daemon leaves, if nothing comes; 0 = never."""
        if not self._config.idle_stop:
            return 0.0
        return self._config.idle_stop - (now - self._dispatcher.last_activity)

    async def _serve(self, port: Port, handle: Callable[[bytes, Message], Awaitable[None]]) -> None:
        while True:
            parts = await port.receive()
            try:
                await self._take(port, parts, handle)
            except Exception as error:
                log.error("A message could not be answered.\n%s", describe_failure(error))

    async def _take(
        self, port: Port, parts: list[zmq.Frame], handle: Callable[[bytes, Message], Awaitable[None]]
    ) -> None:
        if len(parts) < 2:
            return
        route = parts[0].bytes
        try:
            header = decode_header(parts[1].buffer)
        except PasticheError as error:
            self._answer_unreadable(port, route, parts[1], error)
            return
        try:
            if not compatible(header.version):
                raise _wrong_version(header.version)
            message = decode_message(header, parts[2:])
            if message is not None:
                await handle(route, message)
        except PasticheError as error:
            self._answer(port, route, header, failed(error))
        except Exception as error:
            log.error("A %s message could not be dealt with.\n%s", header.type[:20], describe_failure(error))
            unexpected = PasticheError(ErrorCode.ENGINE, "The daemon could not deal with this message.")
            self._answer(port, route, header, failed(unexpected))

    def _answer(self, port: Port, route: bytes, request: Header | Message, body: Body, *frames: bytes) -> None:
        # A client that does not take its answers loses them: it asked, so it can ask again.
        port.send(route, Message(body, session=request.session, parent=request.id, frames=frames).encode())

    def _answer_unreadable(self, port: Port, route: bytes, frame: zmq.Frame, error: PasticheError) -> None:
        ids = salvage_ids(frame.buffer)
        if ids is not None:
            port.send(route, Message(failed(error), session=ids[1], parent=ids[0]).encode())

    async def _on_jobs(self, route: bytes, message: Message) -> None:
        match message.body:
            case Hello() as hello:
                self._greet(self._jobs, route, message, hello)
            case Submit() as submit:
                await self._submit(route, message, submit)
            case Pixels() as strip:
                self._dispatcher.take_pixels(route, message, strip)
            case Credit() as credit:
                self._dispatcher.take_credit(route, message, credit)
            case _:
                raise _misplaced(message)

    async def _on_control(self, route: bytes, message: Message) -> None:
        match message.body:
            case Hello() as hello:
                self._greet(self._control, route, message, hello)
                return
            case StatusRequest():
                answer: Body = self._status()
            case StylesRequest():
                answer = await asyncio.to_thread(self._catalogue.listing, message.version)
            case Thumbnail(name=name):
                await self._show_thumbnail(route, message, name)
                return
            case Cancel(job=job, session=session):
                answer = _done(self._dispatcher.cancel((session or message.session, job)))
            case Finish(job=job, session=session):
                answer = _done(self._dispatcher.finish((session or message.session, job)))
            case Stop(when_idle=when_idle):
                self._leave(when_idle)
                answer = Done()
            case _:
                raise _misplaced(message)
        self._answer(self._control, route, message, answer)

    def _greet(self, port: Port, route: bytes, message: Message, hello: Hello) -> None:
        if not all(type(number) is int for number in hello.protocol) or not compatible(hello.protocol):
            raise _wrong_version(hello.protocol)
        self._dispatcher.last_activity = time.monotonic()
        limits = {
            "pixels": MAX_PIXELS,
            "side": MAX_SIDE,
            "styles": MAX_STYLES,
            "queue": self._config.queue,
            "header": MAX_HEADER,
            "stream_above": STREAM_ABOVE,
            "strip": STRIP_BYTES,
            "window": WINDOW,
        }
        body = Welcome(VERSION, list(PROTOCOL), os.getpid(), list(METHODS), self._devices(), limits)
        self._answer(port, route, message, body)

    def _devices(self) -> list[dict[str, Any]]:
        return [worker.info for worker in self._supervisor.workers]

    async def _submit(self, route: bytes, message: Message, submit: Submit) -> None:
        if self._dispatcher.repeats(route, (message.session, message.id)):
            return
        if self._leaving:
            raise PasticheError(ErrorCode.STOPPING)
        if submit.state or submit.resume:
            self._check_nearby()
        catalogue = self._catalogue
        named = any(isinstance(style, dict) and style.get("name") is not None for style in submit.styles)
        if named or submit.state or submit.resume or submit.options.get("method") in TRAINED:
            # Looking into the user's folders may take a while; messages of this socket stay in order meanwhile.
            order = await asyncio.to_thread(check_submit, message, catalogue.find_style, catalogue.find_model)
        else:
            order = check_submit(message, catalogue.find_style)
        self._dispatcher.check_room(message)
        self._dispatcher.add(route, message, order)

    def _check_nearby(self) -> None:
        """A client of another computer must not have files written here."""
        if not ipaddress.ip_address(self._config.bind).is_loopback:
            raise PasticheError(
                ErrorCode.BAD_OPTION,
                "A daemon that other computers can reach keeps no runs in files.",
                "Leave --state and --resume out.",
            )

    async def _show_thumbnail(self, route: bytes, message: Message, name: str) -> None:
        found, data = await asyncio.to_thread(self._catalogue.thumbnail, name)
        self._answer(self._control, route, message, ThumbnailReply(found, "image/jpeg" if data else ""), data)

    def _status(self) -> Status:
        workers = [
            {"pid": w.pid, "device": w.device, "state": w.condition(self._dispatcher.busy(w))}
            for w in self._supervisor.workers
        ]
        jobs = [
            {
                "session": job.session,
                "id": job.id,
                "state": str(job.state),
                "method": job.order.options["method"],
                "preview": job.preview,
                "stage": job.progress.stage,
                "fraction": job.progress.fraction,
                "seconds_left": job.progress.seconds_left,
            }
            for job in self._dispatcher.queue
        ]
        return Status(
            daemon=VERSION,
            pid=os.getpid(),
            uptime=round(time.time() - self._started, 3),
            workers=workers,
            jobs=jobs,
            devices=self._devices(),
            idle_stop=round(self._idle_left(time.monotonic()), 1),
            estimates=self._dispatcher.estimates(),
        )

    def _leave(self, when_idle: bool) -> None:
        self._leaving = True
        if not when_idle or not len(self._dispatcher.queue):
            # The answer goes out first.
            asyncio.get_running_loop().call_later(0.05, self._stop.set)


def _done(found: bool) -> Done:
    if not found:
        raise PasticheError(ErrorCode.UNKNOWN_JOB)
    return Done()


def _misplaced(message: Message) -> PasticheError:
    return PasticheError(ErrorCode.BAD_MESSAGE, f"A {message.body.TYPE} message does not belong on this socket.")


def _wrong_version(version: Any) -> PasticheError:
    theirs, ours = ".".join(str(number)[:12] for number in version[:2]), ".".join(map(str, PROTOCOL))
    return PasticheError(
        ErrorCode.VERSION, f"The client speaks protocol {theirs}, this daemon ({VERSION}) speaks protocol {ours}."
    )
