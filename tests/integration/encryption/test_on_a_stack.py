"""A whole stack under encryption: nothing changes for those who use it, keys are replaced while it runs."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from starter.encryption.envelope import is_encrypted, key_of
from starter.encryption.errors import PayloadKeyMissingError
from starter.encryption.in_use import payloads_in
from starter.encryption.key_ring import CipherName, KeyRing, PayloadKey
from starter.encryption.ring_file import write_ring
from starter.schedules import COMPLIANCE_SWEEP
from starter.scheduling import apply
from storage.payload_access import newest
from tests.integration.encryption.shop import Shop
from tests.integration.gateway.gate import (
    CLERK,
    LEADER,
    PLATFORM,
    POLICE,
    WATER,
    Gate,
    problem_of,
    review,
)
from tests.patience import until

TITLE = "盗采砂石七七一九"
AGED = """
update whistle set updated_at = updated_at - interval '5 minutes', started_at = started_at - interval '5 minutes'
where whistle_id = $1
"""

pytestmark = pytest.mark.timeout(180)


async def written(client: Client, workflow_id: str) -> bytes:
    """Give all that Temporal keeps of a workflow's run, as bytes."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return b"".join(event.SerializeToString() for event in history.events)


async def test_the_gateway_refuses_by_the_same_names(shop: Shop) -> None:
    """State, role, organisation, fields and conflicts: each problem keeps its type, and each answer comes once."""
    gate = shop.gate
    whistle_id = await gate.emergency("water", "police", title=TITLE)
    path = f"/v1/whistles/{whistle_id}"
    arrival = {"responder": "water", "officers": [{"name": "李明"}]}
    problem_of(await gate.post(LEADER, f"{path}/blow"), 409, "move-not-allowed")
    problem_of(await gate.post(WATER, f"{path}/accept", {"lead": "water"}), 403, "role-not-allowed")
    problem_of(await gate.post(POLICE, f"{path}/arrive", arrival), 403, "not-your-organisation")
    problem_of(await gate.post(PLATFORM, f"{path}/accept", {"lead": "nobody-known"}), 422, "invalid")
    first = await gate.post(WATER, f"{path}/arrive", arrival, key="arrival-1")
    assert first.status_code == 200
    assert (await gate.post(WATER, f"{path}/arrive", arrival, key="arrival-1")).status_code == 200
    other = arrival | {"note": "别的"}
    problem_of(await gate.post(WATER, f"{path}/arrive", other, key="arrival-1"), 409, "idempotency-conflict")
    assert TITLE.encode() not in await written(await shop.temporal(), f"whistle:{whistle_id}")


async def test_the_runs_of_a_schedule_follow_each_other(shop: Shop) -> None:
    """Each is given the result of the one before, which was encrypted for another workflow id."""
    client = await shop.temporal()
    for _ in range(2):
        before = await sweeps(client)
        await client.get_schedule_handle(COMPLIANCE_SWEEP).trigger()
        await until(partial(has_more_sweeps, client, before))
    assert not (await client.count_workflows("ExecutionStatus = 'Failed'")).count


async def sweeps(client: Client) -> int:
    """Count the sweeps that came to their end."""
    query = "WorkflowType = 'ComplianceSweepWorkflow' AND ExecutionStatus = 'Completed'"
    return (await client.count_workflows(query)).count


async def has_more_sweeps(client: Client, before: int) -> bool:
    """Tell whether another came to its end."""
    return await sweeps(client) > before


async def test_temporals_command_line_reads_through_the_codec_server(shop: Shop) -> None:
    """With an admin's key; without, and with a clerk's, it shows nothing."""
    whistle_id = await shop.gate.emergency("water", title=TITLE)
    show = ("workflow", "show", "--workflow-id", f"whistle:{whistle_id}", "--output", "json")
    closed = await shop.temporal_cli(*show)
    assert titles_in(closed.out) == set()
    through = ("--codec-endpoint", shop.codec_url)
    opened = await shop.temporal_cli(*show, *through, "--codec-auth", f"Bearer {shop.admin_key}")
    assert TITLE in titles_in(opened.out), opened.err
    refused = await shop.temporal_cli(*show, *through, "--codec-auth", shop.gate.headers(CLERK)["Authorization"])
    assert refused.code != 0
    assert titles_in(refused.out) == set()
    lines = await newest(shop.gate.pool, f"whistle:{whistle_id}", 100)
    assert {(line.reader, line.namespace) for line in lines} == {("admin", "default")}


def titles_in(exported: str) -> set[str]:
    """Find the titles in a history as Temporal's command line writes it."""
    found = json.loads(exported) if exported.strip() else {"events": []}
    started = [e["workflowExecutionStartedEventAttributes"] for e in found["events"][:1]]
    data = [b64decode(p["data"]) for s in started for p in s["input"]["payloads"]]
    return {json.loads(one)["title"] for one in data if one[:1] == b"{"}


