"""When a worker counts as stalled: judged by a server that is a table here."""

from datetime import timedelta

import pytest
from temporalio.service import RPCError, RPCStatusCode

from observability.measures import WorkerMeasures
from starter.pulse import KINDS, Pulse

STEP = 10.0


class Server:
    """A server that tells when it last saw the worker, or is away."""

    def __init__(self) -> None:
        self.seen: dict[str, float | None] = dict.fromkeys(KINDS)
        self.away = False

    async def __call__(self, kind: str) -> float | None:
        """Tell."""
        if self.away:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        return self.seen[kind]

    def hear(self, at: float, *kinds: str) -> None:
        """See the worker poll."""
        for kind in kinds or KINDS:
            self.seen[kind] = at


@pytest.fixture
def server() -> Server:
    """A server that has seen nobody."""
    return Server()


@pytest.fixture
def pulse(server: Server) -> Pulse:
    """The pulse of a worker that counts as stalled after three steps."""
    return Pulse(server, WorkerMeasures(), timedelta(seconds=3 * STEP))


async def looks(pulse: Pulse, times: int) -> None:
    """Look so many times, a step apart."""
    for _ in range(times):
        await pulse.look(STEP)


async def test_a_worker_that_polls_now_and_then_makes_progress(server: Server, pulse: Pulse):
    """A long poll lasts: two looks without a new one are nothing."""
    for at in range(5):
        server.hear(float(at + 1))
        await looks(pulse, 3)
        assert pulse.stalled == ()


async def test_a_worker_that_asks_for_no_activities_any_more_is_stalled(server: Server, pulse: Pulse):
    """Its workflow tasks do not hide it, and the next poll ends it."""
    server.hear(1)
    for at in range(2, 6):
        server.hear(at, "workflow")
        await looks(pulse, 1)
    assert pulse.stalled == ("activity",)
    server.hear(9)
    await looks(pulse, 1)
    assert pulse.stalled == ()


async def test_a_worker_that_was_never_seen_is_stalled(pulse: Pulse):
    """It runs, and the server knows nothing of it."""
    await looks(pulse, 2)
    assert pulse.stalled == ()
    await looks(pulse, 1)
    assert set(pulse.stalled) == set(KINDS)


async def test_no_worker_is_blamed_for_a_server_that_is_away(server: Server, pulse: Pulse):
    """Nor for the time it was: it begins to count anew."""
    server.hear(1)
    await looks(pulse, 3)
    server.away = True
    await looks(pulse, 10)
    server.away = False
    await looks(pulse, 2)
    assert pulse.stalled == ()


async def test_a_stall_that_lasts_twice_as_long_loses_the_worker(server: Server):
    """Whoever waits for it is told what it did not ask for."""
    server.hear(1)
    measures = WorkerMeasures()
    lost = await Pulse(server, measures, timedelta(seconds=0.05)).until_lost()
    assert set(lost) == set(KINDS)
    assert measures.registry.get_sample_value("whistle_worker_stalled") == 1
