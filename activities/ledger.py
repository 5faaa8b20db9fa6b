"""Storing commands, as an activity: local while PostgreSQL answers at once, ordinary when it does not."""

from collections.abc import Awaitable, Callable

import asyncpg
from temporalio import activity

from activities.failures import as_outage
from activities.ledger_line import ledger_line
from domain.brief import Brief, brief
from domain.errors import NotFoundError, RefusedError
from domain.ledger import ADOPT, RecordInput, every_activity
from observability.measures import WORKER
from refusals import as_failure
from storage.ledger import record
from storage.pool import Pool

Ask = Callable[[RecordInput], Awaitable[Brief]]


class LedgerActivities:
    """The store's one activity, on the pool of this worker."""

    def __init__(self, pool: Pool, profile: str) -> None:
        """Use this pool, and the limits of this profile."""
        self._pool = pool
        self._profile = profile

    @property
    def every(self) -> list[Ask]:
        """The activity under each of its names."""
        return under_every_name(self.record_command)

    async def record_command(self, request: RecordInput) -> Brief:
        """Store a command; a refusal fails for good, anything else may be tried again."""
        try:
            with ledger_line(request, WORKER) as line:
                output = await record(self._pool, self._profile, request)
                line.told(output)
            return brief(output, request)
        except NotFoundError as error:
            # The registration may still be on its way; a command never comes before it.
            if request.name != ADOPT:
                raise as_failure(error) from None
            raise
        except RefusedError as error:
            raise as_failure(error) from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise as_outage(error) from None


def under_every_name(ask: Ask) -> list[Ask]:
    """Give the one activity under each name by which histories know it."""
    return [_named(ask, name) for name in every_activity()]


def _named(ask: Ask, name: str) -> Ask:
    @activity.defn(name=name)
    async def named(request: RecordInput) -> Brief:
        return await ask(request)

    return named
