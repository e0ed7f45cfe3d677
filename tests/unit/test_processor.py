"""What a processor computes fast, as it says and as it shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from pastiched import processor
from pastiched.engines.precision import fastest_numbers, numbers_for_depth
from pastiched.inference.numbers import EXACT, Numbers
from pastiched.inference.piece_size import PASTICHE, bytes_taken, piece_pixels
from pastiched.processor import bfloat16_is_faster, multiplies_integers

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    asked = bfloat16_is_faster, multiplies_integers
    for question in asked:
        question.cache_clear()
    yield
    for question in asked:
        question.cache_clear()


def pretend(monkeypatch: pytest.MonkeyPatch, supported: bool, bfloat16: float) -> None:
    """That it has bfloat16, and that it takes `bfloat16` times as long with it as in float32."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    monkeypatch.setattr(processor, "_seconds", lambda dtype: bfloat16 if dtype is torch.bfloat16 else 1.0)


@pytest.mark.parametrize(
    ("supported", "bfloat16", "fastest"),
    [(True, 0.5, torch.bfloat16), (True, 1.9, torch.float32), (False, 0.5, torch.float32)],
)
def test_bfloat16_is_taken_where_it_really_is_faster(
    monkeypatch: pytest.MonkeyPatch, supported: bool, bfloat16: float, fastest: torch.dtype
) -> None:
    pretend(monkeypatch, supported, bfloat16)
    assert fastest_numbers(CPU) == Numbers(fastest, coarse=True)
    assert numbers_for_depth("8", CPU) == fastest_numbers(CPU)
    assert numbers_for_depth("16", CPU) == numbers_for_depth("32", CPU) == EXACT


def test_it_is_measured_on_this_machine_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measure, measured = processor._seconds, list[tuple[torch.dtype, float]]()

    def measuring(dtype: torch.dtype) -> float:
        measured.append((dtype, measure(dtype)))
        return measured[-1][1]

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(processor, "_seconds", measuring)
    answers = {bfloat16_is_faster() for _ in range(3)}
    seconds = dict(measured)
    assert len(measured) == 2 and all(value > 0 for value in seconds.values())
    assert answers == {seconds[torch.bfloat16] < processor.WORTHWHILE * seconds[torch.float32]}


@pytest.mark.parametrize(
    ("has", "multiplies"),
    [({"avx2": True}, False), ({"avx2": True, "avx_vnni": True}, True), ({"avx512_vnni": True}, True), ({}, False)],
)
def test_integers_need_instructions_for_them(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], multiplies: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    assert multiplies_integers() is multiplies


def test_an_older_pytorch_says_less_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: True, raising=False)
    assert multiplies_integers()
    multiplies_integers.cache_clear()
    monkeypatch.delattr(torch.cpu, "_is_vnni_supported")
    assert not multiplies_integers()


def test_features_of_8_bit_pictures_take_half_the_memory_whatever_is_computed_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    area, most, coarse = 100_000_000, 2_000_000, Numbers(torch.float32, coarse=True)
    saved = bytes_taken(area, most, EXACT, PASTICHE) - bytes_taken(area, most, coarse, PASTICHE)
    assert saved == pytest.approx(PASTICHE.picture * area * 2)
    monkeypatch.setattr("pastiched.inference.piece_size.available_bytes", lambda device: 2_000_000_000)
    assert piece_pixels(0, area, EXACT, CPU, PASTICHE) < piece_pixels(0, area, coarse, CPU, PASTICHE)
