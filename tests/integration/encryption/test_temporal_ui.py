"""Temporal's own UI in a browser shows nothing of a whistle to anybody, and everything to an admin who signed in."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Error, Page, async_playwright

from storage.payload_access import Via, newest
from tests.integration.encryption.shop import Shop
from tests.integration.gateway.gate import WATER
from tests.patience import until

TITLE = "盗采砂石七七一九"
PICTURES = os.environ.get("WHISTLE_PICTURES")
"""A folder into which the pictures of docs/how-to/encrypt.md are put, if set."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
TOLD = {
    "timeline": (TITLE, "受理·时限过半"),
    "history": (TITLE, "受理·时限过半", "报到 arrive"),
    "user-metadata": (f"【哨源】金海湖镇 {TITLE}", "报到单位", "下一时限"),
}
"""What each page says of a whistle: title and argument, summaries of timers and activities, summary and details."""

pytestmark = pytest.mark.timeout(240)


def chromium() -> str:
    """Find a browser."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no chromium on this machine: apt-get install chromium fonts-noto-cjk")


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Run a browser that nobody sees."""
    program = chromium()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield running
        await running.close()


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser profile that knows nothing yet."""
    context = await browser.new_context(viewport={"width": 1440, "height": 1000}, locale="zh-CN")
    context.set_default_timeout(30_000)
    yield context
    await context.close()


@pytest.fixture(scope="module")
async def workflow(shop: Shop) -> str:
    """The pages of an emergency to which one of two came."""
    whistle_id = await shop.gate.emergency("water", "police", title=TITLE)
    await shop.gate.do(WATER, whistle_id, "arrive", responder="water", officers=[{"name": "李明"}])
    handle = (await shop.temporal()).get_workflow_handle(f"whistle:{whistle_id}")
    run_id = (await handle.describe()).run_id
    return f"{shop.ui_url}/namespaces/default/workflows/whistle:{whistle_id}/{run_id}"


async def opened(page: Page, workflow: str, tab: str = "timeline") -> None:
    """Open one page of a whistle's workflow."""
    await page.goto(f"{workflow}/{tab}")
    await page.get_by_text("Task Queue").first.wait_for()


async def text_of(page: Page) -> str:
    """Give all that a page says, also what editors draw in pieces, and what stands in frames, as Markdown does."""
    script = "document.body.innerText + ' ' + document.body.textContent"
    while True:
        try:
            return " ".join([await frame.evaluate(script) for frame in page.frames])
        except Error:
            # A frame went while it was read.
            await asyncio.sleep(0.05)


async def says(page: Page, *parts: str) -> bool:
    """Tell whether a page says all of it."""
    text = await text_of(page)
    return all(part in text for part in parts)


async def is_encoded(page: Page) -> bool:
    """Tell whether the UI says that it could not decode."""
    return await page.get_by_role("button", name="Codec Server could not connect").is_visible()


async def picture(page: Page, name: str) -> None:
    """Take a picture for the docs, where they are wanted."""
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.jpg", quality=70)


def parts_of_a_whistle() -> Iterator[str]:
    """List everything that is told anywhere."""
    for parts in TOLD.values():
        yield from parts


async def test_without_an_admin_the_ui_shows_nothing(shop: Shop, tab: BrowserContext, workflow: str) -> None:
    """Whoever can reach the UI sees ids, times and search attributes, and no word of the matter."""
    page = await tab.new_page()
    for name in TOLD:
        await opened(page, workflow, name)
        await until(lambda: is_encoded(page), within_s=30)
        text = await text_of(page)
        assert not [part for part in parts_of_a_whistle() if part in text], name
        await picture(page, f"encrypted-{name}")
    await page.goto(f"{shop.ui_url}/namespaces/default/workflows")
    await page.get_by_text("whistle:12345:").first.wait_for()
    assert TITLE not in await text_of(page)


async def test_an_admin_who_signed_in_sees_everything(shop: Shop, tab: BrowserContext, workflow: str) -> None:
    """By the two steps of the how-to, until the sign-out; each opening is noted with the whistle's id."""
    page = await tab.new_page()
    await sign_in(page, shop)
    await opened(page, workflow)
    await include_credentials(page, shop)
    for name, parts in TOLD.items():
        await opened(page, workflow, name)
        await until(partial(says, page, *parts), within_s=60)
        await picture(page, f"decrypted-{name}")
    lines = await newest(shop.gate.pool, workflow.split("/")[-2], 1000)
    assert {(line.reader, line.via, line.namespace) for line in lines} == {("admin", Via.SESSION, "default")}
    await page.goto(f"{shop.codec_url}/login")
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_label("Admin key").wait_for()
    await opened(page, workflow)
    await until(lambda: is_encoded(page), within_s=30)
    assert TITLE not in await text_of(page)


async def test_a_page_of_another_origin_gets_nothing(shop: Shop, tab: BrowserContext) -> None:
    """The browser of an admin does not open payloads for whatever page it visits, not even on this machine."""
    page = await tab.new_page()
    await sign_in(page, shop)
    await page.goto(f"{shop.gate.url}/healthz")
    script = """async url => {
        try { return (await fetch(url + '/decode', {method: 'POST', credentials: 'include', body: '{}',
            headers: {'Content-Type': 'application/json', 'X-Namespace': 'default'}})).status }
        catch (error) { return String(error) }
    }"""
    assert "Failed to fetch" in str(await page.evaluate(script, shop.codec_url))


async def sign_in(page: Page, shop: Shop) -> None:
    """Show the admin's key on the codec server's page; a wrong one first."""
    await page.goto(f"{shop.codec_url}/")
    await page.get_by_label("Admin key").fill("wk_wrong")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("alert").wait_for()
    await page.get_by_label("Admin key").fill(shop.admin_key)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Signed in: admin").wait_for()
    await picture(page, "codec-server-signed-in")


async def include_credentials(page: Page, shop: Shop) -> None:
    """Let the UI send the session's cookie along, as the codec server's page tells people to."""
    await page.get_by_role("button", name="Codec Server").first.click()
    dialog = page.locator("dialog[open]")
    await dialog.get_by_text("Use my browser setting").click()
    await dialog.get_by_label("Codec Server browser endpoint").fill(shop.codec_url)
    await dialog.get_by_text("Include cross-origin credentials").click()
    await picture(page, "codec-server-dialog")
    await dialog.get_by_role("button", name="Apply").click()
    await dialog.wait_for(state="hidden")
