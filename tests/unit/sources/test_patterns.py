"""The event pattern language."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.sources.filters import Filter, is_pattern
from emulator.sources.patterns import InvalidPattern, Pattern


def matches(pattern: Any, event: Any) -> bool:
    return Pattern(json.dumps(pattern)).matches(event)


def test_elements_of_an_array_do_not_mix() -> None:
    event = {"a": [{"b": 1, "c": [5, 6]}, {"b": 2, "c": 7}], "d": [[1, 2], 3]}
    assert matches({"a": {"b": [1], "c": [6]}}, event)
    assert matches({"a": {"b": [2], "c": [7]}, "d": [2]}, event)
    assert not matches({"a": {"b": [1], "c": [7]}}, event)
    assert matches({"$or": [{"a": {"b": [3]}}, {"a": {"c": [7]}}], "d": [3]}, event)


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (True, 1, False),
        (1, True, False),
        ("1", 1, False),
        (None, None, True),
        ({"wildcard": "a*c"}, "abc", True),
        ({"wildcard": "a\\*c"}, "a*c", True),
        ({"wildcard": "a\\*c"}, "abc", False),
        ({"wildcard": "a.c"}, "abc", False),
        ({"wildcard": "*b*"}, "abc", True),
        ({"wildcard": "*"}, "", True),
        ({"wildcard": "ab*ba"}, "aba", False),
        ({"wildcard": "ab*ba"}, "abba", True),
        ({"wildcard": "a*b*c"}, "a.b.b.c", True),
        ({"wildcard": "a*bc*c"}, "abc", False),
        ({"wildcard": "a\\\\b"}, "a\\b", True),
        ({"numeric": [">=", 1, "<", 2]}, 2, False),
        ({"numeric": ["=", 1]}, True, False),
        ({"cidr": "10.0.0.0/8"}, "10.1.2.3", True),
        ({"anything-but": ["a"]}, ["a", "b"], True),
        ({"exists": False}, [], True),
        ({"exists": True}, {"b": 1}, False),
    ],
)
def test_rules(rule: Any, value: Any, expected: bool) -> None:
    assert matches({"a": [rule]}, {"a": value}) is expected


def test_or_is_a_key_where_it_is_no_alternative() -> None:
    assert matches({"$or": ["x"]}, {"$or": "x"})
    assert matches({"a": {"$or": [{"b": [1]}, {"c": [2]}]}}, {"a": {"c": 2}})


@pytest.mark.parametrize(
    "pattern",
    [
        *("null", "[]", '"text"', "{}", "{", '{"a": {}}', '{"a": [[1]]}', '{"a": "b"}'),
        *('{"a": [{}]}', '{"a": [{"prefix": "a", "suffix": "b"}]}', '{"a": [{"exists": 1}]}'),
        *('{"a": [{"numeric": ["<", 5, ">", 1]}]}', '{"a": [{"numeric": [">", 5, "<", 1]}]}'),
        *('{"a": [{"anything-but": []}]}', '{"a": [{"anything-but": [1, "a"]}]}'),
        *('{"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}', '{"a": [{"anything-but": {}}]}'),
        '{"a":' * 200 + '["x"]' + "}" * 200,
        json.dumps({str(i): {"$or": [{"a": [1]}, {"b": [1]}]} for i in range(20)}),
    ],
)
def test_no_patterns(pattern: str) -> None:
    assert not is_pattern(pattern)
    with pytest.raises(InvalidPattern):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "body", "expected"),
    [
        ({"body": {"a": [1]}}, '{"a": 1}', True),
        ({"body": {"a": [1]}}, " {\n}", False),
        ({"body": {"a": [{"exists": False}]}}, '{"b": 1}', True),
        ({"body": {"a": [{"exists": False}]}}, "plain", False),
        ({"body": {"a": [{"exists": False}]}}, "{broken", False),
        ({"body": ["plain"]}, "plain", True),
        ({"body": [{"prefix": ""}]}, '{"a": 1}', False),
        ({"body": ["5"]}, "5", True),
        ({"eventSource": ["aws:sqs"]}, "plain", True),
        ({"eventSource": ["aws:sqs"]}, '{"a": 1}', True),
        ({"eventSource": ["aws:sns"]}, '{"a": 1}', False),
        ({"messageAttributes": {"k": {"stringValue": ["v"]}}}, "plain", True),
    ],
)
def test_json_and_text_in_a_body(pattern: Any, body: str, expected: bool) -> None:
    record = {
        "body": body,
        "eventSource": "aws:sqs",
        "messageAttributes": {"k": {"stringValue": "v", "dataType": "String"}},
    }
    assert Filter([json.dumps(pattern)]).matches(record) is expected
    assert Filter(['{"x": ["y"]}', json.dumps(pattern)]).matches(record) is expected
    assert record["body"] == body
