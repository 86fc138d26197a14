"""HTTP on a connection: uvicorn's protocol with five changes.

WebSockets are uvicorn's too; the first one imports the library for them.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, cast

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from emulator.edge.crowd import CROWD
from emulator.edge.patience import BODY, HEAD, REQUEST, Patience

#: What a connection begins with that speaks HTTP/2: enough of its preface to know it.
_HTTP2 = b"PRI * HTTP/2.0\r\n"
#: Bytes of headers: far more than any service of AWS takes, as what is read at once is not parted.
_LARGEST_HEAD = 1 << 20
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HttpProtocol(HttpToolsProtocol):
    """Writes head and body together, and keeps to HTTP/1.1 whatever upgrade a client asks for.

    uvicorn writes them apart, in two packets that wake the client twice. Its parser takes the bytes
    after a head with "Upgrade" for another protocol, so the body is lost: Java's client asks for
    HTTP/2 that way with its first request, and so does ``curl --http2``. A server may ignore the
    request (https://www.rfc-editor.org/rfc/rfc9110#name-upgrade). Only the handshake of a WebSocket
    is followed (https://www.rfc-editor.org/rfc/rfc6455#section-4.1).

    A client that knows that it can have HTTP/2 begins with its preface, and gets it.

    uvicorn keeps all headers and trailers that come, however many: here they have an end.

    uvicorn waits for a request that has begun for ever: here the client is given up after a while.
    """

    _fed = b""
    #: Nothing has been received on this connection yet.
    _fresh = True
    #: Read next: the request without its "Upgrade", and the bytes behind its head.
    _anew = b""

    #: Bytes read since the last that belonged to a body.
    _head = 0
    #: Bytes read of all.
    _read = 0
    #: The scope of the last request that has come whole.
    _whole: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        joining = _Joining(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(cast(asyncio.Transport, joining))
        CROWD.enter(self.transport, self._is_idle)
        self._patience = Patience(self.loop, self._awaited, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        CROWD.leave(self.transport)
        self._patience.end()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete
        return answered and self.transport.get_write_buffer_size() == 0

    def _awaited(self) -> tuple[str, object, int] | None:
        """Return what the client is waited for: see :class:`Patience`."""
        asked, cycle = self.scope, self.cycle
        if self.flow.read_paused:
            return None
        if cycle is not None and cycle.scope is asked and asked is not self._whole:
            return BODY, asked, self._read
        if cycle is not None and not cycle.response_complete:
            return None  # even for a head that has begun: the answer before it comes first
        if asked is not self._whole:
            return HEAD, asked, self._read
        return (REQUEST, asked, self._read) if self._is_idle() else None

    def _give_up(self, what: str) -> None:
        """Close the connection of a client that keeps it waiting."""
        if (what != REQUEST and self._is_idle()) or (
            what == BODY and not self.cycle.response_started
        ):
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._read += len(data)
        if self._fresh:
            self._fresh = False
            if data.startswith(_HTTP2):
                self._speak_http2(data)
                return
        if self._head > _LARGEST_HEAD:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
            return
        self._head += len(data)
        self._fed = data
        super().data_received(data)
        while self._anew:
            self._fed, self._anew = self._anew, b""
            # The old parser takes nothing more if this is the connection's last request.
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            super().data_received(self._fed)
        self._fed = b""

    def on_body(self, body: bytes) -> None:
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head = 0
        self._whole = self.scope
        super().on_message_complete()

    def _speak_http2(self, data: bytes) -> None:
        """Hand the connection over: the client knows that it can have HTTP/2 here."""
        from emulator.edge.http2 import Http2Connection

        self.connections.discard(self)
        self._patience.end()
        connection = Http2Connection(self.app, self.server_state)
        self.transport.set_protocol(connection)
        CROWD.enter(self.transport, connection.is_idle)
        connection.connection_made(self.transport)
        connection.data_received(data)

    def _should_upgrade(self) -> bool:
        """Say whether uvicorn leaves alone the request at whose head the parser stopped."""
        return self.scope["method"] != "CONNECT"

    def _begins_websocket(self) -> bool:
        names = {name for name, _ in self.headers}
        wish: bytes | None = self._get_upgrade()
        is_get: bool = self.scope["method"] == "GET"
        return is_get and wish == b"websocket" and b"sec-websocket-key" in names

    def handle_websocket_upgrade(self) -> None:
        """Begin a WebSocket, or serve the request as if no upgrade had been asked for."""
        if self._begins_websocket():
            CROWD.enter(self.transport, lambda: False)
            self._patience.end()
            super().handle_websocket_upgrade()
            return
        end_of_head: int = cast(BaseException, sys.exception()).args[0]
        head = [f"{self.scope['method']} ".encode(), self.url]
        head.append(f" HTTP/{self.scope['http_version']}\r\n".encode())
        for name, value in self.headers:
            if name != b"upgrade":
                head += (name, b": ", value, b"\r\n")
        self._anew = b"".join((*head, b"\r\n", self._fed[end_of_head:]))

    def _unsupported_upgrade_warning(self) -> None:
        """Do not tell users to install a WebSocket library."""


def make_websocket(**options: Any) -> asyncio.Protocol:
    """Return the protocol of a WebSocket's connection; uvicorn gives the options."""
    from emulator.edge.websocket import WebSocket

    return WebSocket(**options)


class _Joining:
    """A transport that writes its first data together with the next.

    If nothing follows in the same turn of the loop, the first data goes alone.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.writelines((held, data))
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def get_write_buffer_size(self) -> int:
        return len(self._held) + self._transport.get_write_buffer_size()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
