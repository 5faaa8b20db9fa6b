"""A browser without a head, for pictures of pages: Chromium over its debugging pipe, so that no driver is installed."""

import asyncio
import base64
import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 30.0
_HAND_OVER = """
import fcntl, os, sys
reads, writes = (fcntl.fcntl(int(pipe), fcntl.F_DUPFD, 10) for pipe in sys.argv[1:3])
os.dup2(reads, 3), os.dup2(writes, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Puts the pipes where `--remote-debugging-pipe` looks for them, and becomes the browser."""


class NoBrowserError(Exception):
    """There is no Chromium on this machine."""


def program() -> str:
    """Find Chromium; raises NoBrowserError."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise NoBrowserError(f"none of {', '.join(PROGRAMS)} is installed")
    return found


class Pipe:
    """The debugging protocol: commands by number, each awaited."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak over these."""
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)

    async def call(self, method: str, session: str | None = None, **fields: object) -> dict[str, Any]:
        """Send a command and give its result; raises RuntimeError with what the browser says."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": fields} | ({"sessionId": session} if session else {})
        self._writer.write(json.dumps(message).encode() + b"\0")
        await self._writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                told = json.loads((await self._reader.readuntil(b"\0"))[:-1])
                if told.get("id") == number:
                    break
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']['message']}")
        return dict(told["result"])


class Page:
    """One page of a size, in Beijing's time and in Chinese."""

    def __init__(self, pipe: Pipe, session: str) -> None:
        """Drive this session."""
        self._pipe = pipe
        self._session = session

    async def call(self, method: str, **fields: object) -> dict[str, Any]:
        """Send a command to this page."""
        return await self._pipe.call(method, self._session, **fields)

    async def resize(self, width: int, height: int) -> None:
        """Give the page so much room."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)

    async def remember(self, key: str, value: object) -> None:
        """Have every page find this in its local storage."""
        script = f"localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(value))})"
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def open(self, url: str, *texts: str) -> None:
        """Open a page and wait until it and its frames show these texts; raises TimeoutError."""
        await self.call("Page.navigate", url=url)
        async with asyncio.timeout(PATIENCE_S):
            while not self._shows(await self.text(), texts):  # noqa: ASYNC110 - a page tells nothing by itself
                await asyncio.sleep(0.2)
        # Fonts and transitions settle after the text stands.
        await asyncio.sleep(1)

    @staticmethod
    def _shows(told: str, texts: Iterable[str]) -> bool:
        return all(text in told for text in texts)

    async def text(self) -> str:
        """Give what the page and its frames say."""
        script = "[document, ...[...document.querySelectorAll('iframe')].map(f => f.contentDocument)]"
        script += ".map(d => d?.body?.innerText ?? '').join('\\n')"
        told = await self.evaluate(script)
        return str(told or "")

    async def evaluate(self, script: str) -> Any:  # noqa: ANN401 - whatever the script gives
        """Run a script on the page and give its value."""
        told = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return told["result"].get("value")

    async def picture(self, path: Path, clip: tuple[int, int, int, int] | None = None) -> None:
        """Write a PNG of what is seen, or of x, y, width and height of it."""
        fields: dict[str, Any] = {"format": "png", "optimizeForSpeed": False}
        if clip:
            x, y, width, height = clip
            fields["clip"] = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
        told = await self.call("Page.captureScreenshot", **fields)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(told["data"]))


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """Run a browser with one page; raises NoBrowserError."""
    profile = tempfile.mkdtemp(prefix="whistle-browser-")
    flags = ("--headless", "--no-sandbox", "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={profile}")
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _HAND_OVER,
        str(theirs_in),
        str(theirs_out),
        program(),
        *flags,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=(theirs_in, theirs_out),
    )
    os.close(theirs_in)
    os.close(theirs_out)
    pipe = await _opened(ours_in, ours_out)
    try:
        yield await _first_page(pipe)
        await pipe.call("Browser.close")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _opened(reads: int, writes: int) -> Pipe:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reads, "rb"))
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(writes, "wb"))
    return Pipe(reader, asyncio.StreamWriter(transport, protocol, None, loop))


async def _first_page(pipe: Pipe) -> Page:
    target = (await pipe.call("Target.createTarget", url="about:blank"))["targetId"]
    session = (await pipe.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
    page = Page(pipe, session)
    await page.call("Page.enable")
    await page.call("Emulation.setTimezoneOverride", timezoneId="Asia/Shanghai")
    await page.call("Emulation.setLocaleOverride", locale="zh-CN")
    return page
