"""Reading catalogues from CSV: each fault is named by line and column, and a faulty file gives nothing at all."""

import csv
import io
import re
from collections.abc import Callable, Container, Hashable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from domain.duty import Contact, Shift
from domain.limits import LimitRule, Limits
from domain.organisations import Organisation, Organisations, flaws
from domain.working_time import CalendarDay

ORGANISATION_COLUMNS = ("code", "name", "type", "parent", "initials")
LIMIT_COLUMNS = ("profile", "kind", "urgency", "phase", "amount", "unit", "source")
CALENDAR_COLUMNS = ("date", "workday", "note", "source")
CONTACT_COLUMNS = ("organisation", "person", "name", "channel", "address", "urgent_only")
ROSTER_COLUMNS = ("organisation", "days", "opens", "closes", "officer", "backup", "leader")

# pydantic would also read a day from a number of seconds, and a truth from "1" or "on".
_CALENDAR_SHAPES = {"date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "workday": r"(?i:true|false)"}
_CONTACT_SHAPES = {"urgent_only": r"(?i:true|false)?"}
_ROSTER_SHAPES = {"opens": r"[0-2][0-9]:[0-5][0-9]", "closes": r"[0-2][0-9]:[0-5][0-9]"}
# Spreadsheets on Windows open a UTF-8 file with this mark, and it would become part of the first column's name.
_BYTE_ORDER_MARK = "\ufeff"
_LONGEST_SHOWN = 60

ModelT = TypeVar("ModelT", bound=BaseModel)


class CatalogueFault(BaseModel, frozen=True):
    """One fault of a file: the line its row begins on, the column, and what is wrong there."""

    line: int
    column: str
    problem: str

    def __str__(self) -> str:
        """Give the fault as one line of text."""
        return f"line {self.line}, column {self.column}: {self.problem}"


class CatalogueInvalidError(ValueError):
    """A catalogue file is faulty; `errors` lists its faults in the order of the file."""

    def __init__(self, errors: list[CatalogueFault]) -> None:
        """Sort the faults by line and make them the message."""
        self.errors = sorted(errors, key=lambda fault: fault.line)
        super().__init__("; ".join(map(str, self.errors)))


def parse_organisations(text: str) -> Organisations:
    """Read the directory of organisations."""
    sheet = _Sheet(Organisation, ORGANISATION_COLUMNS)
    entries = sheet.read(text)
    sheet.refuse_faults()
    items = tuple(entry.model for entry in entries)
    for flaw in flaws(items):
        sheet.fault(entries[flaw.position].line, flaw.field, flaw.problem)
    sheet.refuse_faults()
    return Organisations(items=items)


def parse_limits(text: str) -> dict[str, Limits]:
    """Read the time-limit rules of every profile in the file; an empty kind or urgency means any."""
    sheet = _Sheet(LimitRule, LIMIT_COLUMNS)
    entries = sheet.read(text)
    sheet.find_repeated(entries, "phase", lambda rule: (rule.profile, *rule.key))
    sheet.refuse_faults()
    rules: dict[str, list[LimitRule]] = {}
    for entry in entries:
        rules.setdefault(entry.model.profile, []).append(entry.model)
    return {profile: Limits(profile=profile, rules=tuple(of_profile)) for profile, of_profile in rules.items()}


def parse_calendar(text: str) -> list[CalendarDay]:
    """Read the days off and the make-up workdays of one or more years: `2026-10-10,true,国庆节调休,国务院办公厅`."""
    sheet = _Sheet(CalendarDay, CALENDAR_COLUMNS, _CALENDAR_SHAPES)
    entries = sheet.read(text)
    sheet.find_repeated(entries, "date", lambda day: day.date)
    sheet.refuse_faults()
    return [entry.model for entry in entries]


def parse_contacts(text: str, unknown: Container[str] = ()) -> list[Contact]:
    """Read how people are reached: `water,li-ming,李明,sms,13800000000,true`; `unknown` organisations are faults."""
    sheet = _Sheet(Contact, CONTACT_COLUMNS, _CONTACT_SHAPES)
    entries = sheet.read(text)
    sheet.find_unknown(entries, unknown)
    sheet.find_repeated(entries, "channel", lambda contact: (contact.organisation, contact.person, contact.channel))
    sheet.refuse_faults()
    return [entry.model for entry in entries]


def parse_roster(text: str, unknown: Container[str] = ()) -> list[Shift]:
    """Read who is on duty when: `water,workdays,09:00,18:00,li-ming,wang-qiang,zhao-lei`; `a|b` names several.

    `unknown` organisations are faults.
    """
    sheet = _Sheet(Shift, ROSTER_COLUMNS, _ROSTER_SHAPES)
    entries = sheet.read(text)
    sheet.find_unknown(entries, unknown)
    sheet.find_repeated(entries, "days", lambda shift: (shift.organisation, shift.days, shift.opens, shift.closes))
    sheet.refuse_faults()
    return [entry.model for entry in entries]


class _Entry(NamedTuple, Generic[ModelT]):
    line: int
    model: ModelT


class _Sheet(Generic[ModelT]):
    """One file being read into rows of one model, with the faults found so far."""

    def __init__(self, model: type[ModelT], columns: Sequence[str], shapes: Mapping[str, str] | None = None) -> None:
        self.model = model
        self.columns = columns
        self.shapes = shapes or {}
        self.faults: list[CatalogueFault] = []

    def read(self, text: str) -> list[_Entry[ModelT]]:
        """Read every row that is sound; the others leave a fault."""
        entries: list[_Entry[ModelT]] = []
        for line, cells in self._rows(text):
            model = self._model(line, cells)
            if model is not None:
                entries.append(_Entry(line, model))
        if not entries and not self.faults:
            self.fault(1, self.columns[0], "the file has no rows")
        return entries

    def find_repeated(self, entries: list[_Entry[ModelT]], column: str, key: Callable[[ModelT], Hashable]) -> None:
        """Leave a fault for every row that says again what an earlier one said."""
        lines: dict[Hashable, int] = {}
        for line, model in entries:
            earlier = lines.setdefault(key(model), line)
            if earlier != line:
                self.fault(line, column, f"repeats line {earlier}")

    def find_unknown(self, entries: list[_Entry[ModelT]], unknown: Container[str]) -> None:
        """Leave a fault for every row of an organisation that nobody knows."""
        for line, model in entries:
            if (code := getattr(model, "organisation", None)) in unknown:
                self.fault(line, "organisation", f"{_shown(str(code))}: there is no organisation of this code")

    def fault(self, line: int, column: str, problem: str) -> None:
        """Note a fault."""
        self.faults.append(CatalogueFault(line=line, column=column, problem=problem))

    def refuse_faults(self) -> None:
        """Raise CatalogueInvalidError if any fault was noted."""
        if self.faults:
            raise CatalogueInvalidError(self.faults)

    def _rows(self, text: str) -> Iterator[tuple[int, dict[str, str]]]:
        lines = self._lines(text)
        _, header = next(lines, (1, []))
        missing = [column for column in self.columns if column not in header]
        unknown = [column for column in header if column not in self.columns]
        for column in missing:
            self.fault(1, column, "this column is missing")
        for column in unknown:
            self.fault(1, column, "there is no such column")
        if len(header) != len(set(header)):
            self.fault(1, header[0], "a column stands twice in the header")
        if self.faults:
            return
        for line, cells in lines:
            if len(cells) == len(header):
                yield line, dict(zip(header, cells, strict=True))
            elif any(cells):
                self.fault(line, header[-1], f"{len(cells)} cells where the header has {len(header)}")

    def _lines(self, text: str) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(io.StringIO(text.removeprefix(_BYTE_ORDER_MARK), newline=""), strict=True)
        begins = 1
        try:
            for cells in reader:
                yield begins, [cell.strip() for cell in cells]
                begins = reader.line_num + 1
        except csv.Error as error:
            self.fault(begins, self.columns[0], f"this is no CSV: {error}")

    def _model(self, line: int, cells: dict[str, str]) -> ModelT | None:
        misshapen = [column for column, shape in self.shapes.items() if not re.fullmatch(shape, cells[column])]
        for column in misshapen:
            self.fault(line, column, f"{_shown(cells[column])} does not have the form {self.shapes[column]}")
        try:
            return self.model(**_filled(cells)) if not misshapen else None
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                column = str(detail["loc"][0])
                self.fault(line, column, _problem(detail["msg"], cells[column]))
        return None


def _filled(cells: dict[str, str]) -> dict[str, Any]:
    return {column: cell for column, cell in cells.items() if cell}


def _problem(message: str, cell: str) -> str:
    return f"{_shown(cell)}: {message.removeprefix('Value error, ')}" if cell else "this cell must not be empty"


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= _LONGEST_SHOWN else f"{cell[:_LONGEST_SHOWN]}…")
