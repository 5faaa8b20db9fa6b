"""A decision in the making: the events so far, and the whistle as they leave it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from domain import events as e
from domain.chains import CHAINS, ChainRule, has_ladder, holder_of
from domain.commands import Command
from domain.errors import InvalidError
from domain.evolve import evolve
from domain.limits import Deadline, deadline, deadline_at
from domain.records import Record
from domain.rules import Rules
from domain.submission import StrikeClock
from domain.values import POST_PREFIX, Actor
from domain.vocabulary import OrganisationType, Phase, SignalType, SupervisionLevel
from domain.whistle import Supervision, Whistle

NO_LADDER = frozenset(
    {Phase.START_ACTION, Phase.ARRIVE_SECOND, Phase.OBJECT, Phase.APPEAL, Phase.REOPEN, Phase.CALLBACK}
)


class Draft:
    """Collects events, evolving the whistle with each so that the next rule sees its effect."""

    def __init__(self, whistle: Whistle, actor: Actor, now: datetime, rules: Rules) -> None:
        """Begin with the whistle as it stands."""
        self.whistle = whistle
        self.actor = actor
        self.now = now
        self.rules = rules
        self.events: list[e.Event] = []

    def add(self, event: e.Event) -> None:
        """Add one event and apply it; one that first speaks of an organisation says what it is called now."""
        after = self._after(event)
        if names := self.rules.organisations.names_of(after.organisations - after.names.keys()):
            event = event.model_copy(update={"names": names})
            after = self._after(event)
        self.whistle = after
        self.events.append(event)

    @property
    def chain(self) -> ChainRule:
        """The chain this whistle goes by."""
        return CHAINS[self.whistle.chain]

    def limit(self, phase: Phase, **conditions: Any) -> Deadline | None:  # noqa: ANN401 - as domain.limits.deadline
        """Compute the deadline of a phase that starts now; None where no rule sets one."""
        ladder = phase not in NO_LADDER and has_ladder(self.whistle)
        return deadline(
            phase,
            kind=conditions.pop("kind", self.whistle.kind),
            urgency=self.whistle.urgency,
            start=conditions.pop("start", self.now),
            limits=self.rules.limits,
            calendar=self.rules.calendar,
            ladder=ladder,
            **conditions,
        )

    def required_limit(self, phase: Phase, **conditions: Any) -> Deadline:  # noqa: ANN401
        """Compute a deadline that the catalogue must set; raises InvalidError where it does not."""
        found = self.limit(phase, **conditions)
        if found is None:
            raise InvalidError.of("kind", f"the limits catalogue has no limit for {phase}")
        return found

    def limit_at(self, due_at: datetime, *, ladder: bool = True) -> Deadline:
        """Make a deadline of a time that a person set."""
        return deadline_at(
            due_at,
            start=self.now,
            limits=self.rules.limits,
            calendar=self.rules.calendar,
            kind=self.whistle.kind,
            urgency=self.whistle.urgency,
            ladder=ladder and has_ladder(self.whistle),
        )

    def sound(self, signal: SignalType, audience: Iterable[str]) -> None:
        """Sound one of the five whistles to those who must hear it, each once."""
        heard = tuple(dict.fromkeys(audience))
        if heard:
            self.add(e.SignalSounded(signal=signal, audience=heard))

    def supervise(self, level: SupervisionLevel, organisation: str, **cause: Any) -> None:  # noqa: ANN401
        """Raise a supervision; one clock keeps one number while its level rises."""
        same = self.supervision_by(cause.get("phase"), cause.get("responder"), cause.get("clock_started_at"))
        number = same.number if same else 1 + max((s.number for s in self.whistle.supervisions), default=0)
        self.add(e.SupervisionRaised(number=number, level=level, organisation=organisation, **cause))

    def supervision_by(
        self, phase: Phase | None, responder: str | None, clock_started_at: datetime | None
    ) -> Supervision | None:
        """Find the supervision that a clock has raised."""
        cause = (phase, responder, clock_started_at)
        raised = (s for s in self.whistle.supervisions if (s.phase, s.responder, s.clock_started_at) == cause)
        return next(raised, None) if phase else None

    def holder(self, phase: Phase, responder: str | None = None) -> str:
        """Name the organisation that a clock binds."""
        return holder_of(self.whistle, phase, responder)

    def require_responders(self, field: str, responders: Iterable[str]) -> None:
        """Refuse what this chain may not call; raises InvalidError."""
        for responder in responders:
            if problem := self._unfit(responder):
                raise InvalidError.of(field, problem)

    def active(self) -> tuple[str, ...]:
        """The responders that still have a part in the action."""
        return tuple(r.responder for r in self.whistle.report_ins if r.active)

    def on_site(self) -> tuple[str, ...]:
        """The responders on the spot now."""
        return tuple(r.responder for r in self.whistle.report_ins if r.on_site)

    def end_report_ins(self) -> None:
        """End every report-in, with 终场哨 to those who had arrived (domain.md (b))."""
        ending = self.active()
        if not ending:
            return
        arrived = [r.responder for r in self.whistle.report_ins if r.active and r.arrived_at]
        self.add(e.RespondersWithdrawn(responders=ending))
        self.sound(SignalType.FINAL, arrived)

    def _after(self, event: e.Event) -> Whistle:
        record = Record(sequence=self.whistle.sequence + 1, at=self.now, actor=self.actor, command_id="", event=event)
        return evolve(self.whistle, record)

    def _unfit(self, responder: str) -> str | None:
        chain = self.chain
        if chain.responder_types == {OrganisationType.POST}:
            return None if responder.startswith(POST_PREFIX) else f"{responder} is not a post"
        known = self.rules.organisations.find(responder)
        if known is None:
            return f"{responder} is not in the organisation catalogue"
        if known.type not in chain.responder_types:
            return f"{responder} ({known.type.label}) is not called in {self.whistle.chain}"
        township_only = chain.own_township_only and known.type is OrganisationType.TOWNSHIP
        if township_only and responder != self.whistle.township:
            return f"{responder} is not the township of the place"
        return None


Decision = Callable[[Draft, Any], None]
DECISIONS: dict[type[Command] | type[StrikeClock], Decision] = {}


def decides(command: type[Command] | type[StrikeClock]) -> Callable[[Decision], Decision]:
    """Register the function that decides a command."""

    def register(decision: Decision) -> Decision:
        DECISIONS[command] = decision
        return decision

    return register
