"""Applying a mapping to a source's message: a registration, or what is wrong in the source's own words."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from domain.errors import FieldError, InvalidError
from domain.mappings import NEEDED, Constant, Mapping, Rule
from domain.organisations import Organisations
from domain.registration import Registration
from domain.values import folded

_SEVERAL = re.compile(r"[,，;；\s]+")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_WHOLE = "."
_MILLISECONDS = 1000
_NUMBERS = frozenset({"place.lng", "place.lat", "lng", "lat"})
_LINES = frozenset({"title", "item_code", "local_label", "reporter.name"})


class UnreadableError(Exception):
    """A value is not what its rule expects."""


class _Reader(NamedTuple):
    mapping: Mapping
    organisations: Organisations


def fits(mapping: Mapping, document: dict[str, Any]) -> bool:
    """Tell whether a message has the form that a mapping is for."""
    return all(str(found_at(document, path)) in values for path, values in mapping.when.items())


def registration_of(
    mapping: Mapping, document: dict[str, Any], source_system: str, organisations: Organisations
) -> Registration:
    """Make a registration of a message; raises InvalidError that names the source's own fields."""
    reader = _Reader(mapping, organisations)
    errors: list[FieldError] = []
    fields = _filled(reader, mapping.fields, document, errors)
    if not errors:
        errors += [
            FieldError(field=mapping.fields[target].shown, message=f"{target}: it is missing")
            for target in NEEDED
            if target not in fields
        ]
    content = _nested(fields) | {"source_system": source_system}
    if mapping.evidence:
        content["evidence"] = list(_evidence(reader, document, errors))
    if errors:
        raise InvalidError(errors)
    try:
        return Registration.model_validate(content)
    except ValidationError as error:
        raise InvalidError([_in_their_words(mapping, e) for e in InvalidError.from_validation(error).errors]) from None


def found_at(document: object, path: str) -> object:
    """Find what stands at a path; None where nothing does."""
    if path == _WHOLE:
        return document
    found = document
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _filled(reader: _Reader, rules: dict[str, Rule], document: object, errors: list[FieldError]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for target, rule in rules.items():
        try:
            value = _value(reader, rule, document, target)
        except UnreadableError as error:
            errors.append(FieldError(field=rule.shown or target, message=f"{target}: {error}"))
        else:
            if value is not None:
                filled[target] = value
    return filled


def _evidence(reader: _Reader, document: object, errors: list[FieldError]) -> Iterator[dict[str, Any]]:
    each = reader.mapping.evidence
    items = found_at(document, each.path) if each else None
    if each is None or items in (None, "", []):
        return
    if not isinstance(items, list):
        errors.append(FieldError(field=each.path, message="evidence: it is no list"))
        return
    for item in items:
        yield _filled(reader, each.fields, item, errors)


def _value(reader: _Reader, rule: Rule, document: object, target: str) -> Constant | datetime | None:
    if rule.value is not None:
        return rule.value
    text = _written(rule, document)
    if text is None:
        return None
    if rule.part is not None:
        text = _part(text, rule.part)
    if rule.table:
        return _translated(rule, text)
    if rule.dates:
        return _moment(reader.mapping, rule, text)
    if rule.organisation:
        return _organisation(reader.organisations, text)
    if target in _NUMBERS:
        return _number(text)
    return (folded(text) if target in _LINES else text)[: rule.cut]


def _written(rule: Rule, document: object) -> str | None:
    if rule.lines:
        return "\n".join(filter(None, (_line(line, document) for line in rule.lines))) or None
    return next(filter(None, (_text(found_at(document, path)) for path in rule.paths)), None)


def _line(line: str, document: object) -> str | None:
    found = {path: _text(found_at(document, path)) for path in _PLACEHOLDER.findall(line)}
    if not any(found.values()):
        return None
    return _PLACEHOLDER.sub(lambda place: found[place[1]] or "", line)


def _text(found: object) -> str | None:
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int | float):
        return str(found)
    if isinstance(found, str):
        return found.strip() or None
    if found is None:
        return None
    raise UnreadableError("a text or number is expected")


def _part(text: str, index: int) -> str:
    parts = [part for part in _SEVERAL.split(text) if part]
    if index >= len(parts):
        raise UnreadableError(f"there is no part {index}")
    return parts[index]


def _translated(rule: Rule, text: str) -> Constant | None:
    if text in rule.table:
        return rule.table[text]
    if rule.otherwise is not None:
        return rule.otherwise
    if rule.omit_unknown:
        return None
    raise UnreadableError(f"{text[:40]!r} is not in its table ({', '.join(rule.table)})")


def _moment(mapping: Mapping, rule: Rule, text: str) -> datetime:
    for form in rule.dates:
        try:
            moment = _read(form, text)
        except (ValueError, OverflowError, OSError):
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=mapping.zone)).astimezone(UTC)
    raise UnreadableError(f"it is no time of the form {' or '.join(rule.dates)}")


def _read(form: str, text: str) -> datetime:
    match form:
        case "iso":
            return datetime.fromisoformat(text)
        case "unix":
            return datetime.fromtimestamp(float(text), UTC)
        case "unix_ms":
            return datetime.fromtimestamp(float(text) / _MILLISECONDS, UTC)
        case _:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the mapping's zone is put in where the form has none


def _organisation(organisations: Organisations, text: str) -> str:
    if text in organisations:
        return text
    found = [one.code for one in organisations.items if one.name == text]
    if not found:
        raise UnreadableError(f"{text[:40]!r} is no organisation of the catalogue")
    return found[0]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UnreadableError("it is no number") from None


def _nested(fields: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for target, value in fields.items():
        group, _, name = target.rpartition(".")
        (nested.setdefault(group, {}) if group else nested)[name] = value
    # A confidentiality without a person, a reference system without degrees, are no more than their defaults.
    if set(nested.get("reporter", ())) <= {"confidential"}:
        nested.pop("reporter", None)
    if not {"lng", "lat"} & set(nested.get("place", ())):
        nested.get("place", {}).pop("crs", None)
    return nested


def _in_their_words(mapping: Mapping, error: FieldError) -> FieldError:
    rule = mapping.fields.get(error["field"])
    if rule is None or not rule.shown:
        return error
    return FieldError(field=rule.shown, message=f"{error['field']}: {error['message']}")
