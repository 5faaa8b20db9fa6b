"""From a source's own JSON to a registration: what stands where, as configuration.

A mapping is checked as a whole when it is loaded, so that a message fails only for what is in the message.
"""

from datetime import tzinfo
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from domain.registration import Registration
from domain.values import Evidence, IdPart, Place, Reporter
from domain.working_time import BEIJING

Constant = str | float | bool
_NESTED: dict[str, type[BaseModel]] = {"place": Place, "reporter": Reporter}
_NOT_MAPPED = {"source_system", "evidence", *_NESTED}
TARGETS: dict[str, FieldInfo] = {
    **{name: field for name, field in Registration.model_fields.items() if name not in _NOT_MAPPED},
    **{f"{group}.{name}": field for group, model in _NESTED.items() for name, field in model.model_fields.items()},
}
"""Every field that a mapping may fill."""
NEEDED = ("external_id", "channel", "received_at", "title", "description", "township", "place.address")
CLOCKS = ("iso", "unix", "unix_ms")
"""Forms of a time beside the patterns of strptime; the numbers count from 1970."""


class MappingInvalidError(Exception):
    """A mapping cannot be used; `problems` says why, each with the field it speaks of."""

    def __init__(self, name: str, problems: list[str]) -> None:
        """Keep which mapping, and all that is wrong with it."""
        super().__init__(f"{name}: {'; '.join(problems)}")
        self.name = name
        self.problems = problems


class Rule(BaseModel):
    """How one field is filled: from a path (the first of several that holds something), from lines, or by a constant.

    A path is dotted, a number counts from 0 in a list, and `.` is the whole. A line holds paths in braces; one whose
    paths all hold nothing is left out. `table` then translates, `dates` reads a time, `organisation` finds the code of
    an organisation's name, `part` takes one of several parts between commas, and `cut` shortens.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    paths: Annotated[tuple[str, ...], Field(alias="from")] = ()
    lines: tuple[str, ...] = ()
    value: Constant | None = None
    table: dict[str, Constant] = {}
    otherwise: Constant | None = None
    omit_unknown: bool = False
    dates: tuple[str, ...] = ()
    organisation: bool = False
    part: Annotated[int, Field(ge=0)] | None = None
    cut: Annotated[int, Field(ge=1)] | None = None

    @field_validator("paths", "lines", "dates", mode="before")
    @classmethod
    def _one_or_several(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _is_filled_in_one_way(self) -> Self:
        if sum((bool(self.paths), bool(self.lines), self.value is not None)) != 1:
            raise ValueError("give one of: from, lines, value")
        if (self.otherwise is not None or self.omit_unknown) and not self.table:
            raise ValueError("otherwise and omit_unknown belong to a table")
        return self

    @property
    def shown(self) -> str:
        """Where the field comes from, as the source knows it."""
        return " | ".join(self.paths or self.lines)

    def constants(self) -> list[Constant]:
        """List every value that the mapping itself may put into the field."""
        given = (self.value, self.otherwise, *self.table.values())
        return [value for value in given if value is not None]


class Each(BaseModel):
    """How evidence is made: one piece for each item of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    path: Annotated[str, Field(alias="from")]
    fields: dict[str, Rule]


class Mapping(BaseModel):
    """One source's form of a matter; `when` names paths and the values that tell this form from others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source_systems: Annotated[tuple[IdPart, ...], Field(min_length=1)]
    time_zone: str = "Asia/Shanghai"
    when: dict[str, tuple[str, ...]] = {}
    fields: dict[str, Rule]
    evidence: Each | None = None

    @field_validator("when", mode="before")
    @classmethod
    def _one_or_several(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {path: (value,) if isinstance(value, str) else value for path, value in given.items()}

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name != str(BEIJING) and name not in available_timezones():
            raise ValueError("it is no time zone")
        return name

    @property
    def zone(self) -> tzinfo:
        """The zone of times that name none; that of Beijing needs no database of zones."""
        return BEIJING if self.time_zone == str(BEIJING) else ZoneInfo(self.time_zone)


def mapping_of(name: str, content: object) -> Mapping:
    """Read a mapping; raises MappingInvalidError with everything that is wrong with it."""
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        raise MappingInvalidError(name, _findings(error)) from None
    problems = [
        *(f"fields.{target}: it is needed" for target in NEEDED if target not in mapping.fields),
        *_problems("fields", mapping.fields, TARGETS),
    ]
    if mapping.evidence:
        problems += _problems("evidence.fields", mapping.evidence.fields, Evidence.model_fields)
    if problems:
        raise MappingInvalidError(name, problems)
    return mapping


def _problems(where: str, rules: dict[str, Rule], targets: dict[str, FieldInfo]) -> list[str]:
    found = []
    for target, rule in rules.items():
        if target not in targets:
            found.append(f"{where}.{target}: there is no such field; there are {', '.join(targets)}")
            continue
        kind = _type_of(targets[target])
        found += [f"{where}.{target}: {form!r} is no form of a time" for form in rule.dates if not _is_form(form)]
        found += [
            f"{where}.{target}: {value!r} does not fit: {_reason(kind, value)}"
            for value in rule.constants()
            if _reason(kind, value)
        ]
    return found


def _is_form(form: str) -> bool:
    return form in CLOCKS or "%" in form


def _type_of(field: FieldInfo) -> TypeAdapter[Any]:
    kind: Any = field.annotation
    return TypeAdapter(Annotated[(kind, *field.metadata)] if field.metadata else kind)


def _reason(kind: TypeAdapter[Any], value: Constant) -> str | None:
    try:
        kind.validate_python(value)
    except ValidationError as error:
        return "; ".join(_said(found["msg"]) for found in error.errors(include_url=False, include_input=False))
    return None


def _findings(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_input=False)
    return [f"{'.'.join(map(str, one['loc'])) or 'the file'}: {_said(one['msg'])}" for one in found]


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
