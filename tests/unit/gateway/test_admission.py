"""A gateway takes so many requests in hand, and tells the others at once to come again."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from fastapi import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import WhistleError
from starter.gateway import problems
from starter.gateway.admission import Admission
from tests.patience import until

AT_ONCE = 2
WRITE, READ = ("POST", "/v1/whistles"), ("GET", "/v1/whistles")


class Held:
    """An application that answers nobody until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        await self.go.wait()
        await Response()(scope, receive, send)


def refused(scope: Scope, error: WhistleError) -> ASGIApp:
    """Answer with problem details."""
    return problems.answer(Request(scope), error)


class Door:
    """Asks an application, and keeps what it answered."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    async def ask(self, method: str, path: str) -> tuple[int, dict[str, str]]:
        """Give status and headers."""
        told: list[Any] = []

        async def send(message: Any) -> None:
            told.append(message)

        await self._app(
            {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}, None, send
        )
        return told[0]["status"], {k.decode(): v.decode() for k, v in told[0]["headers"]}


@pytest.fixture
def held() -> Held:
    """What stands behind the admission."""
    return Held()


@pytest.fixture
def door(held: Held) -> Door:
    """The way in, for two of a kind."""
    return Door(Admission(held, AT_ONCE, refused))


async def in_hand(door: Door, held: Held, *asked: tuple[str, str]) -> list[asyncio.Task[Any]]:
    """Have requests taken in hand."""
    tasks = [asyncio.create_task(door.ask(*one)) for one in asked]
    await until(lambda: held.inside >= len(asked))
    return tasks


async def test_one_too_many_is_told_at_once_to_come_again_and_a_later_one_is_served(door: Door, held: Held) -> None:
    """503 with Retry-After while two are in hand; 200 once they are done."""
    waiting = await in_hand(door, held, WRITE, WRITE)
    status, headers = await door.ask(*WRITE)
    assert (status, headers["retry-after"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "2")
    held.go.set()
    assert [(await one)[0] for one in waiting] == [HTTPStatus.OK] * AT_ONCE
    assert (await door.ask(*WRITE))[0] == HTTPStatus.OK


@pytest.mark.parametrize("asked", [READ, ("GET", "/v1/stream"), ("GET", "/healthz"), ("GET", "/metrics")])
async def test_whoever_reads_or_watches_is_let_in_while_writers_wait(
    door: Door, held: Held, asked: tuple[str, str]
) -> None:
    """What waits for Temporal does not keep the desk from reading."""
    waiting = await in_hand(door, held, WRITE, WRITE)
    reading = asyncio.create_task(door.ask(*asked))
    held.go.set()
    assert (await reading)[0] == HTTPStatus.OK
    await asyncio.gather(*waiting)


async def test_a_request_that_fails_or_is_given_up_leaves_its_place(door: Door, held: Held) -> None:
    """As many as before can come in afterwards."""
    for task in await in_hand(door, held, WRITE, WRITE):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    held.inside = 0
    waiting = await in_hand(door, held, WRITE, WRITE)
    held.go.set()
    assert [(await one)[0] for one in waiting] == [HTTPStatus.OK] * AT_ONCE
