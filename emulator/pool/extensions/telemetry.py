"""What an environment tells its subscribers: events of the platform, and what is printed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import orjson

from emulator.driver.base import Sandbox
from emulator.model.clock import Clock
from emulator.model.function import FunctionVersion
from emulator.pool.extensions.sender import Connection, Sender
from emulator.pool.extensions.subscriptions import Subscription
from emulator.telemetry.platform import JsonEvents, Platform
from emulator.telemetry.writer import LogWriter

#: Events of the INIT phase that are kept for who subscribes later in it.
_KEPT = 1000


class Telemetry:
    """The subscribers of one sandbox.

    Args:
        sandbox: Where they listen.
        clock: For the times of events, and for waiting.
    """

    def __init__(self, sandbox: Sandbox, clock: Clock) -> None:
        self._sandbox, self._clock = sandbox, clock
        self._senders: list[Sender] = []
        #: None once nobody can subscribe any more.
        self._kept: deque[tuple[str, str, object]] | None = deque(maxlen=_KEPT)

    def subscribe(self, subscription: Subscription) -> None:
        """Send an extension what it wants to hear, from the start of the INIT phase on.

        Another subscription of the same extension takes the place of its first.
        """
        for sender in self._senders:
            if sender.subscription.name == subscription.name:
                sender.close()
                self._senders.remove(sender)
                break
        connection = Connection(self._sandbox.host, self._sandbox.admits, self._clock)
        sender = Sender(subscription, self._clock, connection)
        self._senders.append(sender)
        for kept in self._kept or ():
            sender.add(*kept)

    def tell(self, kind: str, record: object) -> None:
        """Tell an event."""
        if self._kept is None and not self._senders:
            return
        stamp = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        time = stamp[:-3] + "Z"
        if self._kept is not None:
            self._kept.append((kind, time, record))
        for sender in self._senders:
            sender.add(kind, time, record)

    def printed(self, kind: str, line: str, *, structured: bool) -> None:
        """Tell what was printed.

        Args:
            kind: "function" or "extension".
            line: A line.
            structured: It may be a JSON object, which is told as one.
        """
        record: object = line
        if structured and line.startswith("{"):
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                record = line
        self.tell(kind, record)

    def initialised(self) -> None:
        """Keep nothing any more: who has not subscribed in the INIT phase can't."""
        self._kept = None

    def rest(self) -> None:
        """Let nobody count as slow: the sandbox is frozen."""
        for sender in self._senders:
            sender.rest()

    def wake(self) -> None:
        """Go on after :meth:`rest`."""
        for sender in self._senders:
            sender.wake()

    def hurry(self) -> None:
        """Send all at once from now on: the environment ends."""
        for sender in self._senders:
            sender.wake()
            sender.hurries = True
            sender.flush()

    def close(self) -> None:
        for sender in self._senders:
            sender.close()


class _Events(JsonEvents):
    """Makes events of what the platform says, whatever the function's log level."""

    def __init__(
        self,
        version: FunctionVersion,
        log: LogWriter,
        clock: Clock,
        initialization_type: str,
        tell: Callable[[str, object], None],
    ) -> None:
        super().__init__(version, log, clock, initialization_type)
        self._tell = tell

    def _event(self, level: str, kind: str, record: dict[str, Any]) -> None:
        if kind == "platform.report":
            self._tell("platform.end", {"requestId": record["requestId"]})
        if kind.startswith("platform."):
            self._tell(kind, record)


class _Both:
    """Says all to two."""

    def __init__(self, first: Platform, second: Platform) -> None:
        self._first, self._second = first, second

    def __getattr__(self, name: str) -> Any:
        first, second = getattr(self._first, name), getattr(self._second, name)

        def say(*args: Any, **fields: Any) -> None:
            first(*args, **fields)
            second(*args, **fields)

        self.__dict__[name] = say
        return say


def listened(
    platform: Platform,
    version: FunctionVersion,
    log: LogWriter,
    clock: Clock,
    initialization_type: str,
    tell: Callable[[str, object], None],
) -> Platform:
    """Return a platform that says all to ``platform``, and as events to ``tell``."""
    events = _Events(version, log, clock, initialization_type, tell)
    return cast(Platform, _Both(platform, events))
