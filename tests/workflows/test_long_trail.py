"""A workflow made anew reads a trail of any length, page by page, before it does anything else."""

from domain.ledger import ADOPT, RecordInput
from domain.values import compact
from tests.fakes import FakeLedger
from tests.stage import CLERK, SOURCE, Play, registration


async def test_a_long_trail_is_adopted_page_by_page(env, ledger: FakeLedger, worker) -> None:
    """All of it, in order, and commands go on from its end."""
    assert worker
    now = await env.get_current_time()
    whistle_id = ledger.register(registration(now), SOURCE, now)
    for known in range(1, 12):
        argument = {"text": "又来电", "kind": "MORE", "actor": compact(CLERK), "command_id": f"c{known}"}
        ledger.store_behind(
            RecordInput(whistle_id=whistle_id, known_sequence=known, name="append", argument=argument, at=now)
        )
    ledger.rows_at_once = 5
    play = await Play.start(env.client, whistle_id)
    assert (await play.view()).version == 12
    adopted = [request.known_sequence for _, request in ledger.asked if request.name == ADOPT]
    assert adopted == [0, 5, 10]
    assert (await play.do("append", CLERK, text="再来电", kind="MORE")).version == 13
