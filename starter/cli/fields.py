"""From words on the command line to the fields of a command: `--place.lng 117.1`, `--responders water,police`.

The models of the commands are the only list of fields. What is written here in the shape that a field has is
checked by the model alone, so that a shell and HTTP refuse the same values with the same words.
"""

import json
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from domain.errors import InvalidError
from domain.vocabulary import Labelled
from domain.working_time import BEIJING

_LIST_SEPARATOR = re.compile("[,，、]")
_YES = {"是", "有", "通过", "成立"}
_NO = {"否", "无", "不通过", "不成立"}


class UnreadableFieldsError(Exception):
    """The words do not come in pairs of `--field value`."""


class Shape(NamedTuple):
    """What a field holds: one leaf, or a list of them."""

    leaf: Any
    is_list: bool = False
    is_optional: bool = False

    @property
    def model(self) -> type[BaseModel] | None:
        """The model of a structured field."""
        return self.leaf if isinstance(self.leaf, type) and issubclass(self.leaf, BaseModel) else None

    @property
    def choices(self) -> tuple[Labelled, ...]:
        """The values of an enumerated field."""
        if get_origin(self.leaf) is Literal:
            return tuple(choice for choice in get_args(self.leaf) if isinstance(choice, Labelled))
        return tuple(self.leaf) if isinstance(self.leaf, type) and issubclass(self.leaf, Labelled) else ()


def read_fields(words: Iterable[str], model: type[BaseModel] | None) -> dict[str, Any]:
    """Read `--field value` pairs in the shape of the model's fields; fields it does not know stay text.

    Raises UnreadableFieldsError for a word that belongs to no field, InvalidError for JSON that cannot be read.
    """
    given: dict[str, list[tuple[list[str], str]]] = {}
    for path, value in _pairs(list(words), model):
        given.setdefault(path[0], []).append((path[1:], value))
    shapes = shapes_of(model) if model else {}
    return {name: _field(name, shapes.get(name, Shape(str)), values) for name, values in given.items()}


def shapes_of(model: type[BaseModel]) -> dict[str, Shape]:
    """Give the shape of each field of a model."""
    return {name: shape_of(field.annotation) for name, field in model.model_fields.items()}


def shape_of(annotation: object) -> Shape:
    """Look through Annotated, optional and tuple to what a field holds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape_of(arguments[0])
    if origin in (Union, types.UnionType):
        inner = next(shape_of(member) for member in arguments if member is not type(None))
        return inner._replace(is_optional=True)
    if origin is tuple:
        return shape_of(arguments[0])._replace(is_list=True)
    return Shape(annotation)


def _pairs(words: list[str], model: type[BaseModel] | None) -> Iterator[tuple[list[str], str]]:
    shapes = shapes_of(model) if model else {}
    while words:
        word = words.pop(0)
        if not word.startswith("--") or word == "--":
            message = f"{word!r} belongs to no field: write --field value"
            raise UnreadableFieldsError(message)
        name, equals, value = word.removeprefix("--").partition("=")
        path = name.replace("-", "_").split(".")
        if equals:
            yield path, value
        elif words and not words[0].startswith("--"):
            yield path, words.pop(0)
        else:
            yield _flag(path, shapes)


def _flag(path: list[str], shapes: Mapping[str, Shape]) -> tuple[list[str], str]:
    name = ".".join(path)
    for word, value in ((name, "true"), (name.removeprefix("no_"), "false")):
        if word in shapes and shapes[word].leaf is bool:
            return [word], value
    message = f"--{name.replace('_', '-')} needs a value"
    raise UnreadableFieldsError(message)


def _field(name: str, shape: Shape, values: list[tuple[list[str], str]]) -> object:
    whole = [value for path, value in values if not path]
    parts = [(path, value) for path, value in values if path]
    if not parts:
        return _list(name, shape, whole) if shape.is_list else _one(name, shape, whole[-1])
    base = _one(name, shape, whole[-1]) if whole else {}
    below = {key: _below(key, shape.model, parts) for key in dict.fromkeys(path[0] for path, _ in parts)}
    joined = {**base, **below} if isinstance(base, dict) else below
    return [joined] if shape.is_list else joined


def _below(key: str, model: type[BaseModel] | None, parts: list[tuple[list[str], str]]) -> object:
    shape = shapes_of(model).get(key, Shape(str)) if model else Shape(str)
    return _field(key, shape, [(path[1:], value) for path, value in parts if path[0] == key])


def _list(name: str, shape: Shape, values: list[str]) -> list[object]:
    found: list[object] = []
    for value in values:
        if value.strip().startswith("["):
            found.extend(_json(name, value))
        elif shape.model and value.strip().startswith("{"):
            found.append(_json(name, value))
        else:
            words = (part.strip() for part in _LIST_SEPARATOR.split(value))
            found.extend(_one(name, shape, word) for word in words if word)
    return found


def _one(name: str, shape: Shape, value: str) -> object:
    if shape.model:
        return _structured(name, shape.model, value)
    if shape.leaf is bool:
        return "true" if value in _YES else "false" if value in _NO else value
    if shape.leaf in (datetime, AwareDatetime):
        return _in_beijing(value)
    return _chosen(value, shape.choices)


def _structured(name: str, model: type[BaseModel], value: str) -> object:
    needed = [key for key, field in model.model_fields.items() if field.is_required()]
    if not value.strip().startswith(("{", "[")) and len(needed) == 1:
        return {needed[0]: value}
    return _json(name, value)


def _chosen(value: str, choices: tuple[Labelled, ...]) -> str:
    for choice in choices:
        if value.upper().replace("-", "_") == choice.value or value == choice.label:
            return choice.value
    return value


def _in_beijing(value: str) -> str:
    # A clerk writes the time on the wall; everything else that is no time is the model's to refuse.
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return (at if at.tzinfo else at.replace(tzinfo=BEIJING)).isoformat()


def _json(name: str, value: str) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return json.loads(value)
    except ValueError as error:
        raise InvalidError.of(name, f"is not JSON: {error}") from None
