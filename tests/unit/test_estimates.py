"""What is said before a job about its cost, by a daemon of this version or an older one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pastiche.estimates import estimate, find_estimate, is_estimate
from pastiche.options import defaults

LINE: dict[str, Any] = {
    "method": "fine",
    "seconds": 10.0,
    "seconds_per_megapixel": 20.0,
    "memory": 1000,
    "memory_per_megapixel": 100,
}


def entry(seconds: float, **options: Any) -> dict[str, Any]:
    return LINE | {"seconds": seconds, "options": options}


def test_the_entry_that_is_most_like_the_job_is_found() -> None:
    known = [
        LINE | {"method": "fast"}, entry(1.0), entry(2.0, effort="best"), entry(3.0, features="vgg19"),
        entry(4.0, effort="best", features="vgg19"),
    ]  # fmt: skip
    fine = defaults() | {"method": "fine"}
    for options, seconds in (
        (fine, 1.0),
        (fine | {"seed": 7}, 1.0),
        (fine | {"effort": "best"}, 2.0),
        (fine | {"features": "vgg19"}, 3.0),
        (fine | {"effort": "best", "features": "vgg19"}, 4.0),
        (fine | {"effort": "draft"}, 1.0),
    ):
        found = find_estimate(known, options)
        assert found and found["seconds"] == seconds
    assert find_estimate(known, fine | {"method": "trained"}) is None
    assert find_estimate([], fine) is None


def test_an_older_daemon_tells_a_straight_line() -> None:
    assert estimate(LINE, 2.0) == (50.0, 1200)
    assert estimate(LINE, 0.0) == (10.0, 1000)
    assert find_estimate([LINE], defaults() | {"method": "fine"}) is LINE


def test_between_points_and_beyond_them_the_lines_go_on() -> None:
    bent = LINE | {"points": [[1.0, 10.0, 100.0], [2.0, 30.0, 200.0], [4.0, 40.0, 200.0]]}
    cases = {1.0: 10.0, 1.5: 20.0, 2.0: 30.0, 3.0: 35.0, 4.0: 40.0, 8.0: 60.0, 0.75: 5.0, 0.1: 0.0}
    assert {megapixels: estimate(bent, megapixels)[0] for megapixels in cases} == pytest.approx(cases)
    assert estimate(bent, 1.5)[1] == 150 and estimate(bent, 100)[1] == 200


BROKEN: dict[str, Any] = {
    "no map": [1],
    "no method": {k: v for k, v in LINE.items() if k != "method"},
    "a number missing": {k: v for k, v in LINE.items() if k != "memory"},
    "no number": LINE | {"seconds": math.nan},
    "endless": LINE | {"memory_per_megapixel": math.inf},
    "text": LINE | {"seconds": "10"},
    "options that are no map": LINE | {"options": ["effort"]},
    "points that are no rows": LINE | {"points": [1, 2, 3]},
    "a point too short": LINE | {"points": [[1.0, 2.0]]},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_entry_is_known_as_one(broken: Any) -> None:
    assert not is_estimate(broken)


def test_whole_entries_are_known_too() -> None:
    assert is_estimate(LINE) and is_estimate(entry(1.0, effort="best") | {"points": [[1.0, 2.0, 3]]})
