"""The Lambda Runtime API of one environment: HTTP between the runtime and the control plane.

Routes (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html)::

    GET  /2018-06-01/runtime/invocation/next           parked until there is an invocation
    POST /2018-06-01/runtime/invocation/{id}/response  202
    POST /2018-06-01/runtime/invocation/{id}/error     202
    POST /2018-06-01/runtime/init/error                202

A runtime connects to the environment's own TCP listener, or already holds a channel that its
driver gave it. A TCP connection must first prove that it comes from the environment: by its
addresses or, where those can't tell, by the host that its first request names. Requests may be
pipelined: our bootstraps send a response and the next ``next`` in one write, so that a warm invoke
wakes each side once.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Protocol, cast

import httptools

from emulator.driver.base import Sandbox
from emulator.model.invocation import Flow, Invocation
from emulator.model.limits import RESPONSE_PAYLOAD
from emulator.pool.door import Door
from emulator.pool.http_answers import ACCEPTED, TOO_LARGE, answer, refuse

_PREFIX = b"/2018-06-01/runtime/"
_INVOCATION = _PREFIX + b"invocation/"
_NEXT = _INVOCATION + b"next"
#: Connections that may wait to be judged.
_UNPROVEN = 64


#: Error type and message with which the Runtime API refuses a request.
Refusal = tuple[str, str]


class RuntimeEvents(Protocol):
    """What an environment hears from its runtime. Every call returns at once."""

    def runtime_waits(self) -> Refusal | None:
        """``next`` was called: the runtime is ready for an invocation."""
        ...

    def init_failed(self, payload: bytes, error_type: str) -> Refusal | None: ...

    def runtime_disconnected(self) -> None:
        """The last connection of the runtime is gone."""
        ...

    def runtime_hung_up(self, request_id: str) -> None:
        """A connection broke before the invocation that was sent over it had been read."""
        ...


class Answers(Protocol):
    """What a runtime says of the invocations it was given. Every call returns at once."""

    def runtime_responded(
        self, request_id: str, payload: bytes, content_type: str
    ) -> Refusal | None: ...

    def runtime_failed(
        self, request_id: str, payload: bytes, error_type: str
    ) -> Refusal | None: ...

    def response_too_large(self, request_id: str) -> None: ...

    def response_chunk(
        self, request_id: str, chunk: bytes, content_type: str, source: Flow
    ) -> bool:
        """A piece of a streamed response came; False: it is to be buffered, as all after it."""
        ...

    def response_broke(self, request_id: str, error_type: str, body: bytes) -> None:
        """A response ended with an error trailer."""
        ...


class RuntimeApi:
    """One environment's Runtime API: its listener, its connections, the parked ``next``."""

    def __init__(self, events: RuntimeEvents, answers: Answers, limit: int = 1) -> None:
        self.events = events
        self.answers = answers
        #: Calls of ``next`` that may wait at once.
        self._limit = limit
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._parked: deque[_Connection] = deque()
        #: TCP connections of which it is not known yet whether they belong to this environment.
        self._unproven: set[_Connection] = set()
        self._door = Door()
        #: Seconds to wait for output that was printed before what a runtime says.
        self.lag = 0.0

    async def listen(self, host: str) -> str:
        """Open the listener on a free port of ``host``; returns "host:port"."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self, tcp=True), host, 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"{host}:{port}"

    def expect(self, sandbox: Sandbox) -> None:
        """Say whose TCP connections are the environment's; those that came early had to wait."""
        self._door.expect(sandbox.admits, sandbox.secret_host)
        self.lag = sandbox.output_lag
        for connection in list(self._unproven):
            self.judge(connection)

    def judge(self, connection: _Connection) -> None:
        """Take a connection in, end it, or leave it waiting until more is known."""
        accepted = self._door.judge(connection.addresses, connection.unproven)
        if accepted is None and (connection in self._unproven or len(self._unproven) < _UNPROVEN):
            self._unproven.add(connection)
            return
        self._unproven.discard(connection)
        if accepted:
            self.connections.add(connection)
            connection.accepted()
        else:
            connection.abort()

    async def adopt(self, channel: socket.socket) -> None:
        """Serve a connection that the driver has made already."""
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: _Connection(self, tcp=False), channel)

    @property
    def waiting(self) -> bool:
        """Whether a runtime's ``next`` is parked here."""
        return bool(self._parked)

    @property
    def full(self) -> bool:
        """Whether no more calls of ``next`` may wait."""
        return len(self._parked) >= self._limit

    def is_parked(self, connection: _Connection) -> bool:
        return connection in self._parked

    def park(self, connection: _Connection) -> None:
        self._parked.append(connection)

    def unpark(self, connection: _Connection) -> None:
        self._parked.remove(connection)

    def dispatch(self, invocation: Invocation, deadline_ms: int) -> None:
        """Answer the ``next`` that has waited longest with ``invocation``.

        Args:
            deadline_ms: When the invocation times out, milliseconds since the epoch.
        """
        parked = self._parked.popleft()
        parked.given = invocation.request_id
        optional = ""
        if invocation.client_context:
            optional += f"Lambda-Runtime-Client-Context: {invocation.client_context}\r\n"
        if invocation.identity:
            optional += f"Lambda-Runtime-Cognito-Identity: {invocation.identity}\r\n"
        if invocation.tenant_id:
            optional += f"Lambda-Runtime-Aws-Tenant-Id: {invocation.tenant_id}\r\n"
        head = (
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {invocation.invoked_arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {invocation.trace_id}\r\n"
            f"{optional}"
            f"Content-Length: {len(invocation.payload)}\r\n\r\n"
        )
        parked.write(head.encode("utf-8", "replace"), invocation.payload)

    def disconnect(self) -> None:
        """Close the connections of a runtime that is gone; the listener stays."""
        self._parked.clear()
        self._door.forget()
        for connection in self.connections | self._unproven:
            connection.abort()
        self.connections.clear()
        self._unproven.clear()

    def resume_reading(self) -> None:
        """Read on whatever is held back: the last words of a runtime that has ended."""
        for connection in self.connections:
            connection.resume_reading()

    def close(self) -> None:
        """Close listener and connections."""
        self.disconnect()
        if self._server is not None:
            self._server.close()
            self._server = None

    def lost(self, connection: _Connection) -> None:
        self._unproven.discard(connection)
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        if connection in self._parked:
            self._parked.remove(connection)
        if not self.connections:
            self.events.runtime_disconnected()


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection. ``httptools`` calls the ``on_…`` methods."""

    def __init__(self, api: RuntimeApi, *, tcp: bool) -> None:
        self._api = api
        self._tcp = tcp
        self._transport: asyncio.Transport | None = None
        #: What came before it was known whose connection this is; None once that is known.
        self._unproven: bytearray | None = None
        #: What is held back for output that was printed before it.
        self._late: deque[bytes] = deque()
        self._parser = httptools.HttpRequestParser(self)
        self._held: list[bytes] = []
        self._feeding = False
        #: The id of the invocation sent last.
        self.given = ""
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        #: By names in lower case.
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0
        #: The invocation whose response is passed on as it comes.
        self._streaming = ""

    # --- transport -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an isinstance check: uvloop's transports are none of asyncio's classes.
        self._transport = transport = cast(asyncio.Transport, transport)
        if self._tcp:
            self._unproven = bytearray()
            self._api.judge(self)
        else:
            self._api.connections.add(self)

    @property
    def addresses(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Its remote and its local (host, port)."""
        assert self._transport is not None
        peer, local = map(self._transport.get_extra_info, ("peername", "sockname"))
        return peer[:2], local[:2]

    @property
    def unproven(self) -> bytes:
        return bytes(self._unproven or b"")

    def accepted(self) -> None:
        """It belongs to the environment: what it sent so far counts."""
        early, self._unproven = self._unproven, None
        if early:
            self.data_received(bytes(early))

    def connection_lost(self, error: Exception | None) -> None:
        while self._late:
            self._feed_late()
        if self._streaming:
            self._api.answers.response_broke(self._streaming, "", b"")
        self._api.lost(self)
        # Whoever ends without having read all resets the connection.
        if error is not None and self.given:
            self._api.events.runtime_hung_up(self.given)

    def data_received(self, data: bytes) -> None:
        if self._unproven is not None:
            self._unproven += data
            self._api.judge(self)
        elif self._api.lag:
            self._late.append(data)
            asyncio.get_running_loop().call_later(self._api.lag, self._feed_late)
        else:
            self._feed(data)

    def _feed_late(self) -> None:
        if self._late:
            self._feed(self._late.popleft())

    def _feed(self, data: bytes) -> None:
        self._feeding = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.abort()
        except httptools.HttpParserError:
            self._feeding = False
            self.write(answer(400, "InvalidRequest", "The request could not be parsed."))
            if self._transport is not None:
                self._transport.close()
            return
        self._feeding = False
        # Who has called ``next`` behind its response waits for that: the answer to the response
        # goes out with the next invocation, and the runtime is woken once, not twice.
        if self._held and not self._api.is_parked(self):
            self.write()

    def write(self, *data: bytes) -> None:
        """Send ``data``; while a read is being worked off, wait, so that one write goes out."""
        self._held += data
        if not self._feeding:
            held, self._held = self._held, []
            if self._transport is not None and not self._transport.is_closing():
                self._transport.writelines(held)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # --- httptools -------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        if self._header(b"lambda-runtime-function-response-mode") == "streaming":
            request_id = self._streaming or _answered(self._url.partition(b"?")[0])[0]
            content_type = self._header(b"content-type")
            if self._api.answers.response_chunk(request_id, body, content_type, self):
                self._streaming = request_id
                return
            del self._headers[b"lambda-runtime-function-response-mode"]
        self._size += len(body)
        # An answer that is too large is counted to its end, not kept.
        if self._size <= RESPONSE_PAYLOAD:
            self._body.append(body)
        else:
            self._body.clear()

    def on_message_complete(self) -> None:
        if self._streaming:
            # Held back for a slow client or not: the runtime's next call must be heard.
            self.resume_reading()
        try:
            said = self._answer(self._parser.get_method(), self._url.partition(b"?")[0])
        finally:
            self._reset()
        if said:
            self.write(said)

    def _answer(self, method: bytes, url: bytes) -> bytes:
        """Work off a request; returns the answer to it, empty for a ``next`` that is parked."""
        events, answers = self._api.events, self._api.answers
        refusal: Refusal | None
        if method == b"GET" and url == _NEXT:
            refusal = self._wait()
            return b"" if refusal is None else refuse(*refusal)
        request_id, kind = _answered(url) if method == b"POST" else ("", b"")
        error_type = self._header(b"lambda-runtime-function-error-type")
        body = b"".join(self._body)
        if method == b"POST" and url == _PREFIX + b"init/error":
            refusal = events.init_failed(body, error_type)
        elif kind == b"error":
            refusal = answers.runtime_failed(request_id, body, error_type)
        elif kind != b"response":
            return answer(404, "NotFound", "404 page not found")
        elif error_type:
            refusal = None
            error_body = self._headers.get(b"lambda-runtime-function-error-body", b"")
            answers.response_broke(request_id, error_type, error_body)
        elif self._size > RESPONSE_PAYLOAD:
            answers.response_too_large(request_id)
            return answer(413, "RequestEntityTooLarge", TOO_LARGE)
        else:
            content_type = self._header(b"content-type")
            refusal = answers.runtime_responded(request_id, body, content_type)
        return ACCEPTED if refusal is None else refuse(*refusal)

    def _wait(self) -> Refusal | None:
        """Park a call of ``next``, if there may be one now."""
        if self._api.full:
            return ("InvalidStateTransition", "Another call of next is waiting already.")
        self._api.park(self)
        refusal = self._api.events.runtime_waits()
        if refusal is not None:
            self._api.unpark(self)
        return refusal

    def _header(self, name: bytes) -> str:
        return self._headers.get(name, b"").decode("latin-1")


def _answered(url: bytes) -> tuple[str, bytes]:
    """Return the request id that the path of an answer names and its last word, or nothing."""
    path, _, kind = url.rpartition(b"/")
    if not path.startswith(_INVOCATION) or path == _INVOCATION:
        return "", b""
    return path[len(_INVOCATION) :].decode("latin-1"), kind
