"""No test but a benchmark measures speed: what a machine is slow at is no fault of ours."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import HealthCheck, settings

_TESTS = Path(__file__).parents[1]
_CLOCKS = re.compile(r"\b(?:perf_counter|process_time|thread_time)\b")
#: Reads them all the same: a value that takes long each of ten times is a fault.
_PATTERNS = "unit/wire/test_patterns.py"


def test_no_test_reads_a_clock_of_speed() -> None:
    files = [
        file
        for folder in ("unit", "api", "conformance", "reliability")
        for file in (_TESTS / folder).rglob("*.py")
    ]
    assert len(files) > 300
    reading = {str(file.relative_to(_TESTS)) for file in files if _CLOCKS.search(file.read_text())}
    assert reading == {_PATTERNS}


def test_an_example_may_take_long() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
