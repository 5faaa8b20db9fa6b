"""Write docs/reference/commands.md, events.md and notices.md, so that they cannot go stale: `make docs`."""

import sys
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from domain.commands import COMMANDS
from domain.events import EVENTS
from domain.lifecycle import MOVES
from domain.notice_causes import Ends
from domain.notice_table import TABLE
from domain.registration import Registration
from domain.values import private_fields

FOLDER = Path(__file__).with_name("reference")
COMMANDS_PAGE = FOLDER / "commands.md"
EVENTS_PAGE = FOLDER / "events.md"
OF_EVERY_MODEL = {"note", "names"}
"""Said once, at the head of a page."""
NOTICES_PAGE = FOLDER / "notices.md"
PRIVATE_NOTE = "*Private* fields never enter a Temporal history: they are stored first and travel as a reference."


def commands_page() -> str:
    """Describe registration and every command, field by field."""
    lines = [
        "# Commands",
        "",
        "Generated from `domain/commands/` by `make docs`. One command is one Temporal update (this name), one HTTP",
        "`POST` (kebab-case) and one `whistle do ID COMMAND`. Every command may carry `note` (private).",
        PRIVATE_NOTE,
        "",
        "## `register` 登记",
        "",
        "Starts a whistle's life; idempotent for ever by (source_system, external_id) and content.",
        "",
        *_fields(Registration),
    ]
    for name in dict.fromkeys(row.command for row in MOVES):
        model = COMMANDS[name]
        who = "、".join(dict.fromkeys(part for row in MOVES if row.command == name for part in row.by))
        lines += ["", f"## `{name}` {model.label}", "", _sentence(model), "", f"Who: {who}.", "", *_fields(model)]
    return "\n".join(lines) + "\n"


def events_page() -> str:
    """Describe every event, field by field."""
    lines = [
        "# Events",
        "",
        "Generated from `domain/events/` by `make docs`. A whistle's audit trail: `sequence` (gap-free from 1),",
        "`type`, `at`, `actor`, `summary` (Chinese) and `data`, whose fields follow. Fields are only ever added.",
        "Every event may carry `names`: what organisations were called when the trail first spoke of them, by code.",
    ]
    for name, model in sorted(EVENTS.items()):
        lines += ["", f"## `{name}`", ""]
        lines += _fields(model) if set(model.model_fields) - OF_EVERY_MODEL else ["No data."]
    return "\n".join(lines) + "\n"


def notices_page() -> str:
    """Say who is told what of each event."""
    lines = [
        "# Notices",
        "",
        "Generated from `domain/notice_table.py` by `make docs`: of which event whom a notice tells, by which",
        "template, to which levels of the duty roster, and until when, after which it is not sent any more.",
        "**Urgent**: in an emergency or an offence under way it overtakes others and breaks into quiet hours.",
        "**Climbs**: unanswered, it goes from officer to backup to leader. The source, and those of whistles that were",
        "merged into this one, hear of its public events by the template `public`. How to set all of it but this",
        "table: [how to tell people](../how-to/notices.md).",
        "",
        "| event | whom | template | levels | urgent | climbs | until |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in TABLE:
        kind = f" {row.signal.label}" if row.signal else f" {row.supervision.label}" if row.supervision else ""
        levels = "、".join(level.label for level in row.levels)
        marks = f"{'✓' if row.presses else ''} | {'✓' if row.climbs else ''}"
        until = f"{row.ends.label}{f' ({row.phase.label})' if row.ends is Ends.CLOCK_STOPS and row.phase else ''}"
        lines.append(f"| `{row.event.__name__}`{kind} | {row.to} | `{row.template}` | {levels} | {marks} | {until} |")
    return "\n".join(lines) + "\n"


def _fields(model: type[BaseModel]) -> Iterator[str]:
    hidden = private_fields(model)
    yield "| field | type | |\n| --- | --- | --- |"
    for name, field in model.model_fields.items():
        if name in OF_EVERY_MODEL:
            continue
        remarks = [
            "" if field.is_required() else "optional",
            "*private*" if name in hidden else "",
            (field.description or "").replace("\n", " "),
        ]
        yield f"| `{name}` | {_type(field.annotation)}{_bounds(field)} | {'; '.join(filter(None, remarks))} |"


def _type(annotation: Any) -> str:  # noqa: ANN401 - any annotation of a model
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(_type(a) for a in arguments if a is not type(None))
    if origin is Literal:
        return " / ".join(f"`{a.value if isinstance(a, Enum) else a}`" for a in arguments)
    if origin in (tuple, list):
        return f"list of {_type(arguments[0])}"
    return _plain(annotation)


def _plain(annotation: Any) -> str:  # noqa: ANN401
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " / ".join(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "{" + ", ".join(annotation.model_fields) + "}"
    names = {"str": "text", "int": "number", "float": "number", "bool": "true / false", "datetime": "time"}
    name = getattr(annotation, "__name__", str(annotation))
    return names.get(name, name.replace("AwareDatetime", "time"))


def _bounds(field: FieldInfo) -> str:
    found = [getattr(m, "max_length", None) for m in field.metadata]
    longest = next((bound for bound in found if bound), None)
    return f", at most {longest:,}" if longest else ""


def _sentence(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().replace("\n", " ")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    COMMANDS_PAGE.write_text(commands_page(), encoding="utf-8")
    EVENTS_PAGE.write_text(events_page(), encoding="utf-8")
    NOTICES_PAGE.write_text(notices_page(), encoding="utf-8")
    sys.stdout.write(f"wrote {COMMANDS_PAGE.name}, {EVENTS_PAGE.name}, {NOTICES_PAGE.name}\n")
