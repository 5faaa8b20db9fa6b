"""The limits of domain.md (c): each value, the fallback, and what one deadline carries."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import catalogues
from domain.catalogue_files import parse_limits
from domain.limits import Deadline, LimitRule, Limits, deadline, deadline_at
from domain.vocabulary import Phase, TimeUnit, Urgency, WhistleKind
from domain.working_time import BEIJING, WorkCalendar
from starter.calendar_seed import official_days

CALENDAR = WorkCalendar.of(official_days())
PROFILES = parse_limits(catalogues.read("limits.csv"))
DEFAULT, DEMO = PROFILES["default"], PROFILES["demo"]
TUESDAY = datetime(2026, 11, 24, 10, tzinfo=BEIJING)

moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 1), timezones=st.just(UTC))  # noqa: DTZ001


def at(text: str) -> datetime:
    """Read `11-27 10:00` as Beijing time of 2026."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=BEIJING)


def limit(phase: str, kind: str | None = None, urgency: str | None = None) -> str | None:
    """Give the default rule as `30 MINUTE`."""
    rule = DEFAULT.find(WhistleKind[kind] if kind else None, Urgency[urgency] if urgency else None, Phase[phase])
    return f"{rule.amount.normalize():f} {rule.unit}" if rule else None


def due(
    phase: Phase,
    kind: WhistleKind,
    urgency: Urgency = Urgency.NORMAL,
    not_before: datetime | None = None,
    no_later_than: datetime | None = None,
) -> Deadline:
    """Compute a default deadline that began on Tuesday at 10:00 and exists."""
    found = deadline(
        phase,
        kind=kind,
        urgency=urgency,
        start=TUESDAY,
        limits=DEFAULT,
        calendar=CALENDAR,
        not_before=not_before,
        no_later_than=no_later_than,
    )
    assert found is not None
    return found


def rules(*rows: tuple[WhistleKind | None, Urgency | None, Phase, str, TimeUnit], profile: str = "own") -> Limits:
    """Make a profile of a few rows."""
    return Limits(
        profile=profile,
        rules=tuple(
            LimitRule(
                profile=profile,
                kind=kind,
                urgency=urgency,
                phase=phase,
                amount=Decimal(amount),
                unit=unit,
                source="test",
            )
            for kind, urgency, phase, amount, unit in rows
        ),
    )


