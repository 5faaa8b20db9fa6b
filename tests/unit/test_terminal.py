"""On a terminal of a hundred columns an admin finds what to act on, and can copy it."""

from datetime import timedelta

from rich.console import Console, RenderableType
from rich.text import Text

from domain.clocks import next_deadline
from domain.view import view
from domain.vocabulary import Phase
from starter.listing import tasks_table, whistles_table
from starter.rendering import whistle_panel
from storage.lists import WhistleRow
from storage.tasks import Task
from tests.life import Life, rules

COLUMNS = 100
name = rules().organisations.name_of


def drawn(picture: RenderableType) -> list[str]:
    """The lines that a terminal shows."""
    console = Console(width=COLUMNS, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(picture)
    lines = capture.get().splitlines()
    assert all(Text(line).cell_len <= COLUMNS for line in lines)
    return lines


def row(life: Life) -> WhistleRow:
    """A whistle as lists show it."""
    w = life.whistle
    own = {field: getattr(w, field) for field in WhistleRow.model_fields if hasattr(w, field)}
    overdue = tuple(r.responder for r in w.report_ins if r.overdue)
    derived = {"source_channel": w.channel, "overdue_responders": overdue, "next_deadline": next_deadline(w)}
    return WhistleRow.model_validate({**own, **derived, "version": w.sequence, "updated_at": life.now})


def late() -> Life:
    """An emergency whose second department is late."""
    life = Life(title="一" * 60).emergency("urban-management", "police")
    life.do("platform", "accept", lead="urban-management", cooperating=["police"])
    life.arrive("urban-management").wait(minutes=31)
    return life


def test_a_list_keeps_every_id_in_one_piece_and_names_the_late():
    """Beside title, township, lead, state and the next limit."""
    life = late()
    told = "\n".join(drawn(whistles_table([row(life)], name, life.now)))
    assert "12345:20261124000123" in told
    assert "JHH-2026-000001" in told
    assert "金海湖镇 · 主责 区城管执法局" in told
    assert "公安分局逾期" in told
    assert "ASSEMBLING ▲催办" in told


def test_tasks_keep_every_id_in_one_piece():
    """And say what, on whom, and until when."""
    life = late()
    task = Task(
        whistle_id=life.whistle.whistle_id,
        serial=life.whistle.serial,
        title=life.whistle.title,
        state=life.whistle.state,
        phase=Phase.ARRIVE,
        responder="police",
        due_at=life.now - timedelta(minutes=1),
    )
    told = "\n".join(drawn(tasks_table([task], name, life.now)))
    assert "12345:20261124000123" in told
    assert "报到(公安分局)" in told
    assert "1 分前" in told


def test_a_whistle_shows_codes_for_commands_and_the_link_to_its_page():
    """What one types next stands there: codes of responders, commands by name."""
    life = late()
    link = "http://127.0.0.1:8233/namespaces/default/workflows/whistle:12345:20261124000123"
    lines = drawn(whistle_panel(view(life.whistle), name, life.now, ["arrive", "sign"], link))
    told = "\n".join(lines)
    assert "公安分局 police" in told
    assert "报到 arrive、签收 sign" in told
    assert "逾期" in told
    assert lines[-1].strip() == f"Temporal UI {link}"
