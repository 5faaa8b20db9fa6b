"""Checking a trail: no gap, every seal holds, and what its events make of the whistle is what is stored."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import AwareDatetime

from domain.evolve import evolve
from domain.records import Record, event_of
from domain.seal import NOTHING_BEFORE, commitment, moment, seal
from domain.values import Actor, Frozen
from domain.vocabulary.labelled import Labelled
from domain.whistle import Whistle


class FlawKind(Labelled):
    """What may be wrong with a trail, or between it and what was made of it."""

    GAP = "GAP", "序号不连续"
    SEAL = "SEAL", "内容与封存不符"
    UNSEALED = "UNSEALED", "未封存"
    TIME = "TIME", "时间倒流"
    PRIVATE = "PRIVATE", "私密内容与封存不符"
    COMMAND = "COMMAND", "命令记录不符"
    UNREADABLE = "UNREADABLE", "无法解读"
    HEAD = "HEAD", "链头不符"
    VALUE = "VALUE", "台账现值不符"
    READ_MODEL = "READ_MODEL", "列表数据不符"
    STRAY = "STRAY", "事件没有哨单"
    TEMPORAL = "TEMPORAL", "流程与台账不符"
    ANCHOR = "ANCHOR", "与留存的链头不符"
    BUNDLE = "BUNDLE", "档案包不完整"


class Flaw(Frozen):
    """One thing that is wrong; `sequence` is the row's, None where no row is meant."""

    kind: FlawKind
    whistle_id: str
    sequence: int | None = None
    detail: str


class TrailRow(Frozen):
    """One row of the trail as it is stored and exported, whatever has become of it."""

    whistle_id: str
    sequence: int
    type: str
    at: AwareDatetime
    actor: dict[str, str | None]
    command_id: str
    summary: str
    data: dict[str, Any]
    commitments: dict[str, str]
    hash: str

    @property
    def sealed(self) -> dict[str, Any]:
        """What its hash covers beside the hash before."""
        return {name: held for name, held in self if name != "hash"} | {"at": moment(self.at)}

    @property
    def record(self) -> Record:
        """Read it as an event; raises KeyError or ValueError for what none of ours is."""
        return Record(
            sequence=self.sequence,
            at=self.at,
            actor=Actor.model_validate(self.actor),
            command_id=self.command_id,
            event=event_of(self.type, self.data),
        )


class PrivatePart(NamedTuple):
    """Private fields with the salt of their commitment; no salt: they were erased or masked."""

    salt: str | None
    fields: object


class TrailCheck:
    """Follows one trail from its first row, and keeps what is wrong with it."""

    def __init__(self, whistle_id: str) -> None:
        """Begin before the first row."""
        self.whistle_id = whistle_id
        self.whistle: Whistle | None = None
        self.sequence = 0
        self.head = NOTHING_BEFORE
        self.flaws: list[Flaw] = []
        self.vouched = 0
        self.withheld = 0
        self._before: TrailRow | None = None
        self.is_readable = True

    def add(self, row: TrailRow, private: Mapping[str, PrivatePart] | None = None) -> None:
        """Follow the next row; `private` holds its private parts where they are at hand."""
        if row.sequence != self.sequence + 1:
            self.note(FlawKind.GAP, row.sequence, f"{row.sequence} follows {self.sequence}")
        self._seal(row)
        self._private(row, private or {})
        if self._before and row.at < self._before.at:
            self.note(FlawKind.TIME, row.sequence, f"{moment(row.at)} follows {moment(self._before.at)}")
        self._fold(row)
        self.sequence, self.head, self._before = row.sequence, row.hash, row

    def end(self, value: Whistle | None, head: str) -> None:
        """Compare the trail, now whole, with the value and the head that are kept beside it."""
        if head != self.head:
            self.note(FlawKind.HEAD, self.sequence or None, f"the last row's hash is {self.head}, the head {head}")
        if value and value.sequence != self.sequence:
            self.note(FlawKind.GAP, value.sequence, f"the trail ends at {self.sequence}, the value at {value.sequence}")
        elif value and self.whistle and self.is_readable and value != self.whistle:
            names = sorted(n for n in type(value).model_fields if getattr(value, n) != getattr(self.whistle, n))
            self.note(FlawKind.VALUE, self.sequence, f"the stored value differs from its events in {', '.join(names)}")

    def note(self, kind: FlawKind, sequence: int | None, detail: str) -> None:
        """Keep something that is wrong."""
        self.flaws.append(Flaw(kind=kind, whistle_id=self.whistle_id, sequence=sequence, detail=detail))

    def _seal(self, row: TrailRow) -> None:
        if not row.hash:
            self.note(FlawKind.UNSEALED, row.sequence, "the row has no hash")
            return
        expected = seal(row.sealed, self.head)
        if expected != row.hash:
            self.note(
                FlawKind.SEAL, row.sequence, f"{row.type}: the row's hash is {row.hash}, its content's {expected}"
            )

    def _private(self, row: TrailRow, private: Mapping[str, PrivatePart]) -> None:
        at_hand = {name: part for name, part in private.items() if part.salt}
        self.withheld += len(row.commitments.keys() - at_hand.keys())
        for name, part in at_hand.items():
            if row.commitments.get(name) == commitment(part.salt or "", part.fields):
                self.vouched += 1
            else:
                self.note(FlawKind.PRIVATE, row.sequence, f"{row.type}: {name} is not what the trail vouches for")

    def _fold(self, row: TrailRow) -> None:
        if not self.is_readable:
            return
        try:
            self.whistle = evolve(self.whistle, row.record)
        except Exception as error:  # noqa: BLE001 - whatever was written over a row, the check goes on to the next
            self.is_readable = False
            self.note(FlawKind.UNREADABLE, row.sequence, f"{row.type}: {type(error).__name__}")
