"""WHISTLE_METRICS=off: nothing is measured for Prometheus, and both processes say so."""

import httpx
import pytest

from domain.errors import NotFoundError
from observability.measures import WorkerMeasures
from observability.runtime import temporal_runtime
from settings import Settings
from starter.gateway import operations
from starter.gateway.context import Context
from starter.gateway.limits import Limiter
from starter.worker_http import WorkerStatus, application


@pytest.mark.parametrize(("metrics", "status"), [(True, 200), (False, 404)])
async def test_a_worker_that_does_not_measure_has_no_such_path(metrics: bool, status: int):
    """And is alive all the same."""
    worker = application(WorkerStatus(WorkerMeasures(), None), Settings(metrics=metrics))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(worker), base_url="http://worker") as http:
        assert (await http.get("/metrics")).status_code == status
        assert (await http.get("/healthz")).json() == {"status": "alive"}


async def test_a_gateway_that_does_not_measure_says_why():
    """By the error that every other path that is not there has."""
    with pytest.raises(NotFoundError, match="WHISTLE_METRICS"):
        await operations.metrics(Context(Settings(metrics=False), Limiter(1)))


def test_a_process_has_one_runtime():
    """However often it is asked for."""
    assert temporal_runtime() is temporal_runtime()
