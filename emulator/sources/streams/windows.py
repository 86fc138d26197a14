"""Tumbling windows: records of the same while, and what the function makes of them. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from emulator.model.invocation import InvocationResult

#: Bytes of a state, as JSON; a larger one ends its window.
MOST_STATE = 1 << 20


@dataclass(frozen=True, slots=True)
class Window:
    """A window and its state so far.

    Attributes:
        start: Seconds since the epoch.
        length_s: How long it is.
        state: What the function returned last.
    """

    start: float
    length_s: float
    state: Any = None

    @property
    def end(self) -> float:
        """When it ends, in seconds since the epoch."""
        return self.start + self.length_s

    @property
    def is_too_large(self) -> bool:
        """Whether its state is larger than AWS allows."""
        return len(orjson.dumps(self.state)) > MOST_STATE

    def holds(self, moment: float) -> bool:
        """Say whether a moment lies in it."""
        return self.start <= moment < self.end

    def with_state(self, result: InvocationResult) -> Window:
        """Return it with the state that a function has returned."""
        return Window(self.start, self.length_s, state_in(result.payload))

    def members(self, shard: str, arn: str, *, final: bool) -> dict[str, Any]:
        """Return what an event has beside its records.

        Args:
            shard: The shard's id.
            arn: The stream's.
            final: It is the last call for this window.
        """
        return {
            "window": {"start": _shown(self.start), "end": _shown(self.end)},
            "state": {} if self.state is None else self.state,
            "shardId": shard,
            "eventSourceARN": arn,
            "isFinalInvokeForWindow": final,
            "isWindowTerminatedEarly": final and self.is_too_large,
        }


def window_at(moment: float, length_s: float) -> Window:
    """Return the window that a moment (seconds since the epoch) lies in."""
    return Window(moment // length_s * length_s, length_s)


def state_in(payload: bytes) -> Any:
    """Return the state in a function's answer; None where it has none."""
    try:
        answer = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return answer.get("state") if isinstance(answer, dict) else None


def _shown(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
