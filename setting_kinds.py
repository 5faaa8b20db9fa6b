"""The kinds of values that settings take: each checks itself, and says in a few words what it must be."""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

WHISTLE_ID = "{whistle_id}"
NAME = "a name of letters, digits, - and _, 64 at most"
BUILD_ID = "a name of letters, digits, ., _, + and -, 100 at most"
NAMES = "names with commas between"
PORT = "a port, 1 to 65535"
DATABASE = "an address such as postgresql://user:password@host:5432/whistle"
HOST_AND_PORT = "a host and a port, such as temporal.example:7233"
WEB_ADDRESS = "an http or https address"
LINK = f"an http or https address with {WHISTLE_ID} in it"
NETWORKS = "networks with commas between, such as 10.0.0.0/8,::1/128"
ENCRYPTION = "off, AES-256-GCM or SM4-GCM"
ORIGINS = "origins with commas between, such as https://temporal.example"
DURATION = "a number of seconds, 0.1 to 86400"

_HOST_AND_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]]+):(?P<port>[0-9]{1,5})")
_PORTS = range(1, 65536)


def _comma_separated(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _seconds(value: object) -> object:
    return timedelta(seconds=min(float(value), 1e9)) if isinstance(value, str) else value


def _database(value: str) -> str:
    parts = urlsplit(value)
    # Reading the port checks it; several hosts, which PostgreSQL allows, have a port each.
    if parts.scheme not in ("postgresql", "postgres") or ("," not in parts.netloc and parts.port == 0):
        raise ValueError(parts.scheme)
    return value


def _host_and_port(value: str) -> str:
    found = _HOST_AND_PORT.fullmatch(value)
    if found is None or int(found["port"]) not in _PORTS:
        raise ValueError(value)
    return value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(value)
    return value


def _origin(value: str) -> str:
    if value != value.lower() or urlsplit(value).netloc != value.partition("://")[2]:
        raise ValueError(value)
    return _web_address(value)


def _cipher(value: object) -> object:
    return None if value == "off" else value


def _link(value: str) -> str:
    if WHISTLE_ID not in value:
        raise ValueError(value)
    return _web_address(value)


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
BuildId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")]
Names = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]
Port = Annotated[int, Field(ge=1, le=65535)]
Database = Annotated[str, AfterValidator(_database)]
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Link = Annotated[str, AfterValidator(_link)]
Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], BeforeValidator(_comma_separated)]
Encryption = Annotated[Literal["AES-256-GCM", "SM4-GCM"] | None, BeforeValidator(_cipher)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_comma_separated)]
Duration = Annotated[timedelta, BeforeValidator(_seconds), Field(ge=timedelta(milliseconds=100), le=timedelta(days=1))]
