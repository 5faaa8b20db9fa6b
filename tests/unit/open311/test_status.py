"""How each of a whistle's fifteen states reads to a resident."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.clocks import next_deadline, running
from domain.values import Evidence, Place
from domain.vocabulary import Phase, Rejection, State
from domain.whistle import Whistle
from starter.gateway.open311.presentation import requests_shown
from starter.gateway.open311.services import service_catalogue
from starter.gateway.open311.shapes import RequestShape
from starter.gateway.open311.status import SENTENCES
from storage.open311 import Request
from tests.life import Life, rules

UPDATED = datetime(2026, 11, 24, 12, 30, 5, tzinfo=UTC)
DIRECTORY = rules().organisations


def decided(decision: str, **body: str) -> Life:
    """Let the township review with a decision that ends or keeps it there."""
    life = Life()
    life.do("clerk@jinhaihu", "review", decision=decision, reason="非本区管辖", **body)
    return life


def cancelled() -> Life:
    """Blow and think better of it."""
    life = Life().blown()
    life.do("leader@jinhaihu", "cancel", reason="内部原因")
    return life


def suspended() -> Life:
    """Put off what cannot be done now."""
    life = Life().in_action()
    life.do("platform", "suspend", reason="待汛期过后", review_at=(life.now + timedelta(days=30)).isoformat())
    return life


def answered(life: Life) -> Life:
    """Give the township's reply."""
    life.do("clerk@jinhaihu", "feedback", reply="已处理", via="PHONE")
    return life


LIVES: dict[State, tuple[Callable[[], Life], str, str]] = {
    State.SOURCED: (Life, "open", "已登记,金海湖镇正在研判"),
    State.PROPOSED: (lambda: Life().proposed(), "open", "金海湖镇已研判,待审批吹哨"),
    State.BLOWN: (lambda: Life().blown(), "open", "金海湖镇已吹哨,待区级平台受理"),
    State.ASSEMBLING: (lambda: Life().assembling(), "open", "已派单,由区水务局牵头到场报到"),
    State.IN_ACTION: (lambda: Life().in_action(), "open", "区水务局正在牵头处置"),
    State.AWAITING_CHECK: (lambda: Life().awaiting_check(), "open", "已处置,待核查"),
    State.EVALUATING: (lambda: Life().evaluating(), "open", "核查通过:已解决,待答复"),
    State.FEEDBACK: (lambda: answered(Life().feedback()), "open", "核查通过:已解决,已答复"),
    State.CLOSED: (lambda: Life().closed(), "closed", "已办结:已解决"),
    State.RETURNED: (lambda: Life().returned(), "open", "区级平台已退回,金海湖镇正在补正"),
    State.SUSPENDED: (suspended, "open", "已挂账缓办,条件具备后恢复办理"),
    State.SELF_HANDLED: (lambda: decided("SELF_HANDLE"), "open", "金海湖镇自行办理,待答复"),
    State.MERGED: (lambda: decided("MERGE", merge_into="12345:other"), "closed", "与已有诉求重复,已并案办理"),
    State.REJECTED: (lambda: decided("REJECT", rejection="NOT_OUR_AREA"), "closed", "不予受理(不属本区):非本区管辖"),
    State.CANCELLED: (cancelled, "closed", "已撤哨,不再办理"),
}


def stored(w: Whistle, **changes: object) -> Request:
    """Make of a value what the store reads of it."""
    handling = [r.clock.deadline.due_at for r in running(w) if r.phase is Phase.HANDLE]
    fields = {name: getattr(w, name) for name in Request.model_fields if name in Whistle.model_fields}
    derived = {
        "responders": w.responders,
        "updated_at": UPDATED,
        "next_deadline": next_deadline(w),
        "handle_due_at": max(handling, default=None),
        "requested_at": w.registered_at,
        "service_code": "sand-mining",
        "confidential": False,
        "public": True,
        "answered": w.feedback_given,
        "rejected": (Rejection.NOT_OUR_AREA, "非本区管辖") if w.state is State.REJECTED else None,
        "merged_into": None,
        "description": "有人盗采",
        "place": Place(address="海子村东", lng=117.31, lat=40.18),
        "evidence": (Evidence(url="https://p.example/1.jpg", kind="BEFORE"),),
    }
    return Request.model_validate(fields | derived | changes)


