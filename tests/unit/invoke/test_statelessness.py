"""What leaks from call to call, of calls that are made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from emulator.invoke.probing import Observed
from emulator.invoke.statelessness import check, is_repeated_effect
from emulator.invoke.twice import Delivered

Function = Callable[[dict[str, Any], int], Any]


class Made:
    """Calls of a Python function; ``kept`` is the memory of an environment."""

    def __init__(self, function: Function, events: int = 2) -> None:
        self._function = function
        self.events: Sequence[bytes] = [b"{}"] * events
        self.orders: list[Sequence[int]] = []

    async def run(self, order: Sequence[int], *, poisoned: bool = False) -> list[Observed]:
        self.orders.append(order)
        kept: dict[str, Any] = {}
        found = []
        for number in order:
            before = {f"app.{name}": repr(value) for name, value in kept.items()}
            answer = self._function(kept, number)
            after = {f"app.{name}": repr(value) for name, value in kept.items()}
            found.append(Observed(event=number, answer=answer, before=before, after=after))
        return found


async def leaks(function: Function, events: int = 2) -> list[str]:
    found = await check(Made(function, events))
    return [each.what for each in found if each.severity == "leak"]


@pytest.mark.parametrize("events", [1, 2, 5])
async def test_what_one_of_the_events_changes_is_found(events: int) -> None:
    def counts_the_last(kept: dict[str, Any], number: int) -> Any:
        if number == events - 1:
            kept["count"] = kept.get("count", 0) + 1
        return number

    assert await leaks(counts_the_last, events) == ["app.count changes with each call: nothing → 3"]


async def test_a_cache_by_event_is_none() -> None:
    def caches(kept: dict[str, Any], number: int) -> Any:
        kept.setdefault("cache", {})[number] = number * 2
        return kept["cache"][number]

    assert await leaks(caches) == []


async def test_what_varies_in_fresh_environments_is_not_compared() -> None:
    drawn = iter(range(1000))

    def answers(kept: dict[str, Any], number: int) -> Any:
        kept["calls"] = min(2, kept.get("calls", 0) + 1)
        return {"id": next(drawn), "list": [1, {"calls": kept["calls"]}]}

    assert await leaks(answers, 1) == [
        "event 1: .list[1].calls of its answer is 2 instead of 1 in an environment that was used "
        "before",
        "event 1: .list[1].calls of its answer is 2 instead of 1 when what earlier calls have left "
        "was spoiled: it trusts what it finds",
    ]


class MadeTwice:
    """Second deliveries that are made up."""

    def __init__(self, *deliveries: Delivered, missing: Sequence[int] = ()) -> None:
        self._deliveries, self.missing = list(deliveries), missing

    async def run(self) -> list[Delivered]:
        return self._deliveries


def delivered(*events: int, second: bool = False, calls: Sequence[str] = ()) -> Delivered:
    made = tuple(("sqs", operation, "{}") for operation in calls)
    observed = Observed(event=events[0], answer=events[0], calls=made)
    return Delivered(events=events, second=second, whole=len(events) == 1, observed=observed)


async def said(twice: MadeTwice) -> list[tuple[str, str]]:
    found = await check(Made(lambda kept, number: number, 3), twice)
    return [(each.severity, each.what) for each in found]


async def test_effects_of_second_deliveries_are_held_against_the_first() -> None:
    twice = MadeTwice(
        delivered(0, calls=["SendMessage", "GetQueueUrl"]),
        delivered(1, 2, calls=["SendMessage"]),
        delivered(0, second=True, calls=["GetQueueUrl"]),
        delivered(2, second=True, calls=["SendMessage"]),
        delivered(1, second=True, calls=["CreateQueue"]),
        missing=[0],
    )
    assert await said(twice) == [
        ("leak", "event 3 delivered twice: sqs.SendMessage is done twice"),
        ("note", "event 2 delivered twice: sqs.CreateQueue is done the second time only"),
        (
            "note",
            "event 1 was not delivered twice: a filter drops it, its queue or stream is read "
            "elsewhere, or the call took too long",
        ),
    ]
    both = MadeTwice(
        delivered(0, 1, calls=["SendMessage"]), delivered(0, 1, second=True, calls=["SendMessage"])
    )
    assert await said(both) == [
        ("leak", "events 1 and 2 (in a batch) delivered twice: sqs.SendMessage is done twice")
    ]


@pytest.mark.parametrize(
    ("operation", "repeated"),
    [
        ("SendMessage", True), ("Publish", True), ("PutEvents", True), ("Invoke", True),
        ("CreateBucket", True), ("UpdateItem", True),
        ("PutObject", False), ("GetObject", False), ("ListBuckets", False), ("BatchGetItem", False),
        ("BatchWriteItem", False), ("DeleteMessage", False), ("TagResource", False),
    ],
)  # fmt: skip
def test_operations_that_do_more_when_done_twice(operation: str, repeated: bool) -> None:
    assert is_repeated_effect(operation) is repeated
