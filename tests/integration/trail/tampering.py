"""The hand of somebody who owns the tables: every guard off, a change, every guard on again."""

from typing import Any

from storage.pool import Pool

OFF = "alter table event disable trigger event_is_append_only"
ON = "alter table event enable always trigger event_is_append_only"


async def tamper(owner: Pool, statement: str, *arguments: Any) -> None:
    """Change rows that are append-only, as only the owner of the tables can."""
    async with owner.acquire() as connection, connection.transaction():
        await connection.execute(OFF)
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(statement, *arguments)
        await connection.execute("set local session_replication_role = origin")
        await connection.execute(ON)
