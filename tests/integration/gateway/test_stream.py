"""The event stream: what one may see, in one order, nothing lost and nothing twice."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from domain.values import ENGINE
from observability.measures import GatewayMeasures
from settings import Settings
from starter.client import WhistleClient
from starter.gateway import stream
from starter.gateway.context import Context
from starter.gateway.feed import QUEUE, Feed, Subscription
from starter.gateway.limits import Limiter
from storage import feed
from storage.feed import FeedEvent
from storage.pool import open_pool
from tests.integration.gateway.gate import CLERK, PLATFORM, SOURCE, WATER, Gate, another_gateway, problem_of
from tests.patience import until as until_it_holds


class Heard(NamedTuple):
    """One event as it came over the wire."""

    id: int
    type: str
    data: dict[str, Any]


@asynccontextmanager
async def following(
    gate: Gate, name: str, *, last: int | None = None, **query: Any
) -> AsyncIterator[AsyncIterator[Heard]]:
    """Open a stream as somebody."""
    headers = gate.headers(name) | ({} if last is None else {"Last-Event-ID": str(last)})
    async with gate.http.stream("GET", "/v1/stream", params=query, headers=headers, timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        yield events(lines)


async def events(lines: AsyncIterator[str]) -> AsyncIterator[Heard]:
    """Read frames."""
    frame: dict[str, str] = {}
    async for line in lines:
        if line == "" and "id" in frame:
            yield Heard(int(frame["id"]), frame["event"], json.loads(frame["data"]))
            frame = {}
        elif ": " in line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            frame[name] = value


async def until(stream: AsyncIterator[Heard], whistle_id: str, sequence: int) -> list[Heard]:
    """Read up to one event of one whistle."""
    found = []
    async with asyncio.timeout(15):
        async for heard in stream:
            found.append(heard)
            if (heard.data["whistle_id"], heard.data["sequence"]) == (whistle_id, sequence):
                break
    return found


def of(found: list[Heard], whistle_id: str) -> list[int]:
    """The sequences heard of one whistle."""
    return [heard.data["sequence"] for heard in found if heard.data["whistle_id"] == whistle_id]


async def version(gate: Gate, whistle_id: str) -> int:
    """The sequence of a whistle's last event."""
    return (await gate.get(PLATFORM, f"/v1/whistles/{whistle_id}")).json()["version"]


async def test_a_stream_tells_what_happens_to_whom_it_concerns(gate: Gate):
    """Water hears of the whistle that calls it and not of the other, and nobody's private fields."""
    async with following(gate, WATER) as water, following(gate, PLATFORM) as platform:
        other = await gate.emergency("police", "market")
        called = await gate.emergency("water", "police")
        last = await version(gate, called)
        everything, own = await until(platform, called, last), await until(water, called, last)
    assert of(everything, called) == list(range(1, last + 1))
    assert of(everything, other)
    assert not of(own, other)
    assert "李四" not in json.dumps([heard.data for heard in everything], ensure_ascii=False)


async def test_a_stream_is_taken_up_where_it_was_left(gate: Gate):
    """By Last-Event-ID, from the store, without a gap or a repetition; `after=0` begins at the start."""
    whistle_id = await gate.emergency("water", "police")
    last = await version(gate, whistle_id)
    async with following(gate, WATER, whistle_id=whistle_id, after=0) as told:
        first = await until(told, whistle_id, 3)
    await gate.do(WATER, whistle_id, "sign", responder="water")
    async with following(gate, WATER, last=first[-1].id, whistle_id=whistle_id, after=0) as told:
        await gate.do(WATER, whistle_id, "report-progress", responder="water", text="在路上")
        rest = await until(told, whistle_id, last + 2)
    assert of(first + rest, whistle_id) == list(range(1, last + 3))
    assert [heard.id for heard in first + rest] == sorted({heard.id for heard in first + rest})


async def test_twenty_streams_and_forty_writers_agree_on_everything(gate: Gate):
    """Concurrent commits on many whistles: each stream hears each event once, in one order."""
    async with asyncio.TaskGroup() as group:
        ids = [group.create_task(gate.register()) for _ in range(8)]
    whistles = [task.result() for task in ids]
    marker = await gate.register()

    async def hear() -> list[Heard]:
        async with following(gate, PLATFORM) as told:
            ready.release()
            return await until(told, marker, 2)

    ready = asyncio.Semaphore(0)
    streams = [asyncio.create_task(hear()) for _ in range(20)]
    for _ in streams:
        await ready.acquire()
    append = {"text": "又来电", "kind": "REPEATED_CALL"}
    await asyncio.gather(*(gate.do(CLERK, whistle, "append", **append) for whistle in whistles for _ in range(5)))
    await gate.do(CLERK, marker, "append", **append)
    heard = await asyncio.gather(*streams)
    begun = max(one[0].id for one in heard)
    told = [[h.id for h in one if h.id >= begun] for one in heard]
    assert all(ids == told[0] for ids in told)
    for whistle in whistles:
        assert of(heard[0], whistle)[-5:] == [2, 3, 4, 5, 6]


