"""Bad input for X-Ray: AWS's kind of answer, never a 5xx, never a hang."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.services.xray.operations import OPERATIONS
from emulator.settings import Settings
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.fuzzing import fuzz
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

MODEL = codec("xray").model
_CREDENTIAL = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/xray/aws4_request, x=y"
_ARN = "arn:aws:xray:us-east-1:000000000000"
_TRACE = "1-65a1b2c3-000000000000000000000001"
_SEGMENT = {"id": "00000000000000aa", "trace_id": _TRACE, "name": "a", "start_time": 1705095875}
_ODD: list[dict[str, Any]] = [
    {"end_time": 1705095876},
    {"end_time": 1705095876, "id": "00000000000000ab", "parent_id": "00000000000000aa"},
    {"end_time": 1705095876, "http": {"request": {}, "response": {"status": "x"}}, "aws": {}},
    {"end_time": 1705095876, "cause": 7, "annotations": {"a": [1]}, "user": 3, "links": [1]},
    {"in_progress": True, "subsegments": [{"id": "b", "name": "c", "start_time": 1}]},
    {"end_time": 1, "metadata": 3, "origin": 7, "resource_arn": [], "fault": "yes"},
    {"end_time": 1, "parent_id": "00000000000000aa", "type": "subsegment"},
    {"end_time": None},
]


def known() -> dict[str, list[Any]]:
    texts = [json.dumps({**_SEGMENT, **each}) for each in _ODD]
    expressions = [
        "", "fault", 'service("a") { error }', "responsetime > 1", 'annotation[a] = "b"', "x = 1",
        "((", 'edge("a", "b")', "!ok AND partial", 'id(name: "a")', "http.status >= 500 OR root",
    ]  # fmt: skip
    return {
        "TraceIds": [[_TRACE], [], [_TRACE, "1-2-3"], ["x"] * 6],
        "TraceSegmentDocuments": [texts, ["{"], [], ["[" * 5000], ["1"]],
        "FilterExpression": expressions,
        "EntitySelectorExpression": [None, *expressions],
        "StartTime": [1705095000, 0, 9e9],
        "EndTime": [1705096000, 0, 1705099999],
        "TimeRangeType": [None, "TraceId", "Event"],
        "Period": [None, 60, 300, 7],
        "GroupName": [None, "a", "b", "Default", "a b"],
        "GroupARN": [None, None, f"{_ARN}:group/a/X"],
        "RuleName": ["a", "b", "Default", None],
        "RuleARN": [None, None, f"{_ARN}:sampling-rule/a"],
        "ResourceARN": ["*", f"{_ARN}:sampling-rule/a", f"{_ARN}:group/a"],
        "Version": [1, 1, 2],
        "FixedRate": [0.5, 1, 2],
        "Priority": [1, 9999, 10000],
        "NextToken": [None, None, "MQ==", "x"],
        "PolicyName": ["p", "q"],
        "PolicyDocument": ["{}", "[]", "{"],
        "PolicyRevisionId": [None, None, "1", "x"],
        "Tags": [[{"Key": "a", "Value": "b"}], []],
        "TagKeys": [["a"], []],
        "KeyId": [None, "alias/a"],
        "Type": ["NONE", "KMS"],
    }


def signed(request: FuzzedRequest) -> FuzzedRequest:
    headers = {**request.headers, "authorization": _CREDENTIAL}
    return replace(request, headers=headers)


async def _furnish(emulator: Emulator) -> None:
    """Have a trace that others are asked for."""
    text = json.dumps({**_SEGMENT, **_ODD[0]})
    body = json.dumps({"TraceSegmentDocuments": [text]}).encode()
    headers = {"host": "localhost", "content-type": "application/json"}
    request = FuzzedRequest("PutTraceSegments", "POST", "/TraceSegments", "", headers, body)
    await send_to(emulator.router, signed(request))


def _complaint(status: int, body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if not 200 <= status < 500:
        return f"status {status}: {body[:300]!r}"
    return ""


@pytest.mark.parametrize(
    ("count", "seed"),
    [(500, 1), pytest.param(10_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int) -> None:
    fuzzer = Fuzzer(MODEL, known(), seed, OPERATIONS)
    found = await fuzz(
        Settings(port=0, drain_seconds=0),
        count,
        lambda: signed(fuzzer.request()),
        _furnish,
        _complaint,
    )
    assert found.complaints == [], f"seed {seed}"
    assert found.statuses[200] > count / 20, found.statuses
    assert len(found.succeeded) > len(OPERATIONS) / 2, OPERATIONS.keys() - found.succeeded
