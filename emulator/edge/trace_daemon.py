"""The X-Ray daemon's port, to which functions send segments: UDP, and TCP for sampling rules.

Sockets are opened with the first environment: until then it is not there. A datagram is a line of
JSON about itself, and a segment document::

    {"format": "json", "version": 1}
    {"name": "…", "id": "…", …}

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import orjson

from emulator.model.function import FunctionVersion
from emulator.model.lazy import LazyModule
from emulator.telemetry.traces.tracing import Tracing

if TYPE_CHECKING:
    from emulator.telemetry.traces import documents
else:
    documents = LazyModule("emulator.telemetry.traces.documents")

_log = logging.getLogger(__name__)

#: Bytes that the kernel keeps for us while we are busy.
_BUFFER = 4 * 1024 * 1024
#: Datagrams read in one turn of the loop.
_AT_ONCE = 100
#: Ports that are tried until one is free for both protocols.
_TRIES = 20


class TraceDaemon:
    """Takes segments of functions.

    Args:
        tracing: Where they go.
        place: The account and region of segments whose trace nobody has heard of.
        listen: Serves sampling rules at a TCP port of an address; returns the port.
    """

    def __init__(
        self, tracing: Tracing, place: tuple[str, str], listen: Callable[[str, int], int]
    ) -> None:
        self._tracing = tracing
        self._place = place
        self._listen = listen
        self._listen_host = self._reach_host = ""
        self._socket: socket.socket | None = None
        self._port = 0

    def let_in(self, *, listen_host: str, reach_host: str) -> None:
        """Say where functions reach it.

        Args:
            listen_host: The address to listen on.
            reach_host: What functions call it.
        """
        self._listen_host, self._reach_host = listen_host, reach_host

    def variables(self, version: FunctionVersion) -> Mapping[str, str]:
        """Return what tells a function where it is; the first one opens it."""
        if self._socket is None and not self._open():
            return {}
        return {
            "AWS_XRAY_DAEMON_ADDRESS": f"{self._reach_host}:{self._port}",
            "_AWS_XRAY_DAEMON_ADDRESS": self._reach_host,
            "_AWS_XRAY_DAEMON_PORT": str(self._port),
        }

    def _open(self) -> bool:
        if not self._listen_host:
            return False
        family = socket.AF_INET6 if ":" in self._listen_host else socket.AF_INET
        for _ in range(_TRIES):
            opened = socket.socket(family, socket.SOCK_DGRAM)
            try:
                opened.bind((self._listen_host, 0))
                port = opened.getsockname()[1]
                self._listen(self._listen_host, port)
            except OSError:
                opened.close()
                continue
            with contextlib.suppress(OSError):
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            opened.setblocking(False)
            asyncio.get_running_loop().add_reader(opened.fileno(), self._read)
            self._socket, self._port = opened, port
            return True
        _log.warning("no port for segments at %s: functions can't send any", self._listen_host)
        return False

    def _read(self) -> None:
        assert self._socket is not None
        for _ in range(_AT_ONCE):
            try:
                datagram = self._socket.recv(65536)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                _log.debug("a datagram was lost: %s", error)
                return
            self.take(datagram)

    def take(self, datagram: bytes) -> None:
        """Take what a function has sent; what is no segment is dropped, as the daemon does."""
        head, found, text = datagram.partition(b"\n")
        try:
            told = orjson.loads(head)
        except orjson.JSONDecodeError:
            return
        if not found or not isinstance(told, dict) or told.get("format") != "json":
            return
        try:
            document = documents.read(text)
        except documents.Refused as refused:
            _log.info("a segment of a function was dropped: %s", refused)
            return
        self._tracing.tracer.take([(*self._place_of(document["trace_id"]), document)])

    def _place_of(self, trace_id: str) -> tuple[str, str]:
        """Return the account and region of a trace; of one that is new, the emulator's own."""
        running = self._tracing.tracer.place_of(trace_id)
        if running is not None:
            return running
        trace = self._tracing.store.find(trace_id)
        return self._place if trace is None else min(trace.places)

    async def close(self) -> None:
        """Take no more."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._read()
            self._socket.close()
            self._socket = None
