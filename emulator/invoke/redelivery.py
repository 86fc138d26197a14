"""Second deliveries of what was handled well, and out of order: AWS promises one at least.

What is in front of functions asks here once an event, a message or a record was handled: one that
is to come again is not deleted, but given back later, with the id it has. So it comes as a
repetition does on AWS: a standard queue hands out what it did not note as deleted; the group of a
FIFO queue waits for a message whose deletion got lost; a shard is read again from its checkpoint.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol

from emulator.model.clock import Clock

#: Seconds within which a second delivery comes: what was sent later may come between.
_WITHIN_S = 2.0
#: The same where others wait for it: only groups and shards can come between.
_ORDERED_WITHIN_S = 0.2
#: Events and messages that have been delivered once and are remembered.
_MOST = 100_000


class Watch(Protocol):
    """Decides of one function when what was delivered comes again."""

    def delivered(self, id: str, give_back: Callable[[], object]) -> bool:
        """Hear of a first delivery; True: ``give_back`` is called when it is to come again."""
        ...

    def delivered_again(self, id: str) -> None:
        """Hear of a second delivery; it is over now."""
        ...


class Redelivery:
    """Decides which events and messages are delivered a second time.

    Args:
        clock: Brings the second delivery.
        seed: Of when that is.
        everything: Of every function; otherwise of those that are watched.
    """

    def __init__(self, clock: Clock, *, seed: int = 0, everything: bool = False) -> None:
        self._clock, self._random, self._everything = clock, Random(seed), everything
        #: By the function's ARN.
        self._watched: dict[str, Watch] = {}
        #: What was delivered once, by the function's ARN and its own id, oldest first.
        self._once: dict[tuple[str, str], None] = {}

    def watch(self, arn: str, watch: Watch) -> bool:
        """Let ``watch`` decide for a function; False: another one does."""
        return self._watched.setdefault(arn, watch) is watch

    def leave(self, arn: str) -> None:
        """Watch a function no longer."""
        self._watched.pop(arn, None)

    def comes_again(
        self, arn: str, id: str, give_back: Callable[[], object], *, ordered: bool = False
    ) -> bool:
        """Say of an event, a message or a record handled well whether it is to come again.

        Args:
            arn: The function's, perhaps with a qualifier.
            id: Its own.
            give_back: Lets it be delivered again; called later if this returns True.
            ordered: Others wait until it is over: those of its group or shard.
        """
        if not self._everything and not self._watched:
            return False
        arn = ":".join(arn.split(":", 7)[:7])
        watch = self._watched.get(arn)
        if watch is None and not self._everything:
            return False
        key = (arn, id)
        if key in self._once:
            del self._once[key]
            if watch is not None:
                watch.delivered_again(id)
            return False
        if watch is not None:
            if not watch.delivered(id, give_back):
                return False
        else:
            within_s = _ORDERED_WITHIN_S if ordered else _WITHIN_S
            self._clock.call_later(self._random.uniform(0, within_s), give_back)
        self._once[key] = None
        if len(self._once) > _MOST:
            del self._once[next(iter(self._once))]
        return True
