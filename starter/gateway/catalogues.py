"""The catalogues in force, for every key: who there is, how long things may take, when offices work, which words."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from domain import vocabulary
from domain.rules import Rules
from domain.working_time import CalendarDay
from starter.availability import within_reach
from starter.gateway.callers import Caller
from starter.gateway.context import Here
from starter.gateway.inputs import ListOf, problems
from starter.gateway.routing import OrderlyRoute
from storage.catalogues import calendar_days, rules

router = APIRouter(tags=["catalogues"], route_class=OrderlyRoute)

Name = Literal["organisations", "limits", "calendar", "vocabulary"]
_YEARS = {"ge": 1949, "le": 2999}


class Catalogue(ListOf[dict[str, Any]]):
    """A catalogue, whole."""

    name: Name


class Calendar(ListOf[CalendarDay]):
    """The days that the yearly notices set apart; all others follow the week."""

    official_from: date
    official_until: date
    working_hours: tuple[tuple[str, str], ...]


@router.get("/v1/catalogues/{name}", summary="目录 catalogue", responses=problems(404))
async def show_catalogue(name: Name, _caller: Caller, context: Here) -> Catalogue:
    """Show a catalogue in force: organisations, limits, calendar, or the vocabulary with its Chinese labels."""
    return Catalogue(name=name, items=tuple(_CONTENT[name](await _rules(context))))


@router.get("/v1/calendar", summary="工作日历 calendar", responses=problems())
async def show_calendar(
    _caller: Caller, context: Here, year: Annotated[int | None, Query(**_YEARS, description="Of one year.")] = None
) -> Calendar:
    """Show holidays and make-up workdays (调休), the hours that limits count, and until when they are official."""
    calendar = (await _rules(context)).calendar
    async with within_reach():
        days = await calendar_days(context.door.pool, year)
    hours = tuple((opens.isoformat("minutes"), closes.isoformat("minutes")) for opens, closes in calendar.hours)
    return Calendar(
        items=tuple(days),
        official_from=calendar.official_from,
        official_until=calendar.official_until,
        working_hours=hours,
    )


async def _rules(context: Here) -> Rules:
    async with within_reach():
        return await rules(context.door.pool, context.settings.limits)


def _dumped(models: tuple[BaseModel, ...]) -> list[dict[str, Any]]:
    return [model.model_dump(mode="json") for model in models]


def _days(found: Rules) -> list[dict[str, Any]]:
    return [{"date": day.isoformat(), "workday": workday} for day, workday in sorted(found.calendar.days.items())]


def _words(_found: Rules) -> list[dict[str, Any]]:
    kinds = [getattr(vocabulary, name) for name in vocabulary.__all__]
    enumerations = [kind for kind in kinds if issubclass(kind, vocabulary.Labelled) and kind is not vocabulary.Labelled]
    return [{"name": kind.__name__, "value": word.value, "label": word.label} for kind in enumerations for word in kind]


_CONTENT: dict[Name, Callable[[Rules], list[dict[str, Any]]]] = {
    "organisations": lambda found: _dumped(found.organisations.items),
    "limits": lambda found: _dumped(found.limits.rules),
    "calendar": _days,
    "vocabulary": _words,
}
