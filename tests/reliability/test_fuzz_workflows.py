"""Bad input for Step Functions: AWS's kind of answer, never a 5xx, and what runs ends."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.services.stepfunctions.engine import turn
from emulator.services.stepfunctions.operations import OPERATIONS
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

MODEL = codec("stepfunctions").model
_ARN = "arn:aws:states:us-east-1:000000000000"
_ROLE = "arn:aws:iam::000000000000:role/r"
_CREDENTIAL = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/states/aws4_request, x=y"
_INNER = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
_STATES: list[dict[str, Any]] = [
    {"Type": "Pass", "Result": {"a": [1, "x", None]}, "ResultPath": "$.r"},
    {"Type": "Pass", "Parameters": {"a.$": "States.Array($, $$.State.Name)", "b": 1}},
    {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.input.a + 1 %}"},
    {"Type": "Pass", "Assign": {"v.$": "$", "w": 1}},
    {"Type": "Wait", "Seconds": 0},
    {"Type": "Wait", "SecondsPath": "$.a"},
    {"Type": "Succeed"},
    {"Type": "Fail", "Error": "E", "CausePath": "$.c"},
    {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "B"}],
     "Default": "C"},
    {"Type": "Parallel", "Branches": [_INNER, _INNER]},
    {"Type": "Map", "ItemProcessor": _INNER, "ItemsPath": "$.items"},
    {"Type": "Map", "ItemProcessor": {**_INNER, "ProcessorConfig": {"Mode": "DISTRIBUTED",
     "ExecutionType": "STANDARD"}}, "ItemSelector": {"v.$": "$$.Map.Item.Value"}},
    {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sqs:listQueues"},
    {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"a": 1},
     "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}],
     "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]},
    {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
     "Parameters": {"StateMachineArn": f"{_ARN}:stateMachine:none"}},
]  # fmt: skip
_SPOILERS: list[Any] = [None, -1, 0, 1e308, "", "$", "$.", "{% %}", "{% ( %}", [], {}, True, "B"]


def definition(chance: random.Random) -> str:
    """Return a definition that is right more or less."""
    names = "ABCD"[: chance.randint(1, 4)]
    states = {}
    for name, following in zip(names, [*names[1:], None], strict=True):
        state = json.loads(json.dumps(chance.choice(_STATES)))
        if state["Type"] not in ("Choice", "Succeed", "Fail"):
            state |= {"Next": following} if following else {"End": True}
        if chance.random() < 0.3:
            state[chance.choice([*state, "InputPath", "OutputPath"])] = chance.choice(_SPOILERS)
        states[name] = state
    found = {"StartAt": chance.choice(names), "States": states}
    if chance.random() < 0.1:
        found[chance.choice(["StartAt", "States", "QueryLanguage"])] = chance.choice(_SPOILERS)
    text = json.dumps(found)
    return text if chance.random() < 0.95 else text[: chance.randrange(len(text))]


def known(seed: int) -> dict[str, list[Any]]:
    chance = random.Random(seed)
    definitions = [definition(chance) for _ in range(400)]
    machine = f"{_ARN}:stateMachine"
    return {
        "definition": definitions,
        "name": ["one", "two", "run", "a b", "x" * 81, *(f"n{n}" for n in range(40))],
        "roleArn": [_ROLE, _ROLE, _ROLE, "role"],
        "stateMachineArn": [f"{machine}:one", f"{machine}:one:1", f"{machine}:one:live",
                            *(f"{machine}:n{n}" for n in range(10)), "arn:::::::", _ARN],
        "executionArn": [f"{_ARN}:execution:one:run", f"{_ARN}:execution:one:none",
                         f"{_ARN}:express:one:a:b", f"{_ARN}:mapRun:one/x:y"],
        "stateMachineVersionArn": [f"{machine}:one:1", f"{machine}:one:x"],
        "stateMachineAliasArn": [f"{machine}:one:live", f"{machine}:one:none"],
        "activityArn": [f"{_ARN}:activity:one", f"{_ARN}:activity:none"],
        "mapRunArn": [None, f"{_ARN}:mapRun:one/x:y"],
        "resourceArn": [f"{machine}:one", f"{_ARN}:activity:one"],
        "input": ["{}", '{"a": 1, "items": [1, 2]}', "[]", "1", "{", '"x"', "NaN"],
        "output": ["{}", "1", "{"],
        "taskToken": ["x", "WzEsIiIsIngiXQ==", "WyJhIiwxLDJd"],
        "nextToken": [None, "", "x", "WyJtYWNoaW5lcyIsICJ4Il0="],
        "type": [None, "STANDARD", "EXPRESS"],
        "revisionId": [None, "INITIAL", "x"],
        "routingConfiguration": [[{"stateMachineVersionArn": f"{machine}:one:1", "weight": 100}]],
        "encryptionConfiguration": [None, {"type": "AWS_OWNED_KEY"}],
        "loggingConfiguration": [None, {"level": "OFF"}, {"level": "ALL", "destinations": []}],
        "stateName": [None, "A", "B"],
        "mock": [None, {"result": "{}"}, {"errorOutput": {"error": "E"}}],
    }  # fmt: skip


def signed(operation: str, body: bytes) -> FuzzedRequest:
    headers = {
        "host": "localhost",
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"AWSStepFunctions.{operation}",
        "authorization": _CREDENTIAL,
    }
    return FuzzedRequest(operation, "POST", "/", "", headers, body)


def complaint(status: int, body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if status >= 500 or status < 200:
        return f"status {status}: {body[:300]!r}"
    answer = json.loads(body) if body else {}
    if status >= 400 and not answer.get("__type"):
        return f"{status} without __type: {body[:300]!r}"
    return ""


@pytest.mark.parametrize(
    ("count", "seed"),
    [(300, 1), pytest.param(8_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some machines go round in circles until their history is full.
    monkeypatch.setattr(turn, "HISTORY_EVENTS", 1_000)
    emulator = Emulator(Settings(port=0, drain_seconds=0), driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    for operation, body in (
        ("CreateActivity", {"name": "one"}),
        ("CreateStateMachine", {"name": "one", "definition": json.dumps(_INNER),
                                "roleArn": _ROLE, "publish": True}),
        ("StartExecution", {"stateMachineArn": f"{_ARN}:stateMachine:one", "name": "run"}),
    ):  # fmt: skip
        await send_to(emulator.router, signed(operation, json.dumps(body).encode()))
    # A worker would wait a minute for each task.
    operations = [name for name in OPERATIONS if name != "GetActivityTask"]
    fuzzer = Fuzzer(MODEL, known(seed), seed, operations)
    complaints: list[str] = []
    statuses: Counter[int] = Counter()
    succeeded: set[str] = set()
    chance = random.Random(seed)
    for n in range(count):
        made = fuzzer.request()
        operation, content = made.operation, made.body
        if n % 4 == 0:
            # Machines that are more right than those, and run at once.
            fields = {"name": f"drawn{n}", "definition": definition(chance), "roleArn": _ROLE}
            operation, content = "CreateStateMachine", json.dumps(fields).encode()
        async with asyncio.timeout(60):
            status, _, answer = await send_to(emulator.router, signed(operation, content))
            if n % 4 == 0 and status == 200:
                arn = json.loads(answer)["stateMachineArn"]
                given = chance.choice(["{}", '{"a": 1, "items": [1]}', "[1, 2]"])
                fields = {"stateMachineArn": arn, "input": given}
                started = signed("StartExecution", json.dumps(fields).encode())
                status, _, answer = await send_to(emulator.router, started)
                operation = "StartExecution"
        statuses[status // 100] += 1
        if status < 300:
            succeeded.add(operation)
        if problem := complaint(status, answer):
            complaints.append(f"{operation} {content[:400]!r}: {problem}")
    assert complaints == []
    assert statuses[2] > count // 10, statuses
    assert statuses[4] > count // 10
    assert {"StartExecution", "DescribeExecution"} <= succeeded
    engine = (await emulator.table.state("stepfunctions")).engine
    async with asyncio.timeout(60):
        await asyncio.gather(*(engine.ended(each) for each in list(engine.live.values())))
    emulator.stop()
    emulator.stop()
    await running
