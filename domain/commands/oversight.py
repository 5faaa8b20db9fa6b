"""Supervision, and calling a whistle off (督办、撤哨)."""

from typing import Annotated, Literal

from domain.commands.base import Command
from domain.values import PRIVATE, Reason, Slug, Text
from domain.vocabulary import SupervisionLevel


class Supervise(Command):
    """Supervise by hand."""

    label = "督办"
    level: Literal[
        SupervisionLevel.URGE, SupervisionLevel.SUPERVISE, SupervisionLevel.CIRCULATE, SupervisionLevel.ACCOUNT
    ]
    responder: Slug | None = None
    reason: Reason | None = None


class AnswerSupervision(Command):
    """Answer the highest open supervision of one's own organisation."""

    label = "督办回复"
    reply: Annotated[Text, PRIVATE]


class Cancel(Command):
    """Call the whistle off."""

    label = "撤哨"
    reason: Reason
