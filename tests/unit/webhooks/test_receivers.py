"""Speaking to a receiver by TLS: to the checked address, under the name that its certificate must bear."""

import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from activities.receivers import Receivers, Reply

NAME = "receiver.example"
LOOPBACK = (ip_network("127.0.0.0/8"),)


class Secure(NamedTuple):
    """A TLS server on loopback: its port, the names it was asked for, and who believes its certificate."""

    port: int
    asked: list[str | None]
    trust: ssl.SSLContext


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    """A server whose certificate bears one name."""
    file = tmp_path / "server.pem"
    file.write_bytes(certificate())
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    with serving(context) as port:
        yield Secure(port, asked, ssl.create_default_context(cafile=file))


def certificate() -> bytes:
    """A self-signed certificate of that name, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return private + made.public_bytes(serialization.Encoding.PEM)


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[int]:
    """Serve for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204 if self.headers["host"].startswith(NAME) else 400)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A refused handshake is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def loopback(_host: str, _port: int) -> Sequence[str]:
    """Every name is this machine."""
    return ["127.0.0.1"]


async def sent(secure: Secure, host: str, trust: ssl.SSLContext | None) -> Reply:
    """Send one body to a host of that name."""
    receivers = Receivers(LOOPBACK, resolve=loopback, timeout=timedelta(seconds=5), trust=trust)
    try:
        return await receivers.post("wh", f"https://{host}:{secure.port}/in", {}, b"{}")
    finally:
        await receivers.close()


async def test_a_certificate_must_bear_the_name_though_the_connection_goes_to_an_address(secure: Secure):
    """The name is asked for in the handshake, and stands in the Host header."""
    assert await sent(secure, NAME, secure.trust) == Reply(status=204)
    assert secure.asked == [NAME]


async def test_a_certificate_of_another_name_is_refused(secure: Secure):
    """Whoever took over the address cannot pass for the receiver."""
    assert await sent(secure, "other.example", secure.trust) == Reply(error="tls-failed")


async def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Secure):
    """The system's own list decides."""
    assert await sent(secure, NAME, None) == Reply(error="tls-failed")


async def test_a_dead_address_gives_way_to_the_next_one(secure: Secure):
    """A name may have several; all that are tried were checked."""

    async def two(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    receivers = Receivers(LOOPBACK, resolve=two, trust=secure.trust)
    assert (await receivers.post("wh", f"https://{NAME}:{secure.port}/in", {}, b"{}")).status == 204
    await receivers.close()


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1/", "connection-failed"),
        ("http://10.0.0.1/", "address-refused"),
        (f"http://{'a' * 70}.invalid/", "name-not-resolved"),
        ("http://no-such-name.invalid/", "name-not-resolved"),
    ],
)
async def test_whatever_a_network_does_is_told_and_not_raised(url: str, error: str):
    """By a word that says what happened."""
    receivers = Receivers(LOOPBACK)
    assert (await receivers.post("wh", url, {}, b"{}")).error == error
    await receivers.close()
