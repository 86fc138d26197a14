"""What is kept as JSON takes the memory that it needs."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest

from emulator.model.kept_json import kept_json


@pytest.mark.parametrize("length", [10, 1000, 1100, 70_000])
def test_a_kept_text_takes_little_more_than_its_length(length: int) -> None:
    value = {"a": "x" * length}
    assert orjson.loads(kept_json(value)) == value
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [kept_json(value) for _ in range(50)]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < 50 * (len(kept[0]) + 200)
