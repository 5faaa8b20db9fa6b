"""Notices over HTTP: what was told to whom, and the duty roster that each organisation keeps of its own people."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.duty import Contact, DutyLevel, Shift
from domain.errors import InvalidError, NotYourOrganisationError
from domain.values import ID_PART_PATTERN
from domain.vocabulary import Role
from starter.availability import within_reach
from starter.bearers import DISTRICT_ROLES, audiences_of, seen
from starter.gateway.callers import Caller
from starter.gateway.context import Here
from starter.gateway.inputs import Cursor, JsonOnly, Limit, ListOf, WhistleId, problems, sequence_of
from starter.gateway.routing import OrderlyRoute, for_roles
from storage.catalogues import rules
from storage.duty import duty, replace_duty
from storage.keys import Principal
from storage.notice_trail import NoticeEntry, notice_trail

router = APIRouter(tags=["notices"], route_class=OrderlyRoute)

PAGE = 50
_KEEPERS = frozenset({Role.DEPARTMENT, Role.TOWNSHIP_CLERK, Role.TOWNSHIP_LEADER})
_MOST = 500
_HOURS = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"

Organisation = Annotated[str, Path(pattern=ID_PART_PATTERN, description="An organisation's code.")]
Code = Annotated[str, Field(pattern=ID_PART_PATTERN)]
Persons = Annotated[tuple[Code, ...], Field(max_length=20)]


class Notices(ListOf[NoticeEntry]):
    """A page of notices."""


class OnDuty(BaseModel):
    """Somebody who is told now, and by which channels; addresses are shown to nobody."""

    person: str
    name: str
    level: DutyLevel
    channels: tuple[str, ...]


class OnDutyNow(ListOf[OnDuty]):
    """Who of an organisation is on duty."""

    organisation: str


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ContactBody(_Body):
    """One way to reach one person."""

    person: Code
    name: Annotated[str, Field(min_length=1, max_length=200)]
    channel: Code
    address: Annotated[str, Field(min_length=1, max_length=500)]
    urgent_only: bool = False


class ShiftBody(_Body):
    """Who is on duty on these days at these hours, in Beijing; `closes` at or before `opens` is the next day's."""

    days: Annotated[str, Field(max_length=40, examples=["workdays", "mon|tue", "2026-10-01/2026-10-07"])]
    opens: Annotated[str, Field(pattern=_HOURS)]
    closes: Annotated[str, Field(pattern=_HOURS)]
    officer: Annotated[tuple[Code, ...], Field(min_length=1, max_length=20)]
    backup: Persons = ()
    leader: Persons = ()


class DutyBody(_Body):
    """The whole roster of one organisation."""

    contacts: Annotated[tuple[ContactBody, ...], Field(max_length=_MOST)]
    shifts: Annotated[tuple[ShiftBody, ...], Field(max_length=_MOST)]


@router.get("/v1/whistles/{whistle_id}/notices", summary="通知留痕 notices", responses=problems(404))
async def list_notices(
    whistle_id: WhistleId, caller: Caller, context: Here, *, cursor: Cursor = None, limit: Limit = PAGE
) -> Notices:
    """List what was told of a whistle, to whom and with what success: all of it to the township and the district.

    Everyone else sees what their own organisation was told.
    """
    whistle = await seen(context.door.pool, caller, whistle_id)
    to, after = audiences_of(caller, whistle), sequence_of(cursor)
    async with within_reach():
        found = await notice_trail(context.door.pool, whistle_id, after=after, limit=limit + 1, to=to)
    shown = tuple(found[:limit])
    return Notices(items=shown, next_cursor=str(shown[-1].id) if len(found) > limit else None)


@router.get("/v1/duty/{organisation}", summary="值班 duty", responses=problems(403, 404))
async def show_duty(organisation: Organisation, caller: Caller, context: Here) -> OnDutyNow:
    """Show who of an organisation is on duty now, level by level; for itself and the district."""
    _may_see(caller, organisation)
    async with within_reach():
        roster = await duty(context.door.pool)
        calendar = (await rules(context.door.pool, context.settings.limits)).calendar
    now = datetime.now(UTC)
    found = [
        OnDuty(
            person=one.person or "",
            name=contacts[0].name,
            level=level,
            channels=tuple(contact.channel for contact in contacts),
        )
        for level in DutyLevel
        for one in roster.on_duty(organisation, [level], now, calendar)
        if one.level is level and (contacts := roster.contacts_of(one))
    ]
    return OnDutyNow(organisation=organisation, items=tuple(found))


@router.put(
    "/v1/duty/{organisation}",
    status_code=204,
    summary="更新值班表 replace the roster",
    responses=problems(403, 404, 408, 413, 415),
    dependencies=[JsonOnly],
)
@for_roles(Role.ADMIN, *_KEEPERS)
async def put_duty(organisation: Organisation, body: DutyBody, caller: Caller, context: Here) -> None:
    """Put an organisation's whole roster in force; its own departments and townships may, and the administrators."""
    _may_keep(caller, organisation)
    try:
        contacts = [Contact(organisation=organisation, **one.model_dump()) for one in body.contacts]
        shifts = [Shift(organisation=organisation, **one.model_dump()) for one in body.shifts]
    except ValidationError as error:
        raise InvalidError.from_validation(error) from None
    if len({(one.person, one.channel) for one in contacts}) < len(contacts):
        raise InvalidError.of("contacts", "a person has two addresses in one channel")
    async with within_reach():
        await replace_duty(context.door.pool, organisation, contacts, shifts, caller.name)


def _may_see(caller: Principal, organisation: str) -> None:
    if caller.organisation != organisation and not DISTRICT_ROLES.intersection(caller.roles):
        raise NotYourOrganisationError("a roster is for its own organisation and the district")


def _may_keep(caller: Principal, organisation: str) -> None:
    if Role.ADMIN in caller.roles:
        return
    if caller.organisation != organisation:
        raise NotYourOrganisationError("a roster is kept by its own organisation")
