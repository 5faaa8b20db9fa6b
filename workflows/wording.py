"""How an admin reads names, times and spans in Temporal's own tools: Chinese first, with the code that queries need."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.chains import ARBITER, PLATFORM, SUPERVISOR
from domain.vocabulary import Labelled, Role
from domain.whistle import Whistle
from domain.working_time import BEIJING

_DISTRICT = {PLATFORM: Role.DISTRICT_PLATFORM, ARBITER: Role.ARBITER, SUPERVISOR: Role.SUPERVISOR}
_UNITS = ((timedelta(days=1), "天"), (timedelta(hours=1), "小时"), (timedelta(minutes=1), "分"))
_SECOND = timedelta(seconds=1)


def called(whistle: Whistle, code: str) -> str:
    """Give an organisation's name as the trail first called it, else its code."""
    return whistle.names.get(code) or (_DISTRICT[code].label if code in _DISTRICT else code)


def named(whistle: Whistle, code: str) -> str:
    """Write an organisation's name with its code: 区水务局 `water`."""
    name = called(whistle, code)
    return f"{name} `{code}`" if name != code else f"`{code}`"


def some(words: Iterable[str], most: int) -> str:
    """Join at most so many words, and say how many are left out."""
    told = list(words)
    left = len(told) - most
    return "、".join(told) if left <= 0 else f"{'、'.join(told[:most])} 等 {len(told)} 家"


def both(word: Labelled) -> str:
    """Write a word of the field with its identifier: 待核查 `AWAITING_CHECK`."""
    return f"{word.label} `{word.value}`"


def when(at: datetime) -> str:
    """Write a time as Beijing's clocks show it: 2026-11-24 19:25:33."""
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def shortly(at: datetime) -> str:
    """Write a time without year and seconds, in one piece wherever lines break: 11/24 19:25."""
    return f"{at.astimezone(BEIJING):%m/%d\u00a0%H:%M}"


def span(length: timedelta) -> str:
    """Write a span by its two largest units, rounded down: 2 小时 5 分, 40 秒."""
    parts: list[str] = []
    for unit, name in _UNITS:
        count, length = divmod(length, unit)
        parts += [f"{count} {name}"] if count else []
    return " ".join(parts[:2]) or f"{length // _SECOND} 秒"
