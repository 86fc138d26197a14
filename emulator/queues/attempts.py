"""FIFO queues: a receive that is repeated under its attempt id gets the same messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.queues import rules
from emulator.queues.errors import AttemptNotRetryable
from emulator.queues.message import Message, MessageState


@dataclass(slots=True, eq=False)
class _Attempt:
    """A receive that may be repeated under its id."""

    expires_at: float
    taken: list[tuple[Message, int, float]]


class Attempts:
    """The receives of one queue that may be repeated. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self._attempts: dict[str, _Attempt] = {}

    def find(self, attempt: str, now: float) -> list[Message]:
        """Return what an attempt received; nothing where it is to receive anew.

        Raises:
            AttemptNotRetryable: That was changed since.
        """
        known = self._attempts.get(attempt)
        if known is None or known.expires_at <= now:
            return []
        for message, receives, visible_at in known.taken:
            if visible_at <= now:
                # Its visibility ended, so that this is a new receive.
                del self._attempts[attempt]
                return []
            if message.receives != receives or message.visible_at != visible_at:
                raise AttemptNotRetryable(attempt)
            if message.state is not MessageState.IN_FLIGHT:
                raise AttemptNotRetryable(attempt)
        return [message for message, _, _ in known.taken]

    def remember(self, attempt: str, taken: Sequence[Message], now: float) -> None:
        """Remember what an attempt received, and forget those that are too old."""
        for old in [a for a, known in self._attempts.items() if known.expires_at <= now]:
            del self._attempts[old]
        self._attempts[attempt] = _Attempt(
            now + rules.ATTEMPT_INTERVAL, [(m, m.receives, m.visible_at) for m in taken]
        )

    def clear(self) -> None:
        """Forget them all."""
        self._attempts.clear()
