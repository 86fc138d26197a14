"""An endpoint of the user's: what is sent to it again, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from emulator.engines.base import EngineRequest, EngineUnavailable
from emulator.engines.remote import RemoteEngine

_WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal"
_REQUEST = EngineRequest(
    method="POST", target="/", headers={}, body=b"{}", service="dynamodb",
    account="000000000000", region="us-east-1",
)  # fmt: skip


class _Peer:
    """Answers each request with the next of its answers, and closes after it where it is told."""

    def __init__(self, *answers: tuple[bytes, bool]) -> None:
        self.answers = list(answers)
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while self.answers:
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2)
                self.requests += 1
                answer, closes = self.answers.pop(0)
                writer.write(answer)
                await writer.drain()
                if closes:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def _engine(peer: _Peer) -> AsyncIterator[RemoteEngine]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    engine = RemoteEngine(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield engine
    finally:
        await engine.close()
        server.close()


async def test_a_kept_connection_that_was_closed_is_replaced() -> None:
    peer = _Peer((_WHOLE, True), (_WHOLE, False))
    async with _engine(peer) as engine:
        for _ in range(2):
            assert (await engine.request(_REQUEST)).body == b"ok"
    assert peer.requests == 2


async def test_a_request_whose_answer_was_cut_is_not_sent_again() -> None:
    peer = _Peer((_WHOLE, False), (_CUT, True), (_WHOLE, False))
    async with _engine(peer) as engine:
        await engine.request(_REQUEST)
        with pytest.raises(EngineUnavailable):
            await engine.request(_REQUEST)
    assert peer.requests == 2
