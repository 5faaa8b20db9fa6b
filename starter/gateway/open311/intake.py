"""From a posted form to a registration: the same whistle that any other source would register."""

import hashlib
import re
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from pydantic import ValidationError

from domain.errors import InvalidError
from domain.registration import Registration
from domain.vocabulary import CoordinateSystem, EvidenceKind, SourceChannel
from starter.gateway.open311.faults import Fault, Open311Error, missing, wrong
from starter.gateway.open311.forms import LONGEST_DESCRIPTION, Form, check_answers, told
from starter.gateway.open311.services import CONFIDENTIAL, DEMAND_TYPE, EXTERNAL_ID, Service, ServiceCatalogue

_OWN_PREFIX = "o311-"
_DEGREES = re.compile(r"[+-]?\d{1,3}(\.\d{1,20})?([eE][+-]?\d{1,2})?", re.ASCII)
_MOST_DEGREES = {"lat": 90, "long": 180}
_LONGEST_KEY = 255
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_NO_NAME, _NO_PHONE = "未留姓名", "未留电话"
_FORM_NAMES = {
    "place.address": "address_string",
    "place.lat": "lat",
    "place.lng": "long",
    "evidence.0.url": "media_url",
    "reporter.name": "first_name, last_name, email, account_id",
    "reporter.phone": "phone",
    "external_id": f"attribute[{EXTERNAL_ID}]",
}


class Report(NamedTuple):
    """A form whose service and township are known."""

    form: Form
    service: Service
    catalogue: ServiceCatalogue
    township: str

    @property
    def confidential(self) -> bool:
        """Whether the public is to see neither what was told nor where."""
        return self.form.answers.get(CONFIDENTIAL) == ("true",)

    def faults(self) -> list[Fault]:
        """List what is wrong with it, as far as the specification and the service's questions say."""
        fields = self.form.fields
        faults = [
            *_location_faults(fields),
            *check_answers(self.catalogue.attributes_of(self.service), self.form.answers),
        ]
        if len(fields.get("description", "")) > LONGEST_DESCRIPTION:
            faults.append(wrong("description", f"超过 {LONGEST_DESCRIPTION} 字", "it has more than 4,000 characters"))
        if not fields.get("media_url", "https://").startswith(("https://", "http://")):
            faults.append(wrong("media_url", "不是网址", "it is not an http or https URL"))
        return faults


def external_id_of(form: Form, key: str | None) -> str:
    """Choose the id under which a request is known: the source's own, else one of its Idempotency-Key, else a new one.

    Raises Open311Error for a key that is none.
    """
    if own := form.answers.get(EXTERNAL_ID):
        return own[0]
    if key is None:
        return f"{_OWN_PREFIX}{uuid4().hex}"
    if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        english = f"it is not 1 to {_LONGEST_KEY} printable ASCII characters"
        raise Open311Error(wrong("Idempotency-Key", f"不是 1 至 {_LONGEST_KEY} 个可见字符", english))
    return f"{_OWN_PREFIX}{hashlib.sha256(key.encode()).hexdigest()[:40]}"


def registration_of(report: Report, source: str, external_id: str, received_at: datetime) -> Registration:
    """Make the registration; raises Open311Error with every fault of the form."""
    faults = report.faults()
    try:
        registration = (
            Registration.model_validate(_matter(report, source, external_id, received_at)) if not faults else None
        )
    except ValidationError as error:
        faults = [
            wrong(_FORM_NAMES.get(found["field"], found["field"]), "无效", found["message"])
            for found in InvalidError.from_validation(error).errors
        ]
        registration = None
    if registration is None:
        raise Open311Error(*faults)
    return registration


def _matter(report: Report, source: str, external_id: str, received_at: datetime) -> dict[str, Any]:
    fields, service = report.form.fields, report.service
    demand = report.form.answers.get(DEMAND_TYPE)
    return {
        "source_system": source,
        "external_id": external_id,
        "channel": SourceChannel.APP_WECHAT,
        "received_at": received_at,
        "title": service.name,
        "description": _description(report),
        "township": report.township,
        "place": _place(fields),
        "kind": service.kind,
        "urgency": service.urgency,
        "demand_type": demand[0] if demand else service.demand_type,
        "reporter": _reporter(fields, confidential=report.confidential),
        "evidence": [{"url": fields["media_url"], "kind": EvidenceKind.BEFORE}] if "media_url" in fields else [],
    }


def _description(report: Report) -> str:
    answers = told(report.service.attributes, report.form.answers)
    return "\n".join([report.form.fields.get("description", report.service.name), *answers])


def _place(fields: dict[str, str]) -> dict[str, Any]:
    if "lat" not in fields:
        return {"address": fields["address_string"]}
    lat, lng = float(fields["lat"]), float(fields["long"])
    address = fields.get("address_string", f"北纬 {lat:g}、东经 {lng:g}(WGS84)")
    return {"address": address, "lng": lng, "lat": lat, "crs": CoordinateSystem.WGS84}


def _reporter(fields: dict[str, str], *, confidential: bool) -> dict[str, Any] | None:
    named = [fields[name] for name in ("last_name", "first_name") if name in fields]
    name = "".join(named) if any(_CHINESE.search(part) for part in named) else " ".join(reversed(named))
    contacts = [fields[contact] for contact in ("email", "account_id") if contact in fields]
    if not (name or contacts or "phone" in fields):
        return None
    described = f"{name or _NO_NAME}({'、'.join(contacts)})" if contacts else name or _NO_NAME
    return {"name": described, "phone": fields.get("phone", _NO_PHONE), "confidential": confidential}


def _location_faults(fields: dict[str, str]) -> list[Fault]:
    if "address_id" in fields:
        english = "no address repository is kept here; give lat and long, or address_string"
        return [wrong("address_id", "本区不使用地址编码,请填写 lat 和 long,或 address_string", english)]
    given = [name for name in _MOST_DEGREES if name in fields]
    if not given and "address_string" not in fields:
        return [missing("lat & long, address_string")]
    if len(given) == 1:
        return [missing("long" if given == ["lat"] else "lat")]
    return [
        wrong(name, "不是经纬度", f"it is not degrees from -{_MOST_DEGREES[name]} to {_MOST_DEGREES[name]}")
        for name in given
        if not _DEGREES.fullmatch(fields[name]) or abs(float(fields[name])) > _MOST_DEGREES[name]
    ]
