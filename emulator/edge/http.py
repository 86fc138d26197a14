"""HTTP on a connection: uvicorn's protocol with three changes.

WebSockets are uvicorn's too; the first one imports the library for them.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, cast

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: What a connection begins with that speaks HTTP/2: enough of its preface to know it.
_HTTP2 = b"PRI * HTTP/2.0\r\n"


class HttpProtocol(HttpToolsProtocol):
    """Writes head and body together, and keeps to HTTP/1.1 whatever upgrade a client asks for.

    uvicorn writes them apart, in two packets that wake the client twice. Its parser takes the bytes
    after a head with "Upgrade" for another protocol, so the body is lost: Java's client asks for
    HTTP/2 that way with its first request, and so does ``curl --http2``. A server may ignore the
    request (https://www.rfc-editor.org/rfc/rfc9110#name-upgrade). Only the handshake of a WebSocket
    is followed (https://www.rfc-editor.org/rfc/rfc6455#section-4.1).

    A client that knows that it can have HTTP/2 begins with its preface, and gets it.
    """

    _fed = b""
    #: Nothing has been received on this connection yet.
    _fresh = True
    #: Read next: the request without its "Upgrade", and the bytes behind its head.
    _anew = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        joining = _Joining(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(cast(asyncio.Transport, joining))

    def data_received(self, data: bytes) -> None:
        if self._fresh:
            self._fresh = False
            if data.startswith(_HTTP2):
                self._speak_http2(data)
                return
        self._fed = data
        super().data_received(data)
        while self._anew:
            self._fed, self._anew = self._anew, b""
            # The old parser takes nothing more if this is the connection's last request.
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            super().data_received(self._fed)
        self._fed = b""

    def _speak_http2(self, data: bytes) -> None:
        """Hand the connection over: the client knows that it can have HTTP/2 here."""
        from emulator.edge.http2 import Http2Connection

        self.connections.discard(self)
        connection = Http2Connection(self.app, self.server_state)
        self.transport.set_protocol(connection)
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
    from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

    return WSProtocol(**options)


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

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
