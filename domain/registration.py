"""哨源形成: what is needed to register a whistle, and who may."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import StringConstraints, model_validator

from domain.chains import CHAINS, OF_A_TOWNSHIP, ChainRule
from domain.commands import Exhibits
from domain.errors import InvalidError, NotYourOrganisationError, RoleNotAllowedError
from domain.events import WhistleRegistered
from domain.limits import deadline
from domain.rules import Rules
from domain.submission import content_hash
from domain.values import (
    ID_PART_PATTERN,
    PRIVATE,
    Actor,
    Frozen,
    IdPart,
    Line,
    Moment,
    OneLine,
    Place,
    Printable,
    Reporter,
    Slug,
    Text,
)
from domain.vocabulary import Chain, DemandType, OrganisationType, Phase, Role, SourceChannel, Urgency, WhistleKind


class Registration(Frozen):
    """A matter that may become a whistle; the start of one whistle's life."""

    source_system: IdPart
    external_id: IdPart
    channel: SourceChannel
    received_at: Moment
    title: Line
    description: Annotated[Text, PRIVATE]
    township: Slug
    place: Annotated[Place, PRIVATE]
    grid: Annotated[str, StringConstraints(pattern=ID_PART_PATTERN)] | None = None
    kind: WhistleKind | None = None
    urgency: Urgency | None = None
    demand_type: DemandType | None = None
    chain: Chain = Chain.TOWNSHIP_CALLS
    caller: Slug | None = None
    item_code: Line | None = None
    local_label: Annotated[str, StringConstraints(min_length=1, max_length=100), Printable, OneLine] | None = None
    source_due_at: Moment | None = None
    reporter: Annotated[Reporter | None, PRIVATE] = None
    evidence: Exhibits = ()

    @model_validator(mode="after")
    def _caller_fits_the_chain(self) -> Self:
        called = bool(CHAINS[self.chain].caller_types)
        if called and not self.caller:
            message = f"caller is needed for {self.chain}"
            raise ValueError(message)
        if self.caller and not called:
            message = f"{self.chain} has no caller"
            raise ValueError(message)
        return self

    @property
    def whistle_id(self) -> str:
        """The id by which everyone knows the whistle: `{source_system}:{external_id}`."""
        return f"{self.source_system}:{self.external_id}"

    @property
    def hash(self) -> str:
        """Identify the whole content, so that the same registration again is told from another."""
        return content_hash("register", self.model_dump(mode="json", exclude_none=True, exclude_defaults=True))

    def private(self) -> dict[str, Any]:
        """The fields that stay in the store: description, place, evidence; never the reporter."""
        return self.model_dump(mode="json", include={"description", "place", "evidence"}, exclude_none=True)


def register(registration: Registration, *, now: datetime, rules: Rules, serial: str) -> WhistleRegistered:
    """Give the first event of a whistle's life; `authorise_registration` has passed before.

    Raises InvalidError for what the catalogues do not know.
    """
    _fits_the_catalogues(registration, rules)
    fields = set(WhistleRegistered.model_fields) - {"whistle_id", "serial", "review", "has_reporter", "names"}
    review = deadline(
        Phase.REVIEW,
        kind=registration.kind,
        urgency=registration.urgency,
        start=now,
        limits=rules.limits,
        calendar=rules.calendar,
        ladder=CHAINS[registration.chain].ladder,
    )
    if review is None:
        raise InvalidError.of("kind", "the limits catalogue has no limit for its review")
    return WhistleRegistered(
        **{name: getattr(registration, name) for name in fields},
        whistle_id=registration.whistle_id,
        serial=serial,
        has_reporter=registration.reporter is not None,
        review=review,
        names=rules.organisations.names_of(filter(None, (registration.township, registration.caller))),
    )


def authorise_registration(registration: Registration, actor: Actor) -> None:
    """Check who registers: a source its own, an office under its own slug.

    Raises RoleNotAllowedError or NotYourOrganisationError.
    """
    rule = CHAINS[registration.chain]
    if actor.role not in rule.registered_by:
        message = f"{registration.chain} is not registered by {actor.role}"
        raise RoleNotAllowedError(message)
    if registration.source_system != actor.organisation:
        message = f"{actor.organisation} registers under its own name, not as {registration.source_system}"
        raise NotYourOrganisationError(message)
    if not _is_own_matter(registration, actor):
        message = f"{actor.organisation} does not register for {registration.caller or registration.township}"
        raise NotYourOrganisationError(message)


def _is_own_matter(registration: Registration, actor: Actor) -> bool:
    match actor.role:
        case Role.TOWNSHIP_CLERK | Role.GRID_WORKER:
            return actor.organisation == registration.township
        case Role.DEPARTMENT:
            return actor.organisation == registration.caller
        case _:
            return True


def _fits_the_catalogues(registration: Registration, rules: Rules) -> None:
    township = rules.organisations.find(registration.township)
    if township is None or township.type is not OrganisationType.TOWNSHIP:
        raise InvalidError.of("township", f"{registration.township} is not a township of the catalogue")
    if registration.caller:
        _fits_as_caller(registration, registration.caller, CHAINS[registration.chain], rules)


def _fits_as_caller(registration: Registration, caller: str, rule: ChainRule, rules: Rules) -> None:
    known = rules.organisations.find(caller)
    if known is None and rule.caller_types == {OrganisationType.BRANCH}:
        return
    if known is None or known.type not in rule.caller_types:
        raise InvalidError.of("caller", f"{caller} cannot call in {registration.chain}")
    home = rules.organisations.township_of(caller)
    if known.type in OF_A_TOWNSHIP and (home is None or home.code != registration.township):
        raise InvalidError.of("caller", f"{caller} is not in {registration.township}")
