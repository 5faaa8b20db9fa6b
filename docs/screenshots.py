"""`make screenshots`: the pictures of docs/how-to/watch-in-temporal-ui.md, made anew on a stack of its own."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Page, async_playwright

from docs.showcase import Showcase, shorten_arrival
from settings import Settings
from starter.client import WhistleClient
from starter.embedded import embedded_stack
from starter.preparation import WORKER, Preparation
from starter.start import workflow_id_of

IMAGES = Path(__file__).with_name("how-to") / "images"
COLUMNS = (
    "Status",
    "Workflow ID",
    "WhistleState",
    "WhistleKind",
    "Township",
    "LeadDepartment",
    "OverdueResponders",
    "NextDeadline",
)
WHISTLES = "WorkflowType = 'WhistleWorkflow'"
SHOWN = """text => [document, ...[...document.querySelectorAll("iframe")].map(frame => frame.contentDocument)]
    .some(one => one?.body?.innerText.includes(text))"""
LEFT_BAR = 260
"""Pixels of the UI's own navigation, which says nothing of whistles."""


async def main(folder: Path) -> None:
    """Play the showcase on a stack in this folder, and write every picture."""
    settings = Settings.model_construct(data_dir=folder / ".whistle")
    preparation = Preparation(settings)
    stack = embedded_stack(
        settings.data_dir,
        worker_command=WORKER,
        migrate=preparation.migrate,
        prepare=preparation.prepare,
        settings=settings,
    )
    async with stack as running:
        await shorten_arrival(running.database_owner_dsn)
        addresses = {"database_dsn": running.database_dsn, "temporal_address": running.temporal_address}
        async with WhistleClient.open(settings.model_copy(update=addresses), size=4) as client:
            say("playing the whistles; one of them is late in a minute …")
            emergency = await Showcase(client, settings.data_dir).play()
            described = await client.temporal.get_workflow_handle(workflow_id_of(emergency)).describe()
        workflows = f"{running.record.temporal_ui_url}/namespaces/default/workflows"
        await photograph(workflows, f"{workflows}/{workflow_id_of(emergency)}/{described.run_id}")


async def photograph(workflows: str, whistle: str) -> None:
    """Open a browser in Beijing, and picture each page once it shows what it is about."""
    remembered = json.dumps(json.dumps({"default": [{"label": label} for label in COLUMNS]}))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = await browser.new_page(timezone_id="Asia/Shanghai", locale="zh-CN")
        await page.add_init_script(f"localStorage.setItem('namespace-workflow-table-columns', {remembered})")
        await take(page, workflows, whistle)
        await browser.close()


async def take(page: Page, workflows: str, whistle: str) -> None:
    """Take every picture."""
    await show(page, (1960, 700), f"{workflows}?query={quote(WHISTLES)}&savedQuery={quote('哨单 whistles')}", "police")
    await picture(page, "list", (LEFT_BAR, 60, 1700, 640))
    await show(page, (1560, 1240), f"{whistle}/user-metadata", "截至 as of")
    await picture(page, "details", (LEFT_BAR, 96, 1300, 1144))
    await picture(page, "glance", (910, 366, 630, 616))
    await show(page, (1560, 1240), f"{whistle}/timeline", "strike_arrive_limit")
    await picture(page, "timeline", (LEFT_BAR, 520, 1300, 720))
    await show(page, (1880, 1240), f"{whistle}/history", "报到·时限已到")
    await picture(page, "history", (LEFT_BAR, 510, 1620, 730))


async def show(page: Page, size: tuple[int, int], url: str, text: str) -> None:
    """Open a page of this size and wait until it, or a frame of it, shows the text."""
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.goto(url)
    await page.wait_for_function(SHOWN, arg=text)
    # Fonts and transitions settle after the text stands.
    await asyncio.sleep(1)


async def picture(page: Page, name: str, clip: tuple[int, int, int, int]) -> None:
    """Write one picture."""
    file = IMAGES / f"{name}.png"
    x, y, width, height = clip
    await page.screenshot(path=file, clip={"x": x, "y": y, "width": width, "height": height})
    say(f"wrote {file.name}, {file.stat().st_size // 1024} kB")


def chromium() -> str | None:
    """Find a browser."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def say(line: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{line}\n")


def run() -> None:
    """Make the pictures, or say why not."""
    if chromium() is None:
        say("skipped: there is no Chromium on this machine; on Debian: apt-get install chromium fonts-noto-cjk")
        return
    IMAGES.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="whistle-screenshots-"))
    folder.chmod(0o755)
    try:
        asyncio.run(main(folder))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    run()
    sys.stderr.flush()
    os._exit(0)
