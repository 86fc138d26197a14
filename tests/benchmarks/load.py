"""A closed-loop HTTP load generator: each connection sends its next request on the last answer.

What it takes itself is part of every latency, and of what two cores have to do: it is kept thin.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field

import uvloop


@dataclass
class Result:
    """What one run measured. Latencies in seconds."""

    seconds: float
    latencies: list[float] = field(repr=False)
    errors: int = 0

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Return a latency in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000

    @property
    def p50(self) -> float:
        return statistics.median(self.latencies) * 1000


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, until: float, limit: int, result: Result) -> None:
        self._request, self._until, self._limit, self._result = request, until, limit, result
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()
        self._expected = -1
        self._sent = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._expected < 0 and not self._buffer:
            self._start(data)
        else:
            self._buffer += data
            if self._expected < 0:
                self._start(bytes(self._buffer))
        if self._expected < 0 or len(self._buffer) < self._expected:
            return
        now = time.perf_counter()
        self._result.latencies.append(now - self._sent)
        self._buffer.clear()
        self._expected = -1
        self._limit -= 1
        if now >= self._until or self._limit <= 0:
            self._transport.close()
            return
        self._send()

    def _start(self, data: bytes) -> None:
        self._buffer = bytearray(data)
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = data[:end].lower()
        at = head.find(b"content-length:")
        stop = head.find(b"\r\n", at)
        self._expected = end + 4 + int(head[at + 15 : stop if stop > 0 else None])
        if not head.startswith(b"http/1.1 2") or b"x-amz-function-error" in head:
            self._result.errors += 1

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def http_post(path: str, body: bytes, headers: str = "") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def run(
    port: int, request: bytes, *, connections: int, seconds: float = 1e9, count: int = 10**9
) -> Result:
    """Send ``request`` over and over for ``seconds`` or ``count`` times per connection."""
    return uvloop.run(_run(port, request, connections, seconds, count))


async def _run(port: int, request: bytes, connections: int, seconds: float, count: int) -> Result:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    result = Result(0.0, [])
    made = await asyncio.gather(
        *(
            loop.create_connection(
                lambda: _Connection(request, began + seconds, count, result), "127.0.0.1", port
            )
            for _ in range(connections)
        )
    )
    await asyncio.gather(*(protocol.done for _, protocol in made))
    result.seconds = time.perf_counter() - began
    return result
