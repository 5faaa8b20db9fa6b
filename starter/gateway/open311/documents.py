"""Writing what the specification calls a response: one value, as XML or as JSON by its Spark convention."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from xml.etree.ElementTree import Element, SubElement, tostring

from fastapi import Response

CHILD = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
"""What each container of a list calls its items."""

# What XML 1.0 cannot hold, escaped or not.
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Format(Enum):
    """The two formats, by the media type that the specification asks for."""

    XML = "text/xml"
    JSON = "application/json"


class Document(Response):
    """A response in the format that was asked for; a list's root element is `root`, its items are called by CHILD."""

    def __init__(
        self, root: str, value: object, form: Format, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Write the value; it is made of dicts, lists and plain values."""
        write = as_xml if form is Format.XML else as_json
        content = write(root, value).encode("utf-8", errors="replace")
        super().__init__(content, status, headers, media_type=f"{form.value}; charset=utf-8")


def as_json(_root: str, value: object) -> str:
    """Write JSON; a list has no name around it, and what is missing is null."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def as_xml(root: str, value: object) -> str:
    """Write XML without namespaces; what is missing is an empty element."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(_filled(Element(root), value), encoding="unicode")}'


def _filled(element: Element, value: object) -> Element:
    match value:
        case dict():
            for name, inner in value.items():
                _filled(SubElement(element, name), inner)
        case list() | tuple():
            for inner in value:
                _filled(SubElement(element, CHILD[element.tag]), inner)
        case None:
            pass
        case _:
            element.text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", _text(value))
    return element


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return format(Decimal(str(value)), "f")
        case _:
            return str(value)
