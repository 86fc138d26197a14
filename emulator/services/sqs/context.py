"""What SQS's operations need to know of a request."""

from __future__ import annotations

from typing import Any, Protocol

from emulator.model.clock import Clock
from emulator.services.sqs.queues import Sqs

#: A request or an answer in the service model's shape.
Wire = dict[str, Any]


class SqsContext(Protocol):
    """The context of one request; ``emulator.services.context.Context`` is one."""

    @property
    def account(self) -> str:
        """The caller's account."""
        ...

    @property
    def region(self) -> str:
        """The region of the request."""
        ...

    @property
    def endpoint(self) -> str:
        """Return "http://host:port" as the caller reached this emulator."""
        ...

    @property
    def trace_id(self) -> str:
        """Return the X-Amzn-Trace-Id the caller sent, or ""."""
        ...

    @property
    def clock(self) -> Clock:
        """The emulator's clock."""
        ...

    @property
    def state(self) -> Sqs: ...
