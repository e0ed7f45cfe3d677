"""Which trained model is chosen in the dialog, and what becomes of a choice that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PLUG_IN = Path(__file__).parents[2] / "gimp_plugin" / "pastiche-gimp"
MODELS = ["engraving", "my-drawings"]


class Config:
    """A procedure's arguments: whoever follows them is told of each change, also of those that it makes itself."""

    def __init__(self, method: str = "fast", model: str | None = None) -> None:
        self.values: dict[str, Any] = {"method": method, "model": model}
        self.on_change: Callable[[], object] = lambda: None

    def get_property(self, name: str) -> Any:
        return self.values[name]

    def set_property(self, name: str, value: Any) -> None:
        self.values[name] = value
        self.on_change()


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module alone: its package needs gi, which only GIMP's own Python has."""
    monkeypatch.syspath_prepend(str(PLUG_IN))
    spec = spec_from_file_location("trained_choice", PLUG_IN / "pastiche_gimp" / "dialog" / "trained_choice.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def followed(parts: ModuleType, config: Config, models: list[str] | None) -> Any:
    """A choice that looks at the arguments now and after each of their changes."""
    choice = parts.TrainedChoice(config)
    config.on_change = lambda: choice.follow(models)
    choice.follow(models)
    return choice


def test_a_model_brings_the_method_and_leaving_it_the_method_of_before(parts: ModuleType) -> None:
    config = Config("fine")
    choice = followed(parts, config, MODELS)
    choice.choose("my-drawings")
    assert config.values == {"method": "trained", "model": "my-drawings"}
    assert choice.verdict is parts.Verdict.CHOSEN
    choice.leave()
    assert config.values["method"] == "fine"
    assert not choice.is_on


def test_a_dialog_that_begins_with_trained_goes_back_to_fast(parts: ModuleType) -> None:
    config = Config("trained", "engraving")
    followed(parts, config, MODELS).leave()
    assert config.values["method"] == "fast"


def test_the_method_alone_takes_the_first_model(parts: ModuleType) -> None:
    config = Config()
    choice = followed(parts, config, MODELS)
    config.set_property("method", "trained")
    assert config.values["model"] == "engraving"
    assert choice.verdict is parts.Verdict.CHOSEN


def test_the_method_alone_takes_the_model_of_last_time(parts: ModuleType) -> None:
    config = Config()
    choice = followed(parts, config, MODELS)
    choice.choose("my-drawings")
    choice.leave()
    config.set_property("method", "trained")
    assert config.values["model"] == "my-drawings"


def test_the_method_alone_takes_another_model_where_that_of_last_time_is_gone(parts: ModuleType) -> None:
    config = Config("fast", "removed")
    choice = followed(parts, config, MODELS)
    config.set_property("method", "trained")
    assert config.values["model"] == "engraving"
    assert choice.verdict is parts.Verdict.CHOSEN


def test_without_any_model_there_is_nothing_to_choose(parts: ModuleType) -> None:
    config = Config("fine")
    choice = followed(parts, config, [])
    config.set_property("method", "trained")
    assert choice.verdict is parts.Verdict.NONE
    choice.leave()
    assert config.values["method"] == "fine"


def test_a_named_model_that_is_not_here_is_not_replaced_by_another(parts: ModuleType) -> None:
    config = Config("trained", "removed")
    choice = followed(parts, config, MODELS)
    assert choice.verdict is parts.Verdict.GONE
    assert config.values["model"] == "removed"
    choice.choose("engraving")
    assert choice.verdict is parts.Verdict.CHOSEN


def test_a_preset_with_a_model_that_is_not_here_is_not_replaced_by_another(parts: ModuleType) -> None:
    config = Config()
    choice = followed(parts, config, MODELS)
    config.values = {"method": "trained", "model": "removed"}  # GIMP tells of both at once
    assert choice.follow(MODELS) is parts.Verdict.GONE
    assert config.values["model"] == "removed"


def test_a_model_that_is_removed_while_it_is_chosen_is_missed_and_found_again(parts: ModuleType) -> None:
    config = Config()
    choice = followed(parts, config, MODELS)
    config.set_property("method", "trained")
    assert choice.follow(["my-drawings"]) is parts.Verdict.GONE
    assert choice.follow(MODELS) is parts.Verdict.CHOSEN
    assert config.values["model"] == "engraving"


def test_before_the_daemon_has_answered_a_named_model_is_believed_and_any_other_waits(parts: ModuleType) -> None:
    assert followed(parts, Config("trained", "engraving"), None).verdict is parts.Verdict.CHOSEN
    config = Config("trained")
    choice = followed(parts, config, None)
    assert choice.verdict is parts.Verdict.WAITING
    config.on_change = lambda: choice.follow(MODELS)
    choice.follow(MODELS)
    assert (choice.verdict, config.values["model"]) == (parts.Verdict.CHOSEN, "engraving")


def test_a_method_that_was_chosen_before_the_daemon_has_answered_takes_what_is_there(parts: ModuleType) -> None:
    config = Config("fast", "removed")
    choice = followed(parts, config, None)
    config.set_property("method", "trained")
    config.on_change = lambda: choice.follow(MODELS)
    assert choice.follow(MODELS) is parts.Verdict.CHOSEN
    assert config.values["model"] == "engraving"


def test_names_mean_the_same_in_any_case(parts: ModuleType) -> None:
    assert followed(parts, Config("trained", "Engraving"), MODELS).verdict is parts.Verdict.CHOSEN
