"""Random lives: whatever is asked, in whatever order, the invariants of the record hold."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.authority import allowed
from domain.clocks import next_deadline, next_strike, running
from domain.errors import RefusedError
from domain.evolve import evolve
from domain.lifecycle import ENDS, MOVES
from domain.records import Commit
from domain.requests import pending_requests
from domain.view import view
from domain.vocabulary import Phase, ReportInState, RequestKind, State
from domain.whistle import Whistle
from tests.life import Life, actor
from tests.strategies import ACTORS, bodies, commands

STAGES = (
    "registered",
    "emergency",
    "proposed",
    "returned",
    "assembling",
    "objected",
    "in_action",
    "awaiting_check",
    "evaluating",
    "closed",
)
ENDINGS = {"cancel", "merge", "append", "supervise"}
BY_ITSELF = {
    (State.ASSEMBLING, State.IN_ACTION),
    (State.BLOWN, State.ASSEMBLING),
    (State.BLOWN, State.IN_ACTION),
    (State.BLOWN, State.AWAITING_CHECK),
    (State.ASSEMBLING, State.AWAITING_CHECK),
    (State.IN_ACTION, State.AWAITING_CHECK),
    (State.EVALUATING, State.FEEDBACK),
    (State.EVALUATING, State.CLOSED),
    (State.FEEDBACK, State.CLOSED),
    (State.SELF_HANDLED, State.CLOSED),
}
"""The moves of domain.md (b) that need no command: a condition that holds, or a limit that passed."""


class RandomLife(RuleBasedStateMachine):
    """One whistle under random commands, random waiting and random refusals."""

    @initialize(reporter=st.booleans(), stage=st.sampled_from(STAGES), kind=st.sampled_from(["DAILY", "KEY_WORK"]))
    def register(self, reporter: bool, stage: str, kind: str) -> None:
        self.checked, self.folded = 0, None
        fields: dict[str, Any] = {} if reporter else {"reporter": None}
        self.life = Life(**fields)
        if stage == "emergency":
            self.life.emergency()
        elif stage != "registered":
            getattr(self.life, stage)(kind=kind)

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        steps = [(who, name) for who in ACTORS for name in self.life.allowed(who) if name not in ENDINGS]
        if steps:
            self._ask(data, *data.draw(st.sampled_from(steps)))

    @precondition(lambda self: len(self.life.trail) > 60)
    @rule(data=st.data(), name=st.sampled_from(sorted(ENDINGS)))
    def end(self, data: st.DataObject, name: str) -> None:
        who = data.draw(st.sampled_from(ACTORS))
        self._ask(data, who, name)

    @rule(data=st.data(), who=st.sampled_from(ACTORS), name=commands())
    def ask_anything(self, data: st.DataObject, who: str, name: str) -> None:
        self._ask(data, who, name)

    @rule(minutes=st.sampled_from([1, 7, 31, 65, 600, 1500, 6000]))
    def wait(self, minutes: int) -> None:
        self._let_pass(timedelta(minutes=minutes))

    @precondition(lambda self: next_strike(self.life.whistle) is not None)
    @rule()
    def wait_for_the_next_clock(self) -> None:
        strike = next_strike(self.life.whistle)
        assert strike is not None
        self._let_pass(max(strike.at - self.life.now, timedelta()))

    def _let_pass(self, span: timedelta) -> None:
        before, trail = self.life.whistle, len(self.life.trail)
        self.life.wait(span)
        self._moves_are_known(before, trail, None)

    def _ask(self, data: st.DataObject, who: str, name: str) -> None:
        before, trail = self.life.whistle, len(self.life.trail)
        body = data.draw(bodies(name, before, self.life.now))
        try:
            self.life.do(who, name, **body)
        except RefusedError:
            self._nothing_changed(before, trail)
            return
        open_to = allowed(before, actor(who), self.life.now)
        assert name in open_to, f"{name} was accepted but not allowed in {before.state}"
        self._moves_are_known(before, trail, name)

    def _nothing_changed(self, before: Whistle, trail: int) -> None:
        assert self.life.whistle is before
        assert len(self.life.trail) == trail

    def _moves_are_known(self, whistle: Whistle, since: int, name: str | None) -> None:
        for record in self.life.trail[since:]:
            before, whistle = whistle, evolve(whistle, record)
            if before.state is whistle.state:
                continue
            move = (before.state, whistle.state)
            listed = any(
                row.command == name and before.state in row.states and whistle.state in row.to for row in MOVES
            )
            assert listed or move in BY_ITSELF, f"{name}: {move} is in no table"

    @invariant()
    def the_trail_is_gap_free_and_makes_the_value(self) -> None:
        for record in self.life.trail[self.checked :]:
            self.checked += 1
            assert record.sequence == self.checked
            packed = Commit.model_validate_json(Commit.of((record,)).model_dump_json())
            assert packed.records == (record,)
            self.folded = evolve(self.folded, *packed.records)
        assert self.folded == self.life.whistle

    @invariant()
    def the_value_survives_being_carried_over(self) -> None:
        assert Whistle.model_validate_json(self.life.whistle.model_dump_json()) == self.life.whistle

    @invariant()
    def no_clock_runs_in_an_end_state_but_the_windows_of_closed(self) -> None:
        whistle = self.life.whistle
        phases = {clock.phase for clock in running(whistle)}
        if whistle.state is State.CLOSED:
            assert phases <= {Phase.REOPEN, Phase.APPEAL}
        elif whistle.state in ENDS:
            assert not phases
        if whistle.state in ENDS:
            assert next_deadline(whistle) is None
            assert not whistle.open_supervisions or whistle.state is not State.CLOSED

    @invariant()
    def whoever_must_act_has_a_clock(self) -> None:
        whistle = self.life.whistle
        if whistle.state in ENDS or whistle.state is State.SUSPENDED:
            return
        if whistle.state in (State.ASSEMBLING, State.IN_ACTION):
            waiting = {ReportInState.NOTIFIED, ReportInState.SIGNED, ReportInState.ARRIVED}
            if not any(r.state in waiting for r in whistle.report_ins):
                return
        assert running(whistle)

    @invariant()
    def what_is_asked_for_awaits_whoever_may_decide_it(self) -> None:
        asked = {(request.kind, request.organisation) for request in pending_requests(self.life.whistle)}
        for who in ("leader@jinhaihu", "leader@mafang", "platform"):
            organisation, may = who.rpartition("@")[2], self.life.allowed(who)
            assert ((RequestKind.EXTENSION, organisation) in asked) == ("decide_extension" in may)
            assert ((RequestKind.APPEAL, organisation) in asked) == ("decide_appeal" in may)
        if (RequestKind.SUSPENSION, "platform") in asked:
            assert "suspend" in self.life.allowed("platform")

    @invariant()
    def marks_follow_the_frozen_limit(self) -> None:
        for report_in in self.life.whistle.report_ins:
            due = report_in.due(Phase.ARRIVE)
            if report_in.overdue:
                assert due is not None
                assert due <= self.life.now
            if report_in.late_by_s:
                assert report_in.arrived_at is not None
                assert due is not None
                assert report_in.arrived_at > due

    @invariant()
    def an_arrival_is_never_blocked(self) -> None:
        whistle = self.life.whistle
        if whistle.state not in (State.BLOWN, State.ASSEMBLING, State.IN_ACTION):
            return
        for report_in in whistle.report_ins:
            if report_in.state in (ReportInState.NOTIFIED, ReportInState.SIGNED):
                assert "arrive" in self.life.allowed(f"department@{report_in.responder}")

    @invariant()
    def the_view_can_be_shown(self) -> None:
        shown = view(self.life.whistle)
        assert shown.version == len(self.life.trail)


TestRandomLife = RandomLife.TestCase
TestRandomLife.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
