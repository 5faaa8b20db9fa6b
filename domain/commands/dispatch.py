"""What the district platform asks (受理、退回、挂账)."""

from typing import Self

from pydantic import model_validator

from domain.commands.base import Command, OfResponder, require_distinct
from domain.values import Line, Moment, Reason, Responders, Slug
from domain.vocabulary import ResponderRole, ReturnReason


class Accept(Command):
    """Accept on the district platform and dispatch (区级平台受理)."""

    label = "受理派单"
    lead: Slug
    cooperating: Responders = ()
    assemble_at: Moment | None = None
    assembly_place: Line | None = None
    change_reason: Reason | None = None

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        require_distinct((self.lead, *self.cooperating))
        return self


class ReturnWhistle(Command):
    """Return the whistle to the township."""

    label = "退回"
    reason: ReturnReason


class AddResponder(OfResponder):
    """Call one more responder to the matter."""

    label = "增派"
    role: ResponderRole


class RequestSuspension(Command):
    """Ask the platform to set the matter aside."""

    label = "申请挂账"
    reason: Reason


class Suspend(Command):
    """Set the matter aside until a review date; every running clock stops."""

    label = "挂账(缓办)"
    reason: Reason
    review_at: Moment


class Resume(Command):
    """Take the matter up again; the pause is added back to every stopped clock."""

    label = "恢复办理"
