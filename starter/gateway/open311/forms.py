"""Reading what a client posts: an url-encoded form with `attribute[code]` for the answers to a service's questions."""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl

from starter.gateway.open311.faults import Fault, Open311Error, missing, wrong
from starter.gateway.open311.moments import read
from starter.gateway.open311.services import LISTS, Attribute, Datatype

MEDIA_TYPE = "application/x-www-form-urlencoded"
LONGEST_DESCRIPTION = 4_000
_ATTRIBUTE = re.compile(r"attribute\[([A-Za-z0-9_-]{1,64})\](?:\[\])?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)
_LONGEST_NAME = 64
_LONGEST_STRING = 500
_MOST_FIELDS = 200
_UNSUPPORTED = 415


FIELDS = frozenset(
    {
        "api_key",
        "jurisdiction_id",
        "service_code",
        "lat",
        "long",
        "address_string",
        "address_id",
        "email",
        "device_id",
        "account_id",
        "first_name",
        "last_name",
        "phone",
        "description",
        "media_url",
    }
)
"""What the specification knows; fields of other standards beside it are passed over."""


class Form(NamedTuple):
    """The fields that were given, and the answers by the code of their question; what is blank was not given."""

    fields: dict[str, str]
    answers: dict[str, tuple[str, ...]]


def read_form(content_type: str | None, body: bytes) -> Form:
    """Read a form; raises Open311Error for what is none, or says two things at once."""
    if content_type and content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Open311Error(Fault(_UNSUPPORTED, f"请以 {MEDIA_TYPE} 提交。 Send the request as {MEDIA_TYPE}."))
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError:
        raise Open311Error(wrong("body", "不是 UTF-8", "it is not UTF-8")) from None
    except ValueError:
        message = f"there are more than {_MOST_FIELDS} fields"
        raise Open311Error(wrong("body", f"字段超过 {_MOST_FIELDS} 个", message)) from None
    return _form((name, value.replace("\r\n", "\n").strip()) for name, value in pairs)


def _form(pairs: Iterable[tuple[str, str]]) -> Form:
    fields: dict[str, str] = {}
    answers: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        if not value:
            continue
        if question := _ATTRIBUTE.fullmatch(name):
            answers[question[1]] = (*answers.get(question[1], ()), value)
        elif name.startswith("attribute["):
            raise Open311Error(wrong(name[:_LONGEST_NAME], "不是属性编码", "it is not the code of an attribute"))
        elif name in FIELDS and fields.setdefault(name, value) != value:
            raise Open311Error(wrong(name, "重复且不一致", "it is given twice with different values"))
    return Form(fields, answers)


def check_answers(attributes: Iterable[Attribute], answers: dict[str, tuple[str, ...]]) -> list[Fault]:
    """List what is wrong with the answers to a service's questions."""
    asked = {attribute.code: attribute for attribute in attributes if attribute.variable}
    strangers = [
        wrong(f"attribute[{code}]", "不是本类事项的属性", "this service has no such attribute")
        for code in answers
        if code not in asked
    ]
    return strangers + [
        fault for attribute in asked.values() for fault in _check(attribute, answers.get(attribute.code, ()))
    ]


def told(attributes: Iterable[Attribute], answers: dict[str, tuple[str, ...]]) -> list[str]:
    """Write the answers as lines for those who will read the description."""
    lines = []
    for attribute in attributes:
        values = [attribute.names.get(value, value) for value in answers.get(attribute.code, ())]
        if values:
            lines.append(f"【{attribute.description}】{'、'.join(values)}")
    return lines


def _check(attribute: Attribute, values: tuple[str, ...]) -> list[Fault]:
    field = f"attribute[{attribute.code}]"
    if not values:
        return [missing(field)] if attribute.required else []
    if len(values) > 1 and attribute.datatype is not Datatype.MULTIPLE:
        return [wrong(field, "只能有一个值", "only one value may be given")]
    problems = (_problem(attribute, value) for value in values)
    return [wrong(field, *problem) for problem in problems if problem]


def _problem(attribute: Attribute, value: str) -> tuple[str, str] | None:
    if attribute.datatype in LISTS:
        keys = [choice.key for choice in attribute.values]
        return None if value in keys else (f"不在 {'、'.join(keys)} 之中", f"it is none of {', '.join(keys)}")
    longest = LONGEST_DESCRIPTION if attribute.datatype is Datatype.TEXT else _LONGEST_STRING
    if len(value) > longest:
        return f"超过 {longest} 字", f"it has more than {longest} characters"
    match attribute.datatype:
        case Datatype.NUMBER if not _NUMBER.fullmatch(value):
            return "不是数字", "it is not a number"
        case Datatype.STRING if "\n" in value or "\r" in value:
            return "不能换行", "it has line breaks"
        case Datatype.DATETIME:
            return _not_a_moment(value)
    return None


def _not_a_moment(value: str) -> tuple[str, str] | None:
    try:
        read(value)
    except ValueError as error:
        return "不是带时区的日期时间", str(error)
    return None
