"""Bad input for EventBridge and SNS: AWS's kind of answer, never a 5xx, never a hang."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest

from emulator.app import Emulator
from emulator.services.events.operations import OPERATIONS as EVENTS
from emulator.services.sns.operations import OPERATIONS as SNS
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.test_fuzz_lambda import send_to
from tests.reliability.test_fuzz_sqs import complaint, flat

pytestmark = pytest.mark.thorough

_ARN = "arn:aws:{}:us-east-1:000000000000:{}"
_QUEUE, _TOPIC = _ARN.format("sqs", "queue"), _ARN.format("sns", "topic")
_BUS = _ARN.format("events", "event-bus/bus")
_CREDENTIAL = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/{}/aws4_request, x=y"
_POLICY = '{"Version": "2012-10-17", "Statement": [{"Sid": "a", "Effect": "Allow"}]}'
_PATTERNS = [
    '{"source": ["a"]}', '{"source": [{"prefix": "a"}]}', '{"$or": [{"a": [1]}, {"b": [2]}]}',
    "{", "[]", '{"a": 1}', '{"a": [{"numeric": [">", 1, "<"]}]}', '{"a": [{"cidr": "x"}]}', "{}",
    '{"a": [{"wildcard": "**"}]}', '{"a": [{"anything-but": {"prefix": [1]}}]}', '{"a": [[1]]}',
]  # fmt: skip
_TARGETS = [
    {"Id": "1", "Arn": _QUEUE},
    {"Id": "2", "Arn": _BUS, "RoleArn": "r"},
    {"Id": "3", "Arn": _TOPIC, "InputPath": "$.detail.x[0]['y'].*"},
    {"Id": "4", "Arn": _QUEUE, "Input": '{"a": 1}', "DeadLetterConfig": {"Arn": _QUEUE}},
    {"Id": "5", "Arn": _QUEUE, "InputTransformer": {"InputTemplate": '{"a": <b>}',
                                                    "InputPathsMap": {"b": "$.detail"}}},
    {"Id": "6", "Arn": _QUEUE, "InputTransformer": {"InputTemplate": '"<aws.events.event>'}},
    {"Id": "7", "Arn": "arn:aws:states:us-east-1:000000000000:stateMachine:x"},
    {"Id": "8", "Arn": _ARN.format("events", "api-destination/dest/1")},
]  # fmt: skip

_EVENTS: dict[str, list[Any]] = {
    "Name": ["bus", "rule", "default", "conn", "dest", "missing", "a/b", _BUS],
    "EventBusName": ["bus", "default", _BUS, "missing"],
    "Rule": ["rule", "missing"],
    "EventPattern": _PATTERNS,
    "Event": ['{"source": "a"}', "[]", "{", '"a"'],
    "ScheduleExpression": ["rate(1 minute)", "rate(1 minutes)", "cron(0 12 * * ? *)", "cron(x)"],
    "Targets": [[each] for each in _TARGETS],
    "Ids": [["1"], ["9"]],
    "TargetArn": [_QUEUE],
    "Entries": [
        [{"Source": "a", "DetailType": "b", "Detail": "{}", "EventBusName": "bus"}],
        [{"Source": "a", "DetailType": "b", "Detail": "[" * 3000}],
        [{"Source": "a", "DetailType": "b", "Detail": '{"x": [{"y": 1e400}]}', "Time": 1e18}],
        [{"Source": "a", "DetailType": "b", "Detail": "{}", "Time": -5}, {}],
    ],
    "ResourceARN": [_BUS, _ARN.format("events", "rule/rule"), "a", _ARN.format("sqs", "x")],
    "Tags": [[{"Key": "a", "Value": "b"}], []],
    "TagKeys": [["a"]],
    "ArchiveName": ["archive", "missing", "new"],
    "EventSourceArn": [_BUS, _ARN.format("events", "archive/archive"), "a"],
    "ReplayName": ["replay", "other"],
    "EventStartTime": [0, 1, 1e18, -1],
    "EventEndTime": [2, 5e9, 1e300],
    "Destination": [{"Arn": _BUS}, {"Arn": "a"}, {"Arn": _BUS, "FilterArns": ["x"]}],
    "ConnectionArn": [_ARN.format("events", "connection/conn/1"), "a"],
    "InvocationEndpoint": ["http://127.0.0.1:1/", "a"],
    "AuthParameters": [
        {"BasicAuthParameters": {"Username": "a", "Password": "b"}},
        {"ApiKeyAuthParameters": {"ApiKeyName": "a", "ApiKeyValue": "b"}},
        {},
    ],
    "AuthorizationType": ["BASIC", "API_KEY", "OAUTH_CLIENT_CREDENTIALS"],
    "Policy": [_POLICY, "[]", "{", '{"Statement": 1}', '{"Statement": [1]}'],
    "Action": ["events:PutEvents", "events:X"],
    "Principal": ["*", "111111111111"],
    "StatementId": ["a", "b"],
    "NextToken": ["", "!", "LTE=", "MQ=="],
    "Limit": [1, 100],
}
_SNS: dict[str, list[Any]] = {
    "Name": ["topic", "new", "a.fifo", "a b"],
    "TopicArn": [_TOPIC, f"{_TOPIC}.fifo", f"{_TOPIC}-no", "a", "a:b:c:d:e:f"],
    "TargetArn": [_TOPIC, _ARN.format("sns", "endpoint/GCM/app/1"), "a"],
    "SubscriptionArn": [f"{_TOPIC}:1", _TOPIC, "a"],
    "Protocol": ["sqs", "lambda", "http", "sms", "email", "application", "x"],
    "Endpoint": [_QUEUE, "http://127.0.0.1:1/", "+123456789", "a@b", "a"],
    "Attributes": [
        {"FilterPolicy": '{"a": ["b"]}'}, {"FilterPolicy": "{"}, {"RawMessageDelivery": "x"},
        {"RedrivePolicy": "{}"}, {"FifoTopic": "true"}, {"DeliveryPolicy": "[1]"}, {"X": "y"},
        {"FilterPolicyScope": "MessageBody", "FilterPolicy": '{"a": {"b": [1]}}'},
    ],
    "AttributeName": ["FilterPolicy", "DisplayName", "Policy", "DeliveryPolicy", "RedrivePolicy",
                      "ReplayPolicy", "ArchivePolicy", "X"],
    "AttributeValue": ['{"a": ["b"]}', "{", "[]", "", "true", '{"http": 1}', _POLICY],
    "Message": ["a", '{"default": "b"}', "{"],
    "MessageStructure": ["json", "x"],
    "PhoneNumber": ["+123456789", "a"],
    "MessageGroupId": ["g"],
    "Label": ["a"],
    "AWSAccountId": [["111111111111"], ["a"]],
    "ActionName": [["Publish"], ["X"]],
    "Platform": ["GCM", "ADM", "X"],
    "PlatformApplicationArn": [_ARN.format("sns", "app/GCM/app"), "a"],
    "NextToken": ["", "!", "LTE="],
    "ResourceArn": [_TOPIC, "a"],
    "DataProtectionPolicy": ["{}", "{"],
}  # fmt: skip


def _in_json(request: FuzzedRequest) -> FuzzedRequest:
    headers = {
        **request.headers,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"AWSEvents.{request.operation}",
        "authorization": _CREDENTIAL.format("events"),
    }
    return FuzzedRequest(request.operation, "POST", "/", "", headers, request.body)


def _in_query(request: FuzzedRequest) -> FuzzedRequest:
    model = codec("sns").model
    operation = model.operations[request.operation]
    shape = model.shapes[operation.input] if operation.input else None
    content = f"Action={request.operation}&Version=2010-03-31&".encode() + request.body
    with suppress(ValueError, RecursionError):
        body = json.loads(request.body)
        if isinstance(body, Mapping):
            head = [("Action", request.operation), ("Version", "2010-03-31")]
            content = urlencode([*head, *flat(body, shape, "", model)]).encode()
    headers = {
        **request.headers,
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "authorization": _CREDENTIAL.format("sns"),
    }
    return FuzzedRequest(request.operation, "POST", "/", "", headers, content)


async def _furnish(emulator: Emulator) -> None:
    """Make what the fuzzer knows by name, where it is not there any more."""
    pattern = '{"source": ["a"]}'
    for service, operation, request in (
        ("sqs", "CreateQueue", {"QueueName": "queue"}),
        ("sns", "CreateTopic", {"Name": "topic"}),
        ("events", "CreateEventBus", {"Name": "bus"}),
        ("events", "PutRule", {"Name": "rule", "EventBusName": "bus", "EventPattern": pattern}),
        ("events", "PutRule", {"Name": "rule", "EventPattern": pattern}),
        ("events", "CreateArchive", {"ArchiveName": "archive", "EventSourceArn": _BUS}),
    ):
        with suppress(Exception):
            await emulator.table.call(service, operation, request)


@pytest.mark.parametrize("service", ["events", "sns"])
@pytest.mark.parametrize(
    ("count", "seed"),
    [(700, 11), pytest.param(6_000, 12, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(service: str, count: int, seed: int) -> None:
    emulator = Emulator(Settings(port=0, drain_seconds=0), driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    is_query = service == "sns"
    known, served = (_SNS, SNS) if is_query else (_EVENTS, EVENTS)
    fuzzer = Fuzzer(codec(service).model, known, seed, served)
    complaints: list[str] = []
    kinds: set[int] = set()
    try:
        for number in range(count):
            if number % 100 == 0:
                await _furnish(emulator)
            request = fuzzer.request()
            request = _in_query(request) if is_query else _in_json(request)
            try:
                async with asyncio.timeout(60):
                    status, _, body = await send_to(emulator.router, request)
            except Exception as error:  # noqa: BLE001 (each is a finding)
                complaints.append(f"{request}: {type(error).__name__}: {error}"[:900])
                continue
            kinds.add(status // 100)
            wrong = complaint(is_query, status, body)
            if wrong:
                complaints.append(f"{request}: {wrong}"[:900])
        assert complaints == []
        assert kinds == {2, 4}
    finally:
        emulator.stop()
        emulator.stop()
        await running
