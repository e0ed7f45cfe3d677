"""Promises about OpenVINO as a guest: it tells nobody that it is used, and Pastiche works without it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pastiched.engines.fast import FastEngine
from pastiched.inference import openvino_library
from pastiched.inference.openvino_library import VARIABLE, openvino_works
from tests.unit.engine_jobs import decibels, paint_marks, painted

ROOT = Path(__file__).parents[2]
LOADED = """
import sys
from pastiched.inference.openvino_library import openvino_works
print(openvino_works(), "openvino" in sys.modules)
import openvino.tools.ovc
print([name for name in sys.modules if name.split(".")[0] == "openvino_telemetry" and sys.modules[name]])
"""
PAINT = """
import sys
import numpy as np
if sys.argv[1] == "blocked":
    sys.modules["openvino"] = None
import torch
from pastiched.engines.fast import FastEngine
from tests.unit.engine_jobs import paint_marks, painted
photo, style = paint_marks(120, 0), paint_marks(96, 1)
np.save(sys.argv[2], painted(FastEngine(torch.device("cpu"), native=True), photo, [style], depth="32"))
print(sys.modules.get("openvino"))
"""


def answered(code: str, *arguments: str, **variables: str) -> list[str]:
    """What a Python of its own says."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE} | variables
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "OpenVINO" not in done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not openvino_works(), reason="OpenVINO is not here")
def test_nobody_is_told_that_it_is_used() -> None:
    """Its package of telemetry is never loaded, not even by those parts of it that would."""
    assert answered(LOADED) == ["True True", "[]"]


@pytest.mark.parametrize("reason", ["asked for", "blocked"])
def test_without_it_pytorch_paints_the_same_picture(reason: str, tmp_path: Path) -> None:
    variables = {VARIABLE: "0"} if reason == "asked for" else {}
    assert answered(PAINT, reason, str(tmp_path / "pastiche.npy"), **variables) == ["None"]
    engine = FastEngine(torch.device("cpu"), native=True)
    here = painted(engine, paint_marks(120, 0), [paint_marks(96, 1)], depth="32")
    assert float(here.std()) > 0.05
    assert decibels(np.load(tmp_path / "pastiche.npy"), here) >= 80


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Whether it works is found out anew, here and afterwards."""
    openvino_works.cache_clear()
    yield
    openvino_works.cache_clear()


@pytest.mark.usefixtures("forgotten")
def test_one_that_breaks_is_left_aside_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("no such instruction")

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(openvino_library, "_core", broken)
    with caplog.at_level(logging.WARNING):
        assert not openvino_works()
    assert "PyTorch computes" in caplog.text and "no such instruction" in caplog.text
