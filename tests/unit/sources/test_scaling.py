"""How concurrency grows, backs off and comes back."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.sqs.polling.settings import concurrency_of
from emulator.sources.scaling import BatchConcurrency, Scale, retry_delay


@pytest.mark.parametrize(
    ("mapping", "first", "most", "growth"),
    [
        ({}, 5, 1250, 5.0),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:q"}, 5, 1250, 5.0),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:q.fifo"}, 1250, 1250, 5.0),
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, 2, 2, 5.0),
        ({"ScalingConfig": {"MaximumConcurrency": 1000}}, 5, 1000, 5.0),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 3}}, 30, 2000, 1000 / 60),
        ({"ProvisionedPollerConfig": {"MaximumPollers": 4}}, 20, 40, 1000 / 60),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 200, "MaximumPollers": 200}}, 2000, 2000,
         1000 / 60),
    ],
)  # fmt: skip
def test_bounds(mapping: dict[str, Any], first: int, most: int, growth: float) -> None:
    assert concurrency_of(mapping) == BatchConcurrency(first=first, most=most, growth=growth)


def test_reserved_concurrency_bounds() -> None:
    bounds = BatchConcurrency()
    assert [bounds.under(reserved) for reserved in (None, 0, 3, 5000)] == [1250, 1, 3, 1250]


def test_it_grows_to_the_most_and_rests_at_the_first() -> None:
    bounds, scale = BatchConcurrency(first=5, most=8), Scale(5)
    for _ in range(10):
        scale = scale.grown(bounds)
    assert scale == Scale(8)
    assert scale.rested(bounds) == Scale(5)
    assert Scale(2).rested(bounds) == Scale(2)


def test_failures_take_all_but_one_and_successes_give_back_what_there_was_at_first() -> None:
    bounds, scale = BatchConcurrency(first=5, most=8), Scale(7)
    pauses = []
    for _ in range(20):
        scale = scale.failed()
        pauses.append(scale.pause())
    assert scale == Scale(1, 20)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.0, 0.1), "a single failure slows nothing down"
    for _ in range(10):
        scale = scale.succeeded(bounds)
    assert scale == Scale(5)
    assert Scale(8).succeeded(bounds) == Scale(8)


def test_what_was_scaled_up_is_given_up_by_halves() -> None:
    scale, seen = Scale(1250), []
    for _ in range(14):
        scale = scale.failed()
        seen.append(scale.allowed)
    assert seen == [625, 312, 156, 78, 39, 19, 9, 5, 4, 3, 2, 1, 1, 1]


def test_a_throttled_batch_is_tried_within_a_second() -> None:
    delays = [retry_delay(attempts) for attempts in range(2000)]
    assert (delays[0], delays[-1]) == (0.05, 1.0)
    assert delays == sorted(delays)
