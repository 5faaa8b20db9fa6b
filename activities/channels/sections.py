"""`channels.toml`: which channels there are, where they are, and how fast and when each may be used.

    [duty-robots]
    kind = "wecom-robot"
    per_minute = 20

Contacts of the duty roster name these sections. Secrets stand here, so the file belongs to the worker alone.
"""

import base64
import re
import tomllib
from collections.abc import Iterator
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from activities.channels.mail import MAILBOX, Security
from activities.channels.sms_gateway import DEFAULT_BODY
from domain.duty import Hours
from domain.values import ID_PART_PATTERN

NIGHT = "22:00-07:00"
_SIGNING_BYTES = range(24, 65)
"""As Standard Webhooks ask for."""
Service = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9]{1,32}://[A-Za-z0-9.:_-]{0,253}$")]
"""A service of apprise, `wxpusher://`, or that service at one server, `gotifys://push.example.org:8443`."""


class ChannelsInvalidError(Exception):
    """`channels.toml` is faulty; the message names each place, never a value."""


class Sections(NamedTuple):
    """The sound sections of a file, and of each other one what is wrong with it."""

    sound: "dict[str, AnySection]"
    problems: dict[str, str]


def _hours(value: object) -> object:
    return Hours.read(value) if isinstance(value, str) and value else value or None


def _mailbox(sender: str) -> str:
    if not MAILBOX.fullmatch(parseaddr(sender)[1]):
        raise ValueError("a mailbox: whistle@example.org, or 吹哨报到 <whistle@example.org>")
    return sender


def _signing_secret(secret: SecretStr) -> SecretStr:
    prefix, _, encoded = secret.get_secret_value().partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if prefix != "whsec" or len(key) not in _SIGNING_BYTES:
        raise ValueError("whsec_ and 24 to 64 bytes in base64")
    return secret


class Section(BaseModel):
    """What every channel may be told; `quiet` keeps ordinary notices for the morning, "" means never."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    at_once: int = Field(default=4, ge=1, le=100)
    per_minute: int | None = Field(default=None, ge=1)
    """Of each address where the kind is a group robot, else of the channel."""
    timeout_s: float = Field(default=8.0, gt=0, le=60)
    quiet: Annotated[Hours | None, BeforeValidator(_hours)] = Field(default=NIGHT, validate_default=True)
    combines: ClassVar[bool] = False
    """Whether ordinary notices that wait for one address may go in one message."""


class RobotSection(Section):
    """A group robot: each has a limit of its own."""

    at_once: int = Field(default=8, ge=1, le=100)
    per_minute: int | None = Field(default=20, ge=1)
    base: str | None = Field(default=None, pattern=r"^https?://")
    combines: ClassVar[bool] = True


class WecomRobotSection(RobotSection):
    """企业微信群机器人."""

    kind: Literal["wecom-robot"]


class DingtalkRobotSection(RobotSection):
    """钉钉群机器人."""

    kind: Literal["dingtalk-robot"]


class FeishuRobotSection(RobotSection):
    """飞书群机器人."""

    kind: Literal["feishu-robot"]
    per_minute: int | None = Field(default=100, ge=1)


class WecomAppSection(Section):
    """企业微信应用消息."""

    kind: Literal["wecom-app"]
    base: str | None = Field(default=None, pattern=r"^https?://")
    corp_id: str
    agent_id: int
    secret: SecretStr


class SmsSection(Section):
    """短信网关; without `code_field` the HTTP status alone tells. `body` and its places: {address}, {text}, {key}."""

    kind: Literal["sms"]
    url: str = Field(pattern=r"^https?://")
    body: dict[str, Any] = dict(DEFAULT_BODY)
    headers: dict[str, SecretStr] = {}
    code_field: str | None = None
    success: tuple[str, ...] = ("0",)
    passing: tuple[str, ...] = ()


class MailSection(Section):
    """电子邮件."""

    kind: Literal["mail"]
    host: str
    port: int = Field(default=587, ge=1, le=65535)
    sender: Annotated[str, AfterValidator(_mailbox)]
    security: Security = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    quiet: Annotated[Hours | None, BeforeValidator(_hours)] = None


class WebhookSection(Section):
    """通用 webhook, signed with a `whsec_…` secret."""

    kind: Literal["webhook"]
    secret: Annotated[SecretStr, AfterValidator(_signing_secret)]
    quiet: Annotated[Hours | None, BeforeValidator(_hours)] = None


class AppriseSection(Section):
    """What apprise reaches of the services that the administrator lists; best effort."""

    kind: Literal["apprise"]
    services: Annotated[tuple[Service, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_installed(self) -> Self:
        if find_spec("apprise") is None:
            raise ValueError("the extra is not installed: pip install 'whistle[apprise]', or pip install apprise")
        return self


class LogSection(Section):
    """日志."""

    kind: Literal["log"] = "log"
    at_once: int = Field(default=100, ge=1)
    quiet: Annotated[Hours | None, BeforeValidator(_hours)] = None


AnySection = Annotated[
    WecomRobotSection
    | DingtalkRobotSection
    | FeishuRobotSection
    | WecomAppSection
    | SmsSection
    | MailSection
    | WebhookSection
    | AppriseSection
    | LogSection,
    Field(discriminator="kind"),
]
_SECTION: TypeAdapter[AnySection] = TypeAdapter(AnySection)


def read_sections(path: Path) -> dict[str, AnySection]:
    """Read and check a file; raises ChannelsInvalidError, which names every fault."""
    found = sound_sections(path)
    if found.problems:
        raise ChannelsInvalidError(f"{path.name}: {'; '.join(found.problems.values())}")
    return found.sound


def sound_sections(path: Path) -> Sections:
    """Read what of a file can be used: a fault in one section silences no other channel.

    Raises ChannelsInvalidError where nothing can be read.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ChannelsInvalidError(f"{path.name}: {error}") from None
    sound: dict[str, AnySection] = {}
    problems: dict[str, str] = {}
    for name, section in content.items():
        if not re.fullmatch(ID_PART_PATTERN, name):
            problems[name] = f"[{name}]: a name has letters, digits and . _ - alone, as contacts write it"
            continue
        try:
            sound[name] = _SECTION.validate_python(section)
        except ValidationError as error:
            problems[name] = "; ".join(_faults(name, error))
    return Sections(sound, problems)


def _faults(name: str, error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        place = " ".join(map(str, (f"[{name}]", *one["loc"])))
        yield f"{place}: {one['msg'].removeprefix('Value error, ')}"
