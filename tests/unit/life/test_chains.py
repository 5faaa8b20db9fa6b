"""The five chains: who registers, reviews, accepts, responds, checks."""

import pytest

from domain.authority import authorise_role, roles_for
from domain.commands import COMMANDS
from domain.errors import InvalidError, MoveNotAllowedError, NotYourOrganisationError, RoleNotAllowedError
from domain.vocabulary import Role, State, SupervisionLevel
from tests.life import OFFICERS, SCORES, Life


def handle(life: Life, who: str, responder: str) -> None:
    """Arrive and handle for one responder."""
    if life.whistle.state is State.ASSEMBLING:
        life.do(who, "arrive", responder=responder, officers=OFFICERS)
    else:
        life.do(who, "report_handling", responder=responder, result="RESOLVED", summary="x")


def act(life: Life, *pairs: tuple[str, str]) -> Life:
    """All arrive, then all handle."""
    for _ in range(2):
        for who, responder in pairs:
            handle(life, who, responder)
    assert life.whistle.state is State.AWAITING_CHECK
    return life


def village() -> Life:
    """A village's whistle, accepted for a department and its own township."""
    life = Life(by="village@maoshanhou", source_system="maoshanhou", chain="VILLAGE_CALLS", caller="maoshanhou")
    life.proposed("agriculture", "jinhaihu")
    life.do("leader@jinhaihu", "blow")
    life.do("platform", "accept", lead="agriculture", cooperating=["jinhaihu"])
    return life


def test_a_village_s_whistle_is_reviewed_by_its_township_and_checked_by_itself():
    """村级吹哨、区镇报到: the village's own key plays clerk and leader."""
    life = act(village(), ("department@agriculture", "agriculture"), ("clerk@jinhaihu", "jinhaihu"))
    with pytest.raises(NotYourOrganisationError):
        life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("village@maoshanhou", "check", passed=True, outcome="RESOLVED")
    life.do("village@maoshanhou", "evaluate", responders=["agriculture", "jinhaihu"], scores=SCORES)
    life.do("village@maoshanhou", "feedback", reply="x", via="VISIT")
    life.do("platform", "callback", reached=True)
    assert life.whistle.state is State.CLOSED


def test_only_the_village_s_own_township_responds_to_it():
    """Another township is not called."""
    life = Life(by="village@maoshanhou", source_system="maoshanhou", chain="VILLAGE_CALLS", caller="maoshanhou")
    with pytest.raises(InvalidError):
        life.proposed("mafang")


def test_a_township_that_responds_does_not_decide_its_own_extension():
    """What would fall to a responder about itself, the platform does."""
    life = village()
    until = life.whistle.report_in("jinhaihu").clocks
    assert until
    body = {"responder": "jinhaihu", "phase": "ARRIVAL", "until": "2026-12-20T00:00:00Z", "reason": "x"}
    life.do("clerk@jinhaihu", "request_extension", **body)
    with pytest.raises(RoleNotAllowedError):
        life.do("leader@jinhaihu", "decide_extension", responder="jinhaihu", granted=True)
    life.do("platform", "decide_extension", responder="jinhaihu", granted=True)


def test_a_role_that_never_makes_a_command_is_known_before_the_command_is_read():
    """Every command that these tests see done was its role's, as `Life.do` checks; these can never be."""
    never = {
        "accept": {Role.DEPARTMENT, Role.SOURCE_SYSTEM, Role.TOWNSHIP_CLERK, Role.GRID_WORKER, Role.SUPERVISOR},
        "blow": {Role.SOURCE_SYSTEM, Role.DISTRICT_PLATFORM, Role.GRID_WORKER, Role.ADMIN},
        "sign": {Role.TOWNSHIP_LEADER, Role.DISTRICT_PLATFORM, Role.SOURCE_SYSTEM},
        "rule": set(Role) - {Role.ARBITER},
        "suspend": set(Role) - {Role.DISTRICT_PLATFORM},
        "register": {Role.TOWNSHIP_LEADER, Role.DISTRICT_PLATFORM, Role.ADMIN, Role.ARBITER, Role.SUPERVISOR},
    }
    for name, roles in never.items():
        assert not roles_for(name) & roles
        for role in roles:
            with pytest.raises(RoleNotAllowedError, match=f"{name} is not for {role}"):
                authorise_role(name, role)
    authorise_role("accept", Role.DEPARTMENT, Role.DISTRICT_PLATFORM)
    authorise_role("no_command", Role.DEPARTMENT)
    assert {name for name in COMMANDS if not roles_for(name)} == set()


def lead_department(*cooperating: str) -> Life:
    """A department's whistle in which it leads."""
    life = Life(by="department@transport", source_system="transport", chain="LEAD_DEPARTMENT_CALLS", caller="transport")
    life.proposed("transport", *cooperating, by="department@transport")
    life.do("department@transport", "blow")
    life.do("platform", "accept", lead="transport", cooperating=list(cooperating))
    return life


def test_a_lead_department_calls_others_and_the_township_of_the_place_checks():
    """一门主责、部门配合."""
    life = act(lead_department("police"), ("department@transport", "transport"), ("department@police", "police"))
    with pytest.raises(RoleNotAllowedError):
        life.do("department@transport", "check", passed=True, outcome="RESOLVED")
    life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("leader@jinhaihu", "evaluate", responders=["transport", "police"], scores=SCORES)


def test_the_calling_department_does_not_arrive_for_others():
    """The township of the place may record an arrival for a unit without signal; a department acts for itself."""
    life = lead_department("police")
    with pytest.raises(NotYourOrganisationError):
        life.do("department@transport", "arrive", responder="police", officers=OFFICERS)
    life.do("clerk@jinhaihu", "arrive", responder="police", officers=OFFICERS)


