"""The one reader of the environment, so that every switch of the project stands in one place.

The environment always wins. What it leaves out, `load_settings` takes from the `stack.json` of a stack that is
running on the same data folder: a second terminal finds the stack of the first without being told.
"""

import fcntl
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

import setting_kinds as kinds

STACK_FILE = "stack.json"
LOCK_FILE = "up.lock"
CHANNELS_FILE = "channels.toml"
PAYLOAD_KEYS_FILE = "payload-keys.json"
TASK_QUEUE = "whistle"
PREFIX = "WHISTLE_"
WRONG_USAGE = 2
"""The exit code of a process whose settings are wrong."""


class SettingsInvalidError(Exception):
    """Variables of the environment hold what makes no sense; the text is one sentence for each of them."""

    def __init__(self, faults: list[str]) -> None:
        """Tell each fault."""
        super().__init__("; ".join(faults))


class Settings(BaseModel):
    """Every switch of Whistle; `database_dsn` and the like are None where nobody said.

    A field is read from WHISTLE_ and its name, or from its alias; its description says what that must be.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")

    data_dir: Path = Path(".whistle")
    database_dsn: kinds.Database | None = Field(default=None, repr=False, description=kinds.DATABASE)
    database_owner_dsn: kinds.Database | None = Field(default=None, repr=False, description=kinds.DATABASE)
    temporal_address: kinds.HostAndPort | None = Field(
        default=None, validation_alias="TEMPORAL_ADDRESS", description=kinds.HOST_AND_PORT
    )
    temporal_namespace: str = Field(default="default", validation_alias="TEMPORAL_NAMESPACE")
    task_queue: kinds.Name = Field(default=TASK_QUEUE, description=kinds.NAME)
    """The one of this district, the same for its workers, gateways and schedules; also the name of its deployment."""
    ui_url: kinds.WebAddress | None = Field(default=None, description=kinds.WEB_ADDRESS)
    """Where admins open the Temporal UI; what the command line shows then leads there."""
    versioning: bool = Field(default=False, description="on or off")
    """Whether workers are versioned: then they get work once `whistle deploy` has given it to their version."""
    build_id: kinds.BuildId | None = Field(default=None, description=kinds.BUILD_ID)
    """The version of a worker; by default that of the package."""
    held_patches: kinds.Names = Field(default=(), description=kinds.NAMES)
    """Patches that no whistle shall begin yet, so that the release before can still take over."""
    http_host: str = Field(default="127.0.0.1", pattern=r"^[^\s/\[\]]+$", description="a host's name or address")
    http_port: kinds.Port | None = Field(default=None, description=kinds.PORT)
    worker_http_host: str = Field(default="127.0.0.1", pattern=r"^[^\s/\[\]]+$", description="a host's name or address")
    worker_http_port: kinds.Port | None = Field(default=None, description=kinds.PORT)
    """Where a worker tells how it is (`/healthz`, `/readyz`, `/metrics`); None: nowhere."""
    metrics: bool = Field(default=True, description="on or off")
    """Whether processes measure themselves for Prometheus."""
    stalled_after: kinds.Duration = Field(
        default=timedelta(minutes=3), validation_alias="WHISTLE_STALLED_AFTER_S", description=kinds.DURATION
    )
    """A worker that did not ask for work for so long though Temporal answers is stalled; twice that long ends it."""
    rate_limit: int = Field(default=200, ge=1, le=100_000, description="a number of requests, 1 to 100000")
    """Requests a second of one key, or of one address without a key, in each gateway process."""
    at_once: int = Field(default=100, ge=1, le=100_000, description="a number of requests, 1 to 100000")
    """Requests that read, and requests that write, which each gateway process has in hand at once [P]."""
    read_within: kinds.Duration = Field(
        default=timedelta(seconds=10), validation_alias="WHISTLE_READ_WITHIN_S", description=kinds.DURATION
    )
    """How long the head of a request may take to arrive, and then its body."""
    otel_traces_exporter: str | None = Field(
        default=None,
        validation_alias="OTEL_TRACES_EXPORTER",
        pattern="^(otlp|console|none)$",
        description="otlp, console or none",
    )
    otel_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    otel_traces_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    otel_sdk_disabled: bool = Field(default=False, validation_alias="OTEL_SDK_DISABLED", description="true or false")
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks_url: kinds.WebAddress | None = Field(default=None, description=kinds.WEB_ADDRESS)
    oidc_subject_claim: str = "sub"
    oidc_role_claim: str = "whistle_role"
    oidc_organisation_claim: str = "whistle_organisation"
    temporal_port: kinds.Port | None = Field(default=None, description=kinds.PORT)
    ui_port: kinds.Port | None = Field(default=None, description=kinds.PORT)
    postgres_port: kinds.Port | None = Field(default=None, description=kinds.PORT)
    limits: Literal["default", "demo"] = Field(default="default", description="default or demo")
    dormant_work_days: int = Field(default=10, ge=1, le=250, description="a number of days, 1 to 250")
    """After how many working days without an event a sweep calls an open whistle dormant [P]."""
    acting_as: str | None = Field(default=None, validation_alias="WHISTLE_AS")
    channels: Path | None = None
    """The channels of notices; by default channels.toml in the data folder."""
    notice_link: kinds.Link | None = Field(default=None, description=kinds.LINK)
    """Where people open a whistle; notices show it."""
    webhook_allow: kinds.Networks = Field(default=(), description=kinds.NETWORKS)
    payload_keys: str | None = Field(default=None, repr=False)
    """The key ring itself, as JSON; at most one of this and the next is set."""
    payload_keys_file: Path | None = None
    """The file of the key ring; by default payload-keys.json in the data folder, where there is one."""
    payload_encryption: kinds.Encryption = Field(default=None, description=kinds.ENCRYPTION)
    """By which cipher the embedded stack encrypts payloads; it makes a key ring where there is none."""
    codec_port: kinds.Port | None = Field(default=None, description=kinds.PORT)
    codec_origins: kinds.Origins = Field(default=(), description=kinds.ORIGINS)
    """The Temporal UIs whose pages may ask the codec server."""
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda value: str(value).upper())
    ] = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    graceful_shutdown: kinds.Duration = Field(
        default=timedelta(seconds=30), validation_alias="WHISTLE_GRACEFUL_SHUTDOWN_S", description=kinds.DURATION
    )

    @model_validator(mode="after")
    def _believes_an_issuer_whole(self) -> Self:
        needed = {
            "oidc_issuer": self.oidc_issuer,
            "oidc_audience": self.oidc_audience,
            "oidc_jwks_url": self.oidc_jwks_url,
        }
        missing = [variable_of(name) for name, value in needed.items() if value is None]
        if 0 < len(missing) < len(needed):
            raise ValueError(f"{' and '.join(missing)} must be set too: an OIDC issuer is believed by all three")
        return self

    @model_validator(mode="after")
    def _has_one_key_ring(self) -> Self:
        both = [variable_of(name) for name in ("payload_keys", "payload_keys_file")]
        if self.payload_keys is not None and self.payload_keys_file is not None:
            raise ValueError(f"{' and '.join(both)} are both set: keep the one that holds the key ring")
        return self

    @property
    def payload_ring_file(self) -> Path | None:
        """Where the key ring of payload encryption lies; None where there is none."""
        usual = self.data_dir / PAYLOAD_KEYS_FILE
        return self.payload_keys_file or (usual if usual.exists() else None)

    @property
    def traced_by(self) -> str | None:
        """Which exporter takes the spans of our processes; None: tracing is off, as it is where nothing names one."""
        named = self.otel_traces_exporter or ("otlp" if self.otel_endpoint or self.otel_traces_endpoint else "none")
        return None if self.otel_sdk_disabled or named == "none" else named

    @property
    def channels_file(self) -> Path:
        """Where the channels of notices are described, if anywhere."""
        return self.channels or self.data_dir / CHANNELS_FILE


class StackAddresses(BaseModel):
    """What a client of a running stack needs from its `stack.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    temporal_address: str
    temporal_namespace: str = "default"
    task_queue: str = TASK_QUEUE
    database_dsn: str = Field(repr=False)
    database_owner_dsn: str | None = Field(default=None, repr=False)
    temporal_ui_url: str | None = None
    gateway_url: str | None = None


def load_settings() -> Settings:
    """Read the environment and complete it by the stack that runs on its data folder, if one does.

    Raises SettingsInvalidError.
    """
    settings = read_settings()
    running = running_stack(settings.data_dir)
    if running is None:
        return settings
    found: dict[str, object] = {}
    if settings.database_dsn is None:
        found["database_dsn"] = running.database_dsn
        found["database_owner_dsn"] = settings.database_owner_dsn or running.database_owner_dsn
    if settings.temporal_address is None:
        found["temporal_address"] = running.temporal_address
        found["ui_url"] = settings.ui_url or running.temporal_ui_url
        here = {"temporal_namespace": running.temporal_namespace, "task_queue": running.task_queue}
        found |= {name: value for name, value in here.items() if name not in settings.model_fields_set}
    return settings.model_copy(update=found)


def read_settings() -> Settings:
    """Read the environment alone; an empty variable is one that is not set. Raises SettingsInvalidError."""
    found = {name: os.environ[variable] for name, variable in _variables() if os.environ.get(variable)}
    try:
        return Settings.model_validate(found, by_name=True)
    except ValidationError as error:
        places = dict.fromkeys(fault["loc"][:1] for fault in error.errors())
        raise SettingsInvalidError([_fault(place, error, found) for place in places]) from None


def settings_of_process() -> Settings:
    """Load them for a process of its own, which a mistake ends with one line on stderr."""
    try:
        return load_settings()
    except SettingsInvalidError as error:
        sys.stderr.write(f"✗ {error}\n")
        raise SystemExit(WRONG_USAGE) from None


def variable_of(name: str) -> str:
    """Name the variable of the environment that a field is read from."""
    return str(Settings.model_fields[name].validation_alias or f"{PREFIX}{name.upper()}")


def _variables() -> Iterator[tuple[str, str]]:
    return ((name, variable_of(name)) for name in Settings.model_fields)


def _fault(place: tuple[int | str, ...], error: ValidationError, found: Mapping[str, str]) -> str:
    if not place:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    name = next(name for name in Settings.model_fields if place[0] in (name, variable_of(name)))
    field = Settings.model_fields[name]
    # What may hold a password is not shown.
    said = f", not {found[name]!r}" if field.repr else ""
    return f"{variable_of(name)} must be {field.description or 'something else'}{said}"


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
