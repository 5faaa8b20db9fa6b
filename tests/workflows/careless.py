"""A workflow that reads the clock of the machine, which the sandbox is there to refuse."""

import time

from temporalio import workflow


@workflow.defn(failure_exception_types=[Exception])
class Careless:
    """Reads the clock of the machine."""

    @workflow.run
    async def run(self, wanted: str) -> str:
        """Give back what was asked for, after a look at the clock if it is asked for."""
        return str(time.time()) if wanted == "the time" else wanted
