"""Private fields: stored first, put together with their command in the transaction, and shown only when asked."""

import pytest

from domain.errors import (
    InvalidError,
    NotFoundError,
)
from domain.submission import command_hash, parse
from storage.commands import keep_private
from storage.events import trail
from storage.pool import Pool
from tests.integration.desk import Desk
from tests.life import OFFICERS


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    """A whistle that was just registered."""
    return await Desk.registered(pool)


async def test_private_fields_stored_before_are_checked_with_their_command(desk: Desk):
    """They travel as a reference and are put together again only inside the transaction."""
    await desk.assembling()
    body = {"responder": "water", "officers": OFFICERS}
    whole = desk.asked("department@water", "arrive", command_id="x", **body)
    reference = command_hash("arrive", parse("arrive", whole.argument).command)
    travelling = {k: v for k, v in whole.argument.items() if k != "officers"} | {"private_ref": reference}
    request = whole.model_copy(update={"argument": travelling})
    with pytest.raises(InvalidError):
        await desk.send(request)
    await keep_private(desk.pool, desk.whistle_id, "x", reference, {"officers": OFFICERS})
    await keep_private(desk.pool, desk.whistle_id, "x", reference, {"officers": OFFICERS})
    first = await desk.send(request)
    assert first.answer is not None
    assert (await desk.send(whole)).answer == first.answer
    shown = await trail(desk.pool, desk.whistle_id, after=first.commits[0].sequence - 1, with_private=True)
    assert shown[0].private == {"officers": OFFICERS}


async def test_a_reference_to_other_content_is_refused(desk: Desk):
    """The public fields must be those that the reference was made for."""
    await desk.assembling()
    whole = desk.asked("department@water", "arrive", command_id="x", responder="water", officers=OFFICERS)
    reference = command_hash("arrive", parse("arrive", whole.argument).command)
    await keep_private(desk.pool, desk.whistle_id, "x", reference, {"officers": OFFICERS})
    forged = {"responder": "water", "occurred_at": "2026-11-24T01:00:00Z", "private_ref": reference}
    argument = {k: whole.argument[k] for k in ("actor", "command_id")} | forged
    with pytest.raises(InvalidError, match="private_ref"):
        await desk.send(whole.model_copy(update={"argument": argument}))


async def test_private_fields_sent_inline_are_stored_beside_the_command(desk: Desk):
    """A command sent straight to Temporal leaves the same rows as one of the starter."""
    await desk.do("clerk@jinhaihu", "append", text="举报人又来电", kind="MORE", note="语气急")
    body = await desk.pool.fetchval("select body from command_private")
    assert body == {"text": "举报人又来电", "note": "语气急"}
    data = await desk.pool.fetchval("select string_agg(data::text || summary, '') from event")
    assert "举报人又来电" not in data


async def test_private_fields_need_a_whistle(pool: Pool):
    """The starter learns of a wrong id before it sends anything."""
    with pytest.raises(NotFoundError):
        await keep_private(pool, "12345:nowhere", "x", "hash", {"note": "x"})
