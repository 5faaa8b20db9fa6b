"""The duty roster in force, kept in this process until a catalogue is imported."""

from typing import NamedTuple

from domain.duty import Contact, Duty, Shift
from domain.errors import NotFoundError
from domain.rules import Rules
from storage.catalogues import EDITION, put, roster_content, rules_of, unknown_organisations
from storage.pool import Pool

_CONTACTS = """
select organisation, person, name, channel, address, urgent_only from duty_contact order by organisation, position
"""
_SHIFTS = """
select organisation, days, opens, closes, officer, backup, leader from duty_shift order by organisation, position
"""
_LONGEST_CACHE = 4
_cache: dict[str, Duty] = {}


class InForce(NamedTuple):
    """Who is on duty, and by what rules."""

    duty: Duty
    rules: Rules


async def in_force(pool: Pool, profile: str) -> InForce:
    """Give roster and rules in force, both of one edition; one round trip where nothing changed.

    Raises TemporarilyUnavailableError while no catalogue is in force.
    """
    edition = await pool.fetchval(EDITION)
    return InForce(await _duty_of(pool, edition or ""), await rules_of(pool, profile, edition))


async def duty(pool: Pool) -> Duty:
    """Give every contact and shift in force; one round trip where nothing changed."""
    return await _duty_of(pool, await pool.fetchval(EDITION) or "")


async def _duty_of(pool: Pool, edition: str) -> Duty:
    known = _cache.get(edition)
    if known is not None:
        return known
    contacts = tuple(Contact(**row) for row in await pool.fetch(_CONTACTS))
    shifts = tuple(Shift(**row) for row in await pool.fetch(_SHIFTS))
    if len(_cache) >= _LONGEST_CACHE:
        _cache.clear()
    return _cache.setdefault(edition, Duty(contacts=contacts, shifts=shifts))


async def strangers(pool: Pool) -> list[str]:
    """Name the organisations of the roster that are no longer known."""
    roster = await duty(pool)
    named = {contact.organisation for contact in roster.contacts} | {shift.organisation for shift in roster.shifts}
    async with pool.acquire() as connection:
        return sorted(await unknown_organisations(connection, sorted(named)))


async def replace_duty(
    pool: Pool, organisation: str, contacts: list[Contact], shifts: list[Shift], source: str
) -> None:
    """Put one organisation's contacts and shifts in force as a whole; both may be empty. Raises NotFoundError."""
    async with pool.acquire() as connection, connection.transaction():
        if await unknown_organisations(connection, [organisation]):
            message = f"there is no organisation {organisation}"
            raise NotFoundError(message)
        await put(connection, "contacts", roster_content(contacts, organisation), source)
        await put(connection, "roster", roster_content(shifts, organisation), source)
