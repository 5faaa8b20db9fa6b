"""A whistle's life in memory: the real domain and the shipped catalogues, on a clock that only the test moves."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import catalogues
from domain import events as e
from domain.authority import Request, allowed, roles_for
from domain.catalogue_files import parse_limits, parse_organisations
from domain.clocks import Strike, next_strike
from domain.decisions import decide
from domain.evolve import evolve
from domain.records import Record
from domain.registration import Registration, authorise_registration, register
from domain.rules import MergeTarget, Rules
from domain.submission import StrikeClock, parse
from domain.values import ENGINE, Actor
from domain.vocabulary import Role, State
from domain.whistle import Whistle
from domain.working_time import WorkCalendar
from starter.calendar_seed import official_days

TUESDAY_MORNING = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
"""10:00 in Beijing on an ordinary working day."""

ROLES = {
    "source": Role.SOURCE_SYSTEM,
    "grid": Role.GRID_WORKER,
    "clerk": Role.TOWNSHIP_CLERK,
    "leader": Role.TOWNSHIP_LEADER,
    "department": Role.DEPARTMENT,
    "village": Role.DEPARTMENT,
    "platform": Role.DISTRICT_PLATFORM,
    "arbiter": Role.ARBITER,
    "supervisor": Role.SUPERVISOR,
    "admin": Role.ADMIN,
}
OFFICERS = [{"name": "李明", "certificate_no": "京平 001"}]
SCORES = {"cooperation": 90, "result": 95}


@cache
def rules(profile: str = "default") -> Rules:
    """The rules as shipped."""
    return Rules(
        limits=parse_limits(catalogues.read("limits.csv"))[profile],
        calendar=WorkCalendar.of(official_days()),
        organisations=parse_organisations(catalogues.read("organisations.csv")),
        merge_target=MergeTarget("12345:other", State.BLOWN),
    )


def actor(name: str) -> Actor:
    """The actor behind a name of keys.json: `clerk@jinhaihu`, `platform`."""
    kind, _, organisation = name.partition("@")
    return Actor(subject=name, role=ROLES[kind], organisation=organisation or kind)


def registration(**fields: Any) -> Registration:
    """A matter that the hotline brings, with anything in it changed."""
    return Registration.model_validate(
        {
            "source_system": "12345",
            "external_id": "20261124000123",
            "channel": "HOTLINE_12345",
            "received_at": TUESDAY_MORNING,
            "title": "盗采砂石",
            "description": "夜间有人用挖掘机盗采砂石",
            "township": "jinhaihu",
            "place": {"address": "海子村东"},
            "reporter": {"name": "王女士", "phone": "13800000000"},
        }
        | fields
    )


class Life:
    """Drives one whistle by commands and by time, and keeps its trail."""

    def __init__(self, *, by: str = "source@12345", now: datetime = TUESDAY_MORNING, **fields: Any) -> None:
        self.now = now
        self.rules = rules()
        self.trail: list[Record] = []
        self._whistle: Whistle | None = None
        matter = registration(**fields)
        authorise_registration(matter, actor(by))
        self._store(actor(by), (register(matter, now=now, rules=self.rules, serial="JHH-2026-000001"),))

    @property
    def whistle(self) -> Whistle:
        assert self._whistle is not None
        return self._whistle

    def do(self, who: str | Actor, name: str, **body: Any) -> Whistle:
        """Let somebody make a command, now."""
        doer = actor(who) if isinstance(who, str) else who
        argument = {**body, "actor": doer.model_dump(mode="json"), "command_id": f"{doer.subject}:{len(self.trail)}"}
        submission = parse(name, argument)
        decided = decide(self.whistle, Request(submission.command, doer, self.now), self.rules)
        assert doer.role in roles_for(name), f"{name} was done by {doer.role}, which is said never to do it"
        self._store(doer, decided)
        return self.whistle

    def wait(self, duration: timedelta | None = None, **span: float) -> Whistle:
        """Let time pass, striking every clock that is due on the way."""
        end = self.now + (duration or timedelta(**span))
        while (strike := next_strike(self.whistle)) and strike.at <= end:
            self.now = max(strike.at, self.now)
            self.strike(strike)
        self.now = end
        return self.whistle

    def unattended(self, duration: timedelta | None = None, **span: float) -> Whistle:
        """Let time pass without an engine: what was due meanwhile strikes at its end, late."""
        self.now += duration or timedelta(**span)
        return self.wait()

    def strike(self, strike: Strike) -> None:
        """Strike one clock, now."""
        asked = StrikeClock.of(strike, self.whistle.round)
        self._store(ENGINE, decide(self.whistle, Request(asked, ENGINE, self.now), self.rules))

    def allowed(self, who: str) -> list[str]:
        return allowed(self.whistle, actor(who), self.now)

    def events(self, kind: type[e.Event]) -> list[Any]:
        return [r.event for r in self.trail if isinstance(r.event, kind)]

    def last(self, kind: type[e.Event]) -> Any:
        return self.events(kind)[-1]

    def _store(self, by: Actor, events: tuple[e.Event, ...]) -> None:
        for event in events:
            sequence = self._whistle.sequence + 1 if self._whistle else 1
            record = Record(sequence=sequence, at=self.now, actor=by, command_id="c", event=event)
            self._whistle = evolve(self._whistle, record)
            self.trail.append(record)

    # The usual way, step by step.

    def proposed(self, *responders: str, kind: str = "DAILY", urgency: str = "NORMAL", **more: Any) -> "Life":
        self.do(
            more.pop("by", "clerk@jinhaihu"),
            "review",
            decision="WHISTLE",
            kind=kind,
            urgency=urgency,
            tier=more.pop("tier", "COMPREHENSIVE"),
            proposed_responders=list(responders or ("water", "police", "planning")),
            **more,
        )
        return self

    def emergency(self, *responders: str, **more: Any) -> "Life":
        return self.proposed(*responders, kind="EMERGENCY", urgency="CRITICAL", **more)

    def blown(self, *responders: str, **more: Any) -> "Life":
        self.proposed(*responders, **more).do("leader@jinhaihu", "blow")
        return self

    def assembling(self, *responders: str, **more: Any) -> "Life":
        self.blown(*responders, **more)
        lead, *cooperating = self.whistle.proposed
        self.do("platform", "accept", lead=lead, cooperating=cooperating)
        return self

    def returned(self, *responders: str, **more: Any) -> "Life":
        self.blown(*responders, **more).do("platform", "return_whistle", reason="INCOMPLETE")
        return self

    def objected(self, *responders: str, **more: Any) -> "Life":
        self.assembling(*responders, **more)
        self.object(self.whistle.responders[0])
        return self

    def object(self, responder: str) -> Whistle:
        body = {"responder": responder, "reason": "NOT_MY_POWER", "legal_basis": "《三定规定》无此职责"}
        return self.do(f"department@{responder}", "object", **body)

    def arrive(self, *responders: str) -> "Life":
        for responder in responders:
            self.do(f"department@{responder}", "arrive", responder=responder, officers=OFFICERS)
        return self

    def in_action(self, *responders: str, **more: Any) -> "Life":
        self.assembling(*responders, **more)
        return self.arrive(*self.whistle.responders)

    def handle(self, *responders: str) -> "Life":
        for responder in responders:
            self.do(
                f"department@{responder}",
                "report_handling",
                responder=responder,
                result="RESOLVED",
                summary="已清运砂石",
            )
        return self

    def awaiting_check(self, *responders: str, **more: Any) -> "Life":
        self.in_action(*responders, **more)
        return self.handle(*self.whistle.responders)

    def evaluating(self, *responders: str, **more: Any) -> "Life":
        self.awaiting_check(*responders, **more)
        self.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
        return self

    def feedback(self, *responders: str, **more: Any) -> "Life":
        self.evaluating(*responders, **more)
        self.do("leader@jinhaihu", "evaluate", responders=list(self.whistle.responders), scores=SCORES)
        return self

    def closed(self, *responders: str, **more: Any) -> "Life":
        self.feedback(*responders, **more)
        self.do("clerk@jinhaihu", "feedback", reply="已处理", via="PHONE")
        if self.whistle.has_reporter:
            self.do("source@12345", "callback", reached=True, solved=True, satisfaction="SATISFIED")
        return self
