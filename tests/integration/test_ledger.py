"""The ledger on a real PostgreSQL: one command, one transaction, whatever came before."""

import asyncio
from datetime import timedelta

import pytest

from domain.errors import (
    IdempotencyConflictError,
    InvalidError,
    MoveNotAllowedError,
    NotFoundError,
    NotYourOrganisationError,
    RoleNotAllowedError,
)
from domain.ledger import RecordInput
from domain.submission import command_hash, parse
from domain.vocabulary import State
from storage import ledger
from storage.catalogues import rules
from storage.commands import known_answer
from storage.pool import Pool, open_pool
from tests.conftest import Database
from tests.integration.desk import REVIEW, Desk, folded, row_counts


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    """A whistle that was just registered."""
    return await Desk.registered(pool)


async def test_a_whole_life_leaves_a_trail_equal_to_the_stored_value(desk: Desk):
    """Value, version and state are the fold of the events, at every table that repeats them."""
    await desk.closed()
    records = await desk.records()
    assert [r.sequence for r in records] == list(range(1, len(records) + 1))
    assert folded(records) == await desk.whistle()
    row = await desk.pool.fetchrow("select sequence, state, updated_at, overdue from whistle")
    assert (row["sequence"], row["state"]) == (len(records), State.CLOSED)
    assert row["updated_at"] == records[-1].at


async def test_the_answer_is_the_last_event_and_the_state_after_it(desk: Desk):
    """The sender learns sequence, state and version of its own command."""
    output = await desk.send(desk.asked("clerk@jinhaihu", "review", **REVIEW))
    assert output.answer is not None
    last = output.commits[-1].records[-1].sequence
    assert (output.answer.sequence, output.answer.state, output.answer.version) == (last, State.PROPOSED, last)


async def test_what_comes_back_is_what_is_stored(desk: Desk):
    """A commit handed out at once and the same one read later are equal."""
    output = await desk.send(desk.asked("clerk@jinhaihu", "review", **REVIEW))
    assert (await desk.adopt(1)).commits == output.commits


async def test_rows_the_workflow_does_not_know_are_adopted_before_anything_is_written(desk: Desk):
    """An attempt that Temporal never recorded: its rows come back, and the command is to be sent again."""
    lost = await desk.send(desk.asked("clerk@jinhaihu", "review", **REVIEW))
    before = await row_counts(desk.pool)
    other = desk.asked("leader@jinhaihu", "blow", command_id="other")
    adopted = await desk.send(other)
    assert (adopted.commits, adopted.answer) == (lost.commits, None)
    assert await row_counts(desk.pool) == before
    desk.learn(adopted)
    assert (await desk.insist(other)).state is State.BLOWN


async def test_adopt_writes_nothing_and_returns_one_commit_for_each_command(desk: Desk):
    """What the workflow asks at its start."""
    await desk.assembling()
    before = await row_counts(desk.pool)
    output = await desk.adopt(1)
    assert [c.command_id for c in output.commits] == ["clerk@jinhaihu:1", "leader@jinhaihu:2", "platform:3"]
    assert output.answer is None
    assert (await desk.adopt(desk.known)).commits == ()
    assert await row_counts(desk.pool) == before


async def test_a_known_id_returns_its_first_answer_and_the_commits_after_the_known_sequence(desk: Desk):
    """Also when the whistle has moved on since, and whatever time the second attempt brings."""
    request = desk.asked("clerk@jinhaihu", "review", **REVIEW)
    first = await desk.send(request)
    desk.learn(first)
    await desk.do("leader@jinhaihu", "blow")
    before = await row_counts(desk.pool)
    again = await desk.send(request.model_copy(update={"at": request.at + timedelta(hours=1)}))
    assert again.answer == first.answer
    assert [c.command_id for c in again.commits] == ["clerk@jinhaihu:1", "leader@jinhaihu:2"]
    caught_up = await desk.send(request.model_copy(update={"known_sequence": desk.known}))
    assert (caught_up.answer, caught_up.commits) == (first.answer, ())
    assert await row_counts(desk.pool) == before


async def test_other_content_under_a_known_id_conflicts(desk: Desk):
    """Private fields are content too, and so is the command's name."""
    await desk.do("clerk@jinhaihu", "append", command_id="x", text="又来电", kind="MORE")
    before = await row_counts(desk.pool)
    for name, body in (
        ("append", {"text": "又来电", "kind": "REPEATED_CALL"}),
        ("append", {"text": "另一通", "kind": "MORE"}),
        ("review", REVIEW),
    ):
        with pytest.raises(IdempotencyConflictError):
            await desk.do("clerk@jinhaihu", name, command_id="x", **body)
    assert await row_counts(desk.pool) == before


