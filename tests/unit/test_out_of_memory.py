"""Where memory runs out while a picture is painted: it is painted all the same, with less, and the report says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UKIYO_E = ROOT / "daemon" / "pastiched" / "weights" / "trained" / "ukiyo-e.safetensors"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of the address space as Linux has them")
@pytest.mark.parametrize("job", [["fast"], ["trained", str(UKIYO_E)]], ids=["fast", "trained"])
def test_less_is_taken_and_the_pastiche_is_the_same(job: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.short_of_memory", *job],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *_, short, after = json.loads(done.stdout)
    assert "memory ran out: painted in smaller pieces" in short["notes"]
    assert short["decibels"] > 80
    assert not any("memory" in note for note in after["notes"]), "and nothing is left of it"
    assert after["decibels"] > 80
