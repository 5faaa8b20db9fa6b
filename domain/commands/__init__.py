"""One frozen model per command: what may be asked of a whistle, and with which fields.

A command's wire name is its class name in snake_case (`return_whistle`), its HTTP path the
same in kebab-case. Fields marked private never enter a Temporal history. The fields and the
conditions between them are those of the public contract, section 3.
"""

from typing import Any

from domain.commands.base import CHECK_OUTCOMES, Command, Exhibits, OfResponder
from domain.commands.closing import Appeal, Callback, Check, DecideAppeal, Evaluate, Feedback, Reopen
from domain.commands.dispatch import Accept, AddResponder, RequestSuspension, Resume, ReturnWhistle, Suspend
from domain.commands.oversight import AnswerSupervision, Cancel, Supervise
from domain.commands.report_in import (
    Arrive,
    Assign,
    Confer,
    DecideExtension,
    Object,
    RejectArrival,
    Release,
    ReportHandling,
    ReportProgress,
    RequestExtension,
    Rule,
    Sign,
    StartAction,
)
from domain.commands.review import Append, Blow, Decline, Merge, Ratify, Resubmit, Review


def _leaves(model: type[Command]) -> list[type[Command]]:
    below = [leaf for child in model.__subclasses__() for leaf in _leaves(child)]
    return below if hasattr(model, "label") is False else [model]


COMMANDS: dict[str, type[Command]] = {model.wire_name(): model for model in _leaves(Command)}


def command_fields(raw: dict[str, Any]) -> dict[str, Any]:
    """Take a command's own fields out of an update argument."""
    return {k: v for k, v in raw.items() if k not in {"actor", "command_id", "private_ref"}}


__all__ = [
    "CHECK_OUTCOMES",
    "COMMANDS",
    "Accept",
    "AddResponder",
    "AnswerSupervision",
    "Appeal",
    "Append",
    "Arrive",
    "Assign",
    "Blow",
    "Callback",
    "Cancel",
    "Check",
    "Command",
    "Confer",
    "DecideAppeal",
    "DecideExtension",
    "Decline",
    "Evaluate",
    "Exhibits",
    "Feedback",
    "Merge",
    "Object",
    "OfResponder",
    "Ratify",
    "RejectArrival",
    "Release",
    "Reopen",
    "ReportHandling",
    "ReportProgress",
    "RequestExtension",
    "RequestSuspension",
    "Resubmit",
    "Resume",
    "ReturnWhistle",
    "Review",
    "Rule",
    "Sign",
    "StartAction",
    "Supervise",
    "Suspend",
    "command_fields",
]
