"""`whistle doctor` names what needs a hand, and what to do about it, though Temporal be away."""

from pathlib import Path

from settings import Settings
from starter.client import WhistleClient
from starter.connecting import connect
from starter.doctor import EXAMINATIONS
from starter.findings import Health, Verdict
from storage.pool import Pool
from storage.webhooks import tell_subscribers
from tests.integration.desk import Desk
from tests.integration.webhooks.post_office import subscribed


async def verdict_on(part: str, pool: Pool, folder: Path) -> Verdict:
    """Look at one part."""
    settings = Settings.model_construct(data_dir=folder, temporal_address="127.0.0.1:1")
    client = WhistleClient(pool, await connect(settings, lazy=True))
    return await EXAMINATIONS[part](client, settings)


async def test_webhooks_that_keep_deliveries_waiting_are_named_by_host(pool: Pool, tmp_path: Path):
    """Never by their whole address, which may hold a secret; also those that were disabled, and what nobody took up."""
    assert (await verdict_on("推送 webhooks", pool, tmp_path))[0] is Health.WELL
    await subscribed(pool, "https://peer.example/hook?token=geheim")
    await Desk.registered(pool)
    await pool.execute("update webhook set created_at = created_at - interval '1 hour'")
    await pool.execute("update webhook_commit set at = at - interval '5 minutes'")
    health, detail, advice = await verdict_on("推送 webhooks", pool, tmp_path)
    assert (health, detail) == (Health.WARNING, "1 commits are not addressed yet: look at the worker's log")
    await tell_subscribers(pool)
    await pool.execute("update webhook_delivery set created_at = now() - interval '5 minutes'")
    await pool.execute("update webhook set disabled_reason = 'gone (410)', disabled_at = now()")
    health, detail, advice = await verdict_on("推送 webhooks", pool, tmp_path)
    assert health is Health.WARNING
    assert detail.startswith("wh_one (peer.example) keeps 1 waiting since ")
    assert detail.endswith(", disabled: gone (410)")
    assert advice
    assert "receive-webhooks.md" in advice


async def test_a_mapping_that_cannot_be_used_is_named_with_its_fault(pool: Pool, tmp_path: Path):
    """What a source sends in that form would be refused until somebody looks."""
    health, detail, _ = await verdict_on("来件映射 mappings", pool, tmp_path)
    assert health is Health.WELL
    assert "in force: " in detail
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "petition.toml").write_text("name = ", encoding="utf-8")
    health, detail, advice = await verdict_on("来件映射 mappings", pool, tmp_path)
    assert health is Health.BROKEN
    assert detail.startswith("petition.toml: it cannot be read: ")
    assert str(tmp_path / "mappings") in (advice or "")