@pytest.mark.parametrize(
    ("kind", "urgency", "expected"),
    [
        ("EMERGENCY", "NORMAL", ("5 MINUTE", "10 MINUTE", "30 MINUTE", "2 EMERGENCY_HOUR", "24 EMERGENCY_HOUR")),
        ("EMERGENCY", "URGENT", ("5 MINUTE", "10 MINUTE", "30 MINUTE", "2 EMERGENCY_HOUR", "24 EMERGENCY_HOUR")),
        ("EMERGENCY", "CRITICAL", ("5 MINUTE", "10 MINUTE", "30 MINUTE", "2 EMERGENCY_HOUR", "24 EMERGENCY_HOUR")),
        ("ENFORCEMENT", "CRITICAL", ("5 MINUTE", "10 MINUTE", "30 MINUTE", "2 EMERGENCY_HOUR", "7 DAY")),
        ("ENFORCEMENT", "URGENT", ("30 MINUTE", "1 WORK_HOUR", "1 WORK_DAY", None, "7 DAY")),
        ("ENFORCEMENT", "NORMAL", ("1 WORK_HOUR", "1 WORK_HOUR", "3 WORK_DAY", None, "10 WORK_DAY")),
        ("DAILY", "NORMAL", ("1 WORK_HOUR", "1 WORK_HOUR", "3 WORK_DAY", None, "7 DAY")),
        ("DAILY", "URGENT", ("1 WORK_HOUR", "1 WORK_HOUR", "1.5 WORK_DAY", None, "7 DAY")),
        ("DAILY", "CRITICAL", ("1 WORK_HOUR", "1 WORK_HOUR", "1.5 WORK_DAY", None, "7 DAY")),
        ("KEY_WORK", "NORMAL", ("2 WORK_HOUR", "1 WORK_HOUR", "5 WORK_DAY", None, "15 DAY")),
        ("KEY_WORK", "URGENT", ("2 WORK_HOUR", "1 WORK_HOUR", "2.5 WORK_DAY", None, "15 DAY")),
        ("SERVICE", "NORMAL", ("1 WORK_DAY", "1 WORK_DAY", None, None, "30 DAY")),
        ("SERVICE", "CRITICAL", ("1 WORK_DAY", "1 WORK_DAY", None, None, "30 DAY")),
    ],
)
def test_the_default_limits_are_those_of_the_table(
    kind: str,
    urgency: str,
    expected: tuple[str | None, ...],
) -> None:
    """Each kind and urgency has the limits of domain.md (c), by its own row or by the fallback."""
    phases = ("ACCEPT", "SIGN", "ARRIVE", "FIRST_REPORT", "HANDLE")
    assert [limit(phase, kind, urgency) for phase in phases] == list(expected)


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("REVIEW", "1 WORK_DAY"),
        ("BLOW", "1 WORK_DAY"),
        ("RESUBMIT", "1 WORK_DAY"),
        ("SELF_HANDLING", "7 DAY"),
        ("START_ACTION", "30 MINUTE"),
        ("OBJECT", "4 WORK_HOUR"),
        ("RULE", "1 WORK_DAY"),
        ("SUSPENSION_REVIEW", "90 DAY"),
        ("CHECK", "1 WORK_DAY"),
        ("EVALUATE", "3 WORK_DAY"),
        ("FEEDBACK", "1 WORK_DAY"),
        ("CALLBACK", "1 DAY"),
        ("APPEAL", "5 WORK_DAY"),
        ("REOPEN", "30 DAY"),
        ("SUPERVISE", "1 WORK_DAY"),
        ("CIRCULATE", "5 WORK_DAY"),
        ("NOTICE_UNANSWERED", "1 WORK_HOUR"),
    ],
)
def test_a_phase_of_any_kind_has_one_limit_also_before_the_kind_is_fixed(phase: str, expected: str) -> None:
    """Rows of any kind serve a whistle under review and every kind without a row of its own."""
    assert limit(phase) == expected
    assert limit(phase, "DAILY") == expected
    assert limit(phase, "KEY_WORK", "URGENT") == expected


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("REVIEW", "15 MINUTE"),
        ("RATIFY", "24 EMERGENCY_HOUR"),
        ("NOTICE_UNANSWERED", "5 MINUTE"),
        ("OBJECT", "4 WORK_HOUR"),
        ("ARRIVE_SECOND", "60 MINUTE"),
    ],
)
def test_an_emergency_has_its_own_limits_at_every_urgency(phase: str, expected: str) -> None:
    """Review, ratification and unanswered notices of an emergency are quick; objection is not."""
    assert {limit(phase, "EMERGENCY", urgency) for urgency in (None, *Urgency)} == {expected}


def test_only_the_half_hour_is_given_as_a_pinggu_rule() -> None:
    """Whatever else is in the catalogue says that it is borrowed or ours."""
    official = {(rule.phase, rule.amount, rule.unit) for rule in DEFAULT.rules if rule.source.startswith("Pinggu")}
    assert official == {(Phase.ARRIVE, Decimal(30), TimeUnit.MINUTE)}
    others = [rule.source for rule in DEFAULT.rules if not rule.source.startswith("Pinggu")]
    assert all(source.startswith(("borrowed: ", "ours [P]")) for source in others)
    assert all("[P]" in rule.source for rule in DEMO.rules)


def test_a_limit_we_derive_says_so_in_its_source() -> None:
    """Halving and doubling are ours, whatever the row they start from."""
    halved = DEFAULT.find(WhistleKind.DAILY, Urgency.URGENT, Phase.ARRIVE)
    doubled = DEFAULT.find(WhistleKind.EMERGENCY, Urgency.NORMAL, Phase.ARRIVE_SECOND)
    assert halved
    assert doubled
    assert halved.source == "borrowed: Nanjing Gulou [A10], halved for URGENT: ours [P]"
    assert doubled.source == "Pinggu [A1][A2], twice the first: ours [P]"


