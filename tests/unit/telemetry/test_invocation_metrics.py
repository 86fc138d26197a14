"""What calls become as metrics."""

from __future__ import annotations

from typing import Any

from emulator.model.clock import Moment
from emulator.model.function import Code, FunctionVersion
from emulator.model.lifecycle_events import InvocationEnded
from emulator.telemetry.metrics.aggregate import Aggregate
from emulator.telemetry.metrics.invocations import InvocationMetrics
from emulator.telemetry.metrics.own import OwnMetrics
from emulator.testing import FakeClock

_AT = 1_800_000_000.0


def version(name: str, number: str = "$LATEST", **fields: Any) -> FunctionVersion:
    code = Code(sha256="", size=0)
    account, region = "000000000000", "us-east-1"
    return FunctionVersion(
        account=account, region=region, name=name, version=number, code=code, **fields
    )


def ended(
    of: FunctionVersion, start_s: float, length_ms: float = 1000.0, **fields: Any
) -> InvocationEnded:
    """Return the end of a call that began some seconds after a minute did."""
    values: dict[str, Any] = {
        **dict.fromkeys(InvocationEnded._fields),
        "moment": Moment(_AT + start_s + length_ms / 1000, 0.0),
        "version": of,
        "invoked_arn": of.function_arn,
        "environment_id": "a",
        "started": _AT + start_s,
        "status": "success",
        "duration_ms": length_ms,
    }
    return InvocationEnded(**{**values, **fields})


class Heard:
    """A listener, and what it made."""

    def __init__(self) -> None:
        self.own = OwnMetrics(FakeClock())
        self.listener = InvocationMetrics(self.own, lambda version: False)

    def taken(self) -> dict[tuple[Any, ...], Aggregate]:
        """Return what was made, by minute, name and dimensions' values."""
        return {
            (int(key.at - _AT), key.name, *(value for _, value in key.dimensions)): values
            for key, values in self.own.take().items()
        }


def test_many_calls_are_counted_as_few_are() -> None:
    heard, shop = Heard(), version("shop")
    for number in range(5_000):
        status = "error" if number % 10 == 0 else "success"
        heard.listener(ended(shop, number / 100, 1 + number % 7, status=status))
    found = heard.taken()
    assert {key[0] for key in found} == {0}
    assert found[0, "Invocations", "shop"].total == 5_000
    errors = found[0, "Errors", "shop", "shop"]
    assert (errors.total, errors.samples) == (500, 5_000)
    assert found[0, "Throttles", "shop"].total == 0
    durations = found[0, "Duration", "shop"]
    assert durations.samples == 5_000
    assert durations.total == sum(1 + number % 7 for number in range(5_000))
    assert (durations.least, durations.most) == (1, 7)
    assert heard.taken() == {}


def test_minutes_and_what_was_called_are_told_apart() -> None:
    heard, shop, first = Heard(), version("shop"), version("shop", "1")
    for start_s in (0, 59.9, 60):
        heard.listener(ended(shop, start_s))
    heard.listener(ended(first, 0, invoked_arn=f"{first.function_arn}:live"))
    heard.listener(ended(first, 0, invoked_arn=f"{first.function_arn}:1"))
    found = {key: each.total for key, each in heard.taken().items() if key[1] == "Invocations"}
    assert found == {
        (0, "Invocations"): 4,
        (60, "Invocations"): 1,
        (0, "Invocations", "shop"): 4,
        (60, "Invocations", "shop"): 1,
        (0, "Invocations", "shop", "shop"): 2,
        (60, "Invocations", "shop", "shop"): 1,
        (0, "Invocations", "shop", "shop:1"): 1,
        (0, "Invocations", "shop", "shop:live"): 1,
        (0, "Invocations", "1", "shop", "shop:live"): 1,
    }


def test_calls_that_run_beside_each_other_are_concurrent() -> None:
    heard, shop, other = Heard(), version("shop"), version("other")
    for number in range(3):
        heard.listener(ended(shop, number / 10, environment_id=str(number)))
    # One after the other in two environments, and beside the first function's.
    heard.listener(ended(other, 0.2, 100, environment_id="x"))
    heard.listener(ended(other, 0.5, 100, environment_id="y"))
    found = heard.taken()
    assert found[0, "ConcurrentExecutions", "shop"].most == 3
    assert found[0, "ConcurrentExecutions", "other"].most == 1
    assert found[0, "ConcurrentExecutions"].most == 4
    assert found[0, "UnreservedConcurrentExecutions"].most == 4


def test_an_environment_of_managed_instances_runs_several_calls_at_once() -> None:
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn"}}
    managed = version("shop", settings={"CapacityProviderConfig": config}, runtime="python3.13")
    assert managed.managed is not None
    heard = Heard()
    for number in range(3):
        heard.listener(ended(managed, number / 10))
    assert heard.taken()[0, "ConcurrentExecutions", "shop"].most == 3


def test_many_versions_of_a_minute_are_not_held_back_but_recorded() -> None:
    heard = Heard()
    functions = [version(f"f{number}") for number in range(300)]
    for each in (*functions, *functions):
        heard.listener(ended(each, 0))
    assert heard.listener._tallies == {}
    assert heard.taken()[0, "Invocations"].total == 600
