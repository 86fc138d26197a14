"""HTTP/2 without TLS, by prior knowledge: what a connection that begins with its preface speaks.

The JavaScript SDK speaks it with Kinesis and Bedrock. Imported at the first such connection.
https://www.rfc-editor.org/rfc/rfc9113#name-starting-http-2-with-prior-
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, cast
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame
from uvicorn.protocols.utils import get_local_addr, get_remote_addr

from emulator.edge.crowd import CROWD
from emulator.edge.router import AsgiApp, Message, Scope

_log = logging.getLogger(__name__)

#: Requests of one connection at once.
_MOST_STREAMS = 256
#: Those that are worked on: of what the client took back, work may still go on.
_MOST_SERVED = 2 * _MOST_STREAMS
#: Bytes that a client may send ahead of who reads them.
_WINDOW = 1 << 20
#: Headers that belong to connections of HTTP/1.
_OF_CONNECTIONS = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)


class Http2Connection(asyncio.Protocol):
    """Serves the requests of one connection, beside each other.

    Args:
        app: Answers them.
        state: Of uvicorn's server: it knows the open connections and running requests.
    """

    def __init__(self, app: AsgiApp, state: Any) -> None:
        self._app, self._state = app, state
        config = H2Configuration(client_side=False, header_encoding=None)
        self._h2 = H2Connection(config)
        self._streams: dict[int, _Stream] = {}
        self._transport: asyncio.Transport
        self._ending = False
        #: Set while the transport takes more.
        self._writable = asyncio.Event()
        self._writable.set()

    # -- what the loop calls --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client."""
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)
        self._h2.local_settings = type(self._h2.local_settings)(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: _MOST_STREAMS,
                SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: 1 << 16,
            },
        )
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(8 * _WINDOW)
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Take what the client has sent."""
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            _log.info("a connection of HTTP/2 broke the protocol: %s", error)
            self.flush()
            self._transport.close()
            return
        for event in events:
            self._on_event(event)
        self.flush()

    def _on_event(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._begin(event)
            case DataReceived(stream_id=int() as id):
                stream = self._streams.get(id)
                if stream is None:
                    # Nobody reads it any more.
                    self._h2.acknowledge_received_data(event.flow_controlled_length or 0, id)
                else:
                    stream.feed(event.data or b"", event.flow_controlled_length or 0)
            case StreamEnded(stream_id=int() as id):
                if id in self._streams:
                    self._streams[id].end()
            case StreamReset(stream_id=int() as id):
                if id in self._streams:
                    self._streams[id].lose()
            case WindowUpdated() | RemoteSettingsChanged():
                for stream in self._streams.values():
                    stream.window.set()
            case ConnectionTerminated():
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all requests that nobody waits for their answers."""
        CROWD.leave(self._transport)
        self._state.connections.discard(self)
        self._writable.set()
        for stream in self._streams.values():
            stream.lose()

    def is_idle(self) -> bool:
        """Say whether no request of it is worked on, and all answers are sent."""
        return not self._streams and self._transport.get_write_buffer_size() == 0

    def eof_received(self) -> None:
        """Let the connection be closed."""

    def pause_writing(self) -> None:
        """Stop writing: the client does not keep up.

        It is not heard either: most of what it may say is answered at once (PING, SETTINGS).
        """
        self._writable.clear()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Write again."""
        self._writable.set()
        self._transport.resume_reading()

    def shutdown(self) -> None:
        """Take no more requests, and close once all were answered. uvicorn calls it at the end."""
        is_news, self._ending = not self._ending, True
        if self._streams:
            if is_news:
                self._say_that_it_ends()
            return
        self._h2.close_connection()
        self.flush()
        self._transport.close()

    def _say_that_it_ends(self) -> None:
        """Tell the client to send further requests elsewhere; those that run are answered.

        https://www.rfc-editor.org/rfc/rfc9113#name-goaway
        """
        self.flush()
        # h2's own ends the connection, with what still runs on it.
        last = max(self._streams)
        self._transport.write(GoAwayFrame(0, last_stream_id=last).serialize())

    # -- requests -------------------------------------------------------------------------------

    def _begin(self, event: RequestReceived) -> None:
        assert event.stream_id is not None
        if self._ending or len(self._streams) >= _MOST_SERVED:
            # Nothing was done for it: the client may send it again, to whoever comes next.
            with suppress(StreamClosedError):  # it has taken it back itself
                self._h2.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        stream = _Stream(self, self._h2, event.stream_id)
        self._streams[event.stream_id] = stream
        scope = self._scope(event.headers)
        task = asyncio.get_running_loop().create_task(self._serve(scope, stream))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)
        self._state.total_requests += 1

    def _scope(self, given: list[tuple[bytes, bytes]]) -> Scope:
        pseudo = {name: value for name, value in given if name.startswith(b":")}
        headers = [(name, value) for name, value in given if not name.startswith(b":")]
        if b":authority" in pseudo and not any(name == b"host" for name, _ in headers):
            headers.insert(0, (b"host", pseudo[b":authority"]))
        raw_path, _, query = pseudo.get(b":path", b"/").partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "2",
            "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport),
            # Without TLS, whatever the client says.
            "scheme": "http",
            "method": pseudo.get(b":method", b"GET").decode("latin-1"),
            "root_path": "",
            "path": unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
            "state": {},
        }

    async def _serve(self, scope: Scope, stream: _Stream) -> None:
        try:
            await self._app(scope, stream.receive, stream.send)
        except Exception:  # noqa: BLE001 told in full; the client gets an answer, or its end
            _log.exception("a request of HTTP/2 failed")
        finally:
            stream.close()
            self._streams.pop(stream.id, None)
            self.flush()
            if self._ending:
                self.shutdown()

    def flush(self) -> None:
        """Write what is to be written."""
        data = self._h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    async def writable(self) -> None:
        """Return when the transport takes more."""
        await self._writable.wait()


class _Stream:
    """One request and its answer: ASGI's ``receive`` and ``send``.

    Attributes:
        window: Set when the client may take more of the answer.
    """

    def __init__(self, connection: Http2Connection, h2: H2Connection, id: int) -> None:
        self._connection, self._h2, self.id = connection, h2, id
        self.window = asyncio.Event()
        self._body: list[bytes] = []
        self._unread = 0
        self._ended = self._given = self._lost = self._closed = self._begun = False
        self._news = asyncio.Event()

    def feed(self, data: bytes, flow_controlled: int) -> None:
        """Take a part of the body."""
        self._body.append(data)
        self._unread += flow_controlled
        self._news.set()

    def end(self) -> None:
        """Take note that the body is complete."""
        self._ended = True
        self._news.set()

    def lose(self) -> None:
        """Take note that nobody waits for the answer."""
        self._lost = True
        self._news.set()
        self.window.set()

    async def receive(self) -> Message:
        """Return the next part of the body, or that the client is gone."""
        while not (self._body or self._lost or (self._ended and not self._given)):
            self._news.clear()
            await self._news.wait()
        if self._lost:
            return {"type": "http.disconnect"}
        body, self._body = b"".join(self._body), []
        self._acknowledge()
        self._connection.flush()
        self._given = self._ended
        return {"type": "http.request", "body": body, "more_body": not self._ended}

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if self._lost or self._closed:
            return
        if message["type"] == "http.response.start":
            headers = [(b":status", str(message["status"]).encode())]
            headers += [
                (name.lower(), value)
                for name, value in message.get("headers", ())
                if name.lower() not in _OF_CONNECTIONS
            ]
            self._begun = True
            self._h2.send_headers(self.id, headers)
            return
        await self._send_body(message.get("body", b""), last=not message.get("more_body", False))

    async def _send_body(self, body: bytes, *, last: bool) -> None:
        try:
            while body and not self._lost:
                room = self._h2.local_flow_control_window(self.id)
                room = min(room, self._h2.max_outbound_frame_size)
                if room <= 0:
                    self.window.clear()
                    self._connection.flush()
                    await self.window.wait()
                    continue
                part, body = body[:room], body[room:]
                self._h2.send_data(self.id, part, end_stream=last and not body)
                self._closed = last and not body
                self._connection.flush()
                await self._connection.writable()
            if last and not self._closed and not self._lost:
                self._h2.end_stream(self.id)
                self._closed = True
        except StreamClosedError:
            self._lost = True
        self._connection.flush()

    def _acknowledge(self) -> None:
        """Give the client back the room of what it has sent, on its connection as well."""
        unread, self._unread = self._unread, 0
        if unread:
            # The connection may be at its end already.
            with suppress(ProtocolError):
                self._h2.acknowledge_received_data(unread, self.id)

    def close(self) -> None:
        """End what was not ended: an answer that broke off."""
        # What nobody has read would take its room from the requests that follow.
        self._acknowledge()
        if self._lost or self._closed:
            return
        self._closed = True
        try:
            if self._begun:
                self._h2.reset_stream(self.id, ErrorCodes.INTERNAL_ERROR)
            else:
                self._h2.send_headers(self.id, [(b":status", b"500")], end_stream=True)
        except (StreamClosedError, ProtocolError):
            self._lost = True
