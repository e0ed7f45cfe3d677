"""The device is chosen before a backend starts, and by what it computes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pastiche.errors import ErrorCode, PasticheError
from pastiched import device as room
from pastiched.device import choose_device, known_device, restrict_environment


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "rocm", "rocm:1", "xpu", "mps"])
def test_known_names_may_be_given(name: str) -> None:
    assert known_device(name)


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "cpu:0", "cuda:0 ", "CUDA", "cuda:99999", "auto:1"])
def test_other_names_are_refused(name: str) -> None:
    assert not known_device(name)


def test_the_cpu_hides_every_other_device_from_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ONEAPI_DEVICE_SELECTOR", "OMP_NUM_THREADS"):
        monkeypatch.setenv(variable, "before")
    restrict_environment("cpu", 3)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == os.environ["HIP_VISIBLE_DEVICES"] == ""
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_a_gpu_and_the_users_own_thread_count_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    restrict_environment("auto", 0)
    assert (os.environ["CUDA_VISIBLE_DEVICES"], os.environ["OMP_NUM_THREADS"]) == ("1", "5")


def test_with_the_cpu_chosen_torch_sees_no_gpu_and_uses_the_threads_it_was_given() -> None:
    asked = (
        "from pastiched.device import restrict_environment, choose_device; restrict_environment('cpu', 1);"
        "import torch; d = choose_device('cpu'); print(d.kind, torch.cuda.device_count(), torch.get_num_threads())"
    )
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout.split() == ["cpu", "0", "1"]


def test_the_first_device_that_computes_correctly_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_present", lambda name: name in ("cuda", "mps"))
    monkeypatch.setattr(room, "_problem", lambda name: "it is too old" if name == "cuda" else "")
    monkeypatch.setattr(room, "_describe", lambda device: f"a {device.type}")
    assert choose_device("auto").kind == "mps"


def test_a_gpu_that_cannot_be_used_is_mentioned_and_the_cpu_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_present", lambda name: name == "cuda")
    monkeypatch.setattr(room, "_problem", lambda name: "no kernel image is available for it")
    chosen = choose_device("auto")
    assert chosen.kind == "cpu" and "cuda is present but cannot be used: no kernel image" in chosen.detail
    assert chosen.to_wire("auto") == {"name": "auto", "kind": "cpu", "state": "ready", "detail": chosen.detail}


@pytest.mark.parametrize("name", ["cuda", "cuda:3", "rocm", "xpu"])
def test_a_device_that_was_asked_for_is_never_replaced(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(room, "_present", lambda _: False)
    with pytest.raises(PasticheError) as caught:
        choose_device(name)
    assert caught.value.code is ErrorCode.NO_DEVICE and name in caught.value.sentence
