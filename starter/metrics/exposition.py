"""One process's `/metrics`: asked for as often as anybody likes, it asks the database once in ten seconds at most."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import asyncpg
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from observability.measures import ProcessMeasures
from observability.runtime import MeasuredRuntime
from starter.metrics.survey_families import SurveyCollector
from storage.pool import Pool
from storage.survey import Count, survey

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The version that Temporal's core writes, and every Prometheus reads."""
KEPT_FOR = timedelta(seconds=10)
"""How long a survey serves; Prometheus asks every 15 s or so, and there may be several of it."""
ANSWERS_WITHIN = timedelta(seconds=3)

PoolNow = Callable[[], Pool | None]


class Exposition:
    """Puts together what a process measures, what its Temporal core does, and the figures of its database."""

    def __init__(self, measures: ProcessMeasures, runtime: MeasuredRuntime | None, pool: PoolNow) -> None:
        """Tell of these; `pool` gives None while there is none."""
        self._measures = measures
        self._runtime = runtime
        self._pool = pool
        self._surveyed = SurveyCollector()
        self._figures = CollectorRegistry()
        self._figures.register(self._surveyed)
        self._looking = asyncio.Lock()
        self._looked_at: float | None = None

    async def text(self) -> bytes:
        """Give it all as Prometheus text; a database or a core that is away is left out, and never an error."""
        core, _ = await asyncio.gather(self._of_core(), self._look())
        self._count_connections()
        return generate_latest(self._measures.registry) + generate_latest(self._figures) + core

    async def _of_core(self) -> bytes:
        return await self._runtime.exposition() if self._runtime else b""

    async def _look(self) -> None:
        async with self._looking:
            now = time.monotonic()
            if self._looked_at is None or now - self._looked_at >= KEPT_FOR.total_seconds():
                self._surveyed.note(await self._survey())
                self._looked_at = time.monotonic()

    async def _survey(self) -> list[Count] | None:
        pool = self._pool()
        if pool is None:
            return None
        try:
            async with asyncio.timeout(ANSWERS_WITHIN.total_seconds()):
                return await survey(pool)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError):
            return None

    def _count_connections(self) -> None:
        if pool := self._pool():
            idle = pool.get_idle_size()
            self._measures.connections.labels("idle").set(idle)
            self._measures.connections.labels("in_use").set(pool.get_size() - idle)
