"""Putting whole lives into a database as the ledger would have left them."""

from typing import Any

from domain.records import Record
from domain.summaries import summarise
from domain.values import compact
from storage.pool import Pool
from storage.read_model import COLUMNS, NAMES, read_model
from tests.life import Life

_WHISTLE = f"""
insert into whistle (whistle_id, source_system, external_id, content_hash, serial, value, updated_at, {NAMES})
select $1, $2, $3, '', $1, $4::text::jsonb, $5, {NAMES} from jsonb_to_record($6::jsonb) as m ({COLUMNS})
"""
_CHANGED = "update whistle set value = $2::text::jsonb, state = $3 where whistle_id = $1"
_EVENTS = """
insert into event (whistle_id, sequence, type, at, actor_subject, actor_role, actor_organisation, command_id,
    summary, data)
select $1, e.sequence, e.type, e.at, e.subject, e.role, e.organisation, 'c', e.summary, e.data
from jsonb_to_recordset($2::jsonb) as e (sequence integer, type text, at timestamptz, subject text, role text,
    organisation text, summary text, data jsonb)
"""


async def keep(pool: Pool, life: Life, *, after: int = 0, whistle_id: str | None = None) -> None:
    """Store a life, under another id if named, or what it has become since a sequence."""
    whistle_id = whistle_id or life.whistle.whistle_id
    w, value = life.whistle, life.whistle.model_dump_json()
    if after == 0:
        model = read_model(w) | {"merged_into": None}
        await pool.execute(_WHISTLE, whistle_id, *whistle_id.split(":"), value, life.now, model)
    else:
        await pool.execute(_CHANGED, whistle_id, value, w.state)
    await pool.execute(_EVENTS, whistle_id, [_row(record) for record in life.trail[after:]])


def _row(record: Record) -> dict[str, Any]:
    actor = record.actor
    return {
        "sequence": record.sequence,
        "type": record.type,
        "at": record.at.isoformat(),
        "subject": actor.subject,
        "role": actor.role,
        "organisation": actor.organisation,
        "summary": summarise(record.event, str),
        "data": compact(record.event),
    }
