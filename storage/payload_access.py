"""The trail of the codec server: who opened which encrypted payloads, and when."""

from datetime import datetime
from enum import StrEnum

from domain.values import Frozen
from storage.pool import Pool

_NOTE = """
insert into payload_access (act, reader, via, namespace, workflows, keys, payloads) values ($1, $2, $3, $4, $5, $6, $7)
"""
_NEWEST = """
select at, act, reader, via, namespace, workflows, keys, payloads from payload_access
where $1::text is null or $1 = any (workflows)
order by at desc, id desc limit $2
"""


class Act(StrEnum):
    """What was done with payloads."""

    DECODE = "DECODE"
    ENCODE = "ENCODE"


class Via(StrEnum):
    """How the reader was known."""

    KEY = "KEY"
    TOKEN = "TOKEN"  # noqa: S105 - a word
    SESSION = "SESSION"


class Access(Frozen):
    """One time that payloads were opened or closed for somebody; `workflows` are those that the payloads name."""

    act: Act
    reader: str
    via: Via
    namespace: str
    workflows: tuple[str, ...]
    keys: tuple[str, ...]
    payloads: int


class NotedAccess(Access):
    """One line of the trail."""

    at: datetime


async def note(pool: Pool, access: Access) -> None:
    """Write a line of the trail."""
    values = (access.act, access.reader, access.via, access.namespace, list(access.workflows), list(access.keys))
    await pool.execute(_NOTE, *values, access.payloads)


async def newest(pool: Pool, workflow: str | None, limit: int) -> list[NotedAccess]:
    """Read the last lines, the newest first; of one workflow where one is named."""
    return [NotedAccess(**row) for row in await pool.fetch(_NEWEST, workflow, limit)]
