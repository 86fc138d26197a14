"""An endpoint that the user names: what comes for a service is passed on to it, as it is."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

import h11

from emulator.engines.base import (
    HOP_BY_HOP,
    EngineRequest,
    EngineResponse,
    EngineUnavailable,
)

_PATIENCE_S = 60.0
#: Connections that are kept for the next request.
_KEPT = 32
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter, h11.Connection]


class _Unanswered(OSError):
    """The connection ended before anything of the answer came."""


class RemoteEngine:
    """Satisfies :class:`emulator.engines.base.Engine`.

    Args:
        url: Where it is: http or https.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._is_secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._is_secure else 80)
        self._netloc = parts.netloc.rpartition("@")[2]
        self._prefix = parts.path.rstrip("/")
        self._idle: list[_Streams] = []

    async def request(self, request: EngineRequest) -> EngineResponse:
        """See :class:`emulator.engines.base.Engine`."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while self._idle:
                    try:
                        return await self._send(self._idle.pop(), request)
                    except _Unanswered:
                        # It was closed while nobody used it.
                        continue
                return await self._send(await self._connect(), request)
        except (OSError, ssl.SSLError, h11.ProtocolError, EOFError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise EngineUnavailable(
                f"the engine at {self.url} does not answer: {reason}"
            ) from error

    async def close(self) -> None:
        """Close the connections."""
        for _, writer, _ in self._idle:
            writer.close()
        self._idle.clear()

    async def _connect(self) -> _Streams:
        context = ssl.create_default_context() if self._is_secure else None
        reader, writer = await asyncio.open_connection(
            self._host, self._port, ssl=context, limit=1 << 20
        )
        return reader, writer, h11.Connection(h11.CLIENT)

    async def _send(self, streams: _Streams, request: EngineRequest) -> EngineResponse:
        reader, writer, connection = streams
        try:
            headers = [
                (name, value)
                for name, value in request.headers.items()
                if name not in HOP_BY_HOP and name != "host"
            ]
            headers += [("host", self._netloc), ("content-length", str(len(request.body)))]
            head = h11.Request(
                method=request.method, target=self._prefix + request.target, headers=headers
            )
            parts = (head, h11.Data(data=request.body), h11.EndOfMessage())
            # In one write: the endpoint need not wait for a second packet.
            writer.write(b"".join(connection.send(part) or b"" for part in parts))
            try:
                await writer.drain()
                first = await reader.read(1 << 16)
            except OSError as error:
                raise _Unanswered(*error.args) from error
            if not first:
                raise _Unanswered("the connection was closed")
            connection.receive_data(first)
            answer = await _read(connection, reader)
        except BaseException:
            writer.close()
            raise
        if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
            connection.start_next_cycle()
            if len(self._idle) < _KEPT:
                self._idle.append(streams)
                return answer
        writer.close()
        return answer


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> EngineResponse:
    head: h11.Response | None = None
    chunks: list[bytes] = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            # At the end of the stream h11 itself says whether the answer was whole.
            connection.receive_data(await reader.read(1 << 16))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            chunks.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in head.headers
                if name.decode("latin-1") not in HOP_BY_HOP
            ]
            return EngineResponse(head.status_code, headers, b"".join(chunks))
        elif isinstance(event, h11.ConnectionClosed):
            raise EOFError("the connection was closed")
