"""A WebSocket of a client, for tests: what it sends and gets, on a plain socket."""

from __future__ import annotations

import json
import socket
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)


class WebSocketClient:
    """One WebSocket, from its handshake on.

    Attributes:
        status: Of the handshake: 101, or the refusal's.
        body: Of a refusal.
        subprotocol: What was agreed on.
    """

    def __init__(
        self,
        port: int,
        host: str,
        target: str,
        headers: dict[str, str] | None = None,
        subprotocols: list[str] | None = None,
    ) -> None:
        self._wire = WSConnection(ConnectionType.CLIENT)
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._events: list[Any] = []
        self.subprotocol: str | None = None
        extra = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        request = Request(
            host=host, target=target, extra_headers=extra, subprotocols=subprotocols or []
        )
        self._socket.sendall(self._wire.send(request))
        self.status, self.body = self._handshake()
        if self.status != 101:
            self.close()

    def _handshake(self) -> tuple[int, bytes]:
        event = self.event()
        if isinstance(event, AcceptConnection):
            self.subprotocol = event.subprotocol
            return 101, b""
        assert isinstance(event, RejectConnection)
        body = b""
        while event.has_body:
            data = self.event()
            assert isinstance(data, RejectData)
            body += data.data
            if data.body_finished:
                break
        return event.status_code, body

    def event(self) -> Any:
        """Return what comes next, without pings."""
        while True:
            while not self._events:
                data = self._socket.recv(65536)
                self._wire.receive_data(data or None)
                self._events += self._wire.events()
            event = self._events.pop(0)
            if isinstance(event, Ping):
                self._socket.sendall(self._wire.send(event.response()))
                continue
            return event

    def send(self, data: Any) -> None:
        """Send a text, bytes, or a document."""
        if isinstance(data, bytes):
            self._socket.sendall(self._wire.send(BytesMessage(data=data)))
            return
        text = data if isinstance(data, str) else json.dumps(data)
        self._socket.sendall(self._wire.send(TextMessage(data=text)))

    def receive(self) -> str:
        """Return the next message."""
        text = ""
        while True:
            event = self.event()
            assert isinstance(event, TextMessage), event
            text += event.data
            if event.message_finished:
                return text

    def closed(self) -> int:
        """Return the code by which the other side ends the connection."""
        event = self.event()
        assert isinstance(event, CloseConnection), event
        return int(event.code)

    def end(self, code: int = 1000) -> None:
        """Close it with a handshake."""
        self._socket.sendall(self._wire.send(CloseConnection(code=code)))
        self.close()

    def close(self) -> None:
        """Cut it."""
        self._socket.close()
