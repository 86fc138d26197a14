"""One connection of a runtime to its Runtime API: HTTP/1.1, and which call means what."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Protocol, cast

import httptools

from emulator.driver.base import Settle
from emulator.model.limits import RESPONSE_PAYLOAD
from emulator.pool import failures
from emulator.pool.http_answers import ACCEPTED, TOO_LARGE, answer, refuse
from emulator.pool.runtime_events import Answers, Refusal, RuntimeEvents

_PREFIX = b"/2018-06-01/runtime/"
_INVOCATION = _PREFIX + b"invocation/"
_NEXT = _INVOCATION + b"next"
#: A route of ours: what the function has imported.
_IMPORTS = _PREFIX + b"init/imports"
_RESTORE_NEXT = _PREFIX + b"restore/next"
#: By path, the phase whose failure a call reports.
_FAILED = {_PREFIX + b"init/error": "init", _PREFIX + b"restore/error": "restore"}
#: Bytes of a request that are no body: more than AWS's own server (Go's) takes of headers, as a
#: read that goes over it is parsed all the same.
_HEAD = 1024 * 1024
#: Bytes of answers that may wait to be read before no more questions are.
_UNREAD = 1024 * 1024


class ConnectionHost(Protocol):
    """The Runtime API that a connection belongs to."""

    events: RuntimeEvents
    answers: Answers
    #: Those that are known to come from the environment.
    connections: set[RuntimeConnection]
    #: The runtime is being ended: its ``next`` is answered no more.
    forgotten: bool
    #: Seconds to wait for output that was printed before what a runtime says.
    lag: float
    #: Says when all is there that was printed before; None: ``lag`` is waited for.
    settle: Settle | None

    @property
    def full(self) -> bool:
        """Whether no more calls of ``next`` may wait."""
        ...

    def judge(self, connection: RuntimeConnection) -> None:
        """Take a connection in, end it, or leave it waiting until more is known."""
        ...

    def is_parked(self, connection: RuntimeConnection) -> bool:
        """Say whether its ``next`` waits."""
        ...

    def park(self, connection: RuntimeConnection) -> None:
        """Have its ``next`` wait."""
        ...

    def unpark(self, connection: RuntimeConnection) -> None:
        """Forget its ``next``."""
        ...

    def hold(self, connection: RuntimeConnection) -> None:
        """Have its ``restore/next`` wait."""
        ...

    def lost(self, connection: RuntimeConnection) -> None:
        """Take note that it is gone."""
        ...

    def answer_extension(
        self,
        connection: RuntimeConnection,
        method: bytes,
        url: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
    ) -> bytes | None:
        """Answer an extension; empty: its connection waits; None: it is no request of one."""
        ...


class RuntimeConnection(asyncio.Protocol):
    """One HTTP/1.1 connection. ``httptools`` calls the ``on_…`` methods."""

    def __init__(self, api: ConnectionHost, *, tcp: bool) -> None:
        self._api = api
        self._tcp = tcp
        self._transport: asyncio.Transport | None = None
        #: What came before it was known whose connection this is; None once that is known.
        self._unproven: bytearray | None = None
        #: What is held back for output that was printed before it.
        self._late: deque[bytes] = deque()
        self._settling = False
        self._parser = httptools.HttpRequestParser(self)
        self._held: list[bytes] = []
        self._feeding = False
        #: The id of the invocation sent last, and whether its end was gone before it was read.
        self.given = ""
        self._unread = False
        #: Its client asked that it be closed after the answer.
        self._last = False
        #: Why nothing is read: a slow reader of a stream, or of our answers.
        self._stream_waits = self._answers_wait = False
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        #: By names in lower case.
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0
        #: Bytes read since the last that belonged to a body.
        self._head = 0
        #: The invocation whose response is passed on as it comes.
        self._streaming = ""

    # --- transport -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an isinstance check: uvloop's transports are none of asyncio's classes.
        self._transport = transport = cast(asyncio.Transport, transport)
        transport.set_write_buffer_limits(high=_UNREAD)
        if self._tcp:
            self._unproven = bytearray()
            self._api.judge(self)
        else:
            self._api.connections.add(self)

    @property
    def addresses(self) -> tuple[tuple[str, int], tuple[str, int]] | None:
        """Its remote and its local (host, port); None where the peer has reset it."""
        assert self._transport is not None
        peer, local = map(self._transport.get_extra_info, ("peername", "sockname"))
        return (peer[:2], local[:2]) if peer and local else None

    @property
    def unproven(self) -> bytes:
        """What came while it was not known whose connection this is."""
        return bytes(self._unproven or b"")

    def accepted(self) -> None:
        """It belongs to the environment: what it sent so far counts."""
        early, self._unproven = self._unproven, None
        if early:
            self.data_received(bytes(early))

    def eof_received(self) -> None:
        # Nothing may be sent here any more, though the transport closes in a moment only.
        if self._api.is_parked(self):
            self._api.unpark(self)
        # What was sent before this was known has been refused by the other side's kernel.
        if self.given and self._tcp and self._transport is not None:
            end = self._transport.get_extra_info("socket")
            self._unread = end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def connection_lost(self, error: Exception | None) -> None:
        while self._late:
            self._feed_late()
        if self._streaming:
            self._api.answers.response_broke(self._streaming, "", b"")
        self._api.lost(self)
        # Whoever ends without having read all resets the connection.
        if self.given and (error is not None or self._unread):
            self._api.events.runtime_hung_up(self.given)

    def data_received(self, data: bytes) -> None:
        if self._unproven is not None:
            self._unproven += data
            self._api.judge(self)
        elif self._api.settle is not None:
            self._late.append(data)
            self._settle(self._api.settle)
        elif self._api.lag:
            self._late.append(data)
            asyncio.get_running_loop().call_later(self._api.lag, self._feed_late)
        else:
            self._feed(data)

    def _settle(self, settle: Settle) -> None:
        """Feed what is late once all that was printed before it is there."""
        if not self._settling and self._late:
            self._settling = True
            count = len(self._late)

            def settled() -> None:
                self._settling = False
                for _ in range(count):
                    self._feed_late()
                self._settle(settle)

            settle(settled)

    def _feed_late(self) -> None:
        if self._late:
            self._feed(self._late.popleft())

    def _feed(self, data: bytes) -> None:
        # What a function sends as headers without an end must not fill this memory.
        if self._head > _HEAD:
            self._refuse(431, "RequestHeaderFieldsTooLarge", "The request's head is too large.")
            return
        self._head += len(data)
        self._feeding = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.abort()
        except httptools.HttpParserError:
            self._feeding = False
            self._refuse(400, "InvalidRequest", "The request could not be parsed.")
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
            if self._transport is None or self._transport.is_closing():
                self._unread = True
                return
            if self._last:
                # Some clients send their next request here unless they are told.
                held[0] = held[0].replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            self._transport.writelines(held)
            if self._last:
                self._transport.close()

    def _refuse(self, status: int, error_type: str, message: str) -> None:
        """Answer what can't be heard to its end, and hear no more."""
        self.write(answer(status, error_type, message))
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause_reading(self) -> None:
        self._stream_waits = True
        self._read_or_not()

    def resume_reading(self) -> None:
        self._stream_waits = False
        self._read_or_not()

    def pause_writing(self) -> None:
        # Who reads no answers is asked to wait with its questions: they would fill this memory.
        self._answers_wait = True
        self._read_or_not()

    def resume_writing(self) -> None:
        self._answers_wait = False
        self._read_or_not()

    def _read_or_not(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._stream_waits or self._answers_wait:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # --- httptools -------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value
        if value == b"streaming" and self._tcp and hasattr(socket, "TCP_QUICKACK"):
            # Clients that gather small packets, as Rust's do, wait for this to send what follows:
            # left to itself, the kernel lets them wait for 40 ms.
            assert self._transport is not None
            end = self._transport.get_extra_info("socket")
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def on_body(self, body: bytes) -> None:
        self._head = 0
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
        if self._tcp and not self._parser.should_keep_alive():
            self._last = True
        try:
            reply = self._answer(self._parser.get_method(), self._url.partition(b"?")[0])
        finally:
            self._reset()
        if reply:
            self.write(reply)

    def _answer(self, method: bytes, url: bytes) -> bytes:
        """Work off a request; returns the answer to it, empty for a ``next`` that is parked."""
        events, answers = self._api.events, self._api.answers
        refusal: Refusal | None
        if method == b"GET" and url == _NEXT:
            refusal = self._wait()
            return b"" if refusal is None else refuse(*refusal)
        if method == b"GET" and url == _RESTORE_NEXT:
            self._api.hold(self)
            refusal = events.runtime_at_snapshot(self._header(b"localfaas-snapshot"))
            return b"" if refusal is None else refuse(*refusal)
        request_id, kind = _answered(url) if method == b"POST" else ("", b"")
        error_type = self._header(b"lambda-runtime-function-error-type")
        body = b"".join(self._body)
        phase = _FAILED.get(url) if method == b"POST" else None
        if method == b"POST" and url == _IMPORTS:
            events.imports_measured(body)
            return ACCEPTED
        if phase is None and kind not in (b"response", b"error"):
            reply = self._api.answer_extension(self, method, url, self._headers, body)
            if reply is not None:
                return reply
            return answer(404, "NotFound", "404 page not found")
        if self._size > RESPONSE_PAYLOAD:
            if phase is not None:
                failed = failures.response_too_large(RESPONSE_PAYLOAD)
                _report(events, phase, failed.payload, failed.error_type)
            else:
                answers.response_too_large(request_id)
            return answer(413, "RequestEntityTooLarge", TOO_LARGE)
        if phase is not None:
            refusal = _report(events, phase, body, error_type)
        elif kind == b"error":
            refusal = answers.runtime_failed(request_id, body, error_type)
        elif error_type:
            refusal = None
            error_body = self._headers.get(b"lambda-runtime-function-error-body", b"")
            answers.response_broke(request_id, error_type, error_body)
        else:
            content_type = self._header(b"content-type")
            refusal = answers.runtime_responded(request_id, body, content_type)
        return ACCEPTED if refusal is None else refuse(*refusal)

    def _wait(self) -> Refusal | None:
        """Park a call of ``next``, if there may be one now."""
        if self._api.forgotten:
            return None
        if self._api.full:
            return ("InvalidStateTransition", "Another call of next is waiting already.")
        self._api.park(self)
        refusal = self._api.events.runtime_waits()
        if refusal is not None:
            self._api.unpark(self)
        return refusal

    def _header(self, name: bytes) -> str:
        return self._headers.get(name, b"").decode("latin-1")


def _report(events: RuntimeEvents, phase: str, body: bytes, error_type: str) -> Refusal | None:
    if phase == "restore":
        return events.restore_failed(body, error_type)
    return events.init_failed(body, error_type)


def _answered(url: bytes) -> tuple[str, bytes]:
    """Return the request id that the path of an answer names and its last word, or nothing."""
    path, _, kind = url.rpartition(b"/")
    if not path.startswith(_INVOCATION) or path == _INVOCATION:
        return "", b""
    return path[len(_INVOCATION) :].decode("latin-1"), kind
