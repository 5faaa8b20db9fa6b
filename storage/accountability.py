"""Telling the supervisor whom the scorecard of a quarter proposes to account (提请问责), once for each."""

from collections.abc import Iterable

from domain.accountability import proposal
from domain.chains import SUPERVISOR
from domain.figures.periods import Period
from domain.figures.scorecard import Scorecard
from domain.limits import DEFAULT_PROFILE
from domain.notice_templates import ACCOUNT
from storage.catalogues import rules
from storage.pool import Connection
from storage.supervisions import circulations

# It hangs on the whistle of the last one: every notice hangs on one.
_TELL = """
insert into outbox (whistle_id, sequence, kind, audience, urgent, text, template, fields)
select whistle_id, sequence, 'AccountProposed', $2, false, $3, $4,
    jsonb_build_object('text', $5::text, 'organisation', $6::text)
from whistle where whistle_id = $1
"""


async def tell_proposals(connection: Connection, card: Scorecard, organisations: Iterable[str]) -> None:
    """Put a notice for the supervisor into the outbox for each of these organisations of a quarter's card."""
    for organisation in organisations:
        issued = await circulations(connection, organisation, Period.named(card.period))
        if issued:
            name = (await rules(connection, DEFAULT_PROFILE)).organisations.name_of
            documents = [one.document for one in issued]
            text = proposal(organisation, card.period, documents, card.rules.edition, name)
            told = (f"{card.period} 建议提请问责", ACCOUNT, text, name(organisation))
            await connection.execute(_TELL, issued[-1].whistle_id, SUPERVISOR, *told)
