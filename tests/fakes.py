"""Stand-ins that behave: the store in memory, with the real decisions, and with outages on demand."""

import asyncio
from datetime import datetime
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

import catalogues
from domain.authority import Request
from domain.brief import Brief, brief
from domain.catalogue_files import parse_limits, parse_organisations
from domain.decisions import decide
from domain.errors import IdempotencyConflictError, NotFoundError, RefusedError
from domain.evolve import evolve
from domain.ledger import ADOPT, Answer, RecordInput, RecordOutput
from domain.records import Commit, Record
from domain.registration import Registration, register
from domain.rules import MergeTarget, Rules
from domain.submission import STRIKE, StrikeClock, Submission, command_hash, content_hash, parse
from domain.values import ENGINE, Actor
from domain.whistle import Whistle
from domain.working_time import WorkCalendar
from refusals import as_failure
from starter.calendar_seed import official_days


def shipped_rules(calendar: WorkCalendar | None = None, profile: str = "default") -> Rules:
    """Give the rules of the shipped catalogues."""
    return Rules(
        limits=parse_limits(catalogues.read("limits.csv"))[profile],
        calendar=calendar or WorkCalendar.of(official_days()),
        organisations=parse_organisations(catalogues.read("organisations.csv")),
    )


class FakeLedger:
    """The ledger of design.md 2 without a database: what it stores, it stores once and tells truly."""

    def __init__(self, rules: Rules) -> None:
        """Begin empty, by these rules."""
        self.rules = rules
        self.trail: dict[str, list[Record]] = {}
        self.values: dict[str, Whistle] = {}
        self.asked: list[tuple[bool, RecordInput]] = []
        """Every attempt, with whether it was a local one."""
        self.was_asked = asyncio.Event()
        self.rows_at_once: int | None = None
        """How many rows it hands out at once; None: all."""
        self._answers: dict[tuple[str, str], tuple[str, Answer]] = {}
        self._failures = 0
        self._hanging = 0
        self._lost = 0

    def fail(self, times: int) -> None:
        """Let the next attempts fail before anything is stored."""
        self._failures = times

    def hang(self, times: int) -> None:
        """Let the next attempts neither store nor answer, until they are given up."""
        self._hanging = times

    def lose_answers(self, times: int) -> None:
        """Let the next attempts store what they were asked to, and fail afterwards."""
        self._lost = times

    def register(self, registration: Registration, actor: Actor, at: datetime) -> str:
        """Store a registration's first event and give the whistle's id."""
        event = register(registration, now=at, rules=self.rules, serial="JHH-2026-000001")
        record = Record(sequence=1, at=at, actor=actor, command_id="register", event=event)
        self._append(registration.whistle_id, (record,))
        return registration.whistle_id

    def store_behind(self, request: RecordInput) -> RecordOutput:
        """Store a command as an attempt that Temporal never recorded."""
        return self._record(request)

    async def record_command(self, request: RecordInput) -> Brief:
        """Store a command, or return what the workflow does not know yet."""
        self.asked.append((activity.info().is_local, request))
        self.was_asked.set()
        if self._failures:
            self._failures -= 1
            message = "the database is away"
            raise ConnectionError(message)
        if self._hanging:
            self._hanging -= 1
            await asyncio.Event().wait()
        try:
            output = self._record(request)
        except RefusedError as error:
            raise as_failure(error) from None
        if self._lost:
            self._lost -= 1
            message = "stored, but the answer was lost"
            raise ApplicationError(message)
        return brief(output, request)

    def _record(self, request: RecordInput) -> RecordOutput:
        rows = self.trail.get(request.whistle_id)
        if rows is None:
            message = f"no whistle {request.whistle_id}"
            raise NotFoundError(message)
        unknown = tuple(r for r in rows if r.sequence > request.known_sequence)
        if request.name == ADOPT:
            return self._hand_out(unknown)
        actor, command_id, content, command = _read(request)
        known = self._answers.get((request.whistle_id, command_id))
        if known:
            if known[0] != content:
                message = f"{command_id} is known with other content"
                raise IdempotencyConflictError(message)
            return self._hand_out(unknown, known[1])
        if unknown:
            return self._hand_out(unknown)
        return self._decide(request, actor, command_id, content, command)

    def _hand_out(self, unknown: tuple[Record, ...], answer: Answer | None = None) -> RecordOutput:
        page = unknown[: self.rows_at_once]
        more = len(page) < len(unknown)
        return RecordOutput(commits=_commits(page), answer=None if more else answer, more=more)

    def _decide(self, request: RecordInput, actor: Actor, command_id: str, content: str, command: Any) -> RecordOutput:
        whistle = self.values[request.whistle_id]
        at = max(request.at, self.trail[request.whistle_id][-1].at)
        target = self.values.get(getattr(command, "merge_into", None) or "")
        rules = self.rules._replace(merge_target=MergeTarget(target.whistle_id, target.state) if target else None)
        events = decide(whistle, Request(command, actor, at), rules)
        records = tuple(
            Record(sequence=whistle.sequence + i, at=at, actor=actor, command_id=command_id, event=event)
            for i, event in enumerate(events, 1)
        )
        after = self._append(request.whistle_id, records)
        answer = Answer(sequence=after.sequence, state=after.state, version=after.sequence)
        self._answers[request.whistle_id, command_id] = (content, answer)
        return RecordOutput(commits=_commits(records), answer=answer)

    def _append(self, whistle_id: str, records: tuple[Record, ...]) -> Whistle:
        value = self.values.get(whistle_id)
        for record in records:
            value = evolve(value, record)
        assert value is not None
        self.trail.setdefault(whistle_id, []).extend(records)
        self.values[whistle_id] = value
        return value


def _read(request: RecordInput) -> tuple[Actor, str, str, Any]:
    if request.name == STRIKE:
        strike = StrikeClock.model_validate(request.argument)
        return ENGINE, strike.command_id, content_hash(STRIKE, request.argument), strike
    sent: Submission = parse(request.name, request.argument)
    return sent.actor, sent.command_id, sent.private_ref or command_hash(sent.name, sent.command), sent.command


def _commits(records: tuple[Record, ...]) -> tuple[Commit, ...]:
    commits: list[tuple[Record, ...]] = []
    for record in records:
        if commits and commits[-1][0].command_id == record.command_id:
            commits[-1] = (*commits[-1], record)
        else:
            commits.append((record,))
    return tuple(map(Commit.of, commits))
