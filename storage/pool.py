"""The connections to PostgreSQL: bounded in time, with JSON spoken on each."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection

QueryWatch = Callable[[Any], None]
"""Takes asyncpg's record of a query, which its stubs do not name."""

_SERVER_SETTINGS = {
    "application_name": "whistle",
    "timezone": "UTC",
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
}
_CONNECT_WITHIN_S = 5.0
_ANSWER_WITHIN_S = 15.0
# A local activity has one second (design.md 6): a lock that is not had by then is asked for again.
_BEGIN_BRIEFLY = "begin isolation level read committed; set local lock_timeout = '800ms'; "


async def open_pool(dsn: str, *, size: int = 10, watch: QueryWatch | None = None) -> Pool:
    """Open a pool of at most `size` connections; the database need not answer yet.

    `watch` is told of each query when it has ended, in the context of who asked; its arguments are private.
    """

    async def prepare(connection: Connection) -> None:
        await _speak_json(connection)
        if watch:
            connection.add_query_logger(watch)

    pool = asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        init=prepare,
        reset=_leave_as_is,
        timeout=_CONNECT_WITHIN_S,
        command_timeout=_ANSWER_WITHIN_S,
        server_settings=_SERVER_SETTINGS,
    )
    return await pool


@asynccontextmanager
async def brief_transaction(connection: Connection, first: str) -> AsyncIterator[None]:
    """Run the block as one transaction that waits for a lock 0.8 s at most, then raises LockNotAvailableError.

    `first` is a statement without parameters that goes along with the beginning: one round trip in place of three.
    """
    await connection.execute(_BEGIN_BRIEFLY + first)  # nosemgrep: sql-is-constant
    try:
        yield
    except BaseException:
        # A lost connection has rolled back by itself, and its proxy answers nothing any more.
        with suppress(asyncpg.InterfaceError):
            await connection.execute("rollback")
        raise
    await connection.execute("commit")


async def _speak_json(connection: Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=_to_json, decoder=json.loads, schema="pg_catalog")


def _to_json(value: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


async def _leave_as_is(_connection: Connection) -> None:
    # asyncpg has rolled back what was open; its RESET ALL would cost every command a round trip.
    return
