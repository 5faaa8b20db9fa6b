"""Giving notices to whoever is on duty, and letting the unanswered ones climb the roster."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import structlog

from activities.channels.opening import LOG
from domain.duty import Duty, Recipient
from domain.notices import SOURCE_PREFIX
from domain.rules import Rules
from domain.vocabulary import Phase, Urgency, WhistleKind
from storage.catalogues import rules
from storage.duty import duty
from storage.notices import Addressed, Climbing, Told, address, climbing
from storage.outbox import OutboxItem
from storage.pool import Pool

CLIMBS_AT_ONCE = 100

log = structlog.get_logger("notices")


class Addressing:
    """Addresses notices by the roster and the limits of a profile."""

    def __init__(self, pool: Pool, profile: str) -> None:
        """Read both from this pool."""
        self._pool = pool
        self._profile = profile

    async def give(self, items: list[OutboxItem]) -> None:
        """Make a delivery of each notice for each recipient and channel; the log is where nobody can be reached."""
        roster, in_force, now = await duty(self._pool), await rules(self._pool, self._profile), datetime.now(UTC)
        told, addressed = list[Told](), list[Addressed]()
        for item in items:
            organisation = item.audience.removeprefix(SOURCE_PREFIX)
            recipients = roster.on_duty(organisation, item.levels, now, in_force.calendar)
            told += _told(roster, item.id, recipients or [Recipient(organisation, None)], urgent=item.urgent)
            climbs = item.climbs and roster.has_shifts(organisation)
            climbs_at = _climbs_at(in_force, item.whistle_kind, item.urgency, now) if climbs else None
            addressed.append(Addressed(id=item.id, climbs_at=climbs_at))
        await address(self._pool, told, addressed)
        _write_down(told, items)

    async def climb(self) -> int:
        """Take every notice that nobody answered in time one level up; tell how many climbed."""
        due = await climbing(self._pool, CLIMBS_AT_ONCE)
        if not due:
            return 0
        roster, in_force, now = await duty(self._pool), await rules(self._pool, self._profile), datetime.now(UTC)
        steps = [_step(notice, roster, in_force, now) for notice in due]
        told = [one for reached, _ in steps for one in reached]
        await address(self._pool, told, [step for _, step in steps])
        _write_down(told, due)
        return sum(step.climbed_to is not None for _, step in steps)


def _write_down(told: Iterable[Told], items: Iterable[OutboxItem | Climbing]) -> None:
    # Without a lane of its own: where nobody has a roster yet, all that is told is a line.
    by_id = {item.id: item for item in items}
    for one in told:
        if one.is_written:
            item = by_id[one.outbox_id]
            codes = {"whistle_id": item.whistle_id, "sequence": item.sequence, "kind": item.kind}
            log.info("notice", outbox_id=item.id, recipient=one.recipient, urgent=item.urgent, **codes)


def _step(notice: Climbing, roster: Duty, in_force: Rules, now: datetime) -> tuple[list[Told], Addressed]:
    codes = {"whistle_id": notice.whistle_id, "sequence": notice.sequence, "audience": notice.audience}
    if notice.cause and notice.cause.has_ended(notice.whistle):
        log.info("notice_answered", kind=notice.kind, **codes)
        return [], Addressed(id=notice.id)
    above = roster.next_above(notice.audience, notice.level, now, in_force.calendar)
    if above is None:
        log.warning("notice_unanswered_at_the_top", kind=notice.kind, level=notice.level, **codes)
        return [], Addressed(id=notice.id)
    level, recipients = above
    log.info("notice_climbed", kind=notice.kind, level=level, **codes)
    again = _climbs_at(in_force, notice.whistle_kind, notice.urgency, now)
    told = list(_told(roster, notice.id, recipients, urgent=notice.urgent))
    return told, Addressed(id=notice.id, climbs_at=again, climbed_to=level)


def _told(roster: Duty, outbox_id: int, recipients: Iterable[Recipient], *, urgent: bool) -> Iterator[Told]:
    for recipient in recipients:
        channels = [c.channel for c in roster.contacts_of(recipient) if urgent or not c.urgent_only]
        for channel in channels or [LOG]:
            yield Told.to(outbox_id, recipient, channel, is_written=channel == LOG)


def _climbs_at(in_force: Rules, kind: WhistleKind | None, urgency: Urgency | None, now: datetime) -> datetime | None:
    rule = in_force.limits.find(kind, urgency, Phase.NOTICE_UNANSWERED)
    return in_force.calendar.add(now, rule.amount, rule.unit) if rule else None
