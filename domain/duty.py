"""The duty roster (值班表): who is told now, who stands behind them, and how each is reached."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, field_validator

from domain.values import ID_PART_PATTERN, Line, Printable
from domain.vocabulary.labelled import Labelled
from domain.working_time import BEIJING, WorkCalendar

ADMINISTRATORS = "admin"
"""The audience of operator alerts; no organisation, and yet on the roster."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DATES = re.compile(r"(\d{4}-\d{2}-\d{2})(?:/(\d{4}-\d{2}-\d{2}))?")
_KINDS = {"daily": 3, "workdays": 2, "holidays": 2}
_SEPARATOR = re.compile(r"[|、;]")
_HOURS = re.compile(r"\s*(\d{2}:\d{2})\s*-\s*(\d{2}:\d{2})\s*")


class DutyLevel(Labelled):
    """The steps of the roster that an unanswered notice climbs."""

    OFFICER = "OFFICER", "值班员"
    BACKUP = "BACKUP", "备勤"
    LEADER = "LEADER", "带班领导"

    @property
    def above(self) -> "tuple[DutyLevel, ...]":
        """The levels above this one, the nearest first."""
        levels = tuple(DutyLevel)
        return levels[levels.index(self) + 1 :]


def _persons(value: object) -> object:
    return tuple(p.strip() for p in _SEPARATOR.split(value) if p.strip()) if isinstance(value, str) else value


def _midnight(value: object) -> object:
    return "00:00" if value == "24:00" else value


Code = Annotated[str, StringConstraints(pattern=ID_PART_PATTERN)]
Persons = Annotated[tuple[Code, ...], BeforeValidator(_persons)]


class Contact(BaseModel, frozen=True):
    """One way to reach a person, a duty room or a group; `address` is what its channel understands.

    Personal data, and for a group robot a secret.
    """

    organisation: Code
    person: Code
    name: Line
    channel: Code
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Printable]
    urgent_only: bool = False


class Shift(BaseModel, frozen=True):
    """Who is on duty at which hours of which days, in Beijing; `closes` at or before `opens` is the next day's."""

    organisation: Code
    days: str
    opens: time
    closes: Annotated[time, BeforeValidator(_midnight)]
    officer: Annotated[Persons, Field(min_length=1)]
    backup: Persons = ()
    leader: Persons = ()

    @field_validator("days")
    @classmethod
    def _are_days(cls, days: str) -> str:
        words = set(days.split("|"))
        dates = _DATES.fullmatch(days)
        if dates:
            first, last = _span(dates)
            if last < first:
                raise ValueError("the last date lies before the first")
        elif days not in _KINDS and not words <= set(WEEKDAYS):
            raise ValueError("daily, workdays, holidays, mon|tue|…, a date, or date/date")
        return days

    @property
    def rank(self) -> int:
        """The more particular the days, the lower: dates, weekdays, workdays or holidays, daily."""
        return 0 if _DATES.fullmatch(self.days) else _KINDS.get(self.days, 1)

    def covers(self, at: datetime, calendar: WorkCalendar) -> bool:
        """Whether it is this shift's time; a night shift belongs to the day on which it began."""
        at = at.astimezone(BEIJING)
        return any(self._runs(at, at.date() - timedelta(days=back), calendar) for back in (0, 1))

    def of(self, level: DutyLevel) -> tuple[str, ...]:
        """The persons of a level."""
        return {DutyLevel.OFFICER: self.officer, DutyLevel.BACKUP: self.backup, DutyLevel.LEADER: self.leader}[level]

    def _runs(self, at: datetime, day: date, calendar: WorkCalendar) -> bool:
        begins, ends = (datetime.combine(day, clock, BEIJING) for clock in (self.opens, self.closes))
        if self.closes <= self.opens:
            ends += timedelta(days=1)
        return begins <= at < ends and self._is_on(day, calendar)

    def _is_on(self, day: date, calendar: WorkCalendar) -> bool:
        if dates := _DATES.fullmatch(self.days):
            first, last = _span(dates)
            return first <= day <= last
        if self.days in _KINDS:
            return self.days == "daily" or calendar.is_working_day(day) == (self.days == "workdays")
        return WEEKDAYS[day.weekday()] in self.days.split("|")


