"""How the notices are: what `whistle doctor` says of channels, roster and templates."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from activities.channels.sections import ChannelsInvalidError, read_sections
from activities.templates import FILE
from domain.notice_templates import TemplatesInvalidError, parse_templates
from settings import Settings
from storage.duty import duty
from storage.notice_trail import backlog, failed_since
from storage.pool import Pool

_WAITS_LONG = timedelta(minutes=5)
_LATELY = timedelta(days=1)
_NAMED = 3
_ALWAYS = {"log"}


async def notices_amiss(pool: Pool, settings: Settings) -> tuple[list[str], list[str]]:
    """List what is broken, and what is only worth a look."""
    broken = [*_files_amiss(settings)]
    roster = await duty(pool)
    configured = _configured(settings.channels_file)
    unknown = sorted({contact.channel for contact in roster.contacts} - configured)
    if unknown:
        broken.append(f"contacts name channels that {settings.channels_file} does not: {', '.join(unknown)}")
    amiss = [f"on duty without a contact: {', '.join(names[:_NAMED])}" for names in [roster.unreachable()] if names]
    amiss += [f"{one.channel} keeps {one.waiting} notices waiting" for one in await backlog(pool, _WAITS_LONG)]
    amiss += [f"{channel} failed for good {count} times today" for channel, count in await failed_since(pool, _LATELY)]
    return broken, amiss


def _files_amiss(settings: Settings) -> Iterator[str]:
    try:
        if settings.channels_file.exists():
            read_sections(settings.channels_file)
    except ChannelsInvalidError as error:
        yield str(error)
    own = settings.data_dir / FILE
    try:
        if own.exists():
            parse_templates(own.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, TemplatesInvalidError) as error:
        yield f"{FILE}: {error}"


def _configured(path: Path) -> set[str]:
    try:
        return _ALWAYS | set(read_sections(path) if path.exists() else ())
    except ChannelsInvalidError:
        return _ALWAYS
