"""The ledger when something else fails: locks, lost connections, a changed trail, catalogues not loaded."""

import asyncio

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.ledger import LedgerActivities
from domain.brief import commits_of
from domain.errors import (
    TemporarilyUnavailableError,
)
from domain.ledger import ADOPT, RecordInput, RecordOutput
from domain.vocabulary import State
from storage.ledger import LedgerBehindError, record
from storage.pool import Pool, open_pool
from tests.conftest import Database
from tests.integration.desk import REVIEW, Desk, row_counts
from tests.life import TUESDAY_MORNING


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    """A whistle that was just registered."""
    return await Desk.registered(pool)


async def test_a_store_that_knows_less_than_the_workflow_says_so(desk: Desk):
    """A database restored from an older copy is no reason to write over the lost events."""
    desk.known = 7
    with pytest.raises(LedgerBehindError):
        await desk.do("clerk@jinhaihu", "review", **REVIEW)


@pytest.mark.parametrize(
    "statement",
    [
        "update event set summary = 'x'",
        "update event set summary = 'x' where false",
        "delete from event",
        "truncate event cascade",
    ],
)
async def test_the_trail_can_be_changed_neither_by_the_application_nor_by_its_owner(
    desk: Desk, owner_pool: Pool, statement: str
):
    """Privileges refuse the one, a trigger refuses both."""
    for pool in (desk.pool, owner_pool):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
    async with owner_pool.acquire() as owner:
        await owner.execute("set session_replication_role = replica")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await owner.execute(statement)
        await owner.execute("reset session_replication_role")


@pytest.mark.parametrize("table", ["command", "command_private", "matter", "reporter"])
async def test_the_application_cannot_rewrite_what_was_said(desk: Desk, table: str):
    """Commands and private fields are written once too."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.pool.execute(f"delete from {table}")


async def test_two_merges_into_each_other_never_make_a_circle(pool: Pool):
    """Of two whistles merged into each other at once, one stays open."""
    for turn in range(10):
        desks = [await Desk.registered(pool, external_id=f"{turn}-{side}") for side in "ab"]
        merges = [
            mine.do("clerk@jinhaihu", "merge", merge_into=other.whistle_id) for mine, other in (desks, reversed(desks))
        ]
        outcomes = await asyncio.gather(*merges, return_exceptions=True)
        assert sorted(type(o).__name__ for o in outcomes) == ["Answer", "InvalidError"]


async def test_a_database_without_catalogues_is_unavailable_and_refuses_nothing(desk: Desk, owner_pool: Pool):
    """A refusal is for ever, but a missing catalogue is only not loaded yet."""
    await owner_pool.execute("truncate catalogue_import")
    with pytest.raises(TemporarilyUnavailableError):
        await desk.do("clerk@jinhaihu", "review", **REVIEW)


async def test_a_row_that_another_holds_gives_an_error_that_may_be_tried_again(desk: Desk):
    """A local activity has one second: the lock is given up before."""
    async with desk.pool.acquire() as other, other.transaction():
        await other.execute("select from whistle for update")
        started = asyncio.get_running_loop().time()
        with pytest.raises(asyncpg.LockNotAvailableError):
            await desk.do("clerk@jinhaihu", "review", **REVIEW)
        # 0.8 s and what a busy machine adds; those of other statements are 5 s.
        assert asyncio.get_running_loop().time() - started < 3
    assert (await desk.do("clerk@jinhaihu", "review", **REVIEW)).state is State.PROPOSED


async def test_a_database_that_is_away_gives_no_refusal():
    """The worker starts before its database, and tries again."""
    request = RecordInput(whistle_id="12345:1", known_sequence=1, name=ADOPT, at=TUESDAY_MORNING)
    async with await open_pool("postgresql://x:y@127.0.0.1:1/none?sslmode=disable") as pool:
        with pytest.raises(OSError, match="Connect call failed"):
            await record(pool, "default", request)


async def test_an_attempt_that_was_given_up_leaves_nothing_and_its_connection_is_used_again(
    desk: Desk, database: Database
):
    """Temporal cancels a local activity after one second, wherever it stands."""
    async with await open_pool(database.dsn, size=1) as one, desk.pool.acquire() as other:
        mine = Desk(one, desk.whistle_id)
        async with other.transaction():
            await other.execute("select from whistle for update")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await mine.do("clerk@jinhaihu", "review", **REVIEW)
        before = await row_counts(desk.pool)
        assert before["command"] == 1
        assert (await mine.do("clerk@jinhaihu", "review", **REVIEW)).state is State.PROPOSED


async def test_a_connection_lost_on_the_way_is_no_refusal_and_is_replaced(
    desk: Desk, database: Database, owner_pool: Pool
):
    """The outcome is unknown until the same request is sent again."""
    async with await open_pool(database.dsn, size=1) as one, desk.pool.acquire() as other:
        mine = Desk(one, desk.whistle_id)
        async with other.transaction():
            await other.execute("select from whistle for update")
            lost = asyncio.create_task(mine.do("clerk@jinhaihu", "review", **REVIEW))
            async with asyncio.timeout(5):
                while not await owner_pool.fetchval(
                    "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'"
                ):
                    pass
            with pytest.raises(asyncpg.PostgresError):
                await lost
        assert (await mine.do("clerk@jinhaihu", "review", **REVIEW)).state is State.PROPOSED


async def test_the_activity_turns_refusals_into_final_failures_and_outages_into_others(desk: Desk):
    """What the workflow sees of both."""
    run = ActivityEnvironment().run
    record_command = LedgerActivities(desk.pool, "default").record_command
    request = desk.asked("clerk@jinhaihu", "review", **REVIEW)
    told = await run(record_command, request)
    assert told.answered
    desk.learn(RecordOutput(commits=commits_of(told, request)))
    with pytest.raises(ApplicationError) as refused:
        await run(record_command, desk.asked("platform", "accept", lead="water"))
    assert (refused.value.type, refused.value.non_retryable) == ("move-not-allowed", True)
    async with desk.pool.acquire() as other, other.transaction():
        await other.execute("select from whistle for update")
        with pytest.raises(ApplicationError) as failed:
            await run(record_command, desk.asked("leader@jinhaihu", "blow"))
    assert (failed.value.type, failed.value.non_retryable) == ("LockNotAvailableError", False)


async def test_a_store_that_lost_a_whistle_altogether_says_so_too(desk: Desk):
    """A strike or a command of a workflow that knows it is no refusal: that would end the workflow."""
    strike = desk.striking(await desk.whistle(), desk.now)
    lost = strike.model_copy(update={"whistle_id": "12345:restored-without-it"})
    with pytest.raises(LedgerBehindError, match="stored up to 0, known up to 1"):
        await desk.send(lost)
