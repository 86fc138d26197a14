"""Bad input for SQS, in both protocols: AWS's kind of answer, never a 5xx, never a hang."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from emulator.wire.model import ServiceModel, Shape
from emulator.wire.xml_names import element_names
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

MODEL = codec("sqs").model
_ARN = "arn:aws:sqs:us-east-1:000000000000"
_URL = "http://localhost:4566/000000000000"
_NAMES = ["standard", "ordered.fifo", "dead", "dead.fifo"]
_REDRIVE = {"deadLetterTargetArn": f"{_ARN}:dead", "maxReceiveCount": 1}
_CREDENTIAL = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/sqs/aws4_request, x=y"
_TEXT = {"DataType": "String", "StringValue": "x"}


def known() -> dict[str, list[Any]]:
    return {
        "QueueName": [*_NAMES, "missing", *(f"new{number}" for number in range(4))],
        "QueueUrl": [
            *[f"{_URL}/{name}" for name in _NAMES] * 3,
            f"{_URL}/missing",
            "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/standard",
            "http://[::1/000000000000/standard",
            "standard",
        ],
        "QueueOwnerAWSAccountId": ["000000000000", "111111111111"],
        "AttributeNames": [["All"], ["Policy"], ["QueueArn"], ["SenderId"]],
        "MessageSystemAttributeNames": [["All"], ["AWSTraceHeader"]],
        "MessageAttributeNames": [["All"], [".*"], ["a.*", "b"]],
        "Attributes": [
            {"VisibilityTimeout": "0"},
            {"DelaySeconds": "1"},
            {"FifoQueue": "true"},
            {"FifoQueue": "true", "ContentBasedDeduplication": "true"},
            {"RedrivePolicy": json.dumps(_REDRIVE)},
            {"RedrivePolicy": json.dumps({**_REDRIVE, "maxReceiveCount": "1"})},
            {"RedrivePolicy": json.dumps({**_REDRIVE, "deadLetterTargetArn": [1]})},
            {"RedrivePolicy": "[]"},
            {"RedrivePolicy": ""},
            {"RedriveAllowPolicy": '{"redrivePermission": "denyAll"}'},
            {"RedriveAllowPolicy": '{"redrivePermission": "byQueue", "sourceQueueArns": [1]}'},
            {"RedriveAllowPolicy": ""},
            {"Policy": '{"Statement": [1]}'},
            {"Policy": '{"Statement": {"Sid": "one"}}'},
            {"Policy": ""},
        ],
        "Tags": [{"a": "b"}, {}],
        "tags": [{"a": "b"}, {"aws:x": "y"}],
        "TagKeys": [["a"], []],
        "MessageBody": ["x", "{}", "\u00e9" * 100, "y" * 2000],
        "MessageGroupId": ["g", "h"],
        "MessageDeduplicationId": ["one", "two"],
        "DelaySeconds": [0, 1, 900],
        "MaxNumberOfMessages": [1, 10],
        "VisibilityTimeout": [0, 1, 43_200],
        "WaitTimeSeconds": [0, 20],
        "ReceiveRequestAttemptId": ["attempt"],
        "MessageAttributes": [
            {"a": _TEXT},
            {"a": {"DataType": "Number.int", "StringValue": "1e5"}},
            {"a": {"DataType": "Binary", "BinaryValue": "AAE="}},
            {"a": {"DataType": "Binary", "StringValue": "x"}},
            {f"a{n}": _TEXT for n in range(11)},
        ],
        "MessageSystemAttributes": [{"AWSTraceHeader": _TEXT}, {"Other": _TEXT}],
        "Id": ["1", "2", "a-b_c"],
        "ReceiptHandle": ["garbage", "AAAA"],
        "SourceArn": [f"{_ARN}:dead", f"{_ARN}:standard", f"{_ARN}:missing"],
        "DestinationArn": [f"{_ARN}:standard", f"{_ARN}:ordered.fifo"],
        "TaskHandle": ["garbage", "e30="],
        "MaxNumberOfMessagesPerSecond": [1, 500],
        "Label": ["one", "two"],
        "AWSAccountIds": [["000000000000"], ["1"], []],
        "Actions": [["SendMessage"], ["*"], ["CreateQueue"], []],
        "NextToken": ["", "Zg==", "!"],
        "MaxResults": [1, 10, 1000],
    }


def flat(
    value: Any, shape: Shape | None, prefix: str, model: ServiceModel = MODEL
) -> Iterator[tuple[str, str]]:
    """Yield the parameters of the query protocol that say ``value``, be it of its shape or not."""
    kind = shape["type"] if shape is not None else ""
    inner: Shape | None
    if isinstance(value, dict) and kind == "map" and shape is not None:
        for number, (key, each) in enumerate(value.items(), 1):
            yield f"{prefix}.{number}.{shape['key'].get('queryName', 'Name')}", str(key)
            inner = model.shapes[shape["value"]["shape"]]
            yield from flat(each, inner, f"{prefix}.{number}.Value", model)
    elif isinstance(value, dict):
        members = shape.get("members", {}) if shape is not None else {}
        for key, each in value.items():
            member = members.get(key)
            name = element_names(model, key, member)[0] if member is not None else str(key)
            inner = model.shapes[member["shape"]] if member is not None else None
            yield from flat(each, inner, f"{prefix}.{name}" if prefix else name, model)
    elif isinstance(value, list):
        inner = model.shapes[shape["member"]["shape"]] if kind == "list" and shape else None
        for number, each in enumerate(value, 1):
            yield from flat(each, inner, f"{prefix}.{number}", model)
    elif value is not None:
        text = value if isinstance(value, str) else json.dumps(value)
        yield prefix, text.encode("utf-8", "replace").decode()


def in_json(request: FuzzedRequest) -> FuzzedRequest:
    headers = {
        **request.headers,
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"AmazonSQS.{request.operation}",
        "authorization": _CREDENTIAL,
    }
    return FuzzedRequest(request.operation, "POST", "/", "", headers, request.body)


def in_query(request: FuzzedRequest) -> FuzzedRequest:
    operation = MODEL.operations[request.operation]
    shape = MODEL.shapes[operation.input] if operation.input else None
    content = f"Action={request.operation}&".encode() + request.body
    # What is nested too deeply is parsed by some releases of Python, and flattened by none.
    with suppress(ValueError, RecursionError):
        body = json.loads(request.body)
        if isinstance(body, Mapping):
            pairs = [("Action", request.operation), *flat(body, shape, "")]
            content = urlencode(pairs).encode()
    headers = {
        **request.headers,
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "authorization": _CREDENTIAL,
    }
    headers.pop("x-amz-target", None)
    return FuzzedRequest(request.operation, "POST", "/", "", headers, content)


def complaint(query: bool, status: int, body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if status >= 500 or status < 200:
        return f"status {status}: {body[:300]!r}"
    if query:
        root = ElementTree.fromstring(body)
        if status >= 400 and not root.findtext("{*}Error/{*}Code"):
            return f"{status} without a code: {body[:300]!r}"
        return ""
    answer = json.loads(body or b"{}")
    if status >= 400 and not answer.get("__type"):
        return f"{status} without __type: {body[:300]!r}"
    return ""


async def furnish(emulator: Emulator) -> None:
    """Make the queues that the fuzzer knows by name, and something to receive."""
    for name in _NAMES:
        fifo = name.endswith(".fifo")
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
        made = in_json(_plain("CreateQueue", QueueName=name, Attributes=attributes))
        await send_to(emulator.router, made)
        group = {"MessageGroupId": "g"} if fifo else {}
        for number in range(5):
            message = _plain(
                "SendMessage", QueueUrl=f"{_URL}/{name}", MessageBody=f"m{number}", **group
            )
            await send_to(emulator.router, in_json(message))
    policy = json.dumps(_REDRIVE)
    await send_to(
        emulator.router,
        in_json(
            _plain(
                "SetQueueAttributes",
                QueueUrl=f"{_URL}/standard",
                Attributes={"RedrivePolicy": policy},
            )
        ),
    )


def _plain(operation: str, **body: Any) -> FuzzedRequest:
    return FuzzedRequest(
        operation, "POST", "/", "", {"host": "localhost"}, json.dumps(body).encode()
    )


@pytest.mark.parametrize("query", [False, True], ids=["json", "query"])
@pytest.mark.parametrize(
    ("count", "seed"),
    [(1_500, 1), pytest.param(20_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int, query: bool) -> None:
    emulator = Emulator(Settings(port=0, drain_seconds=0), driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    # A receive that finds nothing would wait for as long as it was asked to.
    emulator.queues.drain()
    given = known()
    fuzzer = Fuzzer(MODEL, given, seed)
    complaints: list[str] = []
    statuses: Counter[int] = Counter()
    succeeded: set[str] = set()
    try:
        for number in range(count):
            if number % 200 == 0:
                await furnish(emulator)
            made = fuzzer.request()
            request = in_query(made) if query else in_json(made)
            try:
                async with asyncio.timeout(60):
                    status, _, body = await send_to(emulator.router, request)
                wrong = complaint(query, status, body)
            except Exception as error:  # noqa: BLE001 (each is a finding)
                complaints.append(f"{request}: {type(error).__name__}: {error}"[:900])
                continue
            statuses[status // 100] += 1
            if wrong:
                complaints.append(f"{request}: {wrong}"[:900])
            elif status < 300:
                succeeded.add(request.operation)
                _learn(given, query, request.operation, body)
        assert complaints == []
        # It reaches behind the validation: nearly every operation succeeds at times.
        assert len(succeeded) > 18, MODEL.operations.keys() - succeeded
        assert statuses[2] > count / 10, statuses
    finally:
        emulator.stop()
        emulator.stop()
        await running


def _learn(given: dict[str, list[Any]], query: bool, operation: str, body: bytes) -> None:
    """Let the fuzzer know handles that mean something."""
    if operation not in ("ReceiveMessage", "StartMessageMoveTask"):
        return
    for name in ("ReceiptHandle", "TaskHandle"):
        if query:
            found = [each.text for each in ElementTree.fromstring(body).iter() if name in each.tag]
        else:
            answer = json.loads(body)
            found = [each.get(name) for each in (answer, *answer.get("Messages", ()))]
        given[name] = [*given[name][:2], *given[name][2:][-30:], *filter(None, found)]
