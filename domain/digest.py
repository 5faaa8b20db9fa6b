"""The daily digest (每日提要): what each organisation has before it this morning."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from pydantic import Field

from domain.clocks import WINDOWS
from domain.summaries import local_time
from domain.values import Frozen
from domain.vocabulary import Phase
from domain.working_time import BEIJING, WorkCalendar

# A second limit is the same errand as the first.
DIGESTED = tuple(phase for phase in Phase if phase not in WINDOWS and phase is not Phase.ARRIVE_SECOND)
LISTED = 10
"""How many of a section are named; the rest are counted [P]."""


class DigestReport(Frozen):
    """What a run of the digest did; `skipped` says why it sent nothing."""

    day: date
    sent: int = 0
    skipped: str | None = None


class DigestItem(Frozen):
    """One errand; without a phase one whistle: that its source wants answered, or that nobody has touched."""

    whistle_id: str
    serial: str
    title: str
    due_at: datetime
    phase: Phase | None = None
    responder: str | None = None


class DigestSection(Frozen):
    """So many, and the first of them."""

    count: int = 0
    items: tuple[DigestItem, ...] = ()


class Digest(Frozen):
    """One organisation's morning."""

    organisation: str
    due_today: DigestSection = DigestSection()
    overdue: DigestSection = DigestSection()
    awaiting_evaluation: DigestSection = DigestSection()
    source_due: DigestSection = Field(
        default=DigestSection(),
        description="What its source's own limit (来单时限) asks an answer to by the end of the next working day.",
    )
    dormant: DigestSection = DigestSection()

    @property
    def first(self) -> DigestItem | None:
        """The most pressing item; None: there is nothing to say."""
        sections = (self.overdue, self.due_today, self.source_due, self.awaiting_evaluation, self.dormant)
        return next((section.items[0] for section in sections if section.items), None)


def digest_text(digest: Digest, day: date, name: Callable[[str], str]) -> str:
    """Write a digest as its readers get it."""
    sections = (
        ("逾期", digest.overdue, "{whose}{phase} {at}"),
        ("今日到期", digest.due_today, "{whose}{phase} {at}"),
        ("来单时限将到或已到", digest.source_due, "来单时限 {at},尚未答复"),
        ("待评价", digest.awaiting_evaluation, "{whose}{phase} {at}"),
        ("久无进展", digest.dormant, "自 {at} 无进展"),
    )
    head = ",".join(f"{label} {section.count} 件" for label, section, _ in sections if section.count)
    lines = [f"{name(digest.organisation)} {day.month}月{day.day}日:{head}"]
    for label, section, told in sections:
        if section.items:
            lines.append(f"{label}:")
            lines += [f"  {item.serial} {item.title}({_told(item, told, name)})" for item in section.items]
            more = section.count - len(section.items)
            lines += [f"  ……另有 {more} 件"] if more else []
    return "\n".join(lines)


def answered_before(calendar: WorkCalendar, day: date) -> datetime:
    """Give the end of the next working day: what its source wants answered by then is told, with a day left to act."""
    following = day + timedelta(days=1)
    while not calendar.is_working_day(following):
        following += timedelta(days=1)
    return midnight_after(following)


def midnight_after(day: date) -> datetime:
    """Give the end of a day of Beijing."""
    return datetime.combine(day + timedelta(days=1), time.min, BEIJING)


def _told(item: DigestItem, told: str, name: Callable[[str], str]) -> str:
    whose = name(item.responder) if item.responder else ""
    return told.format(whose=whose, phase=item.phase.label if item.phase else "", at=local_time(item.due_at))
