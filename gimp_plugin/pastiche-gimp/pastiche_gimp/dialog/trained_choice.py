"""The method Trained and its model: one without the other paints nothing, so each brings the other along."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from pastiche_gimp.methods import FAST, TRAINED


class Verdict(Enum):
    """What the arguments `method` and `model` come to."""

    OTHER_METHOD = "other method"
    CHOSEN = "chosen"
    WAITING = "waiting"
    """What models there are is not known yet."""
    GONE = "gone"
    """A recipe, a preset or a script names a model that is not here; or it was removed just now."""
    NONE = "none"
    """There is no model to choose from."""


class TrainedChoice:
    """Keeps the method of before, to go back to, and the model of last time, to begin with."""

    def __init__(self, config: Any) -> None:
        self._config = config
        self._before = FAST
        self._seen = self._method, self.model
        self._any_will_do = False
        self.verdict = Verdict.OTHER_METHOD

    @property
    def is_on(self) -> bool:
        return self._method == TRAINED

    @property
    def model(self) -> str:
        """By its name; of last time where another method is on, "" where there was none."""
        # A string argument whose value is "" arrives as None.
        return str(self._config.get_property("model") or "")

    def choose(self, model: str) -> None:
        """This model, and with it the method."""
        self._config.set_property("model", model)
        self._config.set_property("method", TRAINED)

    def leave(self) -> None:
        """Back to the method of before."""
        if self.is_on:
            self._config.set_property("method", self._before)

    def follow(self, models: Sequence[str] | None) -> Verdict:
        """Looks at the arguments after a change. `models` are those of the daemon by name, None = not known yet."""
        (method, model), self._seen = self._seen, (self._method, self.model)
        if not self.is_on:
            self._before, self.verdict = self._method, Verdict.OTHER_METHOD
            return self.verdict
        if model != self.model:
            self._any_will_do = False
        elif method != TRAINED:
            # Who changes the method alone means no model in particular.
            self._any_will_do = True
        self.verdict = self._judge(models)
        if self.verdict is Verdict.CHOSEN and models is not None:
            self._any_will_do = False
        return self.verdict

    def _judge(self, models: Sequence[str] | None) -> Verdict:
        if models is None:
            return Verdict.CHOSEN if self.model else Verdict.WAITING
        if self.model.casefold() in {name.casefold() for name in models}:
            return Verdict.CHOSEN
        if self.model and not self._any_will_do:
            return Verdict.GONE
        if not models:
            return Verdict.NONE
        self._config.set_property("model", models[0])
        return Verdict.CHOSEN

    @property
    def _method(self) -> str:
        return str(self._config.get_property("method"))
