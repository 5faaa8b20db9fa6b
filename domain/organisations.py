"""Who may whistle and who must report: the offices of the district, known by their slugs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple, Self

from pydantic import BaseModel, Field, model_validator

from domain.vocabulary import OrganisationType

POST_PREFIX = "post-"
DEPARTMENT_TYPES = frozenset({OrganisationType.BUREAU, OrganisationType.DISPATCHED_AGENCY, OrganisationType.UTILITY})

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_SLUG = 64


def is_slug(text: str) -> bool:
    """Tell whether text may be an organisation's code: `urban-management`, `post-12`."""
    return len(text) <= _LONGEST_SLUG and _SLUG.fullmatch(text) is not None


def is_post(text: str) -> bool:
    """Tell whether text is a party member's post; every such slug is valid until the posts come (contract.md 3)."""
    return text.startswith(POST_PREFIX) and is_slug(text)


class Organisation(BaseModel, frozen=True):
    """One office; `initials` open the serial numbers (哨单号) of a township, `JHH-2026-000123`."""

    code: str
    name: str = Field(min_length=1)
    type: OrganisationType
    parent: str | None = None
    initials: str | None = Field(default=None, pattern=r"^[A-Z]{2,6}$")

    @property
    def is_department(self) -> bool:
        """Whether it reports as a department: a bureau, a dispatched agency or a public-service enterprise."""
        return self.type in DEPARTMENT_TYPES


class OrganisationFlaw(NamedTuple):
    """What is wrong with the organisation at a position of a list, and in which of its fields."""

    position: int
    field: str
    problem: str


def flaws(organisations: Iterable[Organisation]) -> Iterator[OrganisationFlaw]:
    """List what keeps these organisations from being one directory."""
    rows = list(organisations)
    parents = {row.code: row.parent for row in rows}
    codes: set[str] = set()
    initials: set[str] = set()
    for position, row in enumerate(rows):
        for field, problem in _flaws_of(row, parents, codes, initials):
            yield OrganisationFlaw(position, field, problem)
        codes.add(row.code)
        initials.update(filter(None, (row.initials,)))


def _flaws_of(
    row: Organisation, parents: Mapping[str, str | None], codes: set[str], initials: set[str]
) -> Iterator[tuple[str, str]]:
    if not is_slug(row.code):
        yield "code", f"{row.code!r} is no slug: lower-case letters, digits and single hyphens, at most {_LONGEST_SLUG}"
    if row.code in codes:
        yield "code", f"{row.code!r} stands twice"
    if is_post(row.code) is not (row.type is OrganisationType.POST):
        yield "code", f"the prefix {POST_PREFIX!r} and the type POST belong together"
    if row.parent is not None and row.parent not in parents:
        yield "parent", f"{row.parent!r} is not in the list"
    elif row.code in _ancestors(row.code, parents):
        yield "parent", f"{row.code!r} would be its own ancestor"
    if row.initials in initials:
        yield "initials", f"{row.initials!r} stands twice"
    if row.type is OrganisationType.TOWNSHIP and row.initials is None:
        yield "initials", "a township needs initials for its serial numbers"


def _ancestors(code: str, parents: Mapping[str, str | None]) -> list[str]:
    chain: list[str] = []
    above = parents.get(code)
    while above is not None and above not in chain:
        chain.append(above)
        above = parents.get(above)
    return chain


class Organisations(BaseModel, frozen=True):
    """The directory of the district; `code in organisations` asks whether it lists one."""

    items: tuple[Organisation, ...]

    @model_validator(mode="after")
    def _is_one_directory(self) -> Self:
        for flaw in flaws(self.items):
            message = f"{self.items[flaw.position].code}: {flaw.field}: {flaw.problem}"
            raise ValueError(message)
        return self

    @cached_property
    def _by_code(self) -> dict[str, Organisation]:
        return {organisation.code: organisation for organisation in self.items}

    def __contains__(self, code: object) -> bool:
        """Tell whether the directory lists this code."""
        return code in self._by_code

    def find(self, code: str) -> Organisation | None:
        """Find an organisation by its code; posts are valid without standing here."""
        return self._by_code.get(code)

    def name_of(self, code: str) -> str:
        """Give the Chinese name, or the code itself where the directory does not know it."""
        organisation = self.find(code)
        return organisation.name if organisation else code

    def names_of(self, codes: Iterable[str]) -> dict[str, str]:
        """Give the Chinese names of those the directory knows, by code."""
        return {found.code: found.name for code in sorted(codes) if (found := self.find(code))}

    def of_type(self, *types: OrganisationType) -> tuple[Organisation, ...]:
        """List the organisations of these types, in catalogue order."""
        return tuple(organisation for organisation in self.items if organisation.type in types)

    def departments(self) -> tuple[Organisation, ...]:
        """List all that report as departments: bureaus, dispatched agencies and public-service enterprises."""
        return self.of_type(*DEPARTMENT_TYPES)

    def township_of(self, code: str) -> Organisation | None:
        """Find the township an organisation belongs to: itself, or the nearest one above a village or branch."""
        organisation = self.find(code)
        while organisation and organisation.type is not OrganisationType.TOWNSHIP:
            organisation = self.find(organisation.parent) if organisation.parent else None
        return organisation
