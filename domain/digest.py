"""The daily digest (每日提要): what each organisation has before it this morning."""

from collections.abc import Callable
from datetime import date, datetime

from domain.clocks import WINDOWS
from domain.summaries import local_time
from domain.values import Frozen
from domain.vocabulary import Phase

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
    """One errand, or one whistle that nobody has touched."""

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
    dormant: DigestSection = DigestSection()

    @property
    def first(self) -> DigestItem | None:
        """The most pressing item; None: there is nothing to say."""
        sections = (self.overdue, self.due_today, self.awaiting_evaluation, self.dormant)
        return next((section.items[0] for section in sections if section.items), None)


def digest_text(digest: Digest, day: date, name: Callable[[str], str]) -> str:
    """Write a digest as its readers get it."""
    sections = (
        ("逾期", digest.overdue),
        ("今日到期", digest.due_today),
        ("待评价", digest.awaiting_evaluation),
        ("久无进展", digest.dormant),
    )
    head = ",".join(f"{label} {section.count} 件" for label, section in sections if section.count)
    lines = [f"{name(digest.organisation)} {day.month}月{day.day}日:{head}"]
    for label, section in sections:
        if section.items:
            lines.append(f"{label}:")
            lines += [f"  {_item(item, name)}" for item in section.items]
            more = section.count - len(section.items)
            lines += [f"  ……另有 {more} 件"] if more else []
    return "\n".join(lines)


def _item(item: DigestItem, name: Callable[[str], str]) -> str:
    if item.phase is None:
        return f"{item.serial} {item.title}(自 {local_time(item.due_at)} 无进展)"
    whose = f"{name(item.responder)}" if item.responder else ""
    return f"{item.serial} {item.title}({whose}{item.phase.label} {local_time(item.due_at)})"
