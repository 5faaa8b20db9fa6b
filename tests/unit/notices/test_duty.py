"""The duty roster: somebody is always found, and the right one first."""

from datetime import UTC, datetime, time

import pytest

from domain.catalogue_files import CatalogueInvalidError, parse_contacts, parse_roster
from domain.duty import Duty, DutyLevel, Hours, Recipient, Shift
from domain.working_time import BEIJING, WorkCalendar
from starter.calendar_seed import official_days

CALENDAR = WorkCalendar.of(official_days())
CONTACTS = "organisation,person,name,channel,address,urgent_only\n"
ROSTER = "organisation,days,opens,closes,officer,backup,leader\n"
EVERYBODY = ("day", "night", "backup", "chief", "holiday", "room")


def at(text: str) -> datetime:
    """A time in Beijing."""
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


@pytest.fixture
def duty() -> Duty:
    """A department with days, nights and a holiday."""
    contacts = parse_contacts(CONTACTS + "\n".join(f"water,{p},{p},sms,1380000,false" for p in EVERYBODY))
    roster = parse_roster(
        ROSTER
        + "water,workdays,09:00,18:00,day|room,backup,chief\n"
        + "water,daily,18:00,09:00,night,,chief\n"
        + "water,2026-10-01/2026-10-07,00:00,00:00,holiday,,\n"
    )
    return Duty(contacts=tuple(contacts), shifts=tuple(roster))


@pytest.mark.parametrize(
    ("when", "officers"),
    [
        ("2026-11-24T10:00", ["day", "room"]),
        ("2026-11-24T17:59:59", ["day", "room"]),
        ("2026-11-24T18:00", ["night"]),
        ("2026-11-25T03:00", ["night"]),
        ("2026-11-25T08:59", ["night"]),
        ("2026-10-10T10:00", ["day", "room"]),
        ("2026-10-03T10:00", ["holiday"]),
        ("2026-10-03T23:00", ["holiday"]),
    ],
)
def test_the_shift_of_the_moment_names_the_officer(duty: Duty, when: str, officers: list[str]):
    """Nights belong to the day they begin on, 调休 is a working day, and dates come before all else."""
    found = duty.on_duty("water", [DutyLevel.OFFICER], at(when), CALENDAR)
    assert [one.person for one in found] == officers


def test_rows_of_the_same_rank_that_overlap_are_told_together():
    """Two teams that hand over to each other for an hour."""
    contacts = parse_contacts(CONTACTS + "water,a,甲,sms,1,\nwater,b,乙,sms,2,\n")
    roster = parse_roster(ROSTER + "water,daily,08:00,17:00,a,,\nwater,daily,16:00,24:00,b|a,,\n")
    duty = Duty(contacts=tuple(contacts), shifts=tuple(roster))
    told = {
        hour: [one.person for one in duty.on_duty("water", [DutyLevel.OFFICER], at(f"2026-11-24T{hour}"), CALENDAR)]
        for hour in ("10:00", "16:30", "23:59")
    }
    assert told == {"10:00": ["a"], "16:30": ["a", "b"], "23:59": ["b", "a"]}


@pytest.mark.parametrize(
    ("when", "person"),
    [
        ("2026-09-30T23:00", "night"),
        ("2026-10-01T03:00", "night"),
        ("2026-10-01T10:00", "feast"),
        ("2026-10-07T23:00", "feast"),
        ("2026-10-08T03:00", "feast"),
        ("2026-10-08T10:00", "day"),
        ("2026-10-10T10:00", "day"),
        ("2026-10-11T10:00", "feast"),
    ],
)
def test_holidays_and_the_nights_around_them_follow_the_calendar(when: str, person: str):
    """国庆节: a night belongs to the day on which it began, and a Saturday that is worked is a working day."""
    contacts = parse_contacts(CONTACTS + "\n".join(f"water,{p},{p},sms,1,false" for p in ("day", "night", "feast")))
    lines = (
        "water,workdays,08:00,18:00,day,,",
        "water,workdays,18:00,08:00,night,,",
        "water,holidays,08:00,08:00,feast,,",
    )
    duty = Duty(contacts=tuple(contacts), shifts=tuple(parse_roster(ROSTER + "\n".join(lines))))
    found = duty.on_duty("water", [DutyLevel.OFFICER], at(when), CALENDAR)
    assert [one.person for one in found] == [person]


def test_whoever_asks_from_another_time_zone_finds_the_shift_of_beijing(duty: Duty):
    """18:00 there is 10:00 in London."""
    for moment in (at("2026-11-24T18:00"), datetime(2026, 11, 24, 10, 0, tzinfo=UTC)):
        assert [o.person for o in duty.on_duty("water", [DutyLevel.OFFICER], moment, CALENDAR)] == ["night"]
    assert Hours.read("22:00-07:00").cover(datetime(2026, 11, 24, 22, 59, tzinfo=UTC))
    assert not Hours.read("22:00-07:00").cover(datetime(2026, 11, 24, 23, 0, tzinfo=UTC))


