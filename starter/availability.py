"""Telling "Temporal or PostgreSQL is away" from every other failure, within a bounded wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
from temporalio.client import RPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import TemporarilyUnavailableError

PATIENCE = timedelta(seconds=10)
_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
    }
)
_DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a pooled connection says that died unseen
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)
_DATABASE_UNREADY = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
)


@asynccontextmanager
async def within_reach(patience: timedelta = PATIENCE) -> AsyncIterator[None]:
    """Bound the block in time and raise TemporarilyUnavailableError when a server is away or does not answer.

    The outcome is then unknown until the same request is sent again. A cancellation stays a cancellation.
    """
    try:
        async with asyncio.timeout(patience.total_seconds()):
            yield
    except RPCTimeoutOrCancelledError as error:
        # The client says the same of its own cancellation as of a server that is late.
        task = asyncio.current_task()
        if task and task.cancelling():
            raise asyncio.CancelledError from error
        raise _unavailable("Temporal does not answer in time") from error
    except TimeoutError as error:
        message = f"no answer within {patience.total_seconds():g} s"
        raise _unavailable(message) from error
    except _DATABASE_AWAY as error:
        raise _unavailable("PostgreSQL is away") from error
    except _DATABASE_UNREADY as error:
        raise _unavailable(f"PostgreSQL is not ready ({error}): whistle migrate, or look at its address") from error
    except OSError as error:
        raise _unavailable("PostgreSQL cannot be reached") from error
    except RPCError as error:
        if error.status not in _AWAY:
            raise
        raise _unavailable("Temporal is away") from error
    except RuntimeError as error:
        if not is_connection_failure(error):
            raise
        raise _unavailable("Temporal cannot be reached") from error


def is_connection_failure(error: RuntimeError) -> bool:
    """Tell the lazy client's failure to connect, which has no type of its own in temporalio 1.35."""
    return str(error).startswith("Failed client connect")


def _unavailable(reason: str) -> TemporarilyUnavailableError:
    return TemporarilyUnavailableError(f"{reason}; send the same request again: it is never done twice")