async def test_an_exported_history_replays_as_it_is(shop: Shop, tmp_path: Path) -> None:
    """Still encrypted, under any file name."""
    whistle_id = await shop.gate.emergency("water", title=TITLE)
    shown = await shop.temporal_cli("workflow", "show", "-w", f"whistle:{whistle_id}", "--output", "json")
    file = tmp_path / "any-name.json"
    file.write_text(shown.out, encoding="utf-8")
    assert (await shop.whistle_json("replay", str(file)))["items"][0]["replays"]


@pytest.fixture
async def restored(shop: Shop) -> AsyncIterator[Shop]:
    """Leave a ring that opens all, whatever the test did to it; processes read it when they meet a key."""
    before = shop.ring
    yield shop
    came = tuple(key for key in shop.ring.keys if key.id not in before.ids)
    write_ring(shop.ring_file, before.model_copy(update={"keys": (*before.keys, *came)}))


async def restarted(shop: Shop) -> None:
    """Let worker and gateway begin with the ring of now."""
    await asyncio.gather(shop.gate.stack.restart("worker"), shop.gate.stack.restart("gateway"))


async def test_keys_are_replaced_while_whistles_run(restored: Shop) -> None:
    """Begun under A, continued under B by every process; A goes only once nothing is kept under it.

    Forced out too early, it stops its whistles and nothing else, by a name that can be read; with it back they go on.
    """
    shop, gate = restored, restored.gate
    a, b = shop.ring.keys[0], PayloadKey.fresh(CipherName.SM4_GCM)
    whistle_id = await gate.emergency("water", "police", title=TITLE)
    forsaken = await gate.emergency("water", title=TITLE)
    write_ring(shop.ring_file, KeyRing(current=b.id, keys=(b, a)))
    await restarted(shop)
    await gate.do(WATER, whistle_id, "arrive", responder="water", officers=[{"name": "李明"}])
    client = await shop.temporal()
    assert await keys_of(client, f"whistle:{whistle_id}") == {a.id, b.id}
    assert {one.outcome for one in await apply(client)} == {"UPDATED"}
    assert {one.outcome for one in await apply(client)} == {"UNCHANGED"}
    refused = await shop.whistle("payload-keys", "remove", a.id, "--json")
    assert refused.code == 1
    assert "and 0 schedules, among them whistle:" in refused.err
    assert shop.ring.ids == (b.id, a.id)

    write_ring(shop.ring_file, KeyRing(current=b.id, keys=(b,)))
    await restarted(shop)
    arrival = {"responder": "police", "officers": [{"name": "赵磊"}]}
    path = f"/v1/whistles/{whistle_id}/arrive"
    problem_of(await gate.post(POLICE, path, arrival, key="while-lost"), 503, "temporarily-unavailable")
    await the_loss_is_named(shop, whistle_id, a.id)
    await what_is_lost_for_good_begins_anew(shop, forsaken)
    write_ring(shop.ring_file, KeyRing(current=b.id, keys=(b, a)))
    await until(partial(is_done, gate, path, arrival), within_s=60)


async def the_loss_is_named(shop: Shop, whistle_id: str, key_id: str) -> None:
    """The task fails by a name anybody can read, the key that is missing is listed, and other whistles go on."""
    client = await shop.temporal()
    events = (await client.get_workflow_handle(f"whistle:{whistle_id}").fetch_history()).events
    failed = {e.workflow_task_failed_event_attributes.failure.application_failure_info.type for e in events}
    assert PayloadKeyMissingError.__name__ in failed
    assert key_id in (await shop.whistle_json("payload-keys", "list", "--in-use"))["missing"]
    fresh = await shop.gate.register(title=TITLE)
    assert (await shop.gate.do(CLERK, fresh, "review", **review()))["state"] == "PROPOSED"


async def what_is_lost_for_good_begins_anew(shop: Shop, whistle_id: str) -> None:
    """A workflow whose key nobody has is terminated; the sweep starts it from the store, under the key of now."""
    client = await shop.temporal()
    await client.get_workflow_handle(f"whistle:{whistle_id}").terminate("its key is lost")
    # A sweep leaves alone what moved in the last minute.
    await shop.gate.pool.execute(AGED, whistle_id)
    await client.get_schedule_handle(COMPLIANCE_SWEEP).trigger()
    path, arrival = f"/v1/whistles/{whistle_id}/arrive", {"responder": "water", "officers": [{"name": "李明"}]}

    async def arrives() -> bool:
        return (await shop.gate.post(WATER, path, arrival, key="anew")).status_code == 200

    await until(arrives)
    assert await keys_of(client, f"whistle:{whistle_id}") == {shop.ring.current}


async def is_done(gate: Gate, path: str, arrival: dict[str, Any]) -> bool:
    """Send the command that was answered 503 again, and tell whether it is done."""
    return (await gate.post(POLICE, path, arrival, key="while-lost")).status_code == 200


async def keys_of(client: Client, workflow_id: str) -> set[str]:
    """Name the keys under which a workflow's history is kept."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return {key_of(p) for event in history.events for p in payloads_in(event) if is_encrypted(p)}
