"""Bad input for CloudWatch Logs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.services.logs.operations import OPERATIONS as LOGS
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

_GROUP_ARN = "arn:aws:logs:us-east-1:000000000000:log-group:group"
_LOGS: dict[str, list[Any]] = {
    "logGroupName": ["group", "group", "new", "missing", "/aws/lambda/f"],
    "logStreamName": ["stream", "stream", "new", "missing"],
    "logGroupIdentifier": ["group", _GROUP_ARN],
    "resourceArn": [_GROUP_ARN, f"{_GROUP_ARN}:*"],
    "filterPattern": ["", "a", "?a ?b", "{ $.a = 1 }", "{", "[a, b=1]", "[", '"', "%a(%", "-"],
    "nextToken": ["", "!", "Zi8xLzE=", "f/" + "0" * 56, "b/" + "9" * 56],
    "retentionInDays": [1, 2, 3653],
    "startTime": [0, 1, 2**62],
    "endTime": [0, 1, 2**62],
    "limit": [1, 50],
}
_FURNITURE = [
    ("CreateLogGroup", {"logGroupName": "group"}),
    ("CreateLogStream", {"logGroupName": "group", "logStreamName": "stream"}),
]


def _call(operation: str, body: object) -> FuzzedRequest:
    metadata = codec("logs").model.metadata
    headers = {
        "host": "localhost",
        "content-type": f"application/x-amz-json-{metadata['jsonVersion']}",
        "x-amz-target": f"{metadata['targetPrefix']}.{operation}",
    }
    return FuzzedRequest(operation, "POST", "/", "", headers, json.dumps(body).encode())


def _complaint(status: int, body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if not 200 <= status < 500:
        return f"status {status}: {body[:300]!r}"
    answer = json.loads(body or b"{}")
    if not isinstance(answer, dict):
        return f"{status} without a JSON object"
    if status >= 400 and not answer.get("__type"):
        return f"{status} without a type"
    return ""


@pytest.mark.parametrize(
    ("count", "seed"),
    [(1_000, 3), pytest.param(10_000, 4, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int) -> None:
    settings = Settings(port=0, drain_seconds=0)
    emulator = Emulator(settings, driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    fuzzer = Fuzzer(codec("logs").model, _LOGS, seed, LOGS)
    complaints: list[str] = []
    statuses: dict[int, int] = {}
    try:
        for number in range(count):
            if number % 200 == 0:
                for furniture in _FURNITURE:
                    await send_to(emulator.router, _call(*furniture))
            request = fuzzer.request()
            try:
                async with asyncio.timeout(60):
                    answer = await send_to(emulator.router, request)
            except Exception as error:  # noqa: BLE001 (each is a finding)
                complaints.append(f"{request}: {type(error).__name__}: {error}"[:900])
                continue
            kind = answer[0] // 100
            statuses[kind] = statuses.get(kind, 0) + 1
            wrong = _complaint(answer[0], answer[2])
            if wrong:
                complaints.append(f"{request}: {wrong}"[:900])
        assert complaints == []
        assert statuses[2] > count / 20, statuses
    finally:
        emulator.stop()
        emulator.stop()
        await running
