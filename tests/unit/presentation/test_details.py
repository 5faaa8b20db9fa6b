"""The page on a whistle answers at a glance: where it stands, who is late, what comes next, who may do what."""

from datetime import timedelta

import pytest

from domain.vocabulary import State
from tests.life import Life, rules
from workflows.details import MOST_RESPONDERS, details

MANY = tuple(o.code for o in rules().organisations.departments())


def page(life: Life) -> str:
    """The page as of now."""
    return details(life.whistle, life.now)


def rows(life: Life, header: str) -> list[list[str]]:
    """The cells of the table under this header."""
    lines = page(life).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {header}"))
    body = lines[start + 2 : next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), None)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]


def test_the_first_lines_say_what_and_where():
    """The headline has the kind that the static summary could not know yet."""
    life = Life(grid="jhh-12").emergency("planning", "water")
    first, _, second, *_ = page(life).splitlines()
    assert first == "> 【应急】金海湖镇 盗采砂石"
    assert second == "**第 3 步 街乡吹哨 · 已吹哨待受理** `BLOWN`"
    assert "- 金海湖镇 `jinhaihu` · 网格 grid `jhh-12` · 主责 lead 规自分局 `planning` · 特急 `CRITICAL`" in page(life)


def test_each_responder_has_a_row_with_state_limit_and_lateness():
    """Names first, codes beside them; the late stand at the top, then the lead."""
    life = Life().emergency("planning", "water", "police")
    life.do("platform", "accept", lead="planning", cooperating=["water", "police"])
    life.arrive("planning").wait(minutes=42)
    life.arrive("water")
    found = rows(life, "报到单位")
    assert [row[0] for row in found] == ["公安分局 `police`", "**主责** 规自分局 `planning`", "区水务局 `water`"]
    assert [row[1] for row in found] == ["待签收", "已报到", "已报到"]
    assert {row[2] for row in found} == {"11/24\u00a010:30"}
    assert [row[3] for row in found] == ["▲ 未到 absent", "—", "▲ 12 分"]
    life.wait(minutes=30)
    assert rows(life, "报到单位")[0][3] == "▲ 未按时报到 no-show"


def test_who_is_late_stands_in_one_line_each_whoever_it_is():
    """Not only responders: the platform that does not accept is late too."""
    life = Life().blown("water")
    life.wait(days=1)
    assert "- ▲ **逾期 late** 区级平台 `platform`: 受理(应于 11/24\u00a011:00)" in page(life)
    assert "▲ **督办 supervision** 催办 `URGE` → 区级平台" in page(life)


def test_nobody_late_is_said_in_so_many_words():
    """An empty place would leave the reader in doubt."""
    assert "✓ 无人逾期 nobody is late" in page(Life().assembling())


def test_what_comes_next_is_listed_once_for_all_whom_it_binds():
    """The earliest first; equal limits of several units share a row."""
    found = rows(Life().assembling("water", "police"), "下一时限")
    assert found[0] == ["11/24\u00a011:00", "签收 sign", "区水务局、公安分局"]
    assert [row[1] for row in found] == ["签收 sign", "报到 arrive", "报到第二时限 arrive second"]


def test_who_may_do_what_follows_the_table_of_moves():
    """One line for each, with the names that commands have."""
    told = page(Life().blown("water"))
    assert "- 区级平台: 受理派单 accept · 退回 return_whistle · 并案 merge · 督办 supervise" in told
    assert "- 金海湖镇负责人: 撤哨 cancel" in told
    assert "- 报到单位: 申请挂账 request_suspension · 签收 sign · " in page(Life().assembling())


def test_a_matter_with_very_many_responders_stays_short():
    """The late ones are shown, the rest is counted."""
    life = Life().assembling(*MANY)
    life.arrive(*MANY[3:]).wait(days=20)
    found = rows(life, "报到单位")
    assert len(MANY) > 30
    assert len(found) == MOST_RESPONDERS + 1
    assert [row[3] for row in found[:3]] == ["▲ 未按时报到 no-show"] * 3
    assert found[-1][:2] == [f"另有 {len(MANY) - MOST_RESPONDERS} 家 more", f"已报到 {len(MANY) - MOST_RESPONDERS}"]
    assert len(page(life).encode()) < 4_000


@pytest.mark.parametrize("stage", ["registered", "returned", "in_action", "evaluating", "closed"])
def test_every_stage_fits_on_one_screen(stage: str):
    """At most 40 lines, and the version it speaks of."""
    life = Life()
    if stage != "registered":
        getattr(life, stage)()
    assert len(page(life).splitlines()) <= 40
    assert f"版本 version {life.whistle.sequence}" in page(life)


def test_a_suspended_matter_says_since_when_and_that_clocks_stand_still():
    """Its arrival limits are shown, but do not run."""
    life = Life().assembling()
    life.do("platform", "suspend", reason="待立项", review_at=(life.now + timedelta(days=30)).isoformat())
    assert "挂账 suspended since 11/24\u00a010:00: 全部时限停走" in page(life)
    assert rows(life, "下一时限")[0][1] == "挂账复核 suspension review"


def test_a_merged_matter_leads_to_the_other():
    """By a link within the UI, whatever its namespace and address."""
    life = Life()
    life.do("clerk@jinhaihu", "review", decision="MERGE", merge_into="12345:other", reason="同一事项")
    assert life.whistle.state is State.MERGED
    assert "[`12345:other`](namespaces/{namespace}/workflows/whistle:12345:other)" in page(life)
    assert "可办" not in page(life)


def test_a_whistle_of_before_the_names_shows_codes():
    """A value that was stored without names is still readable."""
    life = Life().assembling("water")
    old = life.whistle.model_copy(update={"names": {}})
    assert "**主责** `water`" in details(old, life.now)
    assert "区级平台" in details(old, life.now)
