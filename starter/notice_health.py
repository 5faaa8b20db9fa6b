"""How the notices are: what `whistle doctor` says of channels, roster and templates."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from activities.channels.sections import ChannelsInvalidError, sound_sections
from activities.templates import FILE
from domain.notice_templates import TemplatesInvalidError, parse_templates
from settings import Settings
from storage.duty import duty, strangers
from storage.notice_trail import backlog, failed_since
from storage.pool import Pool

_WAITS_LONG = timedelta(minutes=5)
_LATELY = timedelta(days=1)
_NAMED = 3
_ALWAYS = {"log"}


async def notices_amiss(pool: Pool, settings: Settings) -> tuple[list[str], list[str]]:
    """List what is broken, and what is only worth a look."""
    broken, configured = _channels(settings.channels_file)
    broken += _templates_amiss(settings.data_dir / FILE)
    roster = await duty(pool)
    if unknown := sorted({contact.channel for contact in roster.contacts} - configured):
        broken.append(f"contacts name channels that {settings.channels_file} does not: {', '.join(unknown)}")
    if gone := await strangers(pool):
        broken.append(f"the roster names organisations that there are not: {', '.join(gone[:_NAMED])}")
    amiss = [f"on duty without a contact: {', '.join(names[:_NAMED])}" for names in [roster.unreachable()] if names]
    amiss += [f"{one.channel} keeps {one.waiting} notices waiting" for one in await backlog(pool, _WAITS_LONG)]
    amiss += [f"{channel} failed for good {count} times today" for channel, count in await failed_since(pool, _LATELY)]
    return broken, amiss


def _channels(file: Path) -> tuple[list[str], set[str]]:
    """List what is wrong with the file, and the channels that it names, whether they are in order or not."""
    if not file.exists():
        return [], _ALWAYS
    try:
        found = sound_sections(file)
    except ChannelsInvalidError as error:
        return [str(error)], _ALWAYS
    faults = [f"{file.name}: {problem}" for problem in found.problems.values()]
    return faults, _ALWAYS | found.sound.keys() | found.problems.keys()


def _templates_amiss(file: Path) -> Iterator[str]:
    try:
        if file.exists():
            parse_templates(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, TemplatesInvalidError) as error:
        yield f"{FILE}: {error}"
