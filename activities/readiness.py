"""What a worker says of itself when it is asked whether it is ready."""

from temporalio import activity

from domain.readiness import Readiness
from storage.inspection import pending_migrations
from storage.pool import Pool


class ReadinessActivities:
    """Answers for the worker of one build."""

    def __init__(self, pool: Pool, build_id: str) -> None:
        """Answer for this build, on this database."""
        self._pool = pool
        self._build_id = build_id

    @activity.defn(name="report_readiness")
    async def report_readiness(self) -> Readiness:
        """Look at the database; one that is away fails the question, which nobody repeats."""
        missing = await pending_migrations(self._pool)
        return Readiness(build_id=self._build_id, missing_migrations=tuple(missing))
