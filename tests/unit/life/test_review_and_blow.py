"""哨源、研判、吹哨、追认: what the township that whistles decides."""

import pytest

from domain import events as e
from domain.clocks import running
from domain.errors import InvalidError, MoveNotAllowedError, NotYourOrganisationError, RoleNotAllowedError
from domain.vocabulary import Outcome, Phase, ReportInState, SignalType, State, SupervisionLevel
from tests.life import Life


def phases(life: Life) -> set[Phase]:
    """The phases whose clocks run."""
    return {clock.phase for clock in running(life.whistle)}


def test_an_ordinary_whistle_waits_for_the_leader_and_sounds_standby_without_a_clock():
    """Proposed responders hear 预备哨, but no clock binds them yet."""
    life = Life().proposed("water", "police")
    assert life.whistle.state is State.PROPOSED
    assert life.last(e.SignalSounded).signal is SignalType.STANDBY
    assert life.last(e.SignalSounded).audience == ("water", "police")
    assert life.whistle.report_ins == ()
    assert phases(life) == {Phase.BLOW}


def test_an_emergency_is_dispatched_by_its_whistle():
    """No approval first: 集结哨, and signing and arrival run from here."""
    life = Life().emergency("planning", "water")
    assert life.whistle.state is State.BLOWN
    assert life.whistle.step == 3
    assert life.last(e.SignalSounded).signal is SignalType.ASSEMBLE
    assert [r.role.value for r in life.whistle.report_ins] == ["LEAD", "COOPERATING"]
    assert phases(life) >= {Phase.ACCEPT, Phase.RATIFY, Phase.SIGN, Phase.ARRIVE}
    assert (life.whistle.report_ins[0].due(Phase.ARRIVE) - life.now).total_seconds() == 30 * 60


def test_an_emergency_nobody_accepts_assembles_as_proposed_after_five_minutes():
    """The platform's silence does not hold an emergency back."""
    life = Life().emergency("planning", "water")
    assert life.wait(minutes=5).state is State.ASSEMBLING
    assert life.last(e.WhistleAccepted).by_default
    assert life.whistle.lead == "planning"


def test_an_ordinary_whistle_nobody_accepts_urges_the_platform():
    """Without acceptance an ordinary whistle stays blown, and the platform is urged."""
    life = Life().blown("water")
    life.wait(hours=2)
    assert life.whistle.state is State.BLOWN
    assert life.whistle.open_supervisions[0].organisation == "platform"
    assert life.whistle.supervision_level is SupervisionLevel.URGE


def test_a_refusal_to_ratify_never_stops_the_action():
    """不予追认 counts a false alarm; the responders go on."""
    life = Life().emergency("water")
    before = life.whistle.report_ins
    life.do("leader@jinhaihu", "decline", reason="误报")
    assert life.whistle.ratified is False
    assert life.whistle.state is State.BLOWN
    assert life.whistle.report_ins == before
    assert life.arrive("water").whistle.report_in("water").state is ReportInState.ARRIVED
    with pytest.raises(MoveNotAllowedError):
        life.do("leader@jinhaihu", "ratify")


def test_ratification_stays_open_while_returned_and_urges_the_township_when_late():
    """An emergency may be ratified in any open state from BLOWN on."""
    life = Life().emergency("water")
    life.do("platform", "return_whistle", reason="DUPLICATE")
    assert Phase.RATIFY in phases(life)
    life.wait(hours=24)
    assert any(s.organisation == "jinhaihu" and s.phase is Phase.RATIFY for s in life.whistle.open_supervisions)
    assert life.do("leader@jinhaihu", "ratify").ratified is True
    assert Phase.RATIFY not in phases(life)


def test_only_an_emergency_is_ratified():
    """An ordinary whistle has been approved before."""
    life = Life().assembling("water")
    with pytest.raises(MoveNotAllowedError):
        life.do("leader@jinhaihu", "ratify")


def test_declining_an_ordinary_whistle_returns_it_to_the_review():
    """不同意吹哨: the clerk reviews anew, on a fresh clock."""
    life = Life().proposed("water")
    assert life.do("leader@jinhaihu", "decline", reason="镇里能办").state is State.SOURCED
    assert phases(life) == {Phase.REVIEW}


def test_a_self_handled_matter_is_open_until_its_reply_and_callback():
    """街乡自办 is not done until the resident is answered and called back."""
    life = Life()
    life.do("clerk@jinhaihu", "review", decision="SELF_HANDLE", reason="镇里能办")
    assert life.whistle.state is State.SELF_HANDLED
    life.do("clerk@jinhaihu", "feedback", reply="已清理", via="PHONE")
    assert life.whistle.state is State.SELF_HANDLED
    life.do("source@12345", "callback", reached=True, solved=True, satisfaction="FAIR")
    assert life.whistle.state is State.CLOSED
    assert life.whistle.outcome is Outcome.RESOLVED


