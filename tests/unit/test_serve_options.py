"""What `pastiched serve` can be told by arguments and by variables."""

from __future__ import annotations

import pytest

from pastiched.config import ServeConfig
from pastiched.serve import _config, _parser


def config(*arguments: str) -> ServeConfig:
    parser = _parser()
    return _config(parser, parser.parse_args(arguments))


def test_variables_are_the_defaults_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("IDLE_STOP", "5"), ("LOW_PRIORITY", "1"), ("THREADS", "3"), ("DEVICE", "cpu")):
        monkeypatch.setenv(f"PASTICHE_{name}", value)
    told = config()
    assert (told.idle_stop, told.low_priority, told.threads, told.device) == (300, True, 3, "cpu")
    told = config("--idle-stop", "0", "--threads", "2")
    assert (told.idle_stop, told.threads) == (0, 2)


@pytest.mark.parametrize("empty", [None, "", "0"])
def test_without_them_it_is_as_ever(monkeypatch: pytest.MonkeyPatch, empty: str | None) -> None:
    for name in ("PASTICHE_IDLE_STOP", "PASTICHE_LOW_PRIORITY", "PASTICHE_THREADS"):
        monkeypatch.delenv(name, raising=False)
    if empty is not None:
        monkeypatch.setenv("PASTICHE_LOW_PRIORITY", empty)
    told = config()
    assert (told.idle_stop, told.low_priority, told.threads) == (1800, False, 0)


@pytest.mark.parametrize("name", ["PASTICHE_IDLE_STOP", "PASTICHE_THREADS"])
def test_a_variable_that_is_no_number_is_a_wrong_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv(name, "many")
    with pytest.raises(SystemExit) as ended:
        config()
    assert ended.value.code == 2
    assert "'many'" in capsys.readouterr().err


def test_help_names_the_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        config("--help")
    said = capsys.readouterr().out
    assert all(f"PASTICHE_{name}" in said for name in ("DEVICE", "IDLE_STOP", "LOW_PRIORITY", "THREADS"))
