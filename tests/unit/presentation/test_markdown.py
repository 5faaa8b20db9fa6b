"""What a person wrote is shown as written, and never as markup."""

import pytest

from tests.life import Life
from workflows.details import details
from workflows.markdown import plain, table


@pytest.mark.parametrize(
    ("written", "drawn"),
    [
        ("占道 | 违建", r"占道 \| 违建"),
        ("`rm` <b>粗</b>", r"\`rm\` \<b\>粗\</b\>"),
        ("第一行\n第二行", "第一行 第二行"),
        ("[链接](http://x)", r"\[链接\](http\://x)"),
        ("{workflowId}", r"\{workflowId\}"),
        ("左\u202e右\u200b", "左 右"),
        ("反斜杠\\", "反斜杠\\\\"),
    ],
)
def test_free_text_is_escaped_and_kept_on_one_line(written: str, drawn: str):
    """Also what only some readers of Markdown give a meaning: placeholders, autolinks, bidirectional marks."""
    assert plain(written) == drawn


def test_a_title_cannot_break_the_page():
    """Its lines, bars and tags stay in the headline."""
    life = Life().assembling()
    title = "盗采\n\n| a | b |\n|---|---|\n<script>alert(1)</script>"
    told = details(life.whistle.model_copy(update={"title": title}), life.now)
    assert told.splitlines()[0].startswith(r"> 【管理】金海湖镇 盗采 \| a \| b \|")
    assert "<script>" not in told


def test_cells_are_set_apart_where_tables_have_no_lines():
    """The Temporal UI draws neither borders nor padding."""
    assert table(("甲", "乙"), [("1", "2")]) == "| 甲\u2003| 乙 |\n| :--- | :--- |\n| 1\u2003| 2 |"
