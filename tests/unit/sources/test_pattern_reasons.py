"""The words for what is no event pattern, also where the text ends in its midst."""

from __future__ import annotations

import pytest

from emulator.sources.pattern_reasons import explain

PATTERN = (
    '{"a": [{"prefix": "x"}, {"numeric": [">", 1]}, null, "s"],'
    ' "$or": [{"b": ["c"]}, {"d": ["e"]}]}'
)


@pytest.mark.parametrize("end", range(len(PATTERN)))
def test_a_pattern_that_is_cut_off_has_a_reason_or_none(end: int) -> None:
    found = explain(PATTERN[:end])
    assert found is None or "at [Source: (String)" in found


def test_the_reason_has_its_place() -> None:
    assert explain('{"a": 1}') == (
        '"a" must be an object or an array\n at [Source: (String)"{"a": 1}"; line: 1, column: 8]'
    )