def test_a_self_handled_matter_without_reporter_closes_with_its_reply():
    """Without a reporter no callback follows."""
    life = Life(reporter=None)
    life.do("clerk@jinhaihu", "review", decision="SELF_HANDLE", reason="镇里能办")
    life.do("clerk@jinhaihu", "feedback", reply="已清理", via="APP", outcome="PARTLY")
    assert life.whistle.state is State.CLOSED
    assert life.whistle.outcome is Outcome.PARTLY


def test_a_self_handled_matter_may_still_become_a_whistle():
    """What the township cannot do itself is whistled for after all."""
    life = Life()
    life.do("clerk@jinhaihu", "review", decision="SELF_HANDLE", reason="镇里能办")
    assert life.proposed("water").whistle.state is State.PROPOSED


def test_a_returned_whistle_may_be_handled_by_the_township_or_sent_again():
    """After a return the clerk resubmits, self-handles or merges."""
    life = Life().returned("water")
    assert set(life.allowed("clerk@jinhaihu")) >= {"resubmit", "review", "merge"}
    life.do("clerk@jinhaihu", "resubmit", proposed_responders=["police"], item_code="A-12")
    assert life.whistle.state is State.PROPOSED
    assert life.whistle.proposed == ("police",)
    assert life.whistle.item_code == "A-12"
    with pytest.raises(MoveNotAllowedError):
        Life().returned("water").do("clerk@jinhaihu", "review", decision="REJECT", reason="x", rejection="UNFOUNDED")


def test_a_returned_emergency_withdraws_its_responders_and_dispatches_anew():
    """Return ends the report-ins, resubmission dispatches with fresh clocks."""
    life = Life().emergency("water", "police")
    life.arrive("water")
    life.wait(minutes=3)
    life.do("platform", "return_whistle", reason="WITHIN_TOWNSHIP_POWER")
    states = {r.responder: r.state for r in life.whistle.report_ins}
    assert states == {"water": ReportInState.RELEASED, "police": ReportInState.WITHDRAWN}
    assert life.last(e.SignalSounded).signal is SignalType.FINAL
    assert life.last(e.SignalSounded).audience == ("water",)
    life.wait(minutes=5)
    life.do("clerk@jinhaihu", "resubmit")
    assert life.whistle.state is State.BLOWN
    assert {r.state for r in life.whistle.report_ins} == {ReportInState.NOTIFIED}
    assert life.whistle.report_ins[0].notified_at == life.now


def test_an_emergency_is_never_returned_as_incomplete():
    """Details follow while it is handled."""
    with pytest.raises(InvalidError):
        Life().emergency("water").do("platform", "return_whistle", reason="INCOMPLETE")


def test_a_transfer_gives_the_matter_to_another_township():
    """The new township reviews; the old one no longer may."""
    life = Life()
    life.do("clerk@jinhaihu", "review", decision="TRANSFER", reason="属马坊", transfer_to="mafang")
    assert life.whistle.township == "mafang"
    with pytest.raises(NotYourOrganisationError):
        life.proposed("water")
    assert life.proposed("water", by="clerk@mafang").whistle.state is State.PROPOSED


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "TRANSFER", "reason": "x", "transfer_to": "water"}, "transfer_to"),
        ({"decision": "TRANSFER", "reason": "x", "transfer_to": "jinhaihu"}, "transfer_to"),
        ({"decision": "MERGE", "reason": "x", "merge_into": "12345:unknown"}, "merge_into"),
        ({"decision": "MERGE", "reason": "x", "merge_into": "12345:20261124000123"}, "merge_into"),
        ({"decision": "MERGE", "reason": "x"}, ""),
        ({"decision": "REJECT", "reason": "x"}, ""),
        ({"decision": "SELF_HANDLE"}, ""),
        ({"decision": "WHISTLE", "kind": "DAILY", "urgency": "NORMAL"}, ""),
        ({"decision": "WHISTLE", "kind": "EMERGENCY", "urgency": "CRITICAL", "tier": "GENERAL"}, ""),
        (
            {
                "decision": "WHISTLE",
                "kind": "DAILY",
                "urgency": "NORMAL",
                "tier": "GENERAL",
                "proposed_responders": ["no-such-office"],
            },
            "proposed_responders",
        ),
        (
            {
                "decision": "WHISTLE",
                "kind": "DAILY",
                "urgency": "NORMAL",
                "tier": "GENERAL",
                "proposed_responders": ["mafang"],
            },
            "proposed_responders",
        ),
    ],
)
def test_a_review_that_does_not_fit_is_refused_by_field(body, field):
    """Each misfit names its field and changes nothing."""
    life = Life()
    with pytest.raises(InvalidError) as refused:
        life.do("clerk@jinhaihu", "review", **body)
    assert refused.value.errors[0]["field"] == field
    assert len(life.trail) == 1


