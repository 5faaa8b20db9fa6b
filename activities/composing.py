"""Putting a delivery into words: its template, its whistle, where to go and where to read on."""

from collections.abc import Sequence
from datetime import datetime

from activities.channels.protocol import Channel, Message
from activities.templates import TemplateShelf
from domain.notice_templates import CLIMB, Rendered
from domain.summaries import Names, local_time
from storage.notice_deliveries import Parcel

REPEATED = "(本条可能重复 · may be a repetition)"
_DOUBT = f"\n{REPEATED}"
_BETWEEN = "\n──────\n"
_AT_MOST = {"title": 80, "summary": 240, "place": 120}
"""Characters of what people wrote without end: the deadline and the link come after it, and must not be cut off."""


class Composer:
    """Writes messages by the templates in force; `link` holds `{whistle_id}`."""

    def __init__(self, templates: TemplateShelf, link: str | None) -> None:
        """Use these."""
        self._templates = templates
        self._link = link

    def compose(
        self, channel: Channel, parcels: Sequence[Parcel], address: str, names: Names
    ) -> tuple[Message, Sequence[Parcel]]:
        """Write one message to one address, and tell which deliveries found room in it: at least the first.

        Where the channel cannot tell a repetition, one that may be one says so itself.
        """
        parts = self._with_room(channel, [self._rendered(parcel, names) for parcel in parcels])
        first, told = parcels[0], parcels[: len(parts)]
        several = f"等 {len(parts)} 条" if len(parts) > 1 else ""
        doubt = _DOUBT if not channel.keyed and any(parcel.in_doubt for parcel in told) else ""
        message = Message(
            key=f"n{first.id}-{int(first.created_at.timestamp() * 1000)}",
            address=address,
            recipient=first.recipient,
            subject=parts[0].subject + several,
            text=_BETWEEN.join(part.text for part in parts) + doubt,
            short=_BETWEEN.join(part.short for part in parts) + doubt,
            urgent=first.urgent,
            at=first.noticed_at,
        )
        return message, told

    def _with_room(self, channel: Channel, parts: Sequence[Rendered]) -> Sequence[Rendered]:
        if channel.text_bytes is None:
            return parts
        room, most = channel.text_bytes - len(_DOUBT.encode()), 0
        for part in parts:
            room -= len(part.text.encode()) + len(_BETWEEN.encode())
            if room < 0:
                break
            most += 1
        return parts[: max(most, 1)]

    def _rendered(self, parcel: Parcel, names: Names) -> Rendered:
        templates, fields = self._templates.current(), self._fields(parcel, names)
        written = templates.render(parcel.template, fields)
        if not parcel.has_climbed:
            return written
        levels = {"from_level": parcel.levels[0].label, "to_level": parcel.level.label}
        whole = templates.render(CLIMB, fields | levels | {"text": written.text})
        short = templates.render(CLIMB, fields | levels | {"text": written.short}).short
        return whole.model_copy(update={"short": short})

    def _fields(self, parcel: Parcel, names: Names) -> dict[str, str | None]:
        deadline = parcel.fields.get("deadline")
        known = {
            "title": parcel.title,
            "serial": parcel.serial,
            "kind": parcel.whistle_kind.label if parcel.whistle_kind else "哨源",
            "urgency": parcel.urgency.label if parcel.urgency else None,
            "state": parcel.state.label,
            "township": names(parcel.township),
            "lead": names(parcel.lead) if parcel.lead else None,
            "organisation": names(parcel.audience),
            "place": parcel.place,
            "link": self._link.replace("{whistle_id}", parcel.whistle_id) if self._link else None,
            "summary": parcel.text.partition(f"{parcel.title}:")[2] or parcel.text,
        }
        shown = {name: _shortened(value, _AT_MOST.get(name)) for name, value in known.items()}
        return shown | parcel.fields | {"deadline": deadline and local_time(datetime.fromisoformat(deadline))}


def _shortened(text: str | None, most: int | None) -> str | None:
    return text if text is None or most is None or len(text) <= most else f"{text[: most - 1]}…"
