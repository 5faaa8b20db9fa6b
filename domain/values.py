"""The small values that commands, events and whistles are made of, with their bounds."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.vocabulary import CoordinateSystem, EvidenceKind, Role

SLUG_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
ID_PART_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
POST_PREFIX = "post-"


class Frozen(BaseModel):
    """A value: immutable, and closed to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Private:
    """Marks a field that never enters a Temporal history, a search attribute or a log."""


PRIVATE = Private()

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n\r\u2028\u2029]+")


def printable(text: str) -> str:
    """Refuse what no database or terminal can hold: NUL, lone surrogates and other controls."""
    if UNPRINTABLE.search(text):
        raise ValueError("control characters are not allowed")
    return text


def one_line(text: str) -> str:
    """Refuse what would not stay on one line of a list, a letter's subject or a terminal."""
    if _BREAKS.search(text):
        raise ValueError("line breaks and tabs are not allowed: it is one line")
    return text


def folded(text: str) -> str:
    """Put a text on one line: each break becomes a blank."""
    return _BREAKS.sub(" ", text)


EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def within_reach(at: datetime) -> datetime:
    """Refuse a time that no calendar or table here reaches."""
    if not EARLIEST <= at < LATEST:
        message = f"lies outside the years {EARLIEST.year} to {LATEST.year - 1}"
        raise ValueError(message)
    return at


Moment = Annotated[AwareDatetime, AfterValidator(within_reach)]
Printable = AfterValidator(printable)
Stripped = StringConstraints(strip_whitespace=True, min_length=1)
OneLine = AfterValidator(one_line)
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Printable, OneLine]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), Printable]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000), Printable]
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN, max_length=64)]
IdPart = Annotated[str, StringConstraints(pattern=ID_PART_PATTERN)]
WhistleId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}$")]
CommandId = Annotated[str, StringConstraints(min_length=1, max_length=400), Printable]
Url = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^(https?|file|s3|oss)://\S+$", max_length=2_000), Printable
]
Responders = Annotated[tuple[Slug, ...], Field(max_length=64)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


class Actor(Frozen):
    """Who acts: a subject (a key's or person's name) in one role for one organisation."""

    subject: Annotated[str, StringConstraints(min_length=1, max_length=200), Printable]
    role: Role
    organisation: Annotated[str, StringConstraints(pattern=ID_PART_PATTERN)] | None = None


ENGINE = Actor(subject="engine", role=Role.ENGINE)


class Location(Frozen):
    """A coordinate pair in degrees, with its reference system."""

    lng: Longitude
    lat: Latitude
    crs: CoordinateSystem = CoordinateSystem.GCJ02


class _Degrees(Protocol):
    lng: float | None
    lat: float | None


Held = TypeVar("Held", bound=_Degrees)


def _whole_pair(held: Held) -> Held:
    if (held.lng is None) != (held.lat is None):
        raise ValueError("lng and lat go together")
    return held


class Place(Frozen):
    """Where the matter is: an address and, where known, degrees."""

    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Printable]
    lng: Longitude | None = None
    lat: Latitude | None = None
    crs: CoordinateSystem | None = None
    _whole = model_validator(mode="after")(_whole_pair)


class Evidence(Frozen):
    """A reference to a picture or document kept elsewhere."""

    url: Url
    kind: EvidenceKind
    taken_at: Moment | None = None
    lng: Longitude | None = None
    lat: Latitude | None = None
    crs: CoordinateSystem | None = None
    _whole = model_validator(mode="after")(_whole_pair)


class Officer(Frozen):
    """A person who reports in; personal data."""

    name: Line
    certificate_no: Line | None = None


class Document(Frozen):
    """An enforcement document by type and number (责令改正通知书, 京平水责改字…)."""

    type: Line
    number: Line


class Reporter(Frozen):
    """The resident behind the matter; personal data."""

    name: Line
    phone: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40), Printable]
    confidential: bool = False


class Scores(Frozen):
    """What the township scores by hand, 0-100 each; timeliness comes from the record."""

    cooperation: Annotated[int, Field(ge=0, le=100)]
    result: Annotated[int, Field(ge=0, le=100)]


FULL_MARKS = Scores(cooperation=100, result=100)


def private_fields(model: type[BaseModel]) -> frozenset[str]:
    """Name the fields of a model that are marked private."""
    return frozenset(n for n, f in model.model_fields.items() if any(isinstance(m, Private) for m in f.metadata))


def compact(model: BaseModel) -> dict[str, Any]:
    """Render a model as JSON values without what is unset or default, for histories and tables."""
    return model.model_dump(mode="json", exclude_defaults=True)
