"""The OpenAPI document, and the page that shows it without a script or another host: closed networks have neither."""

import json
import threading
from datetime import UTC, date, datetime
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi

from starter.gateway.examples import with_dates
from starter.gateway.links import link
from starter.gateway.problems import Fault, Problem

router = APIRouter(include_in_schema=False)

DESCRIPTION = """街乡吹哨、部门报到 over HTTP.

Send `Authorization: Bearer KEY`. Every error is `application/problem+json` (RFC 9457) with a stable `type`. A 4xx
changed nothing; after a 5xx or a broken connection send the same request again with the same Idempotency-Key: the
answer is the truth, and nothing is done twice. Lists are `{items, next_cursor}` of at most 200 items. Bodies are UTF-8
JSON of at most 1 MiB, in which no object holds a key twice. Coordinates may be GCJ02, WGS84 or CGCS2000; they are
stored as GCJ02, which is also what no `crs` means.
"""
_STYLE = (
    "body{font:16px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font:14px/1.45 ui-monospace,monospace;background:#f4f4f2}pre{padding:.75rem;overflow:auto}"
    "summary{cursor:pointer;padding:.35rem 0}b.m{display:inline-block;width:4rem}h2{margin-top:2rem}"
    "table{border-collapse:collapse}td{padding:.15rem .75rem .15rem 0;vertical-align:top}"
)


class Described:
    """How one application describes itself: made when it is first asked, which is dear, and written once a day."""

    def __init__(self, app: FastAPI) -> None:
        """Describe this application."""
        self._app = app
        self._making = threading.Lock()
        self._written_on: date | None = None
        self._json = self._page = b""

    def document(self) -> dict[str, Any]:
        """Give the document."""
        if self._app.openapi_schema is None:
            self._app.openapi_schema = _made(self._app)
        return self._app.openapi_schema

    def json(self) -> bytes:
        """Give the document as text, with dates in its examples that lie ahead."""
        return self._written()[0]

    def page(self) -> bytes:
        """Give the document as a page."""
        return self._written()[1]

    def _written(self) -> tuple[bytes, bytes]:
        today = datetime.now(UTC).date()
        with self._making:
            if self._written_on != today:
                text = with_dates(json.dumps(self.document(), ensure_ascii=False, separators=(",", ":")))
                self._json, self._page = text.encode(), page(json.loads(text)).encode()
                self._written_on = today
            return self._json, self._page


def install(app: FastAPI) -> None:
    """Let the application describe itself by this document."""
    app.state.described = described = Described(app)
    app.openapi = described.document  # type: ignore[method-assign]


def _made(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
    )
    schemas = found["components"]["schemas"]
    for model in (Problem, Fault):
        schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas[model.__name__].pop("$defs", None)
    link(found)
    return found


@router.get("/openapi.json")
async def openapi_json(request: Request) -> Response:
    """Give the document."""
    found = await run_in_threadpool(request.app.state.described.json)
    return Response(found, media_type="application/json")


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Give the document as a page."""
    found = await run_in_threadpool(request.app.state.described.page)
    return Response(found, media_type="text/html; charset=utf-8")


def page(described: dict[str, Any]) -> str:
    """Write a document as one HTML page."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["other"])[0]
            by_tag.setdefault(tag, []).append(_operation(path, method, operation, described))
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(found)}" for tag, found in by_tag.items())
    title = escape(described["info"]["title"])
    return (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(described['info']['description'])}</p>"
        f'<p><a href="/openapi.json">openapi.json</a></p>{sections}</html>'
    )


def _operation(path: str, method: str, operation: dict[str, Any], described: dict[str, Any]) -> str:
    parameters = "".join(_parameter(found) for found in operation.get("parameters", ()))
    answers = "".join(
        f"<tr><td>{escape(status)}<td>{escape(found.get('description', ''))}"
        for status, found in operation["responses"].items()
    )
    return (
        f'<details><summary><b class="m">{method.upper()}</b> <code>{escape(path)}</code> '
        f"{escape(operation.get('summary', ''))}</summary><p>{escape(operation.get('description', ''))}</p>"
        f"<table>{parameters}</table>{_body(operation, described)}<table>{answers}</table></details>"
    )


def _parameter(found: dict[str, Any]) -> str:
    return f"<tr><td><code>{escape(found['name'])}</code><td>{found['in']}<td>{escape(found.get('description', ''))}"


def _body(operation: dict[str, Any], described: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    shown = ""
    for media_type, found in content.items():
        schema = found.get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        fields = described["components"]["schemas"].get(name, schema).get("properties", {})
        shown += f"<p>{escape(media_type)}: {', '.join(f'<code>{escape(field)}</code>' for field in fields)}</p>"
        for example in found.get("examples", {}).values():
            shown += f"<pre>{escape(json.dumps(example['value'], ensure_ascii=False, indent=2))}</pre>"
    return shown
