"""Outbound webhooks on a real PostgreSQL and real receivers: signed, at least once, nobody held up by another."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from storage.pool import Pool
from storage.webhook_deliveries import DeliveryState, list_deliveries, replay
from storage.webhooks import delete_webhook, find_webhook, waiting_commits
from tests.integration.desk import Desk
from tests.integration.webhooks.post_office import delivering, settled, subscribed, the_delivery
from tests.integration.webhooks.receiver import Answer, Receiver
from tests.patience import until

DEAD = "http://127.0.0.1:1/in"
PERSONAL = ("王女士", "13800000000", "海子村", "挖掘机", "source@12345")


async def test_every_event_reaches_its_subscriber_signed_and_once(pool: Pool):
    """In the form of the contract, without a name of a person in it."""
    with Receiver().listening() as receiver:
        hook = await subscribed(pool, receiver.url)
        async with delivering(pool):
            desk = await Desk.registered(pool)
            await desk.assembling()
            total = len(await desk.records())
            await until(lambda: len(receiver.got) >= total)
    told = [got.verified(hook.secret) for got in receiver.got]
    assert {one["type"] for one in told} == {"whistle.event"}
    assert sorted(one["data"]["sequence"] for one in told) == list(range(1, total + 1))
    assert len({got.headers["webhook-id"] for got in receiver.got}) == total
    first = min(told, key=lambda one: one["data"]["sequence"])
    assert first["timestamp"] == first["data"]["at"]
    assert first["data"]["whistle_id"] == desk.whistle_id
    assert first["data"]["actor"] == {"role": "SOURCE_SYSTEM", "organisation": "12345"}
    assert [first["data"][name] for name in ("type", "state", "version")] == ["WhistleRegistered", "SOURCED", 1]
    everything = b"".join(got.body for got in receiver.got).decode()
    assert not [word for word in PERSONAL if word in everything]


async def test_the_message_tells_the_state_and_version_after_its_command(pool: Pool):
    """Every event of one command speaks of the whistle as that command left it."""
    with Receiver().listening() as receiver:
        await subscribed(pool, receiver.url, "WhistleBlown", "WhistleAccepted", "RespondersNotified")
        async with delivering(pool):
            desk = await Desk.registered(pool)
            await desk.assembling()
            await until(lambda: len(receiver.got) >= 3)
    told = {got.message["data"]["type"]: got.message["data"] for got in receiver.got}
    assert told["WhistleBlown"]["state"] == "BLOWN"
    assert told["WhistleAccepted"]["state"] == told["RespondersNotified"]["state"] == "ASSEMBLING"
    assert told["WhistleAccepted"]["version"] == told["RespondersNotified"]["version"] == desk.known


async def test_without_a_subscription_commands_leave_nothing_for_one(pool: Pool):
    """Who does not use webhooks does not pay for them."""
    desk = await Desk.registered(pool)
    await desk.blown()
    assert await waiting_commits(pool) == 0


async def test_a_subscription_hears_of_nothing_before_it_was_made(pool: Pool):
    """What was queued for others at that time is not told to it."""
    with Receiver().listening() as receiver:
        await subscribed(pool, DEAD)
        desk = await Desk.registered(pool)
        await subscribed(pool, receiver.url, name="wh_late")
        await desk.blown()
        async with delivering(pool):
            await until(lambda: any(got.message["data"]["type"] == "WhistleBlown" for got in receiver.got))
    assert min(got.message["data"]["sequence"] for got in receiver.got) > 1


async def test_what_was_committed_while_nobody_delivered_is_delivered_later(pool: Pool):
    """The commit waits in the database."""
    with Receiver().listening() as receiver:
        await subscribed(pool, receiver.url)
        desk = await Desk.registered(pool)
        await desk.blown()
        assert await waiting_commits(pool) == 3
        async with delivering(pool):
            await until(lambda: len(receiver.got) >= desk.known)
    assert await waiting_commits(pool) == 0


async def test_a_source_hears_of_its_own_whistles_and_of_what_they_were_merged_into(pool: Pool):
    """Of the parent it hears the public events alone, and which of its own whistles follow it."""
    with Receiver().listening() as receiver:
        await subscribed(pool, receiver.url, source_system="grid")
        parent = await Desk.registered(pool)
        child = await Desk.registered(pool, by="source@grid", source_system="grid", external_id="G1")
        await child.do("clerk@jinhaihu", "merge", merge_into=parent.whistle_id)
        await parent.closed()
        async with delivering(pool):
            await until(lambda: any(got.message["data"]["type"] == "WhistleClosed" for got in receiver.got))
    told = [got.message["data"] for got in receiver.got]
    own = {one["type"] for one in told if one["whistle_id"] == child.whistle_id}
    of_parent = {one["type"]: one["merged"] for one in told if one["whistle_id"] == parent.whistle_id}
    assert own == {"WhistleRegistered", "WhistleMerged"}
    assert {"WhistleBlown", "ActionStarted", "CheckPassed", "FeedbackGiven", "WhistleClosed"} == set(of_parent)
    assert {tuple(merged) for merged in of_parent.values()} == {(child.whistle_id,)}


async def test_an_organisation_narrows_a_subscription_to_whistles_that_it_has_a_part_in(pool: Pool):
    """From the moment it became a party."""
    with Receiver().listening() as receiver, Receiver().listening() as other:
        await subscribed(pool, receiver.url, organisation="water")
        await subscribed(pool, other.url, name="wh_other", organisation="gas")
        desk = await Desk.registered(pool)
        await desk.assembling("water", "police")
        async with delivering(pool):
            await until(lambda: any(got.message["data"]["type"] == "WhistleAccepted" for got in receiver.got))
    assert other.got == []


async def test_five_hundred_and_then_success_is_one_message_with_two_attempts(pool: Pool):
    """The first retry comes after five seconds, under the same id, with a time and a signature of its own."""
    with Receiver(Answer(500), Answer(200, body=b"thanks")).listening() as receiver:
        hook = await subscribed(pool, receiver.url, "WhistleRegistered")
        async with delivering(pool):
            await Desk.registered(pool)
            done = await settled(pool, attempts=2)
    first, second = receiver.got
    assert 5 <= second.at - first.at < 7
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == done.message_id
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert first.verified(hook.secret) == second.verified(hook.secret)
    assert (done.state, done.next_attempt_at) == (DeliveryState.DELIVERED, None)
    assert [(a.attempt, a.status) for a in done.attempts] == [(1, 500), (2, 200)]


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (Answer(302, {"location": "/elsewhere"}), 302, "redirect-not-followed"),
        (Answer(400), 400, "refused"),
        (Answer(503), 503, "refused"),
    ],
)
async def test_what_is_not_2xx_is_tried_again(pool: Pool, answer: Answer, status: int, error: str):
    """Redirects are not followed."""
    with Receiver(answer).listening() as receiver:
        await subscribed(pool, receiver.url, "WhistleRegistered")
        async with delivering(pool):
            await Desk.registered(pool)
            tried = await settled(pool)
    assert [got.path for got in receiver.got] == ["/in"]
    assert (tried.attempts[0].status, tried.attempts[0].error) == (status, error)
    assert tried.state is DeliveryState.PENDING
    assert 4 < (tried.next_attempt_at - datetime.now(UTC)).total_seconds() < 6


async def test_a_receiver_that_asks_for_more_time_is_given_it(pool: Pool):
    """Retry-After with 429, beyond what the schedule says."""
    with Receiver(Answer(429, {"retry-after": "90"})).listening() as receiver:
        await subscribed(pool, receiver.url, "WhistleRegistered")
        async with delivering(pool):
            await Desk.registered(pool)
            tried = await settled(pool)
    assert 85 < (tried.next_attempt_at - datetime.now(UTC)).total_seconds() < 91


async def test_gone_ends_the_subscription(pool: Pool):
    """Nothing is sent there any more, what waits is given up, and no commit is kept for it."""
    with Receiver(Answer(500), Answer(410)).listening() as receiver:
        hook = await subscribed(pool, receiver.url)
        async with delivering(pool):
            desk = await Desk.registered(pool)
            await settled(pool)
            await Desk.registered(pool, external_id="E2")
            await until(lambda: len(receiver.got) == 2)
            await settled(pool)
            await desk.blown()
            webhook = await find_webhook(pool, hook.id, None)
    assert len(receiver.got) == 2
    assert {one.state for one in await list_deliveries(pool, hook.id)} == {DeliveryState.GIVEN_UP}
    assert (webhook.disabled_at is not None, webhook.disabled_reason) == (True, "410 Gone")
    assert await waiting_commits(pool) == 0


async def test_a_receiver_that_hangs_and_one_that_is_dead_hold_up_nobody(pool: Pool):
    """A third one has everything long before the first is given up; the log says what happened to each."""
    with Receiver(Answer(after_s=30)).listening() as hanging, Receiver().listening() as good:
        await subscribed(pool, hanging.url, name="wh_hanging")
        await subscribed(pool, DEAD, name="wh_dead")
        await subscribed(pool, good.url, name="wh_good")
        async with delivering(pool, patience=timedelta(seconds=4)):
            desk = await Desk.registered(pool)
            await desk.assembling()
            begun = time.monotonic()
            await until(lambda: len(good.got) == desk.known, within_s=3)
            assert time.monotonic() - begun < 3
            dead = await settled(pool, "wh_dead")
            hung = (await list_deliveries(pool, "wh_hanging"))[-1]
            assert hung.attempts[0].ended_at is None

            async def given_up() -> bool:
                return (await list_deliveries(pool, "wh_hanging"))[-1].attempts[0].error == "timeout"

            await until(given_up)
    assert dead.attempts[0].error == "connection-failed"


async def test_an_answer_without_end_is_not_read_to_its_end(pool: Pool):
    """A status is all that is wanted of it."""
    with Receiver(Answer(200, body=b"x" * 20_000_000)).listening() as receiver:
        await subscribed(pool, receiver.url, "WhistleRegistered")
        async with delivering(pool):
            await Desk.registered(pool)
            assert (await settled(pool)).state is DeliveryState.DELIVERED


async def test_a_delivery_that_was_interrupted_is_made_by_the_next_round(pool: Pool):
    """At once, and without a step of the schedule lost."""
    with Receiver(Answer(after_s=30)).listening() as receiver:
        await subscribed(pool, receiver.url, "WhistleRegistered")
        async with delivering(pool) as environment:
            await Desk.registered(pool)
            await until(lambda: len(receiver.got) == 1)
            environment.cancel()
        receiver.answers = [Answer()]
        async with delivering(pool):
            done = await settled(pool, attempts=2)
    assert [(a.status, a.error) for a in done.attempts] == [(None, "interrupted"), (204, None)]
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]
    assert await pool.fetchval("select tries from webhook_delivery") == 1


async def test_a_replay_by_hand_sends_the_same_message_once_more(pool: Pool):
    """Also one that was delivered; the id is the same, so a receiver may know it."""
    with Receiver().listening() as receiver:
        await subscribed(pool, receiver.url, "WhistleRegistered")
        async with delivering(pool):
            await Desk.registered(pool)
            done = await settled(pool)
            again = await replay(pool, "wh_one", done.id)
            assert again.state is DeliveryState.PENDING
            await settled(pool, attempts=2)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert (await the_delivery(pool)).state is DeliveryState.DELIVERED


async def test_a_replay_while_an_attempt_runs_is_made_after_it(pool: Pool):
    """What was promised is not lost in what happens to be under way."""
    with Receiver(Answer(after_s=1), Answer()).listening() as receiver:
        await subscribed(pool, receiver.url, "WhistleRegistered")
        async with delivering(pool):
            await Desk.registered(pool)
            await until(lambda: len(receiver.got) == 1)
            await replay(pool, "wh_one", (await the_delivery(pool)).id)
            done = await settled(pool, attempts=2)
    assert (len(receiver.got), done.state) == (2, DeliveryState.DELIVERED)


async def test_after_the_last_attempt_a_delivery_is_given_up(pool: Pool):
    """The tenth is the last, seventy-six hours after the first; by hand it may be sent again."""
    await subscribed(pool, DEAD, "WhistleRegistered")
    async with delivering(pool):
        await Desk.registered(pool)
        await settled(pool)
        await pool.execute("update webhook_delivery set tries = 9, due_at = now()")
        await until_given_up(pool)
        await replay(pool, "wh_one", (await the_delivery(pool)).id)
        tried = await settled(pool, attempts=3)
    assert tried.state is DeliveryState.PENDING


async def until_given_up(pool: Pool) -> None:
    """Wait until the delivery is given up."""

    async def given_up() -> bool:
        return (await the_delivery(pool)).state is DeliveryState.GIVEN_UP

    await until(given_up)


async def test_a_deleted_subscription_is_sent_nothing_more(pool: Pool):
    """Not even what was due already."""
    with Receiver().listening() as receiver:
        await subscribed(pool, receiver.url)
        await subscribed(pool, DEAD, name="wh_other")
        await Desk.registered(pool)
        await delete_webhook(pool, "wh_one", None)
        async with delivering(pool):
            await settled(pool, "wh_other")
    assert receiver.got == []


async def test_a_name_that_means_another_address_when_it_is_connected_to_is_refused(pool: Pool):
    """DNS rebinding: public while it is subscribed, loopback when the message leaves."""
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])

    async def rebound(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    assert await rebound("example.org", 80) == ["93.184.215.14"]
    with Receiver().listening() as receiver:
        await subscribed(pool, f"http://rebound.example:{receiver.port}/in", "WhistleRegistered")
        async with delivering(pool, listed=(), resolve=rebound):
            await Desk.registered(pool)
            tried = await settled(pool)
    assert tried.attempts[0].error == "address-refused"
    assert receiver.got == []


async def test_the_connection_goes_to_the_address_that_was_checked(pool: Pool):
    """The name is resolved once an attempt; the receiver still sees its own name."""
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with Receiver().listening() as receiver:
        await subscribed(pool, f"http://receiver.invalid:{receiver.port}/in?a=1", "WhistleRegistered")
        async with delivering(pool, resolve=resolve):
            await Desk.registered(pool)
            await settled(pool)
    assert asked == ["receiver.invalid"]
    assert receiver.got[0].headers["host"] == f"receiver.invalid:{receiver.port}"
    assert receiver.got[0].path == "/in?a=1"


async def test_two_deliverers_send_each_message_once(pool: Pool):
    """A zombie of a worker and its successor; neither waits for the other."""
    with Receiver().listening() as receiver:
        await subscribed(pool, receiver.url)
        async with delivering(pool), delivering(pool):
            desks = await asyncio.gather(*(Desk.registered(pool, external_id=f"E{n}") for n in range(10)))
            for desk in desks:
                await desk.blown()
            total = sum(desk.known for desk in desks)
            await until(lambda: len(receiver.got) >= total)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == len(receiver.got) == total
    assert json.loads(receiver.got[0].body)["type"] == "whistle.event"
