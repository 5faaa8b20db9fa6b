"""POST requests: a resident's report becomes a whistle, once, however often it is sent.

What came in is noted before it is registered, with the time and the hash of the registration that follows. A retry
after a crash between the two registers the very same; what another way registers under the id, the note does not open.
"""

import secrets
from datetime import datetime
from typing import NamedTuple

from domain.coordinates import in_one_system
from domain.errors import IdempotencyConflictError
from domain.organisations import Organisations
from domain.registration import Registration, authorise_registration
from domain.values import Actor
from domain.vocabulary import OrganisationType
from starter.availability import within_reach
from starter.client import WhistleClient
from starter.gateway.open311.faults import Open311Error, missing, unknown
from starter.gateway.open311.forms import Form
from starter.gateway.open311.intake import Report, external_id_of, registration_of
from starter.gateway.open311.services import ServiceCatalogue
from starter.gateway.open311.shapes import AcceptedShape, CreatedShape
from storage import open311 as store

JURISDICTION = "jurisdiction_id"
_TOKEN_BYTES = 18


class Receipt(NamedTuple):
    """The answer to a report; `created` is False where the same was reported before."""

    created: bool
    answer: CreatedShape | AcceptedShape


def township_of(value: str, organisations: Organisations) -> str:
    """Check that a jurisdiction is a township; raises Open311Error."""
    found = organisations.find(value)
    if found is None or found.type is not OrganisationType.TOWNSHIP:
        raise Open311Error(unknown(JURISDICTION, value))
    return value


def report_of(form: Form, catalogue: ServiceCatalogue, organisations: Organisations) -> Report:
    """Find the service and the township of a form; raises Open311Error with every one that is missing or unknown."""
    faults = [missing(name) for name in (JURISDICTION, "service_code") if name not in form.fields]
    code = form.fields.get("service_code", "")
    service = catalogue.by_code.get(code)
    if code and service is None:
        faults.append(unknown("service_code", code))
    township = form.fields.get(JURISDICTION, "")
    if township:
        try:
            township_of(township, organisations)
        except Open311Error as error:
            faults.extend(error.faults)
    if faults or service is None:
        raise Open311Error(*faults)
    return Report(form, service, catalogue, township)


async def report(door: WhistleClient, report: Report, actor: Actor, key: str | None, now: datetime) -> Receipt:
    """Note the report, register it, and answer; raises Open311Error or a refusal of the domain.

    Raises TemporarilyUnavailableError; sending the same again with its own id or key then tells the truth.
    """
    external_id = external_id_of(report.form, key)
    noted, matter = await _noted(door, report, actor, external_id, now)
    registered = await door.register(matter, actor)
    notice, account = report.service.notice, report.form.fields.get("account_id")
    if noted.token:
        return Receipt(registered.created, AcceptedShape(token=noted.token, service_notice=notice, account_id=account))
    answer = CreatedShape(service_request_id=registered.whistle_id, service_notice=notice, account_id=account)
    return Receipt(registered.created, answer)


async def _noted(
    door: WhistleClient, report: Report, actor: Actor, external_id: str, now: datetime
) -> tuple[store.Noted, Registration]:
    matter = _matter(report, actor, external_id, now)
    authorise_registration(matter, actor)
    wanted = store.Noted(
        whistle_id=matter.whistle_id,
        content_hash=matter.hash,
        service_code=report.service.code,
        confidential=report.confidential,
        token=secrets.token_urlsafe(_TOKEN_BYTES) if report.service.type == "batch" else None,
        received_at=now,
    )
    async with within_reach():
        noted = await store.note(door.pool, wanted)
    if noted.content_hash != wanted.content_hash:
        matter = _matter(report, actor, external_id, noted.received_at)
    if (matter.hash, report.service.code, report.confidential) != (
        noted.content_hash,
        noted.service_code,
        noted.confidential,
    ):
        message = f"{matter.whistle_id} was reported with other content"
        raise IdempotencyConflictError(message)
    return noted, matter


def _matter(report: Report, actor: Actor, external_id: str, received_at: datetime) -> Registration:
    return in_one_system(registration_of(report, str(actor.organisation), external_id, received_at))
