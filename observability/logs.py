"""Logs: an event's name plus keys, JSON off a terminal, with the context of workflow and activity bound once."""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow

from observability.subjects import whistle_id_in

TELLTALES = {"httpx": logging.WARNING, "httpcore": logging.WARNING, "apprise": logging.CRITICAL}
"""Libraries that log whole addresses, with the keys and secrets in them; and the least level they are heard at."""


def configure_logging(level: str = "INFO", stream: TextIO = sys.stderr) -> None:
    """Send structlog and the standard library's loggers down one road: to a person on a terminal, else to a machine."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _workflow_context,
        _activity_context,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso"),
        _without_sdk_details,
        _whistle,
    ]
    if not stream.isatty():
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_handler(stream, shared)], level=level, force=True)
    for name, least in TELLTALES.items():
        logging.getLogger(name).setLevel(max(least, logging.getLogger().level))
    for adapter in (workflow.logger, activity.logger):
        _leave_context_to_us(adapter)


def _workflow_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # Read where it is needed: a workflow's tasks do not share one context that could be bound once.
    if workflow.in_workflow():
        info = workflow.info()
        event.setdefault("workflow_id", info.workflow_id)
        event.setdefault("run_id", info.run_id)
    return event


def _activity_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if activity.in_activity():
        info = activity.info()
        event.setdefault("workflow_id", info.workflow_id)
        event.setdefault("activity", info.activity_type)
        event.setdefault("attempt", info.attempt)
    return event


def _whistle(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if whistle_id := whistle_id_in(event.get("workflow_id")):
        event.setdefault("whistle_id", whistle_id)
    return event


def _handler(stream: TextIO, shared: list[Processor]) -> logging.Handler:
    for_people: Processor = structlog.dev.ConsoleRenderer()
    for_machines: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    renderer = for_people if stream.isatty() else for_machines
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    return handler


def _leave_context_to_us(adapter: Any) -> None:  # noqa: ANN401 - two adapters without a common base
    for about in ("workflow", "activity"):
        for place in ("message", "extra"):
            if hasattr(adapter, name := f"{about}_info_on_{place}"):
                setattr(adapter, name, False)


def _without_sdk_details(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in ("temporal_workflow", "temporal_activity"):
        details = event.pop(key, None)
        if isinstance(details, dict):
            event.setdefault("workflow_id", details.get("workflow_id"))
    return event
