"""Failures of the database on their way through Temporal."""

import asyncpg
from temporalio.exceptions import ApplicationError


def as_outage(error: asyncpg.PostgresError | asyncpg.InterfaceError) -> ApplicationError:
    """Turn a database error into a failure that may be retried.

    Only its name and SQLSTATE: messages and details of PostgreSQL quote rows, and those hold personal data.
    """
    name = type(error).__name__
    state = getattr(error, "sqlstate", None)
    return ApplicationError(f"{name} ({state})" if state else name, type=name)
