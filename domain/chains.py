"""Who may call whom: the five chains, as one table read by one mechanism (contract §3; [S] 三协同).

A chain says which organisation reviews and blows, who accepts, which organisation checks and
what may be called. Everything else speaks of parts: `REVIEW_CLERK` is whoever reviews here.
"""

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from pydantic import Field

from domain.values import POST_PREFIX, Actor, Frozen
from domain.vocabulary import Chain, OrganisationType, Phase, ReportInState, Role
from domain.whistle import Whistle

DEPARTMENTS = frozenset({OrganisationType.BUREAU, OrganisationType.DISPATCHED_AGENCY})
UTILITIES = frozenset({OrganisationType.UTILITY})
TOWNSHIPS = frozenset({OrganisationType.TOWNSHIP})
OF_A_TOWNSHIP = frozenset({OrganisationType.VILLAGE, OrganisationType.BRANCH})
"""Callers that belong to one township, so that their whistles stay with it."""


class Seat(StrEnum):
    """Which organisation sits in a chain's chair."""

    TOWNSHIP = "TOWNSHIP"
    CALLER = "CALLER"


class ChainRule(Frozen):
    """One row of the table of chains."""

    reviews: Seat = Seat.TOWNSHIP
    checks: Seat = Seat.TOWNSHIP
    accepted_by_leader: bool = False
    registered_by: frozenset[Role]
    caller_types: frozenset[OrganisationType] = frozenset()
    responder_types: frozenset[OrganisationType]
    lead_is_caller: bool = False
    own_township_only: bool = False
    ladder: bool = Field(
        default=True,
        description="Whether lateness climbs the ladder and evaluation scores; never against persons.",
    )


CHAINS: dict[Chain, ChainRule] = {
    Chain.TOWNSHIP_CALLS: ChainRule(
        registered_by=frozenset({Role.SOURCE_SYSTEM, Role.TOWNSHIP_CLERK, Role.GRID_WORKER}),
        responder_types=DEPARTMENTS | UTILITIES,
    ),
    Chain.VILLAGE_CALLS: ChainRule(
        checks=Seat.CALLER,
        registered_by=frozenset({Role.DEPARTMENT}),
        caller_types=frozenset({OrganisationType.VILLAGE}),
        responder_types=DEPARTMENTS | TOWNSHIPS,
        own_township_only=True,
    ),
    Chain.LEAD_DEPARTMENT_CALLS: ChainRule(
        reviews=Seat.CALLER,
        registered_by=frozenset({Role.DEPARTMENT}),
        caller_types=DEPARTMENTS,
        responder_types=DEPARTMENTS | TOWNSHIPS,
        lead_is_caller=True,
    ),
    Chain.DEPARTMENT_REQUIRES: ChainRule(
        reviews=Seat.CALLER,
        checks=Seat.CALLER,
        registered_by=frozenset({Role.DEPARTMENT}),
        caller_types=DEPARTMENTS,
        responder_types=TOWNSHIPS,
    ),
    Chain.BRANCH_CALLS: ChainRule(
        accepted_by_leader=True,
        registered_by=frozenset({Role.TOWNSHIP_CLERK, Role.GRID_WORKER}),
        caller_types=frozenset({OrganisationType.BRANCH}),
        responder_types=frozenset({OrganisationType.POST}),
        ladder=False,
    ),
}


MAY_REGISTER = frozenset(role for rule in CHAINS.values() for role in rule.registered_by)
"""The roles that may register in some chain."""


class Part(StrEnum):
    """A part somebody plays in one whistle."""

    SOURCE = "来源系统"
    REVIEW_CLERK = "吹哨单位经办人"
    REVIEW_LEADER = "吹哨单位负责人"
    ACCEPTOR = "受理方"
    PLATFORM = "区级平台"
    RESPONDER = "报到单位"
    LEAD = "主责单位"
    ARBITER = "裁定方"
    TOWNSHIP_CLERK = "属地街乡经办人"
    CHECK_CLERK = "核查单位经办人"
    CHECK_LEADER = "核查单位负责人"
    SUPERVISOR = "督查部门"
    SUPERVISED = "被督办单位"
    ADMIN = "系统管理员"


class Holder(NamedTuple):
    """Which roles of which organisation (None: of any) hold a part."""

    roles: frozenset[Role]
    organisation: str | None = None

    def is_held_by(self, actor: Actor) -> bool:
        """Tell whether the actor holds it."""
        return actor.role in self.roles and self.organisation in (None, actor.organisation)

    @property
    def anyone(self) -> Actor:
        """Someone who holds it, of no name."""
        return _anyone(min(self.roles), self.organisation)


@lru_cache(maxsize=1024)
def _anyone(role: Role, organisation: str | None) -> Actor:
    return Actor(subject="-", role=role, organisation=organisation)


PLATFORM, ARBITER, SUPERVISOR = "platform", "arbiter", "supervisor"
"""The codes of the district's own offices in the organisation catalogue."""
JUDGED = frozenset({Phase.CHECK, Phase.EVALUATE})
CLERK = frozenset({Role.TOWNSHIP_CLERK})
LEADER = frozenset({Role.TOWNSHIP_LEADER})
CALLER_ROLES = frozenset({Role.DEPARTMENT, Role.TOWNSHIP_CLERK, Role.TOWNSHIP_LEADER})
RESPONDER_ROLES = frozenset({Role.DEPARTMENT, Role.TOWNSHIP_CLERK})
OF_DISTRICT = {
    Part.PLATFORM: Holder(frozenset({Role.DISTRICT_PLATFORM})),
    Part.ARBITER: Holder(frozenset({Role.ARBITER})),
    Part.SUPERVISOR: Holder(frozenset({Role.SUPERVISOR})),
    Part.ADMIN: Holder(frozenset({Role.ADMIN})),
}