def test_where_nobody_is_on_duty_everybody_is_told(duty: Duty):
    """Saturday at noon has no shift: better all than nobody."""
    found = duty.on_duty("water", [DutyLevel.OFFICER], at("2026-11-28T12:00"), CALENDAR)
    assert [one.person for one in found] == list(EVERYBODY)


def test_an_organisation_without_contacts_has_nobody(duty: Duty):
    """The caller then says so in the log."""
    assert duty.on_duty("police", [DutyLevel.OFFICER], at("2026-11-24T10:00"), CALENDAR) == []


def test_levels_are_told_together_and_an_empty_one_falls_to_the_officer(duty: Duty):
    """Each person once."""
    both = duty.on_duty("water", [DutyLevel.OFFICER, DutyLevel.LEADER], at("2026-11-24T10:00"), CALENDAR)
    assert [(one.person, one.level) for one in both] == [
        ("day", DutyLevel.OFFICER),
        ("room", DutyLevel.OFFICER),
        ("chief", DutyLevel.LEADER),
    ]
    backup = duty.on_duty("water", [DutyLevel.BACKUP], at("2026-11-24T20:00"), CALENDAR)
    assert [(one.person, one.level) for one in backup] == [("night", DutyLevel.OFFICER)]


def test_an_unanswered_notice_climbs_over_levels_that_are_empty(duty: Duty):
    """Officer, backup, leader by day; straight to the leader by night; then nobody."""
    day, night = at("2026-11-24T10:00"), at("2026-11-24T20:00")
    assert duty.next_above("water", DutyLevel.OFFICER, day, CALENDAR)[0] is DutyLevel.BACKUP
    assert duty.next_above("water", DutyLevel.BACKUP, day, CALENDAR)[0] is DutyLevel.LEADER
    assert duty.next_above("water", DutyLevel.OFFICER, night, CALENDAR)[0] is DutyLevel.LEADER
    assert duty.next_above("water", DutyLevel.LEADER, day, CALENDAR) is None
    assert duty.next_above("police", DutyLevel.OFFICER, day, CALENDAR) is None


def test_whoever_has_no_contact_is_named_and_not_relied_on(duty: Duty):
    """A roster may be ahead of the contacts."""
    shift = Shift(organisation="water", days="daily", opens=time(0), closes=time(0), officer=("stranger", "day"))
    known = duty.model_copy(update={"shifts": (shift,)})
    assert known.unreachable() == ["water/stranger"]
    assert known.on_duty("water", [DutyLevel.OFFICER], at("2026-11-24T10:00"), CALENDAR) == [Recipient("water", "day")]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("water,sometimes,09:00,18:00,a,,", "days"),
        ("water,mon|fry,09:00,18:00,a,,", "days"),
        ("water,2026-10-07/2026-10-01,09:00,18:00,a,,", "days"),
        ("water,2026-13-01,09:00,18:00,a,,", "days"),
        ("water,daily,9,18:00,a,,", "opens"),
        ("water,daily,09:00,18:00,,,", "officer"),
        ("water,daily,09:00,18:00,李 明,,", "officer"),
        ("w/a,daily,09:00,18:00,a,,", "organisation"),
    ],
)
def test_a_faulty_roster_is_refused_by_line_and_column(line: str, column: str):
    """Nothing of the file is used."""
    with pytest.raises(CatalogueInvalidError) as refused:
        parse_roster(ROSTER + line)
    assert [(fault.line, fault.column) for fault in refused.value.errors] == [(2, column)]


def test_one_person_has_one_address_in_a_channel():
    """The second one is a fault."""
    with pytest.raises(CatalogueInvalidError, match="repeats line 2"):
        parse_contacts(CONTACTS + "water,a,甲,sms,1,\nwater,a,甲,sms,2,\n")


@pytest.mark.parametrize(
    ("hours", "when", "covered"),
    [
        ("22:00-07:00", "23:00", True),
        ("22:00-07:00", "06:59", True),
        ("22:00-07:00", "07:00", False),
        ("12:00-14:00", "13:00", True),
        ("12:00-14:00", "14:00", False),
    ],
)
def test_quiet_hours_may_reach_over_midnight(hours: str, when: str, *, covered: bool):
    """In Beijing's time; holidays are quiet at the same hours."""
    for day in ("2026-11-24", "2026-10-01"):
        assert Hours.read(hours).cover(at(f"{day}T{when}")) is covered


@pytest.mark.parametrize(
    ("when", "end"),
    [
        ("2026-11-24T23:00", "2026-11-25T07:00"),
        ("2026-11-25T06:59", "2026-11-25T07:00"),
        ("2026-11-25T07:00", "2026-11-26T07:00"),
        ("2026-12-31T22:00", "2027-01-01T07:00"),
    ],
)
def test_quiet_hours_are_over_on_the_next_morning(when: str, end: str):
    """Over midnight and over the year."""
    assert Hours.read("22:00-07:00").end_after(at(when)) == at(end)
