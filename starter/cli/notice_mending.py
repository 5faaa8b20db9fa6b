"""`whistle notices try` and `retry`: does a channel work, and once more what failed for good."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from activities.channels import Channel, Message, PermanentError, TransientError
from activities.channels.opening import LOG, open_channel
from activities.channels.sections import ChannelsInvalidError, LogSection, Section, sound_sections
from domain.duty import Recipient
from domain.errors import InvalidError, NotFoundError, TemporarilyUnavailableError
from domain.notice_templates import FIELDS, Templates
from starter.availability import within_reach
from starter.cli.notices import app, templates_of
from starter.cli.output import show
from starter.cli.session import Call, JsonOption, Session, run
from storage.duty import duty
from storage.notice_deliveries import TriedAnew, try_anew

_TRIAL = "【试发,请勿处置 · a trial】"


@app.command("try")
def trial(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="A section of channels.toml.")],
    *,
    address: Annotated[str | None, typer.Option(help="What the channel understands: a key, a number, a URL.")] = None,
    to: Annotated[str | None, typer.Option(metavar="ORGANISATION/PERSON", help="Somebody of the roster.")] = None,
    as_json: JsonOption = False,
) -> None:
    """试发: send one sample notice by a channel, now, and say what became of it; nothing of it is recorded."""
    call = Call.of(context, as_json=as_json)
    if (address is None) == (to is None):
        raise InvalidError.of("address", "either --address, or --to and somebody of the roster")

    async def send(session: Session) -> None:
        section = _section(session.settings.channels_file, channel)
        where = address or await _address_of(session, to or "", channel)
        opened = open_channel(section, session.settings.webhook_allow)
        try:
            took = await _sent(opened, _sample(where, to, templates_of(session.settings)))
        finally:
            await opened.close()
        data = {"channel": channel, "sent": True, "seconds": round(took, 3)}
        show(data, lambda: Text(f"✓ {channel} 已收下 taken after {took:.2f} s"), as_json=call.as_json)

    run(call, send)


@app.command("retry")
def retry(
    context: typer.Context,
    whistle_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Of one whistle (default: of all).")] = None,
    *,
    channel: Annotated[str | None, typer.Option(help="Of one channel.")] = None,
    days: Annotated[float, typer.Option(min=0.01, max=31, help="No older than this.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """重发: once more what failed for good, after mending; what has nothing more to say by now is dropped."""
    call = Call.of(context, as_json=as_json)

    async def take_up(session: Session) -> None:
        async with within_reach():
            found = await try_anew(session.client.pool, timedelta(days=days), whistle_id=whistle_id, channel=channel)
        data = {"items": [one.model_dump(mode="json") for one in found]}
        show(
            data, lambda: [_taken_up(one) for one in found] or [Text("无失败通知 nothing failed")], as_json=call.as_json
        )

    run(call, take_up)


def _section(file: Path, name: str) -> Section:
    try:
        sound, problems = sound_sections(file) if file.exists() else ({}, {})
    except ChannelsInvalidError as error:
        raise InvalidError.of(file.name, str(error)) from None
    if name in problems:
        raise InvalidError.of(file.name, problems[name])
    sections: dict[str, Section] = {LOG: LogSection(), **sound}
    if name not in sections:
        raise NotFoundError(f"there is no channel {name}; {file} has {', '.join(sections)}")
    return sections[name]


async def _address_of(session: Session, recipient: str, channel: str) -> str:
    async with within_reach():
        known = (await duty(session.client.pool)).address_of(Recipient.read(recipient), channel)
    if known is None:
        raise NotFoundError(f"the roster has no address of {recipient} in {channel}")
    return known


async def _sent(channel: Channel, message: Message) -> float:
    begun = time.monotonic()
    try:
        await channel.send(message)
    except PermanentError as error:
        raise InvalidError.of("channel", f"refused for good: {error.reason}") from None
    except TransientError as error:
        doubt = "; it may have arrived all the same" if error.doubtful else ""
        raise TemporarilyUnavailableError(f"not taken: {error.reason}{doubt}") from None
    return time.monotonic() - begun


def _sample(address: str, to: str | None, templates: Templates) -> Message:
    written, now = templates.render("assemble", FIELDS), datetime.now(UTC)
    return Message(
        key=f"trial-{int(now.timestamp() * 1000)}",
        address=address,
        recipient=to or "trial",
        subject=f"{_TRIAL}{written.subject}",
        text=f"{_TRIAL}\n{written.text}",
        short=f"{_TRIAL}{written.short}",
        urgent=False,
        at=now,
    )


def _taken_up(one: TriedAnew) -> Text:
    return Text(f"{one.whistle_id}  {one.recipient}  {one.channel}")