def reviewer(whistle: Whistle) -> str:
    """The organisation that reviews and blows."""
    return _seated(whistle, CHAINS[whistle.chain].reviews)


def checker(whistle: Whistle) -> str:
    """The organisation that checks, evaluates and feeds back."""
    return _seated(whistle, CHAINS[whistle.chain].checks)


def has_ladder(whistle: Whistle) -> bool:
    """Whether lateness climbs the ladder and evaluation gives scores."""
    return CHAINS[whistle.chain].ladder


def acts_for(whistle: Whistle, responder: str) -> str:
    """The organisation that acts for a responder: itself, or the township for a post."""
    return whistle.township if responder.startswith(POST_PREFIX) else responder


def holders(part: Part, whistle: Whistle, responder: str | None = None) -> tuple[Holder, ...]:
    """Who holds a part of this whistle (for `RESPONDER`: of this responder)."""
    rule = CHAINS[whistle.chain]
    match part:
        case Part.SOURCE:
            return (Holder(frozenset({Role.SOURCE_SYSTEM}), whistle.source_system),)
        case Part.REVIEW_CLERK | Part.REVIEW_LEADER:
            return (_chair(whistle, rule.reviews, CLERK if part is Part.REVIEW_CLERK else LEADER),)
        case Part.CHECK_CLERK | Part.CHECK_LEADER:
            return (_chair(whistle, rule.checks, CLERK if part is Part.CHECK_CLERK else LEADER),)
        case Part.TOWNSHIP_CLERK:
            return (Holder(CLERK, whistle.township),)
        case Part.ACCEPTOR:
            return (Holder(LEADER, whistle.township),) if rule.accepted_by_leader else (OF_DISTRICT[Part.PLATFORM],)
        case Part.RESPONDER:
            return tuple(_responding(whistle, r) for r in ([responder] if responder else whistle.responders))
        case Part.LEAD:
            return (_responding(whistle, whistle.lead),) if whistle.lead else ()
        case Part.SUPERVISED:
            return tuple(_supervised(s.organisation) for s in whistle.open_supervisions)
        case _:
            return (OF_DISTRICT[part],)


def holder_of(whistle: Whistle, phase: Phase, responder: str | None = None) -> str:
    """The organisation that a clock binds: whoever must act before it strikes."""
    if phase is Phase.RULE:
        return ARBITER
    if responder:
        return responder
    match phase:
        case Phase.ACCEPT:
            return whistle.township if CHAINS[whistle.chain].accepted_by_leader else PLATFORM
        case Phase.SUSPENSION_REVIEW:
            return PLATFORM
        case Phase.CALLBACK:
            return whistle.source_system
        case Phase.CHECK | Phase.EVALUATE | Phase.FEEDBACK | Phase.START_ACTION | Phase.REOPEN | Phase.APPEAL:
            return PLATFORM if judges_itself(whistle, checker(whistle)) and phase in JUDGED else checker(whistle)
        case _:
            return reviewer(whistle)


def possible_roles(part: Part) -> frozenset[Role]:
    """The roles that may hold a part of some whistle of some chain."""
    match part:
        case Part.SOURCE:
            return frozenset({Role.SOURCE_SYSTEM})
        case Part.REVIEW_CLERK | Part.CHECK_CLERK | Part.REVIEW_LEADER | Part.CHECK_LEADER:
            return CALLER_ROLES
        case Part.TOWNSHIP_CLERK:
            return CLERK
        case Part.ACCEPTOR:
            return LEADER | OF_DISTRICT[Part.PLATFORM].roles
        case Part.RESPONDER | Part.LEAD:
            return RESPONDER_ROLES
        case Part.SUPERVISED:
            return CALLER_ROLES | {Role.SOURCE_SYSTEM, Role.DISTRICT_PLATFORM, Role.ARBITER}
        case _:
            return OF_DISTRICT[part].roles


def judges_itself(whistle: Whistle, organisation: str, responders: tuple[str, ...] | None = None) -> bool:
    """Whether an organisation would judge its own report-in; then the platform does."""
    named = whistle.responders if responders is None else responders
    return organisation in named


def township_acts_for_responders(whistle: Whistle) -> bool:
    """Whether the township stands behind the responders (posts), so that it may not be free to check."""
    return any(
        acts_for(whistle, r.responder) != r.responder and r.state is not ReportInState.WITHDRAWN
        for r in whistle.report_ins
    )


def _seated(whistle: Whistle, seat: Seat) -> str:
    return whistle.caller if seat is Seat.CALLER and whistle.caller else whistle.township


def _chair(whistle: Whistle, seat: Seat, roles: frozenset[Role]) -> Holder:
    return Holder(CALLER_ROLES if seat is Seat.CALLER else roles, _seated(whistle, seat))


def _responding(whistle: Whistle, responder: str) -> Holder:
    behind = acts_for(whistle, responder)
    return Holder(CLERK if behind != responder else RESPONDER_ROLES, behind)


def _supervised(organisation: str) -> Holder:
    district = {PLATFORM: Part.PLATFORM, ARBITER: Part.ARBITER}
    if organisation in district:
        return OF_DISTRICT[district[organisation]]
    return Holder(frozenset({Role.SOURCE_SYSTEM, *CALLER_ROLES}), organisation)