def shown(request: Request, *, in_full: bool = False) -> RequestShape:
    """Show one request."""
    names = {request.whistle_id} if in_full else set()
    [found] = requests_shown([request], names, service_catalogue(), DIRECTORY)
    return found


def test_every_state_has_its_sentence() -> None:
    """And every one is played below."""
    assert set(SENTENCES) == set(LIVES) == set(State)


@pytest.mark.parametrize("state", State)
def test_each_state_is_open_or_closed_with_a_sentence_in_chinese(state: State) -> None:
    """The four ends are closed, all others open."""
    play, status, notes = LIVES[state]
    whistle = play().whistle
    assert whistle.state is state
    found = shown(stored(whistle))
    assert (found.status, found.status_notes) == (status, notes)


@pytest.mark.parametrize("state", State)
def test_an_answer_is_expected_while_somebody_must_act(state: State) -> None:
    """In action by the last responder's limit, else by the next one; never once it is closed."""
    whistle = LIVES[state][0]().whistle
    found = shown(stored(whistle))
    if found.status == "closed":
        assert found.expected_datetime is None
    elif state is State.IN_ACTION:
        assert found.expected_datetime == "2026-12-01T10:00:00+08:00"
    else:
        due = next_deadline(whistle)
        assert due
        assert found.expected_datetime
        assert datetime.fromisoformat(found.expected_datetime) == due.replace(microsecond=0)


def test_a_closed_request_was_updated_when_it_was_closed() -> None:
    """Later appeals do not move it; an open one was updated by its last event."""
    life = Life().closed()
    life.wait(hours=30)
    found = shown(stored(life.whistle))
    assert datetime.fromisoformat(found.updated_datetime) == life.whistle.closed_at
    assert shown(stored(Life().whistle)).updated_datetime == "2026-11-24T20:30:05+08:00"


def test_a_request_has_the_fields_of_the_specification_in_their_order() -> None:
    """GET Service Requests, response table."""
    assert list(shown(stored(Life().whistle)).model_dump()) == [
        "service_request_id",
        "status",
        "status_notes",
        "service_name",
        "service_code",
        "description",
        "agency_responsible",
        "service_notice",
        "requested_datetime",
        "updated_datetime",
        "expected_datetime",
        "address",
        "address_id",
        "zipcode",
        "lat",
        "long",
        "media_url",
    ]


@pytest.mark.parametrize("changes", [{"confidential": True}, {"public": False}])
def test_what_is_not_disclosed_shows_neither_what_nor_where(changes: dict[str, bool]) -> None:
    """Nor the picture, nor the words of whoever rejected it."""
    rejected = LIVES[State.REJECTED][0]().whistle
    found = shown(stored(rejected, **changes))
    assert (found.description, found.address, found.lat, found.long, found.media_url) == (None,) * 5
    assert found.status_notes == "不予受理(不属本区)"
    assert shown(stored(rejected, **changes), in_full=True).description == "有人盗采"


def test_degrees_are_given_in_the_worlds_system() -> None:
    """The store holds China's, some hundred metres off."""
    found = shown(stored(Life().whistle))
    assert found.lat != 40.18
    assert found.lat == pytest.approx(40.18, abs=0.01)
    assert found.long == pytest.approx(117.31, abs=0.01)


def test_a_description_is_cut_at_the_limit_of_the_standard() -> None:
    """Other ways in allow 10,000 characters."""
    found = shown(stored(Life().whistle, description="长" * 10_000))
    assert found.description == "长" * 4000


def test_the_one_it_was_merged_into_is_named_where_everyone_may_read_it() -> None:
    """So that a client can follow it there."""
    merged = LIVES[State.MERGED][0]().whistle
    found = shown(stored(merged, merged_into="12345:other"))
    assert found.status_notes == "与已有诉求重复,已并案办理(12345:other)"
