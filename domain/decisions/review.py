"""研判、吹哨、追认、补正、并案: what the township that whistles decides."""

from domain import events as e
from domain.chains import OF_A_TOWNSHIP
from domain.commands import Append, Blow, Decline, Merge, Ratify, Resubmit, Review
from domain.decisions.calling import notify, ratification
from domain.decisions.draft import Draft, decides
from domain.errors import InvalidError
from domain.lifecycle import ENDS
from domain.limits import Deadline
from domain.vocabulary import (
    OrganisationType,
    Phase,
    ResponderRole,
    ReviewDecision,
    SignalType,
    State,
    Tier,
    WhistleKind,
)

WHISTLE_TIERS = frozenset({Tier.COMPREHENSIVE, Tier.EMERGENCY_RESPONSE})
"""The tiers that ask for a whistle; GENERAL_ENFORCEMENT asks for one unit, GENERAL for none (domain.md (b))."""


@decides(Append)
def _append(draft: Draft, command: Append) -> None:
    draft.add(e.MatterAppended(kind=command.kind))


@decides(Review)
def _review(draft: Draft, command: Review) -> None:
    match command.decision:
        case ReviewDecision.WHISTLE:
            _propose(draft, _proposal(draft, command))
        case ReviewDecision.SELF_HANDLE:
            _self_handle(draft, command.reason or "")
        case ReviewDecision.MERGE:
            _merge(draft, command.merge_into or "", command.reason)
        case ReviewDecision.TRANSFER:
            _transfer(draft, command)
        case ReviewDecision.REJECT if command.rejection:
            draft.add(e.WhistleRejected(rejection=command.rejection, reason=command.reason or ""))


@decides(Blow)
def _blow(draft: Draft, _command: Blow) -> None:
    draft.add(e.WhistleBlown(accept=_accept_limit(draft)))


@decides(Decline)
def _decline(draft: Draft, command: Decline) -> None:
    if draft.whistle.state is State.PROPOSED:
        draft.add(e.BlowingDeclined(reason=command.reason, review=draft.required_limit(Phase.REVIEW)))
    else:
        draft.add(e.RatificationRefused(reason=command.reason))


@decides(Ratify)
def _ratify(draft: Draft, _command: Ratify) -> None:
    draft.add(e.EmergencyRatified())


@decides(Resubmit)
def _resubmit(draft: Draft, command: Resubmit) -> None:
    proposal = _amended(draft, command)
    draft.add(e.WhistleResubmitted(title=command.title, item_code=command.item_code, proposal=proposal))
    _sound_or_blow(draft)


@decides(Merge)
def _merge_whistle(draft: Draft, command: Merge) -> None:
    _merge(draft, command.merge_into, command.reason)


def _propose(draft: Draft, proposal: e.WhistleProposed) -> None:
    draft.add(proposal)
    _sound_or_blow(draft)


def _sound_or_blow(draft: Draft) -> None:
    """Sound 预备哨; or, for an emergency, blow and dispatch at once: the whistle is the dispatch."""
    whistle = draft.whistle
    if whistle.kind is not WhistleKind.EMERGENCY:
        draft.sound(SignalType.STANDBY, whistle.proposed)
        return
    ratify = None if Phase.RATIFY in whistle.clocks else ratification(draft)
    draft.add(e.WhistleBlown(accept=_accept_limit(draft), ratify=ratify))
    roles = [ResponderRole.LEAD, *[ResponderRole.COOPERATING] * (len(whistle.proposed) - 1)]
    notify(draft, zip(whistle.proposed, roles, strict=True))


def _proposal(draft: Draft, command: Review) -> e.WhistleProposed:
    if command.kind is None or command.urgency is None or command.tier is None:
        raise InvalidError.of("kind", "kind, urgency and tier are needed to WHISTLE")
    draft.require_responders("proposed_responders", command.proposed_responders)
    if command.assemble_at and command.assemble_at <= draft.now:
        raise InvalidError.of("assemble_at", "the time to assemble is past")
    _lead_first(draft, command.proposed_responders)
    proposal = e.WhistleProposed(
        kind=command.kind,
        urgency=command.urgency,
        tier=command.tier,
        responders=command.proposed_responders,
        assemble_at=command.assemble_at,
        assembly_place=command.assembly_place,
        tier_unusual=_tier_unusual(command.tier, command.proposed_responders),
        reason=command.reason,
    )
    return _with_blow_limit(draft, proposal)


