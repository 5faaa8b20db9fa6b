"""The editions of the scoring rules: the one shipped, and every one imported since."""

import hashlib
from datetime import date
from functools import cache

import catalogues
from domain.errors import InvalidError
from domain.figures.rules import ScoringRules, parse_scoring
from storage.pool import Connection, Pool

_IN_FORCE = """
select content from scoring_rules where valid_from <= $1 order by valid_from desc, imported_at desc limit 1
"""
_FIND = "select sha256 from scoring_rules where edition = $1"
_INSERT = """
insert into scoring_rules (edition, valid_from, content, sha256) values ($1, $2, $3, $4)
on conflict (edition) do nothing returning edition
"""


@cache
def shipped_rules() -> ScoringRules:
    """Read the edition that is shipped."""
    return parse_scoring(catalogues.read("scoring.toml"))


async def rules_on(source: Pool | Connection, day: date) -> ScoringRules:
    """Give the rules for a period that begins on a day: the imported edition in force then, else the shipped one."""
    content = await source.fetchval(_IN_FORCE, day)
    return ScoringRules.model_validate(content) if content else shipped_rules()


async def import_scoring(pool: Pool, text: str) -> tuple[ScoringRules, bool]:
    """Put an edition in force for ever; tells whether it is new. What is frozen keeps its own rules.

    Raises InvalidError for a faulty file, and for other content under a known edition.
    """
    rules = parse_scoring(text)
    content = rules.model_dump(mode="json")
    sha256 = hashlib.sha256(rules.model_dump_json().encode()).hexdigest()
    if await pool.fetchval(_INSERT, rules.edition, rules.valid_from, content, sha256):
        return rules, True
    if await pool.fetchval(_FIND, rules.edition) != sha256:
        raise InvalidError.of("edition", f"{rules.edition} is known with other content: name a new edition")
    return rules, False
