"""The browser that makes the pictures of the docs: it shows what a page says and writes it as PNG."""

import struct
from pathlib import Path

import pytest

from docs.browser import NoBrowserError, browser, program


async def test_a_page_is_pictured_in_the_size_asked_for(tmp_path: Path):
    """Where there is no browser, it says which are looked for."""
    try:
        program()
    except NoBrowserError as error:
        pytest.skip(str(error))
    async with browser() as page:
        await page.resize(400, 200)
        await page.open("data:text/html,<meta charset=utf-8><p>一哨报到</p>", "一哨报到")
        await page.picture(tmp_path / "whole.png")
        await page.picture(tmp_path / "part.png", (10, 10, 80, 40))
    assert [size(tmp_path / name) for name in ("whole.png", "part.png")] == [(400, 200), (80, 40)]


def size(file: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    head = file.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height