async def test_known_answer_tells_the_starter_the_same(desk: Desk):
    """The starter asks before it sends, and again when the workflow is gone."""
    answer = await desk.do("clerk@jinhaihu", "review", command_id="x", **REVIEW)
    content = command_hash("review", parse("review", desk.asked("clerk@jinhaihu", "review", **REVIEW).argument).command)
    assert await known_answer(desk.pool, desk.whistle_id, "x", content) == answer
    assert await known_answer(desk.pool, desk.whistle_id, "y", content) is None
    with pytest.raises(IdempotencyConflictError):
        await known_answer(desk.pool, desk.whistle_id, "x", "other")


async def test_fifty_concurrent_commands_leave_a_gap_free_trail_equal_to_the_value(desk: Desk):
    """Every one is stored once, whatever its sender knew."""
    await desk.assembling()
    requests = [
        desk.asked("clerk@jinhaihu", "append", command_id=f"c{i}", text=f"第{i}次来电", kind="REPEATED_CALL")
        for i in range(50)
    ]
    start = desk.known

    async def insist(request: RecordInput) -> int:
        other = Desk(desk.pool, desk.whistle_id)
        other.known = start
        return (await other.insist(request)).sequence

    answers = await asyncio.gather(*map(insist, requests))
    records = await desk.records()
    assert sorted(answers) == list(range(start + 1, start + 51))
    assert [r.sequence for r in records] == list(range(1, start + 51))
    assert len({r.command_id for r in records[start:]}) == 50
    assert folded(records) == await desk.whistle()
    assert (await desk.whistle()).repeated_calls == 50


async def test_one_command_sent_fifty_times_at_once_is_stored_once(desk: Desk):
    """A retry storm has one effect and one answer."""
    request = desk.asked("clerk@jinhaihu", "review", **REVIEW)
    outputs = await asyncio.gather(*(desk.send(request) for _ in range(50)))
    assert all(o == outputs[0] for o in outputs)
    assert await desk.pool.fetchval("select count(*) from command where name = 'review'") == 1


@pytest.mark.parametrize(
    ("who", "name", "body", "error"),
    [
        ("leader@jinhaihu", "blow", {}, MoveNotAllowedError),
        ("department@water", "review", REVIEW, RoleNotAllowedError),
        ("clerk@mafang", "review", REVIEW, NotYourOrganisationError),
        ("clerk@jinhaihu", "review", {"decision": "WHISTLE"}, InvalidError),
        ("clerk@jinhaihu", "review", REVIEW | {"proposed_responders": ["no-such-office"]}, InvalidError),
        ("clerk@jinhaihu", "review", REVIEW | {"note": "备注", "proposed_responders": ["nobody"]}, InvalidError),
        ("clerk@jinhaihu", "merge", {"merge_into": "12345:nowhere"}, InvalidError),
    ],
)
async def test_a_refusal_writes_nothing(
    desk: Desk, who: str, name: str, body: dict[str, object], error: type[Exception]
):
    """State, role, organisation, fields and catalogues refuse alike: no row appears, in no table."""
    before, value = await row_counts(desk.pool), await desk.whistle()
    with pytest.raises(error):
        await desk.do(who, name, **body)
    assert await row_counts(desk.pool) == before
    assert await desk.whistle() == value


async def test_an_unknown_whistle_is_not_found(pool: Pool):
    """For commands and for adoption."""
    desk = Desk(pool, "12345:nowhere")
    desk.known = 0
    with pytest.raises(NotFoundError):
        await desk.do("clerk@jinhaihu", "review", **REVIEW)
    with pytest.raises(NotFoundError):
        await desk.adopt(0)


async def test_time_never_runs_backwards_in_a_trail(desk: Desk):
    """A worker whose clock is behind stores the time of the event before."""
    await desk.do("clerk@jinhaihu", "review", **REVIEW)
    desk.wait(hours=-3)
    await desk.do("leader@jinhaihu", "blow")
    times = [r.at for r in await desk.records()]
    assert times == sorted(times)
    assert times[-1] == times[1]


async def test_a_strike_is_recorded_once(desk: Desk):
    """Its id is its clock, responder, level, round and due time, so a second timer finds it stored."""
    request = desk.striking(await desk.whistle(), desk.now)
    first = await desk.send(request)
    assert first.commits[0].records[0].type == "ClockStruck"
    again = await desk.send(request)
    assert (again.answer, again.commits) == (first.answer, first.commits)
    assert await desk.pool.fetchval("select count(*) from event where type = 'ClockStruck'") == 1


