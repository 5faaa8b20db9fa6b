"""Storing commands, as an activity: local while PostgreSQL answers at once, ordinary when it does not."""

import asyncpg
from temporalio import activity

from activities.failures import as_failure, as_outage
from domain.errors import RefusedError
from domain.ledger import RecordInput, RecordOutput
from storage.ledger import record
from storage.pool import Pool


class LedgerActivities:
    """The store's one activity, on the pool of this worker."""

    def __init__(self, pool: Pool, profile: str) -> None:
        """Use this pool, and the limits of this profile."""
        self._pool = pool
        self._profile = profile

    @activity.defn(name="record_command")
    async def record_command(self, request: RecordInput) -> RecordOutput:
        """Store a command; a refusal fails for good, anything else may be tried again."""
        try:
            return await record(self._pool, self._profile, request)
        except RefusedError as error:
            raise as_failure(error) from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise as_outage(error) from None
