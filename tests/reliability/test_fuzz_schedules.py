"""Bad input for Scheduler and Pipes: AWS's kind of answer, never a 5xx, never a hang."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.codecs import codec
from tests.reliability.fuzz import Fuzzer
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

_CREDENTIAL = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/{}/aws4_request,"
    " SignedHeaders=host, Signature=0"
)
_AWS = "arn:aws:{}:us-east-1:000000000000:{}"
_QUEUE, _FUNCTION = _AWS.format("sqs", "q"), _AWS.format("lambda", "function:f")
_ROLE = "arn:aws:iam::000000000000:role/r"
_NAMES = ["one", "two", "three", "new-1", "new-2"]
_TARGETS: list[dict[str, Any]] = [
    {"Arn": _QUEUE, "RoleArn": _ROLE},
    {"Arn": _FUNCTION, "RoleArn": _ROLE, "Input": "{}"},
    {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": _ROLE, "Input": "[]"},
    {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": _ROLE, "Input": "{}"},
    {"Arn": "arn:aws:scheduler:::aws-sdk:", "RoleArn": _ROLE},
    {"Arn": _AWS.format("ecs", "cluster/c"), "RoleArn": _ROLE},
]
KNOWN: dict[str, dict[str, list[Any]]] = {
    "scheduler": {
        "Name": _NAMES,
        "GroupName": ["default", "group", "missing"],
        "ScheduleExpression": [
            *["rate(1 day)", "cron(0 3 * * ? *)", "at(2199-01-01T00:00:00)"] * 3,
            "cron(0 0 31 2 ? *)",
            "cron(* * ? * * *)",
            "rate(999999999 days)",
            "at(9999-12-31T23:59:59)",
            "at(0001-01-01T00:00:00)",
            "cron(0 0 ? * 8#6 *)",
            "cron(" + "1," * 120 + "1 0 * * ? *)",
        ],
        "ScheduleExpressionTimezone": ["UTC", "Europe/Berlin", "Mars/Olympus", "../x", "Europe"],
        "FlexibleTimeWindow": [
            *[{"Mode": "OFF"}] * 3,
            {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1440},
            {"Mode": "FLEXIBLE"},
        ],
        "Target": _TARGETS,
        "StartDate": [4e9, 0, 1e18, -1e18],
        "EndDate": [5e9, 0],
        "Tags": [[{"Key": "a", "Value": "b"}], [{"Key": "a", "Value": "b"}] * 2],
        "TagKeys": [["a"], []],
        "ResourceArn": [
            _AWS.format("scheduler", f"schedule-group/{name}") for name in ("group", "none")
        ],
        "ClientToken": ["token", "t"],
        "NextToken": ["b25l", "%", "é"],
    },
    "pipes": {
        "Name": _NAMES,
        "Source": [
            *[_QUEUE] * 5,
            _AWS.format("kinesis", "stream/s"),
            _AWS.format("mq", "b"),
            _FUNCTION,
        ],
        "Target": [
            *[_QUEUE, _FUNCTION] * 3,
            _AWS.format("ecs", "cluster/c"),
            _AWS.format("events", "x"),
        ],
        "RoleArn": [_ROLE],
        "DesiredState": ["STOPPED", "STOPPED", "RUNNING"],
        "Enrichment": ["", _FUNCTION, _FUNCTION, _QUEUE],
        "SourceParameters": [
            *[{}, {"SqsQueueParameters": {"BatchSize": 5}}] * 3,
            {"FilterCriteria": {"Filters": [{"Pattern": '{"body": ["x"]}'}]}},
            {"FilterCriteria": {"Filters": [{"Pattern": "{"}]}},
            {"KinesisStreamParameters": {"StartingPosition": "LATEST"}},
        ],
        "TargetParameters": [
            {},
            {"InputTemplate": '{"a": <$.body.a>}'},
            {"InputTemplate": "<$.["},
            {"SqsQueueParameters": {"MessageGroupId": "$.a"}},
        ],
        "resourceArn": [_AWS.format("pipes", f"pipe/{name}") for name in ("one", "none")],
        "tags": [{"a": "b"}],
        "tagKeys": [["a"], []],
        "NextToken": ["MQ==", "%", "LTE="],
    },
}


async def furnish(emulator: Emulator) -> None:
    """Make what the fuzzer knows by name, where it is not there."""
    call = emulator.table.call
    scheduler = await emulator.table.state("scheduler")
    if scheduler.group("000000000000", "us-east-1", "group") is None:
        await call("scheduler", "CreateScheduleGroup", {"Name": "group"})
    sqs = await emulator.table.state("sqs")
    if sqs.find("000000000000", "us-east-1", "q") is None:
        await call("sqs", "CreateQueue", {"QueueName": "q"})


def complaint(status: int, headers: dict[str, str], body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if status >= 500 or status < 200:
        return f"status {status}: {body[:300]!r}"
    answer = json.loads(body or b"{}")
    if status >= 400 and not headers.get("x-amzn-errortype"):
        return f"{status} without a type: {body[:300]!r}"
    return "" if isinstance(answer, dict) else f"no object: {body[:300]!r}"


@pytest.mark.parametrize("service", ["scheduler", "pipes"])
@pytest.mark.parametrize(
    ("count", "seed"),
    [(400, 1), pytest.param(8_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int, service: str) -> None:
    emulator = Emulator(Settings(port=0, drain_seconds=0), driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    fuzzer = Fuzzer(codec(service).model, KNOWN[service], seed)
    signed = {"authorization": _CREDENTIAL.format(service)}
    complaints: list[str] = []
    statuses: Counter[int] = Counter()
    try:
        for number in range(count):
            if number % 200 == 0:
                await furnish(emulator)
            made = fuzzer.request()
            request = replace(made, headers={**made.headers, **signed})
            try:
                async with asyncio.timeout(60):
                    answer = await send_to(emulator.router, request)
                wrong = complaint(*answer)
            except Exception as error:  # noqa: BLE001 (each is a finding)
                complaints.append(f"{request}: {type(error).__name__}: {error}"[:900])
                continue
            statuses[answer[0] // 100] += 1
            if wrong:
                complaints.append(f"{request}: {wrong}"[:900])
        assert complaints == []
        # It reaches behind the validation: a good part succeeds.
        assert statuses[2] > count / 10, statuses
    finally:
        emulator.stop()
        emulator.stop()
        await running
