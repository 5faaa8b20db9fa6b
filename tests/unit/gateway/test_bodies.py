"""Bodies before any route: what never arrived whole is nobody's request."""

from datetime import timedelta

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import WhistleError
from starter.gateway.bodies import BoundedBodies
from starter.gateway.problems import UnreadableError


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_fault_of_ours():
    """No route sees it, and what is noted of it is a request that could not be read."""
    arriving: list[Message] = [
        {"type": "http.request", "body": b'{"title": ', "more_body": True},
        {"type": "http.disconnect"},
    ]
    reached, refused = list[Scope](), list[WhistleError]()

    async def route(scope: Scope, _receive: Receive, _send: Send) -> None:
        reached.append(scope)

    def refuse(_scope: Scope, error: WhistleError) -> ASGIApp:
        refused.append(error)
        return nobody_listens

    async def nobody_listens(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    async def receive() -> Message:
        return arriving.pop(0)

    async def send(_message: Message) -> None:
        return

    bodies = BoundedBodies(route, timedelta(seconds=5), refuse)
    await bodies({"type": "http", "headers": []}, receive, send)
    assert not reached
    assert [type(error) for error in refused] == [UnreadableError]
