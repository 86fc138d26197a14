"""The matcher that reads expected.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emulator.stack import document
from tests.acceptance.matching import Outcome, check, differences, missing_lines, samples

SAMPLES = Path(__file__).parents[2] / "sample_functions"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (None, None),
        (1, 1),
        (1, 1.0),
        (True, True),
        ("x", "x"),
        ("any:", None),
        ("any:", {"a": [1]}),
        ("re:^a+$", "aaa"),
        ({"a": "re:b", "c": []}, {"c": [], "a": "abc"}),
        ([1, ["any:"]], [1, [2]]),
    ],
)
def test_matches(expected: Any, actual: Any) -> None:
    assert differences(expected, actual, "payload") == []


@pytest.mark.parametrize(
    ("expected", "actual", "difference"),
    [
        (None, 0, "payload is 0, not None"),
        (1, True, "payload is True, not 1"),
        ("x", "y", "payload is 'y', not 'x'"),
        ("re:^a$", "b", "payload is 'b', which '^a$' does not match"),
        ("re:1", 1, "payload is 1, which '1' does not match"),
        ({"a": 1}, {}, "payload.a is missing"),
        ({}, {"a": 1}, "payload.a is not expected"),
        ({"a": {"b": [0, 1]}}, {"a": {"b": [0, 2]}}, "payload.a.b[1] is 2, not 1"),
        ([1], [1, 2], "payload has 2 items, not 1"),
        ({}, [], "payload is [], not {}"),
    ],
)
def test_differs(expected: Any, actual: Any, difference: str) -> None:
    assert differences(expected, actual, "payload") == [difference]


def test_log_lines_must_come_in_order() -> None:
    log = ["START x", "one", "two", "END"]
    assert missing_lines(["re:^START", "one", "END"], log) == []
    assert missing_lines([], []) == []
    assert missing_lines(["two", "one"], log)
    assert missing_lines(["one", "one"], log)
    assert missing_lines(["re:^x"], log)


def test_check_names_all_that_differs() -> None:
    expected = {"status": 200, "function_error": None, "payload": 1, "log": ["re:^END"]}
    good = Outcome(status=200, function_error=None, payload=1, log=["END"])
    assert check(expected, good) == []
    bad = Outcome(status=429, function_error="Unhandled", payload=2)
    assert [line.split()[0] for line in check(expected, bad)] == [
        "status",
        "function_error",
        "payload",
        "log",
    ]


def test_samples_are_complete() -> None:
    found = {sample.name: sample for sample in samples(SAMPLES)}
    resources = document.load(SAMPLES / "template.yaml")["Resources"].values()
    declared = [r["Properties"] for r in resources if r["Type"] == "AWS::Serverless::Function"]
    assert sorted(found) == sorted(function["FunctionName"] for function in declared)
    assert all(function.get("Timeout", 3) <= 30 for function in declared)
    text = json.dumps([step.expected for sample in found.values() for step in sample.steps])
    for pattern in re.findall(r'"(re:(?:[^"\\]|\\.)*)"', text):
        re.compile(json.loads(f'"{pattern}"')[3:])
    for sample in found.values():
        assert sample.steps
        for step in sample.steps:
            assert {"status", "function_error", "payload"} <= set(step.expected)
