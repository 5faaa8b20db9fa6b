"""The rules in force when a command is decided: limits, calendar, organisations, and the whistle merged into."""

from datetime import datetime
from typing import NamedTuple

from domain.limits import Limits
from domain.organisations import Organisations
from domain.vocabulary import State
from domain.working_time import BEIJING, WorkCalendar


class MergeTarget(NamedTuple):
    """The whistle that another would follow, as it stands while the command is decided."""

    whistle_id: str
    state: State


class Rules(NamedTuple):
    """All that `decide` may read beside the whistle; loaded inside the command's transaction."""

    limits: Limits
    calendar: WorkCalendar
    organisations: Organisations
    merge_target: MergeTarget | None = None


def serial_year(at: datetime) -> int:
    """The year a serial number (哨单号) counts in, in the district's own time zone."""
    return at.astimezone(BEIJING).year