@pytest.mark.parametrize("limits", [DEFAULT, DEMO], ids=lambda limits: limits.profile)
def test_nobody_waits_without_a_clock(limits: Limits) -> None:
    """Only a service's arrival, the ratification of non-emergencies and ordinary first reports have no rule."""
    assert {(kind, phase) for kind, _, phase in limits.gaps()} == {
        (WhistleKind.SERVICE, Phase.ARRIVE),
        *((kind, Phase.RATIFY) for kind in WhistleKind if kind is not WhistleKind.EMERGENCY),
        *((kind, Phase.FIRST_REPORT) for kind in WhistleKind if kind is not WhistleKind.EMERGENCY),
    }


def test_the_demo_counts_seconds_and_only_an_emergencys_arrival_is_under_a_minute() -> None:
    """Five and ten seconds for an emergency's arrival, everything else sixty or more."""
    assert {rule.unit for rule in DEMO.rules} == {TimeUnit.SECOND}
    short = {(rule.kind, rule.phase): rule.amount for rule in DEMO.rules if rule.amount < 60}
    assert short == {
        (WhistleKind.EMERGENCY, Phase.ARRIVE): 5,
        (WhistleKind.EMERGENCY, Phase.ARRIVE_SECOND): 10,
    }
    for kind, urgency in ((kind, urgency) for kind in WhistleKind for urgency in Urgency):
        first = DEMO.find(kind, urgency, Phase.ARRIVE)
        assert kind is WhistleKind.EMERGENCY or first is None or first.amount >= 60


def test_an_emergency_is_due_in_half_an_hour_of_wall_clock() -> None:
    """Dispatched on the night of Spring Festival it is due thirty minutes later, reminded at 15 and 24."""
    night = at("02-17 02:00")
    found = deadline(
        Phase.ARRIVE,
        kind=WhistleKind.EMERGENCY,
        urgency=Urgency.CRITICAL,
        start=night,
        limits=DEFAULT,
        calendar=CALENDAR,
    )
    assert found == Deadline(
        started_at=night,
        due_at=at("02-17 02:30"),
        remind_at=(at("02-17 02:15"), at("02-17 02:24")),
        supervise_at=at("02-25 09:00"),
        circulate_at=at("03-02 09:00"),
    )


def test_a_working_limit_is_reminded_in_working_time() -> None:
    """Half and four fifths of three work days are counted in working hours, not over the night."""
    found = due(Phase.ARRIVE, WhistleKind.DAILY)
    assert found.due_at == at("11-27 10:00")
    assert found.remind_at == (at("11-25 15:00"), at("11-26 14:12"))
    assert (found.supervise_at, found.circulate_at) == (at("11-30 10:00"), at("12-04 10:00"))
    assert not found.estimated


def test_the_second_arrival_limit_is_twice_the_first() -> None:
    """Without a row of its own it has the double amount, halved kinds included."""
    assert due(Phase.ARRIVE_SECOND, WhistleKind.EMERGENCY).due_at == at("11-24 11:00")
    assert due(Phase.ARRIVE_SECOND, WhistleKind.DAILY).due_at == at("12-02 10:00")
    assert due(Phase.ARRIVE_SECOND, WhistleKind.DAILY, Urgency.URGENT).due_at == at("11-27 10:00")


def test_a_later_assembly_time_is_the_arrival_limit_and_the_second_limit_follows_it() -> None:
    """A unit called for Monday is not late on Friday, and its second limit leaves the rule's time once more."""
    monday = at("11-30 14:00")
    assert due(Phase.ARRIVE, WhistleKind.DAILY, not_before=monday).due_at == monday
    assert due(Phase.ARRIVE_SECOND, WhistleKind.DAILY, not_before=monday).due_at == at("12-03 14:00")


def test_an_earlier_assembly_time_leaves_the_rules_own_limit() -> None:
    """The assembly time never shortens a limit."""
    tomorrow = at("11-25 09:00")
    assert due(Phase.ARRIVE, WhistleKind.DAILY, not_before=tomorrow) == due(Phase.ARRIVE, WhistleKind.DAILY)
    assert due(Phase.ARRIVE_SECOND, WhistleKind.DAILY, not_before=tomorrow).due_at == at("12-02 10:00")


