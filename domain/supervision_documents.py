"""The documents of supervision: 催办单、督办单、通报批评、提请问责, each with its number and its text.

Both follow from one event of the audit trail, so that a document can be printed again at any time and reads the same.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from domain.events import SupervisionRaised
from domain.summaries import local_time
from domain.values import ENGINE, Frozen
from domain.vocabulary import Phase, SupervisionLevel
from domain.working_time import BEIJING

NUMBERED = {
    SupervisionLevel.URGE: ("催", "催办单"),
    SupervisionLevel.SUPERVISE: ("督", "督办单"),
    SupervisionLevel.CIRCULATE: ("通", "通报批评"),
    SupervisionLevel.ACCOUNT: ("问", "提请问责函"),
}
"""The letter in the number and the title of each level's document [P]; a reminder has none."""
_DEMANDS = {
    SupervisionLevel.URGE: "请立即办理。",
    SupervisionLevel.SUPERVISE: "现予督办。请立即办理,说明逾期原因,并书面回复。",
    SupervisionLevel.CIRCULATE: "现予通报批评。请立即整改,并书面报告整改情况。",
    SupervisionLevel.ACCOUNT: "现提请有权机关研究问责。是否问责、如何问责,由有权机关依规依纪决定。",
}
_ADDRESSED = {SupervisionLevel.ACCOUNT: "有权机关"}
"""Who gets a document that is not for the one supervised: 提请问责 asks whoever may decide, outside this system."""
_MOST = 2**31 - 1
_SIGNED_BY_ENGINE = "街乡吹哨系统(时限自动触发)"

Names = Callable[[str], str]


class SupervisionDocument(Frozen):
    """One document: what it is called, whom it concerns, and its whole text."""

    number: str
    title: str
    organisation: str
    text: str


class Occasion(Frozen):
    """What a document speaks of: the event, when and by whom, and the whistle it happened on.

    `earlier` numbers the documents that the same organisation was given on this whistle before.
    """

    raised: SupervisionRaised
    at: datetime
    actor_subject: str
    actor_organisation: str | None
    whistle_title: str
    serial: str
    township: str
    earlier: tuple[str, ...] = ()


class DocumentNumber(NamedTuple):
    """A document's number, taken apart."""

    level: SupervisionLevel
    year: int
    number: int


def document_number(level: SupervisionLevel, year: int, number: int) -> str:
    """Write a document's number: 平督催〔2026〕12号 [P]."""
    return f"平督{NUMBERED[level][0]}〔{year}〕{number}号"


def read_document_number(text: str) -> DocumentNumber | None:
    """Read a number as it is written, also with other brackets; None if it is none that could be given."""
    plain = "".join(" " if c in "〔〕[]()()【】号" else c for c in text.strip()).split()
    levels = {f"平督{letter}": level for level, (letter, _) in NUMBERED.items()}
    match plain:
        case [series, year, number] if series in levels and year.isdecimal() and number.isdecimal():
            if max(int(year), int(number)) <= _MOST:
                return DocumentNumber(levels[series], int(year), int(number))
    return None


def document_of(occasion: Occasion, number: str, name: Names) -> SupervisionDocument:
    """Write the document of one supervision; `name` gives an organisation's Chinese name for its code."""
    raised = occasion.raised
    title = NUMBERED[raised.level][1]
    signed = occasion.actor_organisation and name(occasion.actor_organisation)
    if occasion.actor_subject == ENGINE.subject:
        signed = _SIGNED_BY_ENGINE
    day = occasion.at.astimezone(BEIJING)
    lines = (
        title,
        number,
        "",
        f"{_ADDRESSED.get(raised.level) or name(raised.organisation)}:",
        f"  {_matter(occasion, name)}。",
        *((f"  事由:{raised.reason}",) if raised.reason else ()),
        *((f"  此前文书:{'、'.join(occasion.earlier)}",) if occasion.earlier else ()),
        f"  {_DEMANDS[raised.level]}",
        "",
        f"{signed or occasion.actor_subject}",
        f"{day.year}年{local_time(occasion.at)}",
    )
    return SupervisionDocument(number=number, title=title, organisation=raised.organisation, text="\n".join(lines))


def _matter(occasion: Occasion, name: Names) -> str:
    """Say on which whistle what went wrong; to others than the one supervised, also who it was."""
    raised = occasion.raised
    whose = f"{name(raised.organisation)}:" if raised.level in _ADDRESSED else ""
    where = f"{name(occasion.township)}「{occasion.whistle_title}」(哨单 {occasion.serial})"
    return f"{whose}{where}{_cause(raised, name)}"


def _cause(raised: SupervisionRaised, name: Names) -> str:
    whose = f"{name(raised.responder)}的" if raised.responder and raised.responder != raised.organisation else ""
    if raised.phase is None:
        return f",涉及{whose.removesuffix('的')}" if whose else "办理中存在问题"
    verb = "到场报到" if raised.phase in {Phase.ARRIVE, Phase.ARRIVE_SECOND} else f"完成{raised.phase.label}"
    return f",{whose}{raised.phase.label}时限已过,至今未{verb}"