def test_an_unusual_tier_is_noted_but_never_refused():
    """Tier is advice (四级处置)."""
    life = Life().proposed("water", tier="GENERAL")
    assert life.last(e.WhistleProposed).tier_unusual


@pytest.mark.parametrize("stage", ["proposed", "blown", "assembling", "returned"])
def test_a_whistle_merges_before_the_action(stage):
    """并案 ends the report-ins and the whistle follows its parent."""
    life = getattr(Life(), stage)("water")
    life.do("platform", "merge", merge_into="12345:other")
    assert life.whistle.state is State.MERGED
    assert life.whistle.outcome is Outcome.DUPLICATE
    assert life.whistle.merged_into == "12345:other"
    assert not any(r.active for r in life.whistle.report_ins)


def test_a_whistle_in_action_no_longer_merges():
    """Before IN_ACTION only."""
    with pytest.raises(MoveNotAllowedError):
        Life().in_action("water").do("clerk@jinhaihu", "merge", merge_into="12345:other")


def test_repeated_calls_are_counted_and_never_a_new_whistle():
    """Append changes no state."""
    life = Life().assembling("water")
    life.do("source@12345", "append", text="又来电", kind="REPEATED_CALL")
    life.do("clerk@jinhaihu", "append", text="补充", kind="MORE")
    assert life.whistle.repeated_calls == 1
    assert life.whistle.state is State.ASSEMBLING


def test_private_text_never_enters_an_event():
    """What the resident said stays beside the command, out of the trail's data."""
    life = Life()
    life.do("source@12345", "append", text="住在某处的某人", kind="MORE", note="私下")
    assert "某人" not in life.trail[-1].model_dump_json()


def test_who_may_register_is_the_chain_s_to_say():
    """A source its own, a township its own, nobody another's."""
    with pytest.raises(NotYourOrganisationError):
        Life(by="source@12345", source_system="other")
    with pytest.raises(NotYourOrganisationError):
        Life(by="clerk@mafang", source_system="mafang", township="jinhaihu")
    with pytest.raises(RoleNotAllowedError):
        Life(by="department@water", source_system="water")
    assert Life(by="grid@jinhaihu", source_system="jinhaihu", channel="GRID").whistle.state is State.SOURCED


@pytest.mark.parametrize(
    ("who", "error"),
    [
        ("clerk@mafang", NotYourOrganisationError),
        ("leader@jinhaihu", RoleNotAllowedError),
        ("platform", RoleNotAllowedError),
        ("department@water", RoleNotAllowedError),
        ("admin", RoleNotAllowedError),
    ],
)
def test_only_the_township_s_clerk_reviews(who, error):
    """A wrong role and a wrong organisation are told apart."""
    with pytest.raises(error):
        Life().do(who, "review", decision="SELF_HANDLE", reason="x")


def test_general_enforcement_by_one_unit_is_not_unusual_and_a_reason_is_kept():
    """一般性执法 fits one unit; what a mismatch gives as its reason stands in the trail."""
    assert not Life().proposed("water", tier="GENERAL_ENFORCEMENT").last(e.WhistleProposed).tier_unusual
    life = Life().proposed("water", "police", tier="GENERAL_ENFORCEMENT", reason="跨两条线")
    assert life.last(e.WhistleProposed).tier_unusual
    assert life.last(e.WhistleProposed).reason == "跨两条线"


def test_an_emergency_returned_and_handled_by_the_township_is_still_to_be_ratified():
    """追认 is open until CLOSED to whatever was blown, and to nothing that was not."""
    life = Life().emergency("water")
    life.do("platform", "return_whistle", reason="WITHIN_TOWNSHIP_POWER")
    life.do("clerk@jinhaihu", "review", decision="SELF_HANDLE", reason="镇里能办")
    assert Phase.RATIFY in phases(life)
    assert life.do("leader@jinhaihu", "decline", reason="误报").ratified is False
    never = Life(kind="EMERGENCY")
    never.do("clerk@jinhaihu", "review", decision="SELF_HANDLE", reason="镇里能办")
    with pytest.raises(MoveNotAllowedError):
        never.do("leader@jinhaihu", "ratify")
