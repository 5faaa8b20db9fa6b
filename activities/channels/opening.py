"""Opening the channels that a file describes."""

from collections.abc import Sequence
from typing import NamedTuple

from activities.channels import answers
from activities.channels.apprise_extra import AppriseExtra
from activities.channels.dingtalk_robot import DingtalkRobot
from activities.channels.feishu_robot import FeishuRobot
from activities.channels.log import Log
from activities.channels.mail import Mail
from activities.channels.protocol import Channel
from activities.channels.sections import (
    AppriseSection,
    DingtalkRobotSection,
    FeishuRobotSection,
    LogSection,
    MailSection,
    RobotSection,
    Section,
    SmsSection,
    WebhookSection,
    WecomAppSection,
    WecomRobotSection,
)
from activities.channels.signed_webhook import SignedWebhook
from activities.channels.sms_gateway import SmsGateway
from activities.channels.wecom_app import WecomApp
from activities.channels.wecom_robot import WecomRobot
from activities.receivers import Receivers
from domain.addresses import Network

LOG = "log"


class Configured(NamedTuple):
    """A channel by its name, with what it was told."""

    name: str
    section: Section
    channel: Channel


def open_channel(section: Section, listed: Sequence[Network] = ()) -> Channel:
    """Open the channel of a section."""
    match section:
        case MailSection():
            return _mail(section)
        case WebhookSection():
            return SignedWebhook(Receivers(listed), section.secret.get_secret_value())
        case AppriseSection():
            return AppriseExtra(section.services)
        case LogSection():
            return Log()
    client = answers.open_client(section.timeout_s, section.at_once)
    base = {"base": section.base} if isinstance(section, RobotSection | WecomAppSection) and section.base else {}
    match section:
        case WecomRobotSection():
            return WecomRobot(client, **base)
        case DingtalkRobotSection():
            return DingtalkRobot(client, **base)
        case FeishuRobotSection():
            return FeishuRobot(client, **base)
        case WecomAppSection():
            return WecomApp(client, section.corp_id, section.agent_id, section.secret.get_secret_value(), **base)
        case SmsSection():
            headers = {name: value.get_secret_value() for name, value in section.headers.items()}
            return SmsGateway(client, section.url, body=section.body, headers=headers, codes=_codes(section))
    raise TypeError(section)


def _mail(section: MailSection) -> Mail:
    password = section.password.get_secret_value() if section.password else None
    return Mail(
        section.host,
        section.port,
        section.sender,
        security=section.security,
        username=section.username,
        password=password,
        timeout_s=section.timeout_s,
    )


def _codes(section: SmsSection) -> answers.Codes | None:
    if section.code_field is None:
        return None
    return answers.Codes((section.code_field,), frozenset(section.passing), frozenset(section.success))
