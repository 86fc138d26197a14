"""Requests to the user's endpoints: what is read of long answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from emulator.invoke.http_client import HttpFailure, fetch


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


async def test_a_long_answer_is_cut_or_a_failure(url: str) -> None:
    whole = await fetch("GET", url, timeout_s=10)
    assert len(whole.body) == 200_000
    cut = await fetch("GET", url, timeout_s=10, most=1000, cuts=True)
    assert (cut.status, len(cut.body)) == (200, 1000)
    with pytest.raises(HttpFailure, match="more than 1000 bytes"):
        await fetch("GET", url, timeout_s=10, most=1000)
    assert (await fetch("GET", url, timeout_s=10, most=None)).body == b""
