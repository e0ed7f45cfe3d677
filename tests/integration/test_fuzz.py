"""Whatever clients send, the daemon stands, stays small, and goes on answering what is correct."""

from __future__ import annotations

import sys
from pathlib import Path

from wire import Daemon

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from fuzz import MOST_GROWTH, fuzz

MESSAGES = 2000


def test_two_thousand_mutated_messages_do_no_harm(shared_daemon: Daemon) -> None:
    found = fuzz(shared_daemon, MESSAGES)
    assert found["problems"] == []
    assert found["growth"] < MOST_GROWTH
    assert found["sent"]["one field changed"] >= sum(found["sent"].values()) / 2
    assert found["answers"]["welcome"] >= MESSAGES // 20 and found["answers"]["failed: bad_message"] > 0
