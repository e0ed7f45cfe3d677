"""What every message's content has in common: a dataclass that is made from an untrusted map, and back."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pastiche.errors import ErrorCode, PasticheError


@dataclass(frozen=True)
class Body:
    """A message's content. Unknown fields are ignored, missing ones without a default and wrong types are refused."""

    TYPE: ClassVar[str]

    def to_wire(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    @classmethod
    def from_wire(cls: type[BodyT], data: dict[str, Any]) -> BodyT:
        """Raises PasticheError(BAD_MESSAGE)."""
        hints = typing.get_type_hints(cls)
        values = {}
        for f in dataclasses.fields(cls):
            if f.name in data:
                values[f.name] = _checked(data[f.name], hints[f.name], f"{cls.TYPE}.{f.name}")
            elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
                raise PasticheError(ErrorCode.BAD_MESSAGE, f"The field {cls.TYPE}.{f.name} is missing.")
        return cls(**values)


BodyT = TypeVar("BodyT", bound=Body)


def _checked(value: Any, hint: Any, name: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        return _checked(value, next(a for a in typing.get_args(hint) if a is not type(None)), name)
    wanted = origin or hint
    if wanted is float and type(value) is int:
        return float(value)
    if wanted is Any or (isinstance(value, wanted) and not (wanted in (int, float) and isinstance(value, bool))):
        return value
    raise PasticheError(ErrorCode.BAD_MESSAGE, f"The field {name} has the wrong type.")