def test_a_service_arrives_at_its_assembly_time_or_has_no_arrival_clock() -> None:
    """Without a time to come, or with one already past, no arrival limit of a service can run."""
    for phase in (Phase.ARRIVE, Phase.ARRIVE_SECOND):
        for assemble_at in (None, at("11-23 09:00")):
            assert (
                deadline(
                    phase,
                    kind=WhistleKind.SERVICE,
                    urgency=Urgency.NORMAL,
                    start=TUESDAY,
                    limits=DEFAULT,
                    calendar=CALENDAR,
                    not_before=assemble_at,
                )
                is None
            )
    assert due(Phase.ARRIVE, WhistleKind.SERVICE, not_before=at("11-28 14:00")).due_at == at("11-28 14:00")
    assert due(Phase.ARRIVE_SECOND, WhistleKind.SERVICE, not_before=at("11-28 14:00")).due_at == at("12-01 09:00")


def test_signing_never_ends_after_arrival() -> None:
    """A service called for this afternoon is signed by then, though its rule gives a day."""
    assert due(Phase.SIGN, WhistleKind.SERVICE).due_at == at("11-25 10:00")
    assert due(Phase.SIGN, WhistleKind.SERVICE, not_before=at("11-24 14:00")).due_at == at("11-24 14:00")


def test_a_phase_before_arrival_is_capped_in_every_profile_but_the_demo() -> None:
    """A profile that lets signing last longer than arriving is held to arriving; the demo is not."""
    rows = (
        (None, None, Phase.SIGN, "60", TimeUnit.SECOND),
        (None, None, Phase.ACCEPT, "60", TimeUnit.SECOND),
        (None, None, Phase.ARRIVE, "5", TimeUnit.SECOND),
    )
    for profile, seconds in (("own", 5), ("demo", 60)):
        for phase in (Phase.SIGN, Phase.ACCEPT):
            found = deadline(
                phase,
                kind=WhistleKind.EMERGENCY,
                urgency=Urgency.NORMAL,
                start=TUESDAY,
                limits=rules(*rows, profile=profile),
                calendar=CALENDAR,
                no_later_than=TUESDAY + timedelta(seconds=5),
            )
            assert found
            assert found.due_at - TUESDAY == timedelta(seconds=seconds)


def test_the_sources_own_limit_caps_handling_unless_it_has_passed() -> None:
    """An earlier source_due_at is the limit; a later or past one leaves the rule's."""
    own = due(Phase.HANDLE, WhistleKind.DAILY)
    assert due(Phase.HANDLE, WhistleKind.DAILY, no_later_than=at("11-26 10:00")).due_at == at("11-26 10:00")
    assert due(Phase.HANDLE, WhistleKind.DAILY, no_later_than=at("12-26 10:00")) == own
    assert due(Phase.HANDLE, WhistleKind.DAILY, no_later_than=TUESDAY) == own


def test_a_limit_reaching_into_2027_is_estimated_unless_it_runs_by_the_wall_clock() -> None:
    """Only a limit that needs the unpublished calendar is marked."""
    eve = at("12-31 16:00")
    for kind, estimated in ((WhistleKind.DAILY, True), (WhistleKind.EMERGENCY, False)):
        found = deadline(Phase.ARRIVE, kind=kind, urgency=Urgency.NORMAL, start=eve, limits=DEFAULT, calendar=CALENDAR)
        assert found
        assert found.estimated is estimated


def test_a_deadline_without_the_ladder_is_only_a_due_time() -> None:
    """Windows and party members' posts are neither reminded nor supervised."""
    found = deadline(
        Phase.OBJECT, kind=None, urgency=None, start=TUESDAY, limits=DEFAULT, calendar=CALENDAR, ladder=False
    )
    assert found == Deadline(started_at=TUESDAY, due_at=at("11-24 15:00"))


