"""A container's output from the engine: frames in, plain bytes out, on the loop.

Without a terminal the engine sends stdout and stderr as frames of an 8-byte header (stream,
three zeros, length) and a payload. Source: Docker Engine API, ContainerAttach, "Stream format".
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable

from emulator.driver.docker.responses import AttachedOutput

_HEADER = 8
_CHUNK = 65536
#: The most bytes of the output's end that are kept.
_LAST = 500


class Demultiplexer:
    """Unpacks the payload of a framed stream that comes in arbitrary pieces."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._left = 0

    def feed(self, data: bytes) -> bytes:
        """Return the payload bytes in ``data``."""
        payload = bytearray()
        view = memoryview(data)
        while view:
            if self._left:
                taken = view[: self._left]
                payload += taken
                self._left -= len(taken)
                view = view[len(taken) :]
                continue
            taken = view[: _HEADER - len(self._header)]
            self._header += taken
            view = view[len(taken) :]
            if len(self._header) == _HEADER:
                self._left = int.from_bytes(self._header[4:])
                self._header.clear()
        return bytes(payload)


class OutputPump:
    """Moves one container's output from the engine's stream into a pipe.

    The pipe's writer waits for its reader, and the engine for the pipe. So a function that floods
    its log is slowed down, and costs no memory here.

    Args:
        attached: The stream; closed by the pump.
        ended: Called once the stream has ended.
        into: The writable end of a pipe that others write to as well, owned by the pump from now
            on; None makes a pipe.
    """

    def __init__(
        self, attached: AttachedOutput, ended: Callable[[], None], into: int | None = None
    ) -> None:
        self._attached = attached
        self._ended = ended
        self._frames = Demultiplexer()
        self._pending = b""
        #: The last pieces of output; a line may come in several.
        self.last = b""
        #: Set once nothing more comes.
        self.over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        #: The readable end; the pump's owner closes it.
        self.output, self._pipe = (
            os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if into is None else (-1, into)
        )
        self._source = attached.socket.fileno()
        self._loop.add_reader(self._source, self._readable)
        self._take(attached.early)

    def close(self) -> None:
        """End the stream. Idempotent."""
        self.over.set()
        if self._pipe < 0:
            return
        self._loop.remove_reader(self._source)
        self._loop.remove_writer(self._pipe)
        os.close(self._pipe)
        self._pipe = -1
        self._attached.close()

    def _readable(self) -> None:
        # A TLS socket may hold more than the kernel knows: read until it blocks.
        while not self._pending:
            try:
                data = self._attached.socket.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                data = b""
            if not data:
                self._loop.remove_reader(self._source)
                self._ended()
                self.close()
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        self._pending = self._frames.feed(data)
        self.last = (self.last + self._pending[-_LAST:])[-_LAST:]
        self._flush()

    def _flush(self) -> None:
        while self._pending:
            try:
                written = os.write(self._pipe, self._pending)
            except BlockingIOError:
                self._loop.remove_reader(self._source)
                self._loop.add_writer(self._pipe, self._writable)
                return
            except BrokenPipeError:  # nobody reads any more; keep the container running
                written = len(self._pending)
            self._pending = self._pending[written:]

    def _writable(self) -> None:
        self._flush()
        if not self._pending:
            self._loop.remove_writer(self._pipe)
            self._loop.add_reader(self._source, self._readable)
            self._readable()
