"""What is refused: by the validator at no cost, by the store at the cost of one update."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.errors import InvalidError, MoveNotAllowedError, NotYourOrganisationError, RoleNotAllowedError
from domain.values import Actor, compact
from tests.fakes import FakeLedger
from tests.servers import make_test_worker
from tests.stage import CLERK, LEADER, PLATFORM, SOURCE, THREE, Begin, Play, department

WHISTLE = {"decision": "WHISTLE", "kind": "DAILY", "urgency": "NORMAL", "tier": "GENERAL_ENFORCEMENT"}


async def refusal_of(command: Awaitable[Any]) -> ApplicationError:
    """The failure that a refused update carries."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await command
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause


REFUSED: list[tuple[str, Actor, dict[str, Any], str]] = [
    ("blow", LEADER, {}, MoveNotAllowedError.problem),
    ("review", LEADER, WHISTLE, RoleNotAllowedError.problem),
    ("review", CLERK.model_copy(update={"organisation": "binhe"}), WHISTLE, NotYourOrganisationError.problem),
    ("review", CLERK, {"decision": "WHISTLE"}, InvalidError.problem),
    ("review", CLERK, {**WHISTLE, "colour": "red"}, InvalidError.problem),
    ("arrive", department("water"), {"responder": "water", "officers": []}, InvalidError.problem),
]


@pytest.mark.parametrize("refused", REFUSED)
async def test_a_validator_refuses_by_name(
    begin: Begin, ledger: FakeLedger, refused: tuple[str, Actor, dict[str, Any], str]
) -> None:
    """Wrong state, role, organisation and fields are refused by name and reach no store."""
    name, actor, fields, problem = refused
    play = await begin()
    await play.view()
    asked = len(ledger.asked)
    failure = await refusal_of(play.do(name, actor, **fields))
    assert failure.type == problem
    assert failure.non_retryable
    assert len(ledger.asked) == asked


async def test_a_refusal_leaves_no_event_on_the_real_server(real_client: Client, ledger: FakeLedger) -> None:
    """What the validator refuses costs no history at all."""
    async with make_test_worker(real_client, ledger):
        play = await Play.begin(real_client, ledger, datetime.now(UTC))
        await play.do("append", CLERK, text="又来电", kind="REPEATED_CALL")
        events = await play.history_length()
        for name, actor, fields, _ in REFUSED:
            await refusal_of(play.do(name, actor, **fields))
        assert await play.history_length() == events


async def test_an_invalid_command_names_each_wrong_field(begin: Begin) -> None:
    """The details of an invalid command list field and message."""
    play = await begin()
    failure = await refusal_of(play.do("supervise", SOURCE, level="SHOUT", responder="Not A Slug"))
    assert sorted(e["field"] for e in failure.details[0]) == ["level", "responder"]


async def test_an_argument_that_is_no_object_is_invalid(begin: Begin) -> None:
    """A text in place of the object is refused by name too."""
    play = await begin()
    failure = await refusal_of(play.handle.execute_update("blow", "please"))
    assert failure.type == InvalidError.problem


async def test_what_only_the_catalogues_refuse_costs_one_update_and_changes_nothing(
    begin: Begin, ledger: FakeLedger
) -> None:
    """An unknown unit passes the validator, is refused by the store, and leaves value and trail as they were."""
    play = await begin()
    await play.do("review", CLERK, **WHISTLE)
    await play.do("blow", LEADER)
    before, trail = await play.view(), len(ledger.trail[play.whistle_id])
    failure = await refusal_of(play.do("accept", PLATFORM, lead="no-such-office"))
    assert failure.type == InvalidError.problem
    assert failure.details[0][0]["field"] == "lead"
    assert await play.view() == before
    assert len(ledger.trail[play.whistle_id]) == trail
    await play.do("accept", PLATFORM, lead="water")


async def test_a_known_id_with_other_content_is_a_conflict(begin: Begin) -> None:
    """The store remembers what an id stood for."""
    play = await begin()
    await play.do("append", CLERK, command_id="clerk:1", text="又来电", kind="REPEATED_CALL")
    # Another update id, since Temporal itself answers a repeated one.
    argument = {"text": "另一件", "kind": "MORE", "actor": compact(CLERK), "command_id": "clerk:1"}
    failure = await refusal_of(play.handle.execute_update("append", argument, id="clerk:1-again"))
    assert failure.type == "idempotency-conflict"


async def test_a_known_id_with_the_same_content_gets_its_first_answer(begin: Begin, ledger: FakeLedger) -> None:
    """The same command under a new update id is stored once."""
    play = await begin()
    fields = {"text": "又来电", "kind": "REPEATED_CALL"}
    first = await play.do("append", CLERK, command_id="clerk:1", **fields)
    await play.do("append", CLERK, command_id="clerk:2", **fields)
    argument = {**fields, "actor": compact(CLERK), "command_id": "clerk:1"}
    again = await play.handle.execute_update("append", argument, id="clerk:1-again")
    assert again == first.model_dump(mode="json")
    assert ledger.values[play.whistle_id].repeated_calls == 2


async def test_the_allowed_commands_follow_the_actor(begin: Begin) -> None:
    """The query lists what is open to an actor now."""
    play = await begin()
    assert "review" in await play.handle.query("allowed", compact(CLERK))
    assert "review" not in await play.handle.query("allowed", compact(LEADER))
    assert "sign" not in await play.handle.query("allowed", compact(department(THREE[0])))
