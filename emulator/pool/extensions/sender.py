"""Sends one subscriber its events, in batches, and never more than it takes.

What a slow subscriber does not take is dropped once too much waits, and the next batch says so.
While the sandbox is frozen nobody can take anything: what is under way goes on after that.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from emulator.model.clock import Clock, Timer
from emulator.model.kept_json import kept_json
from emulator.pool.extensions.subscriptions import Subscription

#: The most bytes that wait for one subscriber.
_WAITING_BYTES = 8 * 1024 * 1024
#: Seconds in which a batch must be taken, and tries for it.
_PATIENCE_S, _TRIES = 5.0, 3
#: Seconds between two looks whether the other end has accepted a connection.
_LOOK_S, _LOOKS = 0.01, 100
_BEHIND = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."


class Sender:
    """The batches of one subscription."""

    def __init__(self, subscription: Subscription, clock: Clock, connection: Connection) -> None:
        self.subscription = subscription
        self._clock = clock
        self._connection = connection
        self._events: list[bytes] = []
        self._bytes = 0
        self._batches: deque[list[bytes]] = deque()
        self._waiting_bytes = 0
        self._dropped, self._dropped_bytes = 0, 0
        self._timer: Timer | None = None
        self._sending: asyncio.Task[None] | None = None
        #: What ends the try that is under way, and when.
        self._try: asyncio.Timeout | None = None
        self._patience: Timer | None = None
        #: The environment ends: nothing waits for more.
        self.hurries = False

    def add(self, kind: str, time: str, record: object) -> None:
        """Add an event, if it is wanted."""
        if not self.subscription.wants(kind):
            return
        event = kept_json({"time": time, "type": kind, "record": record})
        if self._waiting_bytes + len(event) > _WAITING_BYTES:
            self._dropped += 1
            self._dropped_bytes += len(event)
            return
        if self._dropped:
            told = {
                "reason": _BEHIND,
                "droppedRecords": self._dropped,
                "droppedBytes": self._dropped_bytes,
            }
            self._dropped = self._dropped_bytes = 0
            self.add("platform.logsDropped", time, told)
        self._events.append(event)
        self._bytes += len(event)
        self._waiting_bytes += len(event)
        full = (
            len(self._events) >= self.subscription.max_items
            or self._bytes >= self.subscription.max_bytes
        )
        if full or self.hurries:
            self.flush()
        elif self._timer is None:
            self._timer = self._clock.call_later(self.subscription.timeout_s, self.flush)

    def flush(self) -> None:
        """Send what there is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._events:
            self._batches.append(self._events)
            self._events, self._bytes = [], 0
        if self._batches and self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    def rest(self) -> None:
        """Wait as long as it takes: the sandbox is frozen."""
        self._connection.awake.clear()
        self._forget_patience()

    def wake(self) -> None:
        """Go on."""
        if not self._connection.awake.is_set():
            self._connection.awake.set()
            if self._try is not None:
                self._be_patient(self._try)

    def _be_patient(self, under_way: asyncio.Timeout) -> None:
        self._try = under_way
        self._patience = self._clock.call_later(_PATIENCE_S, under_way.reschedule, 0.0)

    def _forget_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def close(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()
        self._connection.close()

    async def _send_all(self) -> None:
        try:
            while self._batches:
                batch = self._batches[0]
                if not await self._send(batch):
                    self._dropped += len(batch)
                    self._dropped_bytes += sum(map(len, batch))
                self._batches.popleft()
                self._waiting_bytes -= sum(map(len, batch))
        finally:
            self._sending = None

    async def _send(self, batch: list[bytes]) -> bool:
        for attempt in range(_TRIES):
            await self._connection.awake.wait()
            try:
                async with asyncio.timeout(None) as under_way:
                    self._be_patient(under_way)
                    if await self._connection.send(self.subscription, batch):
                        return True
            except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                pass
            finally:
                self._try = None
                self._forget_patience()
            self._connection.abort()
            await self._clock.sleep(0.1 * 2**attempt)
        return False


class Connection:
    """A connection from this machine to a port of a sandbox.

    Args:
        host: Where the sandbox is reached.
        admits: Says whether (remote, local) is a connection to a process of the sandbox.
        clock: For waiting.
    """

    def __init__(
        self,
        host: str,
        admits: Callable[[tuple[str, int], tuple[str, int]], bool],
        clock: Clock,
    ) -> None:
        self._host, self._admits, self._clock = host, admits, clock
        #: Set unless the sandbox is frozen.
        self.awake = asyncio.Event()
        self.awake.set()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, subscription: Subscription, batch: list[bytes]) -> bool:
        """Send a batch; returns whether it was taken.

        Raises:
            OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError: It was not.
        """
        if self.is_over:
            self.close()
        if self._writer is None:
            await self._open(subscription.port)
        assert self._writer is not None
        assert self._reader is not None
        if subscription.protocol == "TCP":
            self._writer.write(b"".join(event + b"\n" for event in batch))
            await self._writer.drain()
            return True
        body = b"[" + b",".join(batch) + b"]"
        head = (
            f"POST {subscription.path} HTTP/1.1\r\nHost: {subscription.host}\r\n"
            "Content-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        await self._writer.drain()
        status = (await self._reader.readuntil(b"\r\n")).split()
        self.close()
        return len(status) > 1 and len(status[1]) == 3 and status[1].startswith(b"2")

    @property
    def is_over(self) -> bool:
        """The other end has closed it."""
        if self._reader is None or self._writer is None:
            return False
        return self._reader.at_eof() or self._writer.is_closing()

    async def _open(self, port: int) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._host, port)
        local = self._writer.get_extra_info("sockname")[:2]
        # Whose it is shows once the other end has accepted it.
        for _ in range(_LOOKS):
            await self.awake.wait()
            if self._admits((self._host, port), local):
                return
            await self._clock.sleep(_LOOK_S)
        self.abort()
        raise OSError("what listens there is no process of the sandbox")

    def abort(self) -> None:
        """Close it, and forget what the other end has not taken."""
        if self._writer is not None:
            self._writer.transport.abort()
        self.close()

    def close(self) -> None:
        """Close it; the next batch opens another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
