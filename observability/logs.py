"""Logs: an event's name plus keys, JSON off a terminal, with the context of workflow and activity bound once."""

import logging
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow

from observability.subjects import whistle_id_in

TELLTALES = {"httpx": logging.WARNING, "httpcore": logging.WARNING, "apprise": logging.CRITICAL}
"""Libraries that log whole addresses, with the keys and secrets in them; and the least level they are heard at."""


def configure_logging(level: str = "INFO", stream: TextIO = sys.stderr) -> None:
    """Have structlog's lines and the standard library's look alike: to a person on a terminal, else to a machine.

    Ours are written at once: by way of the standard library's loggers a line took six times as long.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _workflow_context,
        _activity_context,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        _whistle,
    ]
    last: list[Processor] = [structlog.dev.ConsoleRenderer()]
    if not stream.isatty():
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(
        processors=[*shared, *last],
        logger_factory=structlog.WriteLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    logging.basicConfig(handlers=[_handler(stream, shared, last)], level=level, force=True)
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


def _handler(stream: TextIO, shared: Sequence[Processor], last: Sequence[Processor]) -> logging.Handler:
    theirs: list[Processor] = [structlog.stdlib.ExtraAdder(), _without_sdk_details, *shared]
    handler = logging.StreamHandler(stream)
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=theirs, processors=processors))
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
