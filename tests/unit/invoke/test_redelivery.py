"""Events that are delivered a second time, and out of order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from emulator.invoke.redelivery import Redelivery
from emulator.testing import FakeClock
from tests.unit.invoke.conftest import World

_ARN = "arn:aws:lambda:us-east-1:000000000000:function:hello"


async def order_of(seed: int) -> list[str]:
    """Return the order in which twenty messages come for the second time."""
    clock, came = FakeClock(), list[str]()
    redelivery = Redelivery(clock, seed=seed, everything=True)
    for number in range(20):
        id = f"m{number}"
        assert redelivery.comes_again(_ARN, id, partial(came.append, id))
    await clock.advance(2.1)
    return came


async def test_each_comes_twice_and_no_more_in_the_seeds_order() -> None:
    first, again, other = [await order_of(seed) for seed in (7, 7, 8)]
    assert first == again != other
    assert first != sorted(first, key=lambda id: int(id[1:]))
    assert Counter(first) == {f"m{number}": 1 for number in range(20)}
    redelivery = Redelivery(FakeClock(), everything=True)
    told = [redelivery.comes_again(f"{_ARN}:live", "m", list) for _ in range(4)]
    # What comes a third time is a new one, as far as anybody remembers.
    assert told == [True, False, True, False]


async def test_nothing_comes_again_where_nobody_asked_for_it() -> None:
    assert not Redelivery(FakeClock()).comes_again(_ARN, "m", list)


async def test_who_watches_a_function_decides_and_nobody_else() -> None:
    class Watch:
        def __init__(self) -> None:
            self.given: list[Callable[[], object]] = []
            self.over: list[str] = []

        def delivered(self, id: str, give_back: Callable[[], object]) -> bool:
            self.given.append(give_back)
            return id != "foreign"

        def delivered_again(self, id: str) -> None:
            self.over.append(id)

    redelivery, watch = Redelivery(FakeClock()), Watch()
    assert redelivery.watch(_ARN, watch)
    assert not redelivery.watch(_ARN, Watch())
    assert not redelivery.comes_again(_ARN, "foreign", list)
    assert not redelivery.comes_again(_ARN.replace("hello", "other"), "m", list)
    assert redelivery.comes_again(_ARN, "m", list)
    assert not redelivery.comes_again(_ARN, "m", list)
    assert watch.over == ["m"]
    redelivery.leave(_ARN)
    assert not redelivery.comes_again(_ARN, "m", list)


async def test_an_asynchronous_event_runs_twice_under_its_own_id_and_ends_once(
    world: World,
) -> None:
    world.functions.redelivery = Redelivery(world.clock, seed=1, everything=True)
    world.function()
    # Which of those at once ends first is chance, and so is their order: it is hardly the same.
    for number in range(20):
        await world.submit({"n": number}, request_id=f"id-{number}")
    await world.settle()
    await world.clock.advance(3)
    await world.settle()
    ids = [id for _, id, _ in world.attempts]
    assert Counter(Counter(ids).values()) == {2: 20}
    firsts, seconds = ids[:20], ids[20:]
    assert firsts != seconds
    assert world.asynchronous.pending == 0
    assert world.asynchronous.outcomes == {"Success": 20}