def _amended(draft: Draft, command: Resubmit) -> e.WhistleProposed:
    whistle = draft.whistle
    given = command.proposed_responders
    responders = whistle.proposed if given is None else given
    draft.require_responders("proposed_responders", responders)
    _lead_first(draft, responders)
    kind, tier, urgency = command.kind or whistle.kind, command.tier or whistle.tier, command.urgency or whistle.urgency
    if not responders and (kind is WhistleKind.EMERGENCY or tier is Tier.COMPREHENSIVE):
        raise InvalidError.of("proposed_responders", "needed for EMERGENCY and COMPREHENSIVE")
    if kind is None or tier is None or urgency is None:
        raise InvalidError.of("kind", "kind, urgency and tier are not known yet")
    assemble_at = command.assemble_at or whistle.assemble_at
    proposal = e.WhistleProposed(
        kind=kind,
        urgency=urgency,
        tier=tier,
        responders=responders,
        assemble_at=assemble_at if assemble_at and assemble_at > draft.now else None,
        assembly_place=command.assembly_place or whistle.assembly_place,
        tier_unusual=_tier_unusual(tier, responders),
    )
    return _with_blow_limit(draft, proposal)


def _tier_unusual(tier: Tier, responders: tuple[str, ...]) -> bool:
    fits_one = tier is Tier.GENERAL_ENFORCEMENT and len(responders) <= 1
    return tier not in WHISTLE_TIERS and not fits_one


def _with_blow_limit(draft: Draft, proposal: e.WhistleProposed) -> e.WhistleProposed:
    if proposal.kind is WhistleKind.EMERGENCY:
        return proposal
    return proposal.model_copy(update={"blow": draft.required_limit(Phase.BLOW)})


def _lead_first(draft: Draft, responders: tuple[str, ...]) -> None:
    caller = draft.whistle.caller
    if draft.chain.lead_is_caller and responders and responders[0] != caller:
        raise InvalidError.of("proposed_responders", f"{caller} leads, so it comes first")


def _accept_limit(draft: Draft) -> Deadline:
    return draft.required_limit(Phase.ACCEPT, not_before=draft.whistle.assemble_at)


def _self_handle(draft: Draft, reason: str) -> None:
    limit = draft.required_limit(Phase.SELF_HANDLING, no_later_than=draft.whistle.source_limit)
    draft.add(e.SelfHandlingChosen(reason=reason, self_handling=limit))


def _merge(draft: Draft, merge_into: str, reason: str | None) -> None:
    target = draft.rules.merge_target
    if merge_into == draft.whistle.whistle_id:
        raise InvalidError.of("merge_into", "a whistle does not follow itself")
    if target is None or target.whistle_id != merge_into:
        raise InvalidError.of("merge_into", f"there is no whistle {merge_into}")
    if target.state in ENDS:
        raise InvalidError.of("merge_into", f"{merge_into} is {target.state}, not open")
    draft.end_report_ins()
    draft.add(e.WhistleMerged(merge_into=merge_into, reason=reason))


def _transfer(draft: Draft, command: Review) -> None:
    whistle, township = draft.whistle, command.transfer_to or ""
    if draft.chain.caller_types & OF_A_TOWNSHIP:
        message = f"{whistle.caller} belongs to {whistle.township}: reject what is another's as NOT_OUR_AREA"
        raise InvalidError.of("transfer_to", message)
    known = draft.rules.organisations.find(township)
    if known is None or known.type is not OrganisationType.TOWNSHIP:
        raise InvalidError.of("transfer_to", f"{township} is not a township of the catalogue")
    if township == whistle.township:
        raise InvalidError.of("transfer_to", f"the matter is {township}'s already")
    review = draft.required_limit(Phase.REVIEW)
    draft.add(
        e.WhistleTransferred(
            former_township=whistle.township, township=township, reason=command.reason or "", review=review
        )
    )
