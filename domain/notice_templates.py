"""The words of the notices: a TOML file that anyone may change, checked whole before any of it is used."""

import tomllib
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from domain.notice_table import TABLE
from domain.values import Frozen

FIELDS: dict[str, str] = {
    "title": "盗采砂石",
    "serial": "JHH-2026-000123",
    "kind": "应急哨",
    "urgency": "特急",
    "state": "待报到(集结中)",
    "township": "金海湖镇",
    "lead": "规自分局",
    "organisation": "区水务局",
    "responder": "区水务局",
    "deadline": "11月24日 10:30:00",
    "place": "上宅村西砂坑",
    "link": "https://shaobao.example/whistles/12345:20261124000123",
    "summary": "集结哨:规自分局、区水务局、公安分局",
    "phase": "报到",
    "point": "时限过半",
    "level": "催办",
    "from_level": "值班员",
    "to_level": "备勤",
    "text": "(原通知)",
    "channel": "sms",
    "recipient": "water/li-ming",
    "error": "60020",
}
"""Every field that a template may name, each with the sample that previews show."""
ABSENT = {
    "deadline": "尽快",
    "place": "见哨单",
    "link": "(见系统)",
    "lead": "待定",
    "point": "时限",
    "recipient": "全部收件人",
}
CLIMB, DELIVERY_FAILED, CHANNEL_DOWN = "climb", "delivery_failed", "channel_down"
DIGEST, COMPLIANCE, ACCOUNT = "digest", "compliance", "account"
_BESIDE = (CLIMB, DELIVERY_FAILED, CHANNEL_DOWN, DIGEST, COMPLIANCE, ACCOUNT)
NAMES = tuple(dict.fromkeys(["public", *(row.template for row in TABLE), *_BESIDE]))
"""Every template that the file must hold."""
PARTS = ("subject", "text", "short")


class TemplatesInvalidError(ValueError):
    """A templates file is faulty; nothing of it is used."""

    def __init__(self, problems: list[str]) -> None:
        """Keep every problem, each naming its template."""
        self.problems = problems
        super().__init__("; ".join(problems))


class Rendered(Frozen):
    """A notice in words: a line, the whole, and the few words that an SMS has room for."""

    subject: str
    text: str
    short: str


class Template(Frozen):
    """One kind of notice; `short` defaults to the text."""

    subject: str
    text: str
    short: str | None = None

    def render(self, fields: Mapping[str, str | None]) -> Rendered:
        """Fill it in; a field that is not known of this notice says so in its own words."""
        filled = {name: fields.get(name) or ABSENT.get(name, "—") for name in FIELDS}
        subject, text = (part.format_map(filled).strip() for part in (self.subject, self.text))
        return Rendered(subject=subject, text=text, short=(self.short or self.text).format_map(filled).strip())


class Templates(Frozen):
    """Every template in force, by name."""

    by_name: dict[str, Template]

    def render(self, name: str, fields: Mapping[str, str | None]) -> Rendered:
        """Fill in a template; the public line stands in for one that this release does not know."""
        return (self.by_name.get(name) or self.by_name["public"]).render(fields)


def parse_templates(text: str) -> Templates:
    """Read a whole file; raises TemplatesInvalidError, which names every unknown field, part and template."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TemplatesInvalidError([f"this is no TOML: {error}"]) from None
    problems = [
        *(f"[{name}]: this template is missing" for name in NAMES if name not in content),
        *(f"[{name}]: there is no such template" for name in content if name not in NAMES),
        *(problem for name, parts in content.items() for problem in _problems(name, parts)),
    ]
    if problems:
        raise TemplatesInvalidError(problems)
    return Templates(by_name={name: Template(**parts) for name, parts in content.items()})


def _problems(name: str, parts: Any) -> Iterator[str]:  # noqa: ANN401 - whatever TOML can hold
    if not isinstance(parts, dict):
        yield f"[{name}]: it must hold {', '.join(PARTS)}"
        return
    yield from (
        f"[{name}] {part}: there is no such part; there are {', '.join(PARTS)}" for part in parts if part not in PARTS
    )
    yield from (f"[{name}] {part}: it is missing" for part in PARTS[:2] if part not in parts)
    for part in PARTS:
        value = parts.get(part, "")
        if not isinstance(value, str):
            yield f"[{name}] {part}: it must be text"
        else:
            yield from (f"[{name}] {part}: {problem}" for problem in _faults(value))


def _faults(text: str) -> Iterator[str]:
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        yield f"{error} (write {{{{ and }}}} for braces)"
        return
    for _, field, form, conversion in parsed:
        if field is None:
            continue
        if field not in FIELDS:
            yield f"there is no field {{{field}}}; there are {', '.join(FIELDS)}"
        elif form or conversion:
            yield f"{{{field}}} takes no format"
