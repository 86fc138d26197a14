"""Bills are those that one calculates by hand from AWS's public prices."""

from __future__ import annotations

import pytest

from emulator.model.errors import ConfigurationError
from emulator.simulation import cost
from emulator.simulation.bill import MONTH_S, Usage, bill, more_requests, of_lines, total

PRICES = cost.load()
REPORT = (
    "REPORT RequestId: x\tDuration: 1.00 ms\tBilled Duration: {} ms\tMemory Size: {} MB\t"
    "Max Memory Used: 30 MB\t{}"
)


def test_requests_and_duration() -> None:
    # 3 million calls of 120 ms at 1,536 MB in a month: 540,000 GB-s.
    usage = Usage(function="f", memory_mb=1536, calls=3_000_000, billed_ms=3_000_000 * 120)
    made = bill(usage, PRICES, MONTH_S)
    assert made.requests == pytest.approx(0.60)
    assert made.duration == pytest.approx(540_000 * 0.0000166667, abs=0.01)
    assert made.month == pytest.approx(made.total) == pytest.approx(9.60, abs=0.01)
    assert made.billed_ms == 120


def test_provisioned_concurrency() -> None:
    # 2 environments of 1,024 MB for an hour, and 1,000 calls of a second in them.
    usage = Usage(
        function="f",
        memory_mb=1024,
        provisioned=2,
        provisioned_calls=1000,
        provisioned_billed_ms=1_000_000,
    )
    made = bill(usage, PRICES, 3600)
    assert made.provisioned == pytest.approx(2 * 3600 * 0.0000041667)
    assert made.duration == pytest.approx(1000 * 0.0000097222)
    assert made.requests == pytest.approx(1000 * 0.0000002)
    assert made.month == pytest.approx(730 * made.total)


def test_snapshots_are_kept_three_hours_at_least_and_cost_by_the_restore() -> None:
    usage = Usage(
        function="f", memory_mb=1024, runtime="python3.13", snapshots=1, restores=10, calls=10
    )
    made = bill(usage, PRICES, 60)
    assert made.snapstart == pytest.approx(3 * 3600 * 0.0000015046 + 10 * 0.0001397998)
    usage.runtime = "java21"
    assert bill(usage, PRICES, 60).snapstart == 0


def test_queues_cost_sends_receives_deletes_and_polls_while_empty() -> None:
    usage = Usage(function="f", memory_mb=128, calls=10, messages=100, batches=10, queues=1)
    made = bill(usage, PRICES, 3600)
    polls = 5 * 3600 / 20
    assert made.queues == pytest.approx((100 + 2 * 10 + polls) * 0.0000004)


@pytest.mark.parametrize(
    ("size", "more"),
    [(0, 0), (262_144, 0), (262_145, 1), (327_680, 1), (327_681, 2), (1_048_576, 12)],
)
def test_large_asynchronous_events_are_several_requests(size: int, more: int) -> None:
    assert more_requests(size) == more


def test_break_even_is_where_both_cost_the_same() -> None:
    usage = Usage(function="f", memory_mb=1769, calls=1, billed_ms=100)
    made = bill(usage, PRICES, None)
    assert made.month is None
    assert 0 < made.break_even < 1
    calls = made.break_even * MONTH_S / 0.1
    busy = Usage(function="f", memory_mb=1769, calls=round(calls), billed_ms=calls * 100)
    assert bill(busy, PRICES, MONTH_S).total == pytest.approx(made.container_month, rel=1e-6)


def test_lines_of_logs() -> None:
    lines = [
        "2026-11-01T00:00:00Z START",
        REPORT.format(100, 128, "Init Duration: 90.00 ms\t"),
        REPORT.format(2, 128, ""),
        REPORT.format(3, 256, "Restore Duration: 9.00 ms\tBilled Restore Duration: 2 ms"),
        'hello {"type":"platform.report","record":{"metrics":{"billedDurationMs":7,'
        '"memorySizeMB":128,"initDurationMs":3.2}}}',
        '{"type":"platform.report","record":{}}',
        "{noise",
    ]
    small, large = of_lines(lines, "f")
    assert (small.calls, small.cold, small.billed_ms, small.memory_mb) == (3, 2, 109, 128)
    assert (large.calls, large.cold, large.billed_ms, large.memory_mb) == (1, 1, 3, 256)
    with pytest.raises(ConfigurationError, match="none of the lines is a REPORT"):
        of_lines(["noise"], "f")


def test_a_sum_of_months_needs_all_of_them() -> None:
    one = bill(Usage(function="f", memory_mb=128, calls=1, billed_ms=1), PRICES, 60)
    other = bill(Usage(function="g", memory_mb=128, calls=1, billed_ms=1), PRICES, None)
    assert total([one, one]) == (2 * one.total, 2 * (one.month or 0))
    assert total([one, other])[1] is None
