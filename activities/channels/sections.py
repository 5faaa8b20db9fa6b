"""`channels.toml`: which channels there are, where they are, and how fast and when each may be used.

    [duty-robots]
    kind = "wecom-robot"
    per_minute = 20

Contacts of the duty roster name these sections. Secrets stand here, so the file belongs to the worker alone.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from activities.channels.mail import Security
from activities.channels.sms_gateway import DEFAULT_BODY
from domain.duty import Hours

NIGHT = "22:00-07:00"


class ChannelsInvalidError(Exception):
    """`channels.toml` is faulty; the message names each place, never a value."""


def _hours(value: object) -> object:
    return Hours.read(value) if isinstance(value, str) and value else value or None


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
    sender: str = Field(pattern=r"@")
    security: Security = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    quiet: Annotated[Hours | None, BeforeValidator(_hours)] = None


class WebhookSection(Section):
    """通用 webhook, signed with a `whsec_…` secret."""

    kind: Literal["webhook"]
    secret: SecretStr
    quiet: Annotated[Hours | None, BeforeValidator(_hours)] = None


class AppriseSection(Section):
    """What apprise reaches; best effort."""

    kind: Literal["apprise"]


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
_FILE: TypeAdapter[dict[str, AnySection]] = TypeAdapter(dict[str, AnySection])


def read_sections(path: Path) -> dict[str, AnySection]:
    """Read and check a file; raises ChannelsInvalidError."""
    try:
        return _FILE.validate_python(tomllib.loads(path.read_text("utf-8-sig")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ChannelsInvalidError(f"{path.name}: {error}") from None
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        places = ("".join(f"[{part}] " if i == 0 else f"{part} " for i, part in enumerate(one["loc"])) for one in found)
        told = "; ".join(f"{place.strip()}: {one['msg']}" for place, one in zip(places, found, strict=True))
        raise ChannelsInvalidError(f"{path.name}: {told}") from None