def test_a_time_set_by_a_person_gets_reminders_and_ladder() -> None:
    """An extension is reminded by the wall clock, or in working time where its phase counts so."""
    wall = deadline_at(at("11-26 10:00"), start=TUESDAY, limits=DEFAULT, calendar=CALENDAR)
    working = deadline_at(at("11-26 10:00"), start=TUESDAY, limits=DEFAULT, calendar=CALENDAR, working=True)
    assert wall.remind_at == (at("11-25 10:00"), at("11-26 00:24"))
    assert working.remind_at == (at("11-25 10:00"), at("11-25 15:48"))
    assert wall.supervise_at == working.supervise_at == at("11-27 10:00")


def test_a_working_limit_without_working_time_is_reminded_by_the_wall_clock() -> None:
    """Over a weekend there are no working hours to divide."""
    found = deadline_at(at("11-29 10:00"), start=at("11-28 10:00"), limits=DEFAULT, calendar=CALENDAR, working=True)
    assert found.remind_at == (at("11-28 22:00"), at("11-29 05:12"))


def test_a_time_already_past_has_no_reminders() -> None:
    """A limit set in the past is simply late."""
    assert deadline_at(at("11-23 10:00"), start=TUESDAY, limits=DEFAULT, calendar=CALENDAR).remind_at == ()


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "1E+999999999", "100000", "0.0001"])
def test_an_amount_that_is_no_limit_is_refused(amount: str) -> None:
    """Nothing, less than nothing, endless and ten years' limits are no rules."""
    with pytest.raises(ValidationError):
        rules((None, None, Phase.SIGN, amount, TimeUnit.DAY))


def test_two_rules_for_one_thing_are_refused() -> None:
    """A profile cannot contradict itself."""
    with pytest.raises(ValidationError, match="two rules"):
        rules((None, None, Phase.SIGN, "1", TimeUnit.DAY), (None, None, Phase.SIGN, "2", TimeUnit.DAY))


def test_a_rule_of_another_profile_is_refused() -> None:
    """Profiles are not mixed."""
    with pytest.raises(ValidationError, match="another profile"):
        Limits(profile="own", rules=DEMO.rules)


@given(
    start=moments,
    phase=st.sampled_from(Phase),
    what=st.tuples(st.sampled_from(WhistleKind), st.sampled_from(Urgency)),
    limits=st.sampled_from([DEFAULT, DEMO]),
    assemble_after=st.none() | st.timedeltas(timedelta(), timedelta(days=40)),
)
def test_every_deadline_is_in_order_and_in_whole_milliseconds(
    start: datetime,
    phase: Phase,
    what: tuple[WhistleKind, Urgency],
    limits: Limits,
    assemble_after: timedelta | None,
) -> None:
    """Start, reminders, limit, supervision and circulation follow one another; none is early; JSON keeps them."""
    found = deadline(
        phase,
        kind=what[0],
        urgency=what[1],
        start=start,
        limits=limits,
        calendar=CALENDAR,
        not_before=None if assemble_after is None else start + assemble_after,
    )
    if found is None:
        return
    assert found.supervise_at
    assert found.circulate_at
    times = [found.started_at, *found.remind_at, found.due_at, found.supervise_at, found.circulate_at]
    assert times == sorted(set(times))
    assert start <= found.started_at < start + timedelta(milliseconds=1)
    assert all(time.tzinfo is UTC and time.microsecond % 1000 == 0 for time in times)
    assert Deadline.model_validate_json(found.model_dump_json()) == found


@given(
    start=moments,
    kind=st.sampled_from(WhistleKind),
    urgency=st.sampled_from(Urgency),
    after=st.timedeltas(timedelta(), timedelta(days=40)),
)
def test_signing_arriving_and_the_second_limit_keep_their_order(
    start: datetime, kind: WhistleKind, urgency: Urgency, after: timedelta
) -> None:
    """Whatever the assembly time, one signs by the arrival limit and the second limit comes after the first."""
    sign, first, second = (
        deadline(
            phase, kind=kind, urgency=urgency, start=start, limits=DEFAULT, calendar=CALENDAR, not_before=start + after
        )
        for phase in (Phase.SIGN, Phase.ARRIVE, Phase.ARRIVE_SECOND)
    )
    assert sign
    if first is None:
        assert second is None
    else:
        assert second
        assert sign.due_at <= first.due_at < second.due_at