async def test_an_event_whose_transaction_is_late_is_not_lost(gate: Gate):
    """A lower position that commits after a higher one was seen holds the stream until it is there."""
    first, second = await gate.register(), await gate.register()
    late = await asyncpg.connect(gate.stack.database_owner_dsn)
    async with following(gate, PLATFORM) as told:
        transaction = late.transaction()
        await transaction.start()
        await late.execute(
            "insert into event (whistle_id, sequence, type, at, actor_subject, actor_role, command_id, summary, data) "
            "select whistle_id, 900, 'MatterAppended', now(), 'x', 'ADMIN', 'late', '', '{}' from event "
            "where whistle_id = $1 and sequence = 1",
            first,
        )
        await gate.do(CLERK, second, "append", text="一", kind="MORE")
        hearing = asyncio.create_task(until(told, second, 2))
        done, _ = await asyncio.wait({hearing}, timeout=0.5)
        assert not done
        await transaction.commit()
        found = await hearing
    await late.close()
    assert of(found, first)[-1] == 900
    assert of(found, second)[-1] == 2


def an_event(position: int) -> FeedEvent:
    """Make an event that all may see."""
    return FeedEvent(
        position=position,
        whistle_id="12345:1",
        sequence=position,
        type="MatterAppended",
        at=datetime.now(UTC),
        actor=ENGINE,
        summary="",
        data={},
        parties=frozenset({"water"}),
    )


async def test_a_stream_that_falls_behind_is_dropped():
    """Its queue is bounded, and what it holds goes with it: the client comes back with its last id."""
    subscription = Subscription(0, "water", None)
    taken = [subscription.offer(an_event(position)) for position in range(QUEUE + 1)]
    assert taken == [True] * QUEUE + [False]
    assert subscription.fell_behind
    assert await subscription.next(1) is None


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    """What it does not take in time ends its connection without waiting for it; others are not concerned."""
    monkeypatch.setattr(stream, "SEND_WITHIN_S", 0.05)
    cut, metrics = asyncio.Event(), GatewayMeasures()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield stream.frame(an_event(1))

    async def never(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async with asyncio.timeout(5):
        await stream.EventStream(endless(), metrics)({"whistle.abort": cut.set}, asyncio.Event().wait, never)
    assert cut.is_set()
    assert metrics.registry.get_sample_value("whistle_http_streams_dropped_total") == 1


async def test_a_quiet_stream_has_a_heartbeat(gate: Gate, monkeypatch: pytest.MonkeyPatch):
    """So that no proxy takes it for dead."""
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    context = Context(Settings(), Limiter(1))
    async with await open_pool(gate.stack.database_dsn, size=1) as pool:
        context.open(WhistleClient(pool, None))
        frames = stream.frames(context, Subscription(0, "nobody", None), None)
        assert [await anext(frames) for _ in range(3)] == [b"retry: 2000\n\n", *[b": heartbeat\n\n"] * 2]
        await frames.aclose()


async def test_the_feed_outlives_its_connection(gate: Gate):
    """The listener is cut off and comes back, and what happened meanwhile is told."""
    async with await open_pool(gate.stack.database_dsn, size=4) as pool:
        followed = Feed(pool)
        running = asyncio.create_task(followed.run())
        subscription = await followed.subscribe("jinhaihu")
        listeners = "select pg_terminate_backend(pid) from pg_stat_activity where query like 'LISTEN%'"
        await gate.pool.execute(listeners)
        whistle_id = await gate.register()
        event = await subscription.next(15)
        assert event is not None
        assert event.whistle_id == whistle_id
        assert await feed.highest_position(pool) >= event.position
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_feed_that_nobody_follows_asks_nothing_and_begins_anew(gate: Gate):
    """Most gateways are not followed most of the time; who comes then is told what comes from then on."""
    async with await open_pool(gate.stack.database_dsn, size=4) as pool:
        followed = Feed(pool)
        running = asyncio.create_task(followed.run())
        followed.leave(await followed.subscribe("jinhaihu"))
        missed = await gate.register()

        async def idle() -> bool:
            return pool.get_idle_size() == pool.get_size()

        await until_it_holds(idle)
        subscription = await followed.subscribe("jinhaihu")
        whistle_id = await gate.register()
        event = await subscription.next(15)
        assert event is not None
        assert event.whistle_id == whistle_id != missed
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 18 + "x"])
async def test_an_id_that_no_event_has_is_refused(gate: Gate, last: str):
    """Before the stream begins."""
    answer = await gate.http.get("/v1/stream", headers=gate.headers(PLATFORM) | {"Last-Event-ID": last})
    problem_of(answer, 422, "invalid")


async def test_sigterm_ends_streams_finishes_what_is_in_hand_and_exits_with_zero(gate: Gate):
    """Within seconds, whatever streams are open; the request under way is answered."""
    whistle_id = await gate.register()
    async with another_gateway(gate) as (leaving, process):
        async with following(leaving, PLATFORM) as told:
            path, body = f"/v1/whistles/{whistle_id}/append", {"text": "一", "kind": "MORE"}
            asked = asyncio.create_task(leaving.post(SOURCE, path, body, key="leaving"))
            await until(told, whistle_id, 2)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(8):
                assert [heard async for heard in told] == []
        assert (await asked).status_code == 200
        async with asyncio.timeout(8):
            assert await process.wait() == 0
        with pytest.raises(httpx.ConnectError):
            await leaving.get(PLATFORM, "/healthz")
