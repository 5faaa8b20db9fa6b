"""Marks: words that nobody writes, one for each place where a caller may write something personal.

They are made from the models themselves: whatever is marked private there is given one, at any depth.
"""

import random
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, StringConstraints

from domain.commands import COMMANDS
from domain.registration import Registration
from domain.values import private_fields

REGISTER = "register"
MODELS: dict[str, type[BaseModel]] = {REGISTER: Registration, **COMMANDS}


class Marks:
    """The marks of one run, and what each was given as."""

    def __init__(self) -> None:
        """Begin with none."""
        self.word = f"mk{uuid4().hex[:10]}"
        # Degrees are personal too: these six digits stand in each of them.
        self.digits = str(random.randrange(100_000, 1_000_000))
        self.given: dict[str, str] = {}

    def private_of(self, name: str) -> dict[str, Any]:
        """Fill every private field of a command, or of a registration."""
        model = MODELS[name]
        hidden = private_fields(model)
        return {
            field: self._filled(f"{name}.{field}", info.annotation, info.metadata)
            for field, info in model.model_fields.items()
            if field in hidden
        }

    def text(self, path: str) -> str:
        """Make a mark of words."""
        return self._noted(path, f"{self.word}{len(self.given):04d}x")

    def found_in(self, told: str | bytes) -> set[str]:
        """Name what stands in a text, in bytes, or in the bytes of a file."""
        raw = told.encode("utf-8", "surrogatepass") if isinstance(told, str) else told
        if self.word.encode() not in raw and self.digits.encode() not in raw:
            return set()
        return {path for mark, path in self.given.items() if mark.encode() in raw}

    def degrees(self, path: str) -> float:
        """Make a mark of degrees, in any range."""
        return float(self._noted(path, f"40.{self.digits}{len(self.given):03d}7"))

    def _noted(self, path: str, mark: str) -> str:
        self.given[mark] = path
        return mark

    def _filled(self, path: str, kind: Any, constraints: typing.Sequence[Any] = ()) -> Any:
        origin, parts = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Annotated:
            return self._filled(path, parts[0], parts[1:])
        if origin in (typing.Union, types.UnionType):
            return self._filled(path, next(part for part in parts if part is not type(None)), constraints)
        if origin is tuple:
            return [self._filled(path, parts[0])]
        if kind is str:
            is_url = any("https" in (c.pattern or "") for c in constraints if isinstance(c, StringConstraints))
            return f"https://photos.example.cn/{self.text(path)}.jpg" if is_url else self.text(path)
        if kind is float:
            return self.degrees(path)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return {
                name: self._filled(f"{path}.{name}", info.annotation, info.metadata)
                for name, info in kind.model_fields.items()
            }
        return _plain(kind)


def _plain(kind: Any) -> Any:
    if kind is bool:
        return False
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind)).value
    return datetime.now(UTC).isoformat()


def spoilt(mark: str) -> Iterator[Any]:
    """Give values that hold a mark and that no field takes."""
    yield from ({"x": mark}, [[mark]], f"{mark}\x00", mark * 2000, [mark] * 200)


def free_fields() -> Iterator[str]:
    """Name every field, at any depth, in which a caller writes words or numbers of its own."""
    for name, model in MODELS.items():
        yield from _free(name, model)


def _free(path: str, model: type[BaseModel]) -> Iterator[str]:
    hidden = private_fields(model)
    for name, info in model.model_fields.items():
        if name not in hidden:
            yield from _leaves(f"{path}.{name}", info.annotation, info.metadata)


def _leaves(path: str, kind: Any, constraints: typing.Sequence[Any] = ()) -> Iterator[str]:
    if typing.get_origin(kind) is typing.Annotated:
        yield from _leaves(path, typing.get_args(kind)[0], typing.get_args(kind)[1:])
    elif parts := typing.get_args(kind):
        for part in parts:
            yield from _leaves(path, part, constraints)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from _free(path, kind)
    elif kind is float or (kind is str and not any(getattr(c, "pattern", None) for c in constraints)):
        yield path
