"""Whatever is given for a pattern and an event, there is an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.sources.filters import Filter, is_pattern
from emulator.sources.patterns import Pattern

pytestmark = pytest.mark.thorough

_KEYS = st.sampled_from(["a", "b", "body", "a.b", "$or", ""])
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["10.0.0.1", "10.0.0.0/8", "a*b*", "\\*", ">", "="])
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)
_OPERATORS = st.sampled_from(
    "anything-but cidr equals-ignore-case exists numeric prefix suffix wildcard".split()
)
_RULES = st.recursive(
    _SCALARS,
    lambda inner: st.dictionaries(_OPERATORS, inner | st.lists(inner, max_size=3), max_size=1),
    max_leaves=4,
)
_PATTERNS = st.recursive(
    st.lists(_RULES, max_size=3),
    lambda inner: st.dictionaries(_KEYS, inner | st.lists(inner, max_size=2), max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(pattern=_PATTERNS | _JSON, event=_JSON)
def test_a_pattern_is_one_or_none(pattern: Any, event: Any) -> None:
    text = json.dumps(pattern)
    assert is_pattern(text) in (True, False)
    if is_pattern(text):
        assert isinstance(pattern, dict)
        assert Pattern(text).matches(event) in (True, False)
        record = {"body": json.dumps(event), "eventSource": "aws:sqs"}
        assert Filter([text]).matches(record) in (True, False)


@settings(max_examples=100, deadline=None)
@given(event=st.dictionaries(st.sampled_from(["a", "b"]), _SCALARS, min_size=1))
def test_an_event_matches_itself(event: dict[str, Any]) -> None:
    event = json.loads(json.dumps(event))
    assert Pattern(json.dumps({key: [value] for key, value in event.items()})).matches(event)
    absent = {key: [{"exists": False}] for key in event}
    assert not Pattern(json.dumps(absent)).matches(event)
