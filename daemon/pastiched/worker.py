"""A worker process: owns one device. Its main thread computes (workshop.py), an io thread talks to the server."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

import zmq

from pastiche.errors import ErrorCode, PasticheError
from pastiche.failures import describe_failure
from pastiche.protocol import Failed
from pastiched.device import Device, choose_device, restrict_environment
from pastiched.link import Setup
from pastiched.orphan import follow_parent_into_death

EXIT_NO_DEVICE = 69
EXIT_BROKEN_DEVICE = 70
log = logging.getLogger(__name__)


def _open_device(setup: Setup) -> Device:
    """Raises PasticheError(NO_DEVICE)."""
    try:
        import torch

        if setup.threads:
            torch.set_num_threads(setup.threads)
        return choose_device(setup.device)
    except PasticheError:
        raise
    except Exception as error:
        log.error("PyTorch could not be started.\n%s", describe_failure(error))
        raise PasticheError(ErrorCode.NO_DEVICE, "PyTorch cannot be loaded.", "Repair the installation.") from None


def _be_modest(low_priority: bool) -> None:
    """Where memory or time runs short, this process gives way before the editor does."""
    if sys.platform == "linux":
        try:
            Path("/proc/self/oom_score_adj").write_text("500")
        except OSError:
            log.debug("The kernel's out-of-memory score could not be set.")
    if not low_priority:
        return
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        ctypes.windll.kernel32.SetPriorityClass(ctypes.windll.kernel32.GetCurrentProcess(), below_normal)
    else:
        os.nice(10)


def main() -> int:
    """Entry point of the process; the server's first line on standard input is its `Setup`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = follow_parent_into_death()
    setup = Setup.from_line(line)
    # Standard error is a pipe into the server's log.
    logging.basicConfig(stream=sys.stderr, level=setup.log_level.upper(), format="%(levelname)s %(message)s")
    _be_modest(setup.low_priority)
    restrict_environment(setup.device, setup.threads)
    # Only now: these may reach torch, which looks at the environment once.
    from pastiched.courier import Courier
    from pastiched.workshop import Workshop

    courier = Courier(setup, zmq.Context())
    courier.start()
    try:
        device = _open_device(setup)
    except PasticheError as error:
        courier.post(Failed(str(error.code), error.sentence, error.hint))
        courier.close()
        return EXIT_NO_DEVICE
    Workshop(setup, device, courier).run()
    courier.close()
    return EXIT_BROKEN_DEVICE


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Not sys.exit: the thread that watches standard input, and a broken device's clean-up, must not hold it up.
    os._exit(code)
