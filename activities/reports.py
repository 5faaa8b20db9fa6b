"""Freezing the figures of a period."""

import asyncpg
from temporalio import activity

from activities.failures import as_outage
from domain.errors import RefusedError
from domain.figures.freezing import FreezePeriod, PeriodFrozen
from domain.figures.periods import Period
from refusals import as_failure
from storage.pool import Pool
from storage.scorecards import freeze


class ReportActivities:
    """The figures, on this worker's pool."""

    def __init__(self, pool: Pool) -> None:
        """Use this pool."""
        self._pool = pool

    @activity.defn(name="freeze_scorecard")
    async def freeze_scorecard(self, asked: FreezePeriod) -> PeriodFrozen:
        """Freeze a period; idempotent: the same figures again make no version. A period that runs is refused."""
        try:
            period = Period.named(asked.period)
            done = await freeze(self._pool, period, asked.known_at, first=asked.first)
        except RefusedError as error:
            raise as_failure(error) from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise as_outage(error) from None
        if done is None:
            return PeriodFrozen(period=period.label, kind=period.kind, version=None)
        frozen, changed = done
        return PeriodFrozen(
            period=period.label,
            kind=period.kind,
            version=frozen.version,
            changed=changed,
            to_account=frozen.card.to_account,
        )
