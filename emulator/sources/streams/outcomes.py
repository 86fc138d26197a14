"""What follows from an attempt to have a batch of records handled. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from emulator.model.invocation import InvocationResult
from emulator.sources.batching import reported

#: Seconds before a failed batch is tried again: at first, and at most.
FIRST_DELAY_S, LONGEST_DELAY_S = 0.5, 60.0

Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]


@dataclass(frozen=True, slots=True)
class Part:
    """Records of a batch that are tried together: from ``start`` up to ``end``."""

    start: int
    end: int
    #: How often they were tried and failed; a split does not count.
    attempts: int = 0

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from an attempt.

    Attributes:
        done: Up to which record all is done.
        retry: What is tried next, in order.
        given_up: What is given up, because it was tried often enough.
    """

    done: int
    retry: tuple[Part, ...] = ()
    given_up: Part | None = None


def judge(part: Part, failed_at: int | None, *, bisects: bool, retries: int) -> Outcome:
    """Say what follows from an attempt.

    Args:
        part: What was tried.
        failed_at: The first record that failed, which comes again with all after it; None: none.
        bisects: A batch that failed is split.
        retries: Retries that are allowed; -1: any number.
    """
    if failed_at is None:
        return Outcome(part.end)
    left = Part(failed_at, part.end, part.attempts)
    if bisects and failed_at > part.start:
        # It is split where it failed.
        return Outcome(failed_at, (left,))
    if bisects and len(left) > 1:
        middle = left.start + (len(left) + 1) // 2
        halves = (Part(left.start, middle, part.attempts), Part(middle, left.end, part.attempts))
        return Outcome(failed_at, halves)
    again = Part(left.start, left.end, part.attempts + 1)
    if 0 <= retries < again.attempts:
        return Outcome(failed_at, given_up=again)
    return Outcome(failed_at, (again,))


def failed_at(result: InvocationResult, sequences: Sequence[str], *, reports: bool) -> int | None:
    """Return the index of the first record that a function has failed; None: it failed none.

    Args:
        result: The result of the invocation.
        sequences: The sequence numbers of its records.
        reports: The function may say which record it failed at.
    """
    if result.function_error:
        return 0
    if not reports:
        return None
    index = {sequence: n for n, sequence in enumerate(sequences)}
    try:
        failed = [index[each] for each in reported(result.payload)]
    except (ValueError, TypeError, KeyError):
        # An answer that can't be understood fails the whole batch.
        return 0
    return min(failed, default=None)


def retry_delay_s(failures: int, scale: float = 1.0) -> float:
    """Return how long a batch waits for its next attempt.

    Args:
        failures: How many attempts have failed one after the other.
        scale: What the delay is multiplied by.
    """
    return scale * float(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 20)))


def expired(arrived: Sequence[float], part: Part, record_age_s: float, now: float) -> int:
    """Return up to which record of a part all are too old.

    Args:
        arrived: When the records came, in seconds since the epoch.
        part: Which of them are asked for.
        record_age_s: How old they may be; -1: any age.
        now: Seconds since the epoch.
    """
    if record_age_s < 0:
        return part.start
    end = part.start
    while end < part.end and now - arrived[end] >= record_age_s:
        end += 1
    return end