def test_a_township_that_responded_leaves_the_check_to_the_platform():
    """The checker is itself among the responders."""
    life = act(lead_department("jinhaihu"), ("department@transport", "transport"), ("clerk@jinhaihu", "jinhaihu"))
    with pytest.raises(RoleNotAllowedError):
        life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("platform", "check", passed=True, outcome="RESOLVED")
    with pytest.raises(InvalidError):
        life.do("platform", "evaluate", responders=["transport", "jinhaihu"], scores=SCORES)
    life.do("leader@jinhaihu", "evaluate", responder="transport", scores=SCORES)
    with pytest.raises(RoleNotAllowedError):
        life.do("leader@jinhaihu", "evaluate", responder="jinhaihu", scores=SCORES)
    life.do("platform", "evaluate", responder="jinhaihu", scores=SCORES)
    assert life.whistle.state is State.FEEDBACK


def test_the_calling_department_leads_its_own_whistle():
    """Nobody else does."""
    life = Life(by="department@transport", source_system="transport", chain="LEAD_DEPARTMENT_CALLS", caller="transport")
    with pytest.raises(InvalidError):
        life.proposed("police", "transport", by="department@transport")
    with pytest.raises(InvalidError):
        lead_department("police").do("platform", "add_responder", responder="ecology", role="LEAD")


def test_a_department_requires_townships_and_checks_them_itself():
    """部门要求、街乡落实."""
    life = Life(by="department@emergency", source_system="emergency", chain="DEPARTMENT_REQUIRES", caller="emergency")
    with pytest.raises(InvalidError):
        life.proposed("water", by="department@emergency")
    life.proposed("jinhaihu", "mafang", by="department@emergency")
    life.do("department@emergency", "blow")
    life.do("platform", "accept", lead="jinhaihu", cooperating=["mafang"])
    act(life, ("clerk@jinhaihu", "jinhaihu"), ("clerk@mafang", "mafang"))
    life.do("department@emergency", "check", passed=True, outcome="RESOLVED")
    life.do("department@emergency", "evaluate", responders=["jinhaihu", "mafang"], scores=SCORES)
    assert life.whistle.state is State.FEEDBACK


def branch() -> Life:
    """A party branch's whistle, accepted by the township's leader for two posts."""
    life = Life(by="clerk@jinhaihu", source_system="jinhaihu", chain="BRANCH_CALLS", caller="branch-one")
    life.proposed("post-aid-1", "post-skill-2")
    life.do("leader@jinhaihu", "blow")
    life.do("leader@jinhaihu", "accept", lead="post-aid-1", cooperating=["post-skill-2"])
    return life


def test_a_branch_s_whistle_calls_posts_for_whom_the_township_acts():
    """支部吹哨、党员报到: the person who handled still does not check."""
    clerk = "clerk@jinhaihu"
    life = act(branch(), (clerk, "post-aid-1"), (clerk, "post-skill-2"))
    with pytest.raises(MoveNotAllowedError):
        life.do(clerk, "check", passed=True, outcome="RESOLVED")
    life.do("platform", "check", passed=True, outcome="RESOLVED")
    with pytest.raises(InvalidError):
        life.do("leader@jinhaihu", "evaluate", responder="post-aid-1", scores=SCORES)
    life.do("leader@jinhaihu", "evaluate", responders=["post-aid-1", "post-skill-2"], comment="热心")
    assert life.whistle.state is State.FEEDBACK


def test_the_township_is_supervised_for_a_post_and_answers():
    """督办 by hand goes to the office that acts for the person."""
    life = branch()
    life.do("supervisor", "supervise", level="SUPERVISE", responder="post-aid-1")
    assert life.whistle.open_supervisions[0].organisation == "jinhaihu"
    life.do("clerk@jinhaihu", "answer_supervision", reply="已联系")
    assert life.whistle.supervision_level is SupervisionLevel.NONE


def test_where_the_clerk_handled_for_posts_the_township_s_leader_may_check():
    """The township checks, by another person than the one who handled."""
    clerk = "clerk@jinhaihu"
    life = act(branch(), (clerk, "post-aid-1"), (clerk, "post-skill-2"))
    assert life.do("leader@jinhaihu", "check", passed=True, outcome="RESOLVED").state is State.EVALUATING


def test_no_ladder_climbs_against_persons():
    """No reminder, no 催办, no score."""
    life = branch()
    life.wait(days=15)
    assert life.whistle.supervision_level is SupervisionLevel.NONE
    assert life.whistle.report_in("post-aid-1").overdue


def test_a_department_is_not_called_by_a_branch_nor_a_post_by_a_township():
    """Each chain calls its own kind."""
    life = Life(by="clerk@jinhaihu", source_system="jinhaihu", chain="BRANCH_CALLS", caller="branch-one")
    with pytest.raises(InvalidError):
        life.proposed("water")
    with pytest.raises(InvalidError):
        Life().proposed("post-aid-1")


@pytest.mark.parametrize(
    ("fields", "by"),
    [
        ({"chain": "VILLAGE_CALLS", "caller": "maoshanhou", "township": "mafang"}, "village@maoshanhou"),
        ({"chain": "DEPARTMENT_REQUIRES", "caller": "maoshanhou"}, "village@maoshanhou"),
        ({"township": "water"}, "source@12345"),
        ({"chain": "BRANCH_CALLS", "caller": "water"}, "clerk@jinhaihu"),
        ({"chain": "BRANCH_CALLS", "caller": "branch-guajiayu"}, "clerk@jinhaihu"),
    ],
)
def test_a_registration_that_the_catalogue_contradicts_is_refused(fields, by):
    """A caller of the wrong kind or place, a township that is none."""
    with pytest.raises(InvalidError):
        Life(by=by, source_system=by.partition("@")[2], **fields)