async def test_a_strike_before_its_time_leaves_nothing_and_strikes_later(desk: Desk):
    """A worker whose clock is ahead does not use up the strike."""
    request = desk.striking(await desk.whistle(), desk.now)
    before = await row_counts(desk.pool)
    early = await desk.send(request.model_copy(update={"at": desk.now}))
    assert (early.commits, early.answer is not None) == ((), True)
    assert await row_counts(desk.pool) == before
    assert (await desk.send(request)).commits


async def test_a_strike_whose_clock_has_stopped_changes_nothing(desk: Desk):
    """The supervision of a cause that has ended is never raised."""
    request = desk.striking(await desk.whistle(), desk.now)
    await desk.do("clerk@jinhaihu", "review", **REVIEW)
    before = await row_counts(desk.pool)
    output = await desk.send(request.model_copy(update={"known_sequence": desk.known}))
    assert output.commits == ()
    assert await row_counts(desk.pool) == before


async def test_the_sources_of_merged_whistles_hear_what_the_public_hears(pool: Pool):
    """Also through a third one; each under its own whistle."""
    first, second, third = [await Desk.registered(pool, external_id=name) for name in ("one", "two", "three")]
    await first.do("clerk@jinhaihu", "merge", merge_into=second.whistle_id)
    await second.do("clerk@jinhaihu", "merge", merge_into=third.whistle_id)
    await third.blown()
    query = "select whistle_id, audience from outbox where kind = 'WhistleBlown' and audience like 'source:%'"
    heard = sorted((r["whistle_id"], r["audience"]) for r in await pool.fetch(query))
    assert heard == [(d.whistle_id, "source:12345") for d in sorted((first, second, third), key=lambda d: d.whistle_id)]


async def test_clocks_and_supervisions_follow_the_whistle(desk: Desk):
    """Task views and sweeps read what runs now, and nothing that has stopped."""
    await desk.assembling()
    phases = "select distinct phase from clock"
    assert {"SIGN", "ARRIVE"} <= {r["phase"] for r in await desk.pool.fetch(phases)}
    desk.wait(days=10)
    await desk.strike()
    whistle = await desk.whistle()
    held = await desk.pool.fetch("select number, level, organisation from supervision order by number")
    expected = sorted((s.number, s.level, s.organisation) for s in whistle.open_supervisions)
    assert [tuple(r) for r in held] == expected != []
    await desk.do("leader@jinhaihu", "cancel", reason="误报")
    assert await desk.pool.fetchval("select count(*) from clock") == 0
    assert await desk.pool.fetchval("select count(*) from supervision") == 0


async def test_a_command_costs_four_round_trips(desk: Desk, database: Database):
    """It is the hot path of everything: begin and lock, look, write, commit."""
    await rules(desk.pool, "default")
    seen: list[str] = []
    async with await open_pool(database.dsn, size=1) as one:
        async with one.acquire() as connection:
            connection.add_query_logger(lambda logged: seen.append(logged.query))
        await Desk(one, desk.whistle_id).do("clerk@jinhaihu", "review", **REVIEW)
    assert [s.split()[0].strip(";").lower() for s in seen] == ["begin", "select", "with", "commit"]


@pytest.mark.parametrize("stranger", ["12345:nobody", "", "a'); drop table event; --", "x' or 'a' = 'a", "哨"])
async def test_an_id_that_no_whistle_has_is_not_found(desk: Desk, stranger: str):
    """The statement that locks carries the id in its text, so only what may be an id ever gets there."""
    asker = Desk(desk.pool, stranger)
    asker.known = 0
    with pytest.raises(NotFoundError):
        await asker.do("clerk@jinhaihu", "review", **REVIEW)
    assert await desk.pool.fetchval("select count(*) from event") > 0


async def test_a_long_trail_is_handed_out_in_pages_of_whole_commits(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Temporal refuses a payload of more than 2 MB; the answer to a known command comes with the last page."""
    await desk.assembling()
    request = desk.asked("clerk@jinhaihu", "append", command_id="k", text="又来电", kind="MORE")
    first = await desk.send(request)
    whole = await desk.adopt(0)
    assert (whole.more, len(whole.commits)) == (False, 5)
    monkeypatch.setattr(ledger, "ROWS_AT_ONCE", 3)
    pages, known = [await desk.adopt(0)], 0
    while pages[-1].more:
        known = pages[-1].commits[-1].records[-1].sequence
        pages.append(await desk.adopt(known))
    assert tuple(commit for page in pages for commit in page.commits) == whole.commits
    assert len(pages) > 2
    desk.known = 0
    late = await desk.send(request.model_copy(update={"known_sequence": 0}))
    assert (late.answer, late.more) == (None, True)
    assert await desk.insist(request) == first.answer