class Recipient(NamedTuple):
    """Someone who is told, by an organisation's code and a person's; without a person nobody can be reached."""

    organisation: str
    person: str | None
    level: DutyLevel = DutyLevel.OFFICER

    def __str__(self) -> str:
        """Write it as deliveries keep it."""
        return f"{self.organisation}/{self.person}" if self.person else self.organisation

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what was written."""
        organisation, _, person = text.partition("/")
        return cls(organisation, person or None)


class Duty(BaseModel, frozen=True):
    """Every contact and every shift in force."""

    contacts: tuple[Contact, ...] = ()
    shifts: tuple[Shift, ...] = ()

    def on_duty(
        self, organisation: str, levels: Iterable[DutyLevel], at: datetime, calendar: WorkCalendar
    ) -> list[Recipient]:
        """Name who is told now, each once; everybody of the organisation where nobody is on duty, [] where nobody is.

        A level that is empty falls to the officer.
        """
        shifts = self._shifts_now(organisation, at, calendar)
        if not shifts:
            return self.everybody(organisation)
        found: dict[str, Recipient] = {}
        for level in levels:
            persons = self._of(shifts, level)
            for person in persons or self._of(shifts, DutyLevel.OFFICER):
                found.setdefault(person, Recipient(organisation, person, level if persons else DutyLevel.OFFICER))
        return list(found.values()) or self.everybody(organisation)

    def next_above(
        self, organisation: str, level: DutyLevel, at: datetime, calendar: WorkCalendar
    ) -> tuple[DutyLevel, list[Recipient]] | None:
        """Name the next level above that somebody holds now; None at the top."""
        shifts = self._shifts_now(organisation, at, calendar)
        for above in level.above:
            if persons := self._of(shifts, above):
                return above, [Recipient(organisation, person, above) for person in persons]
        return None

    def has_shifts(self, organisation: str) -> bool:
        """Whether anybody of an organisation is on the roster."""
        return organisation in self._on_the_roster

    def everybody(self, organisation: str) -> list[Recipient]:
        """Name all who can be reached in an organisation."""
        persons = dict.fromkeys(contact.person for contact in self._by_organisation.get(organisation, ()))
        return [Recipient(organisation, person) for person in persons]

    def contacts_of(self, recipient: Recipient) -> list[Contact]:
        """List the ways to reach someone."""
        known = self._by_organisation.get(recipient.organisation, ())
        return [contact for contact in known if contact.person == recipient.person]

    def address_of(self, recipient: Recipient, channel: str) -> str | None:
        """Give someone's address in a channel."""
        return next((c.address for c in self.contacts_of(recipient) if c.channel == channel), None)

    def unreachable(self) -> list[str]:
        """Name whom the roster puts on duty though no contact says how to reach them: `water/li-ming`."""
        named = dict.fromkeys(
            f"{shift.organisation}/{person}"
            for shift in self.shifts
            for level in DutyLevel
            for person in shift.of(level)
        )
        return [name for name in named if not self.contacts_of(Recipient.read(name))]

    @cached_property
    def _on_the_roster(self) -> frozenset[str]:
        return frozenset(shift.organisation for shift in self.shifts)

    @cached_property
    def _by_organisation(self) -> dict[str, list[Contact]]:
        found: dict[str, list[Contact]] = {}
        for contact in self.contacts:
            found.setdefault(contact.organisation, []).append(contact)
        return found

    def _shifts_now(self, organisation: str, at: datetime, calendar: WorkCalendar) -> list[Shift]:
        own = [s for s in self.shifts if s.organisation == organisation and s.covers(at, calendar)]
        best = min((shift.rank for shift in own), default=0)
        return [shift for shift in own if shift.rank == best]

    def _of(self, shifts: Sequence[Shift], level: DutyLevel) -> list[str]:
        persons = dict.fromkeys(person for shift in shifts for person in shift.of(level))
        return [p for p in persons if shifts and self.contacts_of(Recipient(shifts[0].organisation, p))]


class Hours(NamedTuple):
    """A part of every day, in Beijing, that may reach over midnight."""

    opens: time
    closes: time

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `22:00-07:00`; raises ValueError."""
        found = _HOURS.fullmatch(text)
        if found is None or found[1] == found[2]:
            raise ValueError("two different times of a day: 22:00-07:00")
        return cls(time.fromisoformat(found[1]), time.fromisoformat(found[2]))

    def end_after(self, at: datetime) -> datetime:
        """Give the moment at which it is over next."""
        at = at.astimezone(BEIJING)
        today = datetime.combine(at.date(), self.closes, BEIJING)
        return today if today > at else today + timedelta(days=1)

    def cover(self, at: datetime) -> bool:
        """Whether it is that time."""
        now = at.astimezone(BEIJING).time()
        if self.opens <= self.closes:
            return self.opens <= now < self.closes
        return now >= self.opens or now < self.closes


def _span(dates: re.Match[str]) -> tuple[date, date]:
    first = date.fromisoformat(dates[1])
    return first, date.fromisoformat(dates[2]) if dates[2] else first
