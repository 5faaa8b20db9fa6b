"""From the source to the blown whistle (哨源形成、研判、吹哨)."""

from pydantic import AwareDatetime, Field

from domain.events.base import Event
from domain.limits import Deadline
from domain.vocabulary import AppendKind, Chain, DemandType, Rejection, SourceChannel, Tier, Urgency, WhistleKind


class WhistleRegistered(Event):
    whistle_id: str
    serial: str
    title: str
    township: str
    chain: Chain
    source_system: str
    external_id: str
    channel: SourceChannel
    received_at: AwareDatetime
    review: Deadline
    caller: str | None = None
    grid: str | None = None
    kind: WhistleKind | None = None
    urgency: Urgency | None = None
    demand_type: DemandType | None = None
    item_code: str | None = None
    local_label: str | None = None
    source_due_at: AwareDatetime | None = None
    has_reporter: bool = False


class MatterAppended(Event):
    kind: AppendKind


class WhistleProposed(Event):
    kind: WhistleKind
    urgency: Urgency
    tier: Tier
    responders: tuple[str, ...] = ()
    assemble_at: AwareDatetime | None = None
    assembly_place: str | None = None
    tier_unusual: bool = Field(
        default=False,
        description="The tier is not one that asks for a whistle; advice, never a refusal (domain.md (b)).",
    )
    blow: Deadline | None = None
    reason: str | None = Field(default=None, description="Why, where the tier is unusual.")


class SelfHandlingChosen(Event):
    reason: str
    self_handling: Deadline


class WhistleMerged(Event):
    merge_into: str
    reason: str | None = None


class WhistleTransferred(Event):
    former_township: str
    township: str
    reason: str
    review: Deadline


class WhistleRejected(Event):
    rejection: Rejection
    reason: str


class WhistleBlown(Event):
    accept: Deadline
    ratify: Deadline | None = None


class BlowingDeclined(Event):
    reason: str
    review: Deadline


class EmergencyRatified(Event):
    pass


class RatificationRefused(Event):
    reason: str


class WhistleResubmitted(Event):
    title: str | None = None
    item_code: str | None = None
    proposal: WhistleProposed
