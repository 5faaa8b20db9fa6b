"""Nothing more after the cause has ended, and nobody twice: what a channel that was down for long must not say late."""

from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import catalogues
from domain.chains import Chain
from domain.evolve import evolve
from domain.notice_templates import parse_templates
from domain.notices import Notice, notices
from domain.summaries import local_time
from tests.life import Life, rules
from tests.random_lives import lives
from tests.unit.life.test_chains import branch, lead_department, village
from tests.unit.notices.test_table import by, told

SUSPENSION = {"reason": "待批复", "review_at": "2026-12-20T00:00:00Z"}
EXTENSION = {"phase": "ARRIVAL", "until": "2026-12-20T00:00:00Z", "reason": "人员不足"}
CHAINS = {
    Chain.TOWNSHIP_CALLS: lambda: Life().assembling(),
    Chain.LEAD_DEPARTMENT_CALLS: lambda: lead_department("police"),
    Chain.VILLAGE_CALLS: village,
}


def made_by(life: Life, who: str, command: str, **body: Any) -> list[Notice]:
    """The notices of one command."""
    before = len(life.trail)
    life.do(who, command, **body)
    return told(life, before)


def twice(life: Life) -> list[tuple[str, str | None, str | None]]:
    """What somebody is told twice of one event."""
    whistle, found = None, []
    for record in life.trail:
        whistle = evolve(whistle, record)
        made = notices(record, whistle, rules().organisations.name_of)
        heard = Counter((n.audience, n.template, n.fields.get("responder")) for n in made if n.template != "public")
        found += [key for key, count in heard.items() if count > 1]
    return found


@pytest.mark.parametrize("chain", CHAINS)
def test_who_reviews_and_responds_too_hears_of_a_suspension_once(chain: Chain):
    """A lead department, a township called by its village: as a responder."""
    life = CHAINS[chain]()
    for command, body in (("suspend", SUSPENSION), ("resume", {})):
        made = made_by(life, "platform", command, **body)
        assert set(Counter(n.audience for n in made).values()) == {1}
        assert {n.audience for n in made if "responder" in n.fields} == set(life.whistle.responders)


def test_a_township_hears_of_each_post_that_it_acts_for():
    """Two posts of one township are two calls."""
    life = branch()
    assert Counter(n.audience for n in by(told(life), "assemble"))["jinhaihu"] == len(life.whistle.responders)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives())
def test_no_life_tells_anybody_the_same_twice(life: Life):
    """Of one event, to one audience, about one responder."""
    assert twice(life) == []


@pytest.mark.parametrize(
    ("life", "asker", "audience"),
    [
        (lambda: lead_department("police"), "transport", "platform"),
        (lambda: lead_department("police"), "police", "transport"),
        (lambda: Life().assembling(), "water", "jinhaihu"),
    ],
)
def test_an_extension_is_asked_of_whoever_decides_it(life, asker: str, audience: str):
    """Nobody is asked to decide upon itself: then it is the platform."""
    lived = life()
    (asked,) = by(
        made_by(lived, f"department@{asker}", "request_extension", responder=asker, **EXTENSION), "extension_asked"
    )
    assert asked.audience == audience
    assert not asked.cause.has_ended(lived.whistle)
    decides = {"platform": "platform", "transport": "department@transport", "jinhaihu": "leader@jinhaihu"}
    lived.do(decides[audience], "decide_extension", responder=asker, granted=False)
    assert asked.cause.has_ended(lived.whistle)


def test_a_unit_that_is_called_again_is_not_told_late_that_it_may_stay():
    """An emergency that was returned and blown anew: the old 无需再到场 would keep it at home."""
    life = Life().emergency("water")
    (stay,) = by(made_by(life, "platform", "return_whistle", reason="DUPLICATE"), "stand_down")
    assert not stay.cause.has_ended(life.whistle)
    assert by(made_by(life, "clerk@jinhaihu", "resubmit", assembly_place="村口"), "assemble")
    assert stay.cause.has_ended(life.whistle)


def test_a_unit_that_must_come_back_is_not_told_late_that_it_may_leave():
    """终场哨, then reopened."""
    life = Life().closed("water")
    leave = by(told(life), "final")[-1]
    assert not leave.cause.has_ended(life.whistle)
    life.do("clerk@jinhaihu", "reopen", reason="问题反弹")
    assert leave.cause.has_ended(life.whistle)


def test_rework_is_asked_for_until_it_is_done():
    """Or the whistle ends."""
    life = Life().awaiting_check("water", "police")
    (rework,) = by(made_by(life, "clerk@jinhaihu", "check", passed=False, failed_responders=["water"]), "rework")
    assert (rework.audience, bool(rework.fields["deadline"])) == ("water", True)
    assert not rework.cause.has_ended(life.whistle)
    life.handle("water")
    assert rework.cause.has_ended(life.whistle)


def test_a_suspension_that_is_over_is_not_told_any_more():
    """Nor a resumption after the next suspension."""
    life = Life().assembling("water")
    suspended = by(made_by(life, "platform", "suspend", **SUSPENSION), "suspended")
    assert not any(notice.cause.has_ended(life.whistle) for notice in suspended)
    resumed = by(made_by(life, "platform", "resume"), "resumed")
    assert all(notice.cause.has_ended(life.whistle) for notice in suspended)
    assert not any(notice.cause.has_ended(life.whistle) for notice in resumed)
    life.do("platform", "suspend", **SUSPENSION)
    assert all(notice.cause.has_ended(life.whistle) for notice in resumed)


def test_two_reminders_of_one_limit_say_which_they_are():
    """At 50 % and 80 %: providers hide the second of two equal messages."""
    life = Life().emergency("water")
    before = len(life.trail)
    life.wait(minutes=25)
    found = [n for n in by(told(life, before), "remind") if (n.audience, n.fields["phase"]) == ("water", "报到")]
    assert [n.fields["point"] for n in found] == ["时限过半", "时限将至"]
    shipped = parse_templates(catalogues.read("notice_templates.toml"))
    deadline = local_time(datetime.fromisoformat(found[0].fields["deadline"]))
    texts = [shipped.render(n.template, n.fields | {"deadline": deadline}).text for n in found]
    assert len(set(texts)) == 2
    assert "报到时限过半" in texts[0]
