"""By what the doors of a long-lived process are watched; the command line's are not."""

import time
from asyncio import CancelledError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from temporalio.client import Interceptor
from temporalio.runtime import Runtime

from domain.errors import WhistleError
from storage.pool import QueryWatch

if TYPE_CHECKING:
    from prometheus_client import Histogram


class Watched(NamedTuple):
    """The runtime and interceptors of a Temporal client, who hears of each query, and where commands are timed."""

    runtime: Runtime | None = None
    interceptors: Sequence[Interceptor] = ()
    queries: QueryWatch | None = None
    commands: "Histogram | None" = None

    @contextmanager
    def timing(self, command: str) -> Iterator[None]:
        """Measure the block as one command, by its outcome: `done`, the problem's name, `abandoned` or `failed`."""
        began, outcome = time.perf_counter(), "failed"
        try:
            yield
            outcome = "done"
        except WhistleError as error:
            outcome = error.problem
            raise
        except CancelledError:
            outcome = "abandoned"
            raise
        finally:
            if self.commands:
                self.commands.labels(command, outcome).observe(time.perf_counter() - began)


UNWATCHED = Watched()
