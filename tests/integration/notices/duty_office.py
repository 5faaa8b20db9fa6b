"""The delivering activity on a real PostgreSQL, with a roster and channels of the test, for the length of a block."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.testing import ActivityEnvironment

import storage.duty
from activities.late_starts import Start
from activities.outbox import NoticeSettings, OutboxActivities
from domain.delivery import DeliveryRound
from storage.catalogues import _FILL, _PARSE
from storage.notice_trail import DeliveryEntry, notice_trail
from storage.pool import Pool
from storage.registrations import Unstarted
from tests.patience import until

PATIENCE_S = 15.0
UNADDRESSED = "select exists (select from outbox where whistle_id = $1 and delivered_at is null)"
CONTACTS = "organisation,person,name,channel,address,urgent_only\n"
ROSTER = "organisation,days,opens,closes,officer,backup,leader\n"


async def on_duty(pool: Pool, *contacts: str, roster: tuple[str, ...] = ()) -> None:
    """Put contacts and a roster in force, without an import: a database with other catalogues is not used again."""
    storage.duty._cache.clear()
    for name, header, lines in (("contacts", CONTACTS, contacts), ("roster", ROSTER, roster)):
        if lines:
            await pool.execute(_FILL[name], _PARSE[name](header + "\n".join(lines)).rows)


def channels(folder: Path, **sections: Mapping[str, object]) -> Path:
    """Write a channels.toml; quiet hours never, unless said."""
    lines: list[str] = []
    for name, section in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in {"quiet": "", "timeout_s": 1, **section}.items()]
    path = folder / "channels.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


async def start_nothing(_left: Unstarted) -> None:
    """Nothing is left unstarted here that matters."""


@asynccontextmanager
async def delivering(
    pool: Pool, channels_file: Path | None = None, *, start: Start = start_nothing, **settings: Any
) -> AsyncIterator[None]:
    """Deliver while the block runs, then shut down as a worker would."""
    environment = ActivityEnvironment()
    activities = OutboxActivities(pool, start, NoticeSettings(channels_file=channels_file, **settings))
    running = asyncio.create_task(
        environment.run(activities.deliver_outbox, DeliveryRound(length=timedelta(minutes=1)))
    )
    try:
        yield
    finally:
        environment.worker_shutdown()
        with suppress(asyncio.CancelledError):
            await running


async def deliveries(pool: Pool, whistle_id: str, channel: str) -> list[DeliveryEntry]:
    """Every delivery of a whistle by a channel."""
    return [d for notice in await notice_trail(pool, whistle_id) for d in notice.deliveries if d.channel == channel]


async def settled(
    pool: Pool, whistle_id: str, channel: str, count: int = 1, within_s: float = PATIENCE_S
) -> list[DeliveryEntry]:
    """Wait until all notices of a whistle are addressed, and so many deliveries settled and none is pending."""

    async def done() -> bool:
        if await pool.fetchval(UNADDRESSED, whistle_id):
            return False
        found = await deliveries(pool, whistle_id, channel)
        return len(found) >= count and all(d.settled_at for d in found)

    await until(done, within_s)
    return await deliveries(pool, whistle_id, channel)
