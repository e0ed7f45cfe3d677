"""Callbacks that GTK and GLib call: nothing that they raise gets out of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pastiche_gimp.failures import log, sentence_of


class Guard:
    """Wraps callbacks: an exception is logged, and told to the user in one sentence."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def __call__(self, function: Callable[..., Any], answer: Any = False) -> Callable[..., Any]:
        """`function`, answering `answer` where it raises (False ends a GLib source)."""

        @wraps(function)
        def guarded(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except Exception as error:
                log(error)
                self._tell(sentence_of(error))
                return answer

        return guarded
