"""When a part is away the caller is told so, and the retry gets the truth: nothing lost, nothing twice."""

import asyncio
import signal
import sys
import uuid
from http import HTTPStatus

import httpx

from tests.integration.gateway.gate import (
    CLERK,
    PLATFORM,
    SOURCE,
    Gate,
    another_gateway,
    matter,
    problem_of,
)
from tests.patience import until

CLIENT = """
import httpx, sys
url, key, whistle_id, text = sys.argv[1:]
answer = httpx.post(f"{url}/v1/whistles/{whistle_id}/append", json={"text": text, "kind": "MORE"}, trust_env=False,
                    headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "from-elsewhere"}, timeout=30)
print(answer.status_code, answer.json().get("version"))
"""


async def test_a_client_in_another_process_has_its_command_done(gate: Gate):
    """A library and a key are enough."""
    whistle_id = await gate.register()
    key = gate.headers(SOURCE)["Authorization"].removeprefix("Bearer ")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, gate.url, key, whistle_id, "一", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().split() == ["200", "2"]


async def test_while_postgresql_is_away_the_caller_is_asked_to_come_again(gate: Gate):
    """503 with Retry-After from every route, not ready but alive; afterwards the same request has its one effect."""
    whistle_id, key = await gate.register(), uuid.uuid4().hex
    path, body = f"/v1/whistles/{whistle_id}/append", {"text": "一", "kind": "MORE"}
    await gate.stack.take_down("postgres")
    try:
        asked = [
            gate.post(SOURCE, path, body, key=key),
            gate.post(SOURCE, "/v1/whistles", matter()),
            gate.get(CLERK, "/v1/whistles"),
            gate.get(CLERK, "/v1/tasks"),
            gate.get(CLERK, "/v1/calendar"),
            gate.get(CLERK, "/v1/stream"),
            gate.http.get("/readyz"),
        ]
        for answer in await asyncio.gather(*asked):
            problem_of(answer, 503, "temporarily-unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert (await gate.http.get("/healthz")).status_code == HTTPStatus.OK
    finally:
        await gate.stack.bring_up("postgres")
    await until(lambda: is_answered(gate, "/readyz"))
    again = await gate.post(SOURCE, path, body, key=key)
    assert (again.status_code, again.json()["version"]) == (200, 2)


async def test_while_temporal_is_away_reads_are_answered_and_writes_are_not_lost(gate: Gate):
    """A registration is 503 though it is stored: the same again tells that, and its workflow starts once."""
    told = matter()
    await gate.stack.take_down("temporal")
    try:
        refused = await gate.post(SOURCE, "/v1/whistles", told)
        problem_of(refused, 503, "temporarily-unavailable")
        problem_of(await gate.http.get("/readyz"), 503, "temporarily-unavailable")
        assert (await gate.get(PLATFORM, "/v1/whistles")).status_code == 200
    finally:
        await gate.stack.bring_up("temporal")
    await until(lambda: is_answered(gate, "/readyz"))
    again = await gate.post(SOURCE, "/v1/whistles", told)
    assert again.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}
    assert again.json()["version"] == 1
    await gate.do(CLERK, again.json()["whistle_id"], "append", text="一", kind="MORE")


async def test_a_gateway_killed_between_row_and_workflow_leaves_no_orphan(gate: Gate):
    """SIGKILL after the row is there and before Temporal was told: the outbox starts the workflow all the same."""
    told = matter()
    whistle_id = f"12345:{told['external_id']}"
    async with another_gateway(gate) as (doomed, process):
        gate.stack.kill("temporal", signal.SIGSTOP)
        try:
            asked = asyncio.create_task(doomed.post(SOURCE, "/v1/whistles", told))
            await until(lambda: is_stored(gate, whistle_id))
            process.kill()
            await process.wait()
            assert not await is_started(gate, whistle_id)
        finally:
            gate.stack.kill("temporal", signal.SIGCONT)
        broken = (await asyncio.gather(asked, return_exceptions=True))[0]
        assert isinstance(broken, httpx.HTTPError)
    await until(lambda: is_started(gate, whistle_id), within_s=30)
    assert (await gate.post(SOURCE, "/v1/whistles", told)).status_code == HTTPStatus.OK
    await gate.do(CLERK, whistle_id, "append", text="一", kind="MORE")


async def is_answered(gate: Gate, path: str) -> bool:
    """Tell whether a path is answered with 200."""
    return (await gate.http.get(path)).status_code == HTTPStatus.OK


async def is_stored(gate: Gate, whistle_id: str) -> bool:
    """Tell whether a whistle has its row."""
    return bool(await gate.pool.fetchval("select count(*) from whistle where whistle_id = $1", whistle_id))


async def is_started(gate: Gate, whistle_id: str) -> bool:
    """Tell whether Temporal acknowledged a whistle's start."""
    started = "select started_at is not null from whistle where whistle_id = $1"
    return bool(await gate.pool.fetchval(started, whistle_id))
