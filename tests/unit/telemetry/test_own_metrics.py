"""What the emulator measures of itself, until somebody takes it."""

from __future__ import annotations

from emulator.telemetry.metrics.aggregate import Aggregate
from emulator.telemetry.metrics.own import FULL, MOST, OwnMetrics
from emulator.testing import FakeClock


def test_values_of_a_minute_are_one_and_what_was_given_back_is_not_lost() -> None:
    own = OwnMetrics(FakeClock())
    for value in (1.0, 5.0):
        own.record("a", "r", "AWS/X", "n", (), value, at=61)
    own.record("a", "r", "AWS/X", "n", (), 7.0, at=120)
    taken = own.take()
    assert [(key.at, each.total) for key, each in taken.items()] == [(60, 6.0), (120, 7.0)]
    own.record("a", "r", "AWS/X", "n", (), 2.0, at=60)
    own.give_back(taken)
    assert [(key.at, each.total) for key, each in own.take().items()] == [(60, 8.0), (120, 7.0)]
    assert own.take() == {}


def test_it_tells_of_the_first_value_and_of_many_and_is_bounded() -> None:
    own, told = OwnMetrics(FakeClock()), []
    own.on_first.append(lambda: told.append("first"))
    own.on_full.append(lambda: told.append("full"))
    for number in range(FULL):
        own.record("a", "r", "AWS/X", "n", (), 1.0, at=60 * number)
    assert told == ["first", "full"]
    for number in range(FULL, MOST + 10):
        own.record("a", "r", "AWS/X", "n", (), 1.0, at=60 * number)
    # The oldest ones go.
    assert min(key.at for key in own.take()) == 600


def test_a_reset_forgets_an_account() -> None:
    own = OwnMetrics(FakeClock())
    for account in ("a", "b"):
        own.add(account, "r", "AWS/X", "n", (), Aggregate.of(1.0))
    own.forget("a")
    assert {key.account for key in own.take()} == {"b"}
    own.add("b", "r", "AWS/X", "n", (), Aggregate.of(1.0))
    own.forget(None)
    assert own.take() == {}
