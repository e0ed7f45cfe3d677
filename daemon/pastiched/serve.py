"""`pastiched serve`: its options, and the life of the process."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pastiche.connection import Home, find_home
from pastiche.errors import PasticheError
from pastiche.failures import describe_failure
from pastiched.config import ServeConfig
from pastiched.device import known_device
from pastiched.instance import AlreadyRunningError, Instance
from pastiched.log import LEVELS, start_log

MOST_JOBS = 256


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 stopped, or another daemon serves already; 1 could not start; 2 a wrong option."""
    parser = _parser()
    try:
        config = _config(parser, parser.parse_args(arguments))
    except PasticheError as error:
        print(f"{error.sentence} {error.hint}", file=sys.stderr)
        return 1
    os.umask(0o077)
    try:
        config.home.create()
        with Instance(config.home) as instance:
            instance.clear_leftovers()
            start_log(config.home.log_file, config.log_level)
            _run(config, instance)
    except AlreadyRunningError:
        print("A Pastiche daemon already serves this home.")
        return 0
    except OSError as error:
        print(f"The daemon cannot use its folder: {error.strerror or type(error).__name__}.", file=sys.stderr)
        return 1
    except Exception as error:
        import logging

        logging.getLogger(__name__).critical("The daemon failed.\n%s", describe_failure(error))
        print(f"The daemon failed ({type(error).__name__}); its log has more.", file=sys.stderr)
        return 1
    return 0


def _run(config: ServeConfig, instance: Instance) -> None:
    from pastiched.server import Server

    async def serve() -> None:
        await Server(config, instance).run()

    # The selector loop everywhere: Windows' default one cannot wait for ZeroMQ sockets.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(serve())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("pastiched serve", description="Runs the Pastiche daemon for this user.")
    add = parser.add_argument
    add("--home", type=Path, help="folder of the connection file, log and styles (default: the installation's)")
    add("--device", default=os.environ.get("PASTICHE_DEVICE") or "auto",
        help="auto, cpu, cuda, cuda:N, rocm, xpu or mps (default: PASTICHE_DEVICE, else auto)")  # fmt: skip
    add("--threads", type=int, default=os.environ.get("PASTICHE_THREADS") or 0,
        help="CPU threads for computing (default: PASTICHE_THREADS, else all cores)")  # fmt: skip
    add("--low-priority", action="store_true", default=os.environ.get("PASTICHE_LOW_PRIORITY", "0") not in ("", "0"),
        help="leave the processor to other programs first (default: where PASTICHE_LOW_PRIORITY is 1)")  # fmt: skip
    add("--idle-stop", type=float, default=os.environ.get("PASTICHE_IDLE_STOP") or 30, metavar="MINUTES",
        help="leave when unused; 0 = never (default: PASTICHE_IDLE_STOP, else 30)")  # fmt: skip
    add("--idle-unload", type=float, default=10, metavar="MINUTES",
        help="give memory back when unused; 0 = never (default: 10)")  # fmt: skip
    add("--hang", type=float, default=3, metavar="MINUTES",
        help="restart a computing process that gets no further (default: 3)")  # fmt: skip
    add("--queue", type=int, default=16, help="jobs that may wait or run at a time (default: 16)")
    add("--bind", default="127.0.0.1", metavar="ADDRESS", help="address of the tcp endpoints (default: 127.0.0.1)")
    add("--allow-remote", action="store_true", help="let --bind be an address that other computers can reach")
    add("--log-level", choices=LEVELS, default="info")
    return parser


def _config(parser: argparse.ArgumentParser, given: argparse.Namespace) -> ServeConfig:
    try:
        address = ipaddress.ip_address("127.0.0.1" if given.bind == "localhost" else given.bind)
    except ValueError:
        parser.error("--bind takes an IP address.")
    if not address.is_loopback and not given.allow_remote:
        parser.error(
            f"--bind {address} is refused: the daemon would be open to other computers, and the connection file's key "
            "would be all that keeps them out; add --allow-remote if that is what you want."
        )
    if not known_device(given.device):
        parser.error("--device takes auto, cpu, cuda, cuda:N, rocm, xpu or mps.")
    if not 1 <= given.queue <= MOST_JOBS:
        parser.error(f"--queue takes 1 to {MOST_JOBS}.")
    if given.threads < 0 or min(given.idle_stop, given.idle_unload) < 0 or given.hang <= 0:
        parser.error("--threads, --idle-stop, --idle-unload and --hang cannot be negative.")
    home = Home(given.home.resolve(), Path(sys.executable)) if given.home else find_home()
    return ServeConfig(
        home=home,
        device=given.device,
        threads=given.threads,
        low_priority=given.low_priority,
        idle_stop=given.idle_stop * 60,
        idle_unload=given.idle_unload * 60,
        queue=given.queue,
        bind=str(address),
        log_level=given.log_level,
        hang_seconds=given.hang * 60,
    )
