"""The one reader of the environment, so that every switch of the project stands in one place.

The environment always wins. What it leaves out, `load_settings` takes from the `stack.json` of a stack that is
running on the same data folder: a second terminal finds the stack of the first without being told.
"""

import fcntl
import os
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

STACK_FILE = "stack.json"
LOCK_FILE = "up.lock"
CHANNELS_FILE = "channels.toml"

Network = IPv4Network | IPv6Network


def _comma_separated(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _seconds(value: object) -> object:
    return timedelta(seconds=float(value)) if isinstance(value, str) else value


class Settings(BaseSettings):
    """Every switch of Whistle under its public name; `database_dsn` and the like are None where nobody said."""

    model_config = SettingsConfigDict(env_prefix="WHISTLE_", frozen=True, populate_by_name=True, env_ignore_empty=True)

    data_dir: Path = Path(".whistle")
    database_dsn: str | None = Field(default=None, repr=False)
    database_owner_dsn: str | None = Field(default=None, repr=False)
    temporal_address: str | None = Field(default=None, validation_alias="TEMPORAL_ADDRESS")
    temporal_namespace: str = Field(default="default", validation_alias="TEMPORAL_NAMESPACE")
    http_host: str = "127.0.0.1"
    http_port: int | None = Field(default=None, ge=1, le=65535)
    rate_limit: int = Field(default=200, ge=1, le=100_000)
    """Requests a second of one key, or of one address without a key, in each gateway process."""
    read_within: Annotated[timedelta, BeforeValidator(_seconds)] = Field(
        default=timedelta(seconds=10), validation_alias="WHISTLE_READ_WITHIN_S"
    )
    """How long the head of a request may take to arrive, and then its body."""
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks_url: str | None = None
    oidc_subject_claim: str = "sub"
    oidc_role_claim: str = "whistle_role"
    oidc_organisation_claim: str = "whistle_organisation"
    temporal_port: int | None = Field(default=None, ge=1, le=65535)
    ui_port: int | None = Field(default=None, ge=1, le=65535)
    postgres_port: int | None = Field(default=None, ge=1, le=65535)
    limits: Literal["default", "demo"] = "default"
    dormant_work_days: int = Field(default=10, ge=1, le=250)
    """After how many working days without an event a sweep calls an open whistle dormant [P]."""
    acting_as: str | None = Field(default=None, validation_alias="WHISTLE_AS")
    channels: Path | None = None
    """The channels of notices; by default channels.toml in the data folder."""
    notice_link: str | None = None
    """Where people open a whistle, with `{whistle_id}` in it; notices show it."""
    webhook_allow: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_comma_separated)] = ()
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda value: str(value).upper())
    ] = "INFO"
    graceful_shutdown: Annotated[timedelta, BeforeValidator(_seconds)] = Field(
        default=timedelta(seconds=30), validation_alias="WHISTLE_GRACEFUL_SHUTDOWN_S"
    )

    @property
    def channels_file(self) -> Path:
        """Where the channels of notices are described, if anywhere."""
        return self.channels or self.data_dir / CHANNELS_FILE


class StackAddresses(BaseModel):
    """What a client of a running stack needs from its `stack.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    temporal_address: str
    temporal_namespace: str = "default"
    database_dsn: str = Field(repr=False)
    database_owner_dsn: str | None = Field(default=None, repr=False)
    gateway_url: str | None = None


def load_settings() -> Settings:
    """Read the environment and complete it by the stack that runs on its data folder, if one does.

    Raises pydantic's `ValidationError` for a malformed variable.
    """
    settings = Settings()
    running = running_stack(settings.data_dir)
    if running is None:
        return settings
    found: dict[str, object] = {}
    if settings.database_dsn is None:
        found["database_dsn"] = running.database_dsn
        found["database_owner_dsn"] = settings.database_owner_dsn or running.database_owner_dsn
    if settings.temporal_address is None:
        found["temporal_address"] = running.temporal_address
        if "temporal_namespace" not in settings.model_fields_set:
            found["temporal_namespace"] = running.temporal_namespace
    return settings.model_copy(update=found)


def running_stack(data_dir: Path) -> StackAddresses | None:
    """Give the addresses of the stack that runs on `data_dir`; None if none runs there or it is not ours to read."""
    try:
        if not _is_locked(data_dir / LOCK_FILE):
            return None
        return StackAddresses.model_validate_json((data_dir / STACK_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def child_environment(overrides: Mapping[str, str], without: tuple[str, ...] = ()) -> dict[str, str]:
    """Give this process's environment, changed, for a process that the embedded stack starts."""
    return {name: value for name, value in os.environ.items() if name not in without} | dict(overrides)


def _is_locked(lock: Path) -> bool:
    # A killed stack leaves its stack.json, never its lock: the kernel drops that.
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
