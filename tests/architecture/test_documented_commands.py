"""Whatever the pages tell people to type is a command of this release, with options that it has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from starter.cli.contents import CONTENTS, imported

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
FENCED = re.compile(r"^```(?:console|bash|sh|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
TYPED = re.compile(
    r"(?:^|&&|[|;(]|exec worker)[ ]*(?:[$#] )?(?:[A-Z_]+=\S* )*whistle ([a-z][^|&;<>#\n]*)", re.MULTILINE
)
OF_ALL = {"--as", "--json", "--help"}
FREE = {"do", "register"}
"""These take every field of a command as an option."""
WITH_AN_ID = {"notices"}


class Told(NamedTuple):
    """A command line of a page, after `whistle`."""

    page: str
    words: tuple[str, ...]


def told() -> Iterator[Told]:
    """Find every one."""
    for page in PAGES:
        text = page.read_text("utf-8")
        joined = (block.replace("\\\n", " ") for block in FENCED.findall(text))
        for piece in (*joined, *INLINE.findall(text)):
            for words in TYPED.findall(piece):
                yield Told(str(page.relative_to(ROOT)), tuple(words.split()))


ALL = sorted(set(told()))


def leaf_of(words: tuple[str, ...]) -> Any:
    """Find the command that these words run; None where there is none."""
    found = imported(words[0])
    if not (named := getattr(found, "commands", None)):
        return found
    after = next((word for word in words[1:] if not word.startswith("-")), None)
    if after is None or after == "…" or (words[0] in WITH_AN_ID and after not in named):
        return found
    return named.get(after)


@pytest.mark.parametrize("one", ALL, ids=lambda one: f"{one.page}: {' '.join(one.words)}")
def test_what_a_page_tells_people_to_type_exists(one: Told) -> None:
    """The command, its part, and each option."""
    assert one.words[0] in CONTENTS
    leaf = leaf_of(one.words)
    assert leaf is not None
    if one.words[0] not in FREE and leaf is not None:
        options = {word.split("=")[0].strip("[]…") for word in one.words if word.lstrip("[").startswith("--")}
        known = {name for parameter in leaf.params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert options <= known | OF_ALL


def test_the_pages_tell_of_every_command() -> None:
    """None is found by reading the code alone."""
    assert CONTENTS.keys() == {one.words[0] for one in ALL} & CONTENTS.keys()
