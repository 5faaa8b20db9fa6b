"""A subscriber's server on loopback, which answers as a test tells it to."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from standardwebhooks import Webhook


class Got(NamedTuple):
    """One request as it came."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        """The body read as JSON."""
        return json.loads(self.body)

    def verified(self, secret: str) -> dict[str, Any]:
        """The body, if it was signed with that secret."""
        return Webhook(secret).verify(self.body, self.headers)


class Answer(NamedTuple):
    """How to answer once."""

    status: int = 204
    headers: dict[str, str] = {}
    body: bytes = b""
    after_s: float = 0


class Receiver:
    """Keeps what came, and gives the answers in their order, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.got: list[Got] = []
        self.answers = list(answers) or [Answer()]
        self.released = threading.Event()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/in"

    def take(self, got: Got) -> Answer:
        """Keep a request and choose its answer."""
        self.got.append(got)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @contextmanager
    def listening(self) -> Iterator["Receiver"]:
        """Listen for the length of the block."""
        server = _Server(("127.0.0.1", 0), _handler_of(self))
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A sender that hangs up is no news."""


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.take(Got(time.time(), self.path, headers, body))
            receiver.released.wait(answer.after_s)
            self.send_response(answer.status)
            for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    return Handler
