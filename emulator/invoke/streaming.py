"""An invocation whose response is passed on while the handler still runs.

A bounded buffer stands between the runtime, which is held while the buffer is full, and the
client. A client that goes away holds nobody: the rest of the response is read and dropped, and
the environment serves on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

from emulator.invoke.invoker import Invoker
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Flow, Invocation, InvocationResult

#: The runtime is held while more than this waits for the client, bytes ...
_HIGH = 256 * 1024
#: ... until this is left.
_LOW = 64 * 1024


class _Buffer:
    """The chunks on their way from the runtime (a ResponseSink) to the client."""

    def __init__(self) -> None:
        self.content_type = ""
        self.begun = False
        self.ended = False
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._source: Flow | None = None
        self._held = False
        self._abandoned = False
        self._changed = asyncio.Event()

    def begin(self, content_type: str, source: Flow) -> None:
        self.content_type = content_type
        self._source = source
        self.begun = True

    def chunk(self, data: bytes) -> None:
        if self._abandoned or not data:
            return
        self._chunks.append(data)
        self._size += len(data)
        if self._size > _HIGH and not self._held and self._source is not None:
            self._held = True
            self._source.pause_reading()
        self._changed.set()

    def end(self) -> None:
        self.ended = True
        self._release()
        self._changed.set()

    async def ready(self) -> bool:
        """Wait for a chunk; False if none comes any more."""
        while not self._chunks and not self.ended:
            self._changed.clear()
            await self._changed.wait()
        return bool(self._chunks)

    def take(self) -> bytes:
        data = self._chunks.popleft()
        self._size -= len(data)
        if self._size <= _LOW:
            self._release()
        return data

    def abandon(self) -> None:
        """Drop what is there and what still comes."""
        self._abandoned = True
        self._chunks.clear()
        self._size = 0
        self._release()

    def _release(self) -> None:
        if self._held and self._source is not None:
            self._held = False
            self._source.resume_reading()


class StreamedInvocation:
    """Runs ``invocation``; its response is read chunk by chunk. Close it in the end."""

    def __init__(self, invoker: Invoker, version: FunctionVersion, invocation: Invocation) -> None:
        self._buffer = _Buffer()
        streamed = replace(invocation, sink=self._buffer)
        self._running = asyncio.get_running_loop().create_task(invoker.invoke(version, streamed))
        self._running.add_done_callback(lambda _: self._buffer.end())

    async def begin(self) -> None:
        """Wait for the first chunk or the result.

        Raises:
            AwsError: The invocation could not be run.
        """
        if not await self._buffer.ready():
            await self._running

    @property
    def streams(self) -> bool:
        """Whether the function streams; if not, its response is the result's payload."""
        return self._buffer.begun

    @property
    def content_type(self) -> str:
        """What the function says its stream is."""
        return self._buffer.content_type

    async def chunk(self) -> bytes | None:
        """Return the next chunk; None at the end."""
        return self._buffer.take() if await self._buffer.ready() else None

    async def result(self) -> InvocationResult:
        """Return what became of it, which is known once the chunks have ended.

        Raises:
            AwsError: The invocation could not be run.
        """
        return await self._running

    def close(self) -> None:
        """Let go of it: what runs, or waits to be run, goes on without a listener, as on AWS."""
        self._buffer.abandon()
        # Looked at, so that asyncio does not complain that nobody did.
        self._running.add_done_callback(lambda done: done.cancelled() or done.exception())
