"""The corpus: for each release a folder of histories, the commands by which each was made, and the value at its end."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

HISTORIES = Path(__file__).with_name("histories")
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
OURS = version("whistle")
"""The release that this code will be."""


class Edition(NamedTuple):
    """What one release left behind."""

    folder: Path

    @classmethod
    def of(cls, release: str = OURS) -> "Edition":
        """Find the folder of a release, whether or not it is there yet."""
        return cls(HISTORIES / release)

    @property
    def histories(self) -> list[Path]:
        """List its histories."""
        return sorted(self.folder.glob("*.json"))

    @property
    def commands(self) -> dict[str, list[str]]:
        """Read the commands of each story."""
        return read_sequences(self._commands.read_text(encoding="utf-8")) if self._commands.exists() else {}

    @property
    def values(self) -> dict[str, dict[str, Any]]:
        """Read the value that each story came to."""
        files = (self.folder / "values").glob("*.json")
        return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}

    def keep_history(self, story: str, history: WorkflowHistory) -> None:
        """Write a history, without the folder of this machine that stack traces name."""
        text = json.dumps(history.to_json_dict(), ensure_ascii=False, separators=(",", ":"))
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{story}.json"
        file.write_text(f"{text.replace(f'{HISTORIES.parents[2]}/', '')}\n", encoding="utf-8")

    def keep_commands(self, sequences: Mapping[str, list[str]]) -> None:
        """Write the commands of these stories, and leave those of others as they are."""
        merged = self.commands | dict(sequences)
        self._commands.write_text(write_sequences(merged), encoding="utf-8")

    def keep_value(self, story: str, value: Mapping[str, Any]) -> None:
        """Write the value that a story came to."""
        file = self.folder / "values" / f"{story}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @property
    def _commands(self) -> Path:
        return self.folder / "commands.txt"


def editions() -> list[Edition]:
    """List every release that left histories."""
    return [Edition(folder) for folder in sorted(HISTORIES.iterdir()) if folder.is_dir()]


def is_released(release: str) -> bool:
    """Tell by the changelog whether whistles may run on it: then its histories are never recorded anew."""
    heading = re.search(rf"^## {re.escape(release)} \((.*)\)$", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    return heading is not None and heading[1] != "unreleased"


def kept(file: Path) -> WorkflowHistory:
    """Read a history; its file is named after its story."""
    return WorkflowHistory.from_json(f"whistle:{file.stem}", file.read_text(encoding="utf-8"))


def commands_of(history: WorkflowHistory) -> list[str]:
    """Say in order what the workflow made the server do: what replay compares, and nothing else."""
    return [said for event in history.events if (said := _COMMANDS.get(event.event_type, _nothing)(event))]


def write_sequences(sequences: Mapping[str, list[str]]) -> str:
    """Write each story as a heading and a line for each command."""
    return "\n".join(f"# {story}\n" + "".join(f"{line}\n" for line in lines) for story, lines in sequences.items())


def read_sequences(text: str) -> dict[str, list[str]]:
    """Read what `write_sequences` wrote."""
    parts = re.split(r"^# (.*)$", text, flags=re.MULTILINE)[1:]
    return {story: body.split("\n")[1:-1] for story, body in zip(parts[::2], map(_ended, parts[1::2]), strict=True)}


def _ended(body: str) -> str:
    return body.rstrip("\n") + "\n"


def _nothing(_event: HistoryEvent) -> str:
    return ""


def _marker(event: HistoryEvent) -> str:
    marker = event.marker_recorded_event_attributes
    told = dict(_payloads(event))
    name = told.get("activity_type") or told.get("id") or ""
    return f"{_MARKERS.get(marker.marker_name, marker.marker_name)} {name}".rstrip()


def _payloads(event: HistoryEvent) -> Iterator[tuple[str, Any]]:
    for name, payloads in event.marker_recorded_event_attributes.details.items():
        if name != "result":
            for payload in payloads.payloads:
                found = json.loads(payload.data)
                yield from found.items() if isinstance(found, dict) else [(name, found)]


def _update(event: HistoryEvent) -> str:
    return f"take {event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name}"


def _activity(event: HistoryEvent) -> str:
    return f"activity {event.activity_task_scheduled_event_attributes.activity_type.name}"


_MARKERS = {"core_local_activity": "local activity", "core_patch": "patch"}
_COMMANDS = {
    EventType.EVENT_TYPE_MARKER_RECORDED: _marker,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _update,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _activity,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: lambda _: "answer",
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: lambda _: "upsert search attributes",
    EventType.EVENT_TYPE_TIMER_STARTED: lambda _: "start timer",
    EventType.EVENT_TYPE_TIMER_CANCELED: lambda _: "cancel timer",
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: lambda _: "cancel activity",
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: lambda _: "upsert memo",
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: lambda _: "start child",
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: lambda _: "signal another",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: lambda _: "continue as new",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: lambda _: "complete",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: lambda _: "end as cancelled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: lambda _: "fail",
}
