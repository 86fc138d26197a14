"""Sends traces to a collector: in batches, again where that may help, never in anybody's way.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import orjson

from emulator.model.clock import Clock, Timer
from emulator.model.console import Console
from emulator.model.errors import LocalfaasError
from emulator.telemetry.otlp import protobuf, spans
from emulator.telemetry.traces import calls
from emulator.telemetry.traces.tracer import Placed, TracedCall, TraceSink

#: Calls and documents that wait; beyond that, the oldest go.
MOST_WAITING = 20_000
#: Those of one request, and seconds until it is sent though it is not full.
_BATCH, _DELAY_S = 512, 1.0
#: Statuses after which the same request may succeed, and how often it is sent.
_AGAIN = frozenset({429, 502, 503, 504})
_TRIES = 5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
#: Seconds that the end of the emulator waits for the collector.
_LAST_S = 3.0

#: Sends a body to a URL with headers; returns status and the headers of the answer.
Send = Callable[[str, bytes, Mapping[str, str]], Awaitable[tuple[int, Mapping[str, str]]]]
Encoding = Literal["http/protobuf", "http/json"]


class Sent(NamedTuple):
    """What has become of calls and documents so far."""

    exported: int
    dropped: int


def traces_url(endpoint: str) -> str:
    """Return where traces go, from a collector's base URL or the whole one.

    https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp
    """
    path = urlsplit(endpoint).path.rstrip("/")
    return endpoint if path.endswith("/v1/traces") else f"{endpoint.rstrip('/')}/v1/traces"


class Exporter(TraceSink):
    """Sends what is traced to a collector.

    Args:
        endpoint: Its URL.
        clock: The emulator's.
        console: Warned when it can't be reached, and when it can again.
        send: Sends a request.
        headers: Sent with each request.
        encoding: In which form.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        clock: Clock,
        console: Console,
        send: Send,
        headers: Mapping[str, str],
        encoding: Encoding = "http/protobuf",
    ) -> None:
        self._url = traces_url(endpoint)
        self._clock = clock
        self._console = console
        self._send = send
        self._encoding = encoding
        kind = "application/x-protobuf" if encoding == "http/protobuf" else "application/json"
        self._headers = {**headers, "content-type": kind, "user-agent": "localfaas"}
        self._waiting: deque[TracedCall | dict[str, Any]] = deque()
        self._timer: Timer | None = None
        self._sending: asyncio.Task[None] | None = None
        self._exported = self._dropped = 0
        self._works = True
        self._closing = False

    @property
    def sent(self) -> Sent:
        """What has become of calls and documents so far."""
        return Sent(self._exported, self._dropped)

    def call(self, call: TracedCall) -> None:
        """Take an invocation."""
        self._take(call)

    def documents(self, placed: Sequence[Placed]) -> None:
        """Take segment documents."""
        for _, _, document in placed:
            self._take(document)

    def _take(self, entry: TracedCall | dict[str, Any]) -> None:
        self._waiting.append(entry)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._dropped += 1
        if self._sending is None or self._sending.done():
            if len(self._waiting) >= _BATCH:
                self._begin()
            elif self._timer is None:
                self._timer = self._clock.call_later(_DELAY_S, self._begin)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                body = await asyncio.to_thread(self._encode, batch)
                reason = await self._deliver(body)
            except asyncio.CancelledError:
                self._dropped += len(batch)
                raise
            if reason:
                self._dropped += len(batch)
                self._warn(f"traces can't be sent to {self._url}: {reason}")
            else:
                self._exported += len(batch)
                if not self._works:
                    self._works = True
                    self._console.info(f"traces are sent to {self._url} again")

    def _warn(self, text: str) -> None:
        if self._works:
            self._console.warn(text)
        self._works = False

    def _encode(self, batch: list[TracedCall | dict[str, Any]]) -> bytes:
        documents: list[dict[str, Any]] = []
        for each in batch:
            documents += calls.documents(each) if isinstance(each, TracedCall) else [each]
        request = {"resourceSpans": spans.to_spans(documents)}
        if self._encoding == "http/json":
            return orjson.dumps(request)
        return protobuf.encode("ExportTraceServiceRequest", request)

    async def _deliver(self, body: bytes) -> str:
        """Send a request, again where that may help; returns why it was given up, or ""."""
        pause_s, reason = _FIRST_PAUSE_S, ""
        for number in range(_TRIES):
            if number:
                self._warn(f"traces can't be sent to {self._url}: {reason}; trying again")
                await self._clock.sleep(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
            try:
                status, headers = await self._send(self._url, body, self._headers)
            except LocalfaasError as error:
                reason = str(error)
            else:
                if 200 <= status < 300:
                    return ""
                reason = f"it answered {status}"
                if status not in _AGAIN:
                    return reason
                pause_s = max(pause_s, _retry_after(headers))
            if self._closing:
                break
        return reason

    async def close(self) -> None:
        """Send what waits, for a moment; then take no more."""
        self._closing = True
        self._begin()
        assert self._sending is not None
        _, late = await asyncio.wait((self._sending,), timeout=_LAST_S)
        for task in late:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        return min(_LONGEST_PAUSE_S, float(headers.get("retry-after", "0")))
    except ValueError:
        return 0.0
