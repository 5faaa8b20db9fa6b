"""Giving notices to whoever is on duty, and letting the unanswered ones climb the roster."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from activities.channels.opening import LOG
from domain.duty import Duty, Recipient
from domain.notices import SOURCE_PREFIX
from domain.rules import Rules
from domain.vocabulary import Phase, Urgency, WhistleKind
from storage.duty import in_force
from storage.notices import Addressed, Climbing, Told, address, climbing
from storage.outbox import OutboxItem
from storage.pool import Pool

CLIMBS_AT_ONCE = 100
CLIMBS_EVERY = timedelta(seconds=1)
"""What waits to climb has waited for minutes; only what is new is in a hurry."""

log = structlog.get_logger("notices")


class Addressing:
    """Addresses notices by the roster and the limits of a profile."""

    def __init__(self, pool: Pool, profile: str) -> None:
        """Read both from this pool."""
        self._pool = pool
        self._profile = profile
        self._climbs_at = 0.0

    async def give(self, items: list[OutboxItem]) -> bool:
        """Make a delivery of each notice for each recipient and channel; the log is where nobody can be reached.

        Tells whether any waits to be sent: what goes to the log is delivered with that.
        """
        (roster, rules), now = await in_force(self._pool, self._profile), datetime.now(UTC)
        told, addressed = list[Told](), list[Addressed]()
        for item in items:
            organisation = item.audience.removeprefix(SOURCE_PREFIX)
            recipients = roster.on_duty(organisation, item.levels, now, rules.calendar)
            told += _told(roster, item, recipients or [Recipient(organisation, None)])
            climbs = item.climbs and roster.has_shifts(organisation)
            climbs_at = _climbs_at(rules, item.whistle_kind, item.urgency, now) if climbs else None
            addressed.append(Addressed(id=item.id, climbs_at=climbs_at))
        return await self._address(told, addressed, items)

    async def climb(self) -> bool:
        """Take every notice that nobody answered in time one level up; tells whether any waits to be sent.

        Looks at most once in `CLIMBS_EVERY`, however often it is asked.
        """
        if time.monotonic() < self._climbs_at:
            return False
        self._climbs_at = time.monotonic() + CLIMBS_EVERY.total_seconds()
        due = await climbing(self._pool, CLIMBS_AT_ONCE)
        if not due:
            return False
        (roster, rules), now = await in_force(self._pool, self._profile), datetime.now(UTC)
        steps = [_step(notice, roster, rules, now) for notice in due]
        return await self._address([one for reached, _ in steps for one in reached], [step for _, step in steps], due)

    async def _address(
        self, told: list[Told], addressed: list[Addressed], items: Sequence[OutboxItem | Climbing]
    ) -> bool:
        await address(self._pool, told, addressed)
        _write_down(told, items)
        return not all(one.is_written for one in told)


def _write_down(told: Iterable[Told], items: Iterable[OutboxItem | Climbing]) -> None:
    # Without a lane of its own: where nobody has a roster yet, all that is told is a line.
    by_id = {item.id: item for item in items}
    for one in told:
        if one.is_written:
            item = by_id[one.outbox_id]
            codes = {"whistle_id": item.whistle_id, "sequence": item.sequence, "kind": item.kind}
            log.info("notice", outbox_id=item.id, recipient=one.recipient, urgent=item.urgent, **codes)


def _step(notice: Climbing, roster: Duty, rules: Rules, now: datetime) -> tuple[list[Told], Addressed]:
    codes = {"whistle_id": notice.whistle_id, "sequence": notice.sequence, "audience": notice.audience}
    if notice.cause and notice.cause.has_ended(notice.whistle):
        log.info("notice_answered", kind=notice.kind, **codes)
        return [], Addressed(id=notice.id)
    above = roster.next_above(notice.audience, notice.level, now, rules.calendar)
    if above is None:
        log.warning("notice_unanswered_at_the_top", kind=notice.kind, level=notice.level, **codes)
        return [], Addressed(id=notice.id)
    level, recipients = above
    log.info("notice_climbed", kind=notice.kind, level=level, **codes)
    again = _climbs_at(rules, notice.whistle_kind, notice.urgency, now)
    told = list(_told(roster, notice, recipients))
    return told, Addressed(id=notice.id, climbs_at=again, climbed_to=level)


def _told(roster: Duty, item: OutboxItem | Climbing, recipients: Iterable[Recipient]) -> Iterator[Told]:
    for recipient in recipients:
        channels = [c.channel for c in roster.contacts_of(recipient) if item.urgent or not c.urgent_only]
        for channel in channels or [LOG]:
            yield Told.of(item, recipient, channel, is_written=channel == LOG)


def _climbs_at(rules: Rules, kind: WhistleKind | None, urgency: Urgency | None, now: datetime) -> datetime | None:
    rule = rules.limits.find(kind, urgency, Phase.NOTICE_UNANSWERED)
    return rules.calendar.add(now, rule.amount, rule.unit) if rule else None
