"""Bad input for Kinesis, in JSON and CBOR: AWS's kind of answer, never a 5xx, never a hang."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import partial
from typing import Any

import cbor2
import pytest

from emulator.app import Emulator
from emulator.services.kinesis.iterators import ShardIterator
from emulator.services.kinesis.operations import OPERATIONS
from emulator.settings import Settings
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.fuzzing import fuzz
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

MODEL = codec("kinesis").model
_ARN = "arn:aws:kinesis:us-east-1:000000000000:stream"
_CREDENTIAL = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/kinesis/aws4_request, x=y"
)


def known() -> dict[str, list[Any]]:
    sequence = "49" + "0" * 54
    return {
        "StreamName": ["one", "one", "two", "missing", *(f"new{n}" for n in range(3))],
        "StreamARN": [None, None, f"{_ARN}/one", f"{_ARN}/missing", "arn:aws:kinesis:::stream/x"],
        "StreamId": [None],
        "ResourceARN": [f"{_ARN}/one", f"{_ARN}/one/consumer/c:1", f"{_ARN}/missing"],
        # One that is there would be sent records for five minutes.
        "ConsumerARN": [None, f"{_ARN}/one/consumer/none:1"],
        "ConsumerName": ["c", "d"],
        "ShardId": [f"shardId-{n:012d}" for n in range(4)] + ["shardId-x", "x"],
        "ShardToSplit": ["shardId-000000000000", "shardId-000000000001"],
        "ShardToMerge": ["shardId-000000000000", "shardId-000000000002"],
        "AdjacentShardToMerge": ["shardId-000000000001", "shardId-000000000003"],
        "ExclusiveStartShardId": ["shardId-000000000000", None],
        "NewStartingHashKey": ["1", str(2**127), str(2**128), str(10**38)],
        "ExplicitHashKey": [None, "0", str(2**128), "9" * 39],
        "StartingSequenceNumber": [None, sequence, "0", "1" * 128],
        "SequenceNumberForOrdering": [None, sequence],
        "ShardIterator": [
            *(str(ShardIterator(1, n, 1, 10**13)) for n in range(3)),
            str(ShardIterator(2**40, 0, 2**60, 0)),
            "AAAA",
            "garbage",
        ],
        "Data": [b64encode(b"x" * n).decode() for n in (0, 1, 1000)],
        "PartitionKey": ["k", "é" * 200, None],
        "ShardCount": [None, 1, 2, 20_001],
        "TargetShardCount": [1, 2, 3, 4],
        "ScalingType": ["UNIFORM_SCALING"],
        "RetentionPeriodHours": [24, 48, 8760, 8761, 0, -1],
        "ShardFilter": [None, {"Type": "AT_LATEST"}, {"Type": "FROM_TIMESTAMP"}],
        "NextToken": [None, "", "Zg==", "WyIxIiwgIiIsIHt9LCAwXQ=="],
        "Timestamp": [0, 1.5, 1e12, -1],
        "StreamCreationTimestamp": [None, 0, 1.5],
        "Policy": ["{}", "[]", '{"Statement": [1]}', ""],
        "Tags": [{"a": "b"}, {"aws:x": "y"}],
        "TagKeys": [["a"], []],
        "DryRun": [None, None, True],
    }


def signed(request: FuzzedRequest, cbor: bool) -> FuzzedRequest:
    headers = {
        **request.headers,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"Kinesis_20131202.{request.operation}",
        "authorization": _CREDENTIAL,
    }
    body = request.body
    if cbor:
        headers["content-type"] = "application/x-amz-cbor-1.1"
        try:
            body = cbor2.dumps(json.loads(body))
        except (ValueError, RecursionError, OverflowError):
            body = request.body
    return FuzzedRequest(request.operation, "POST", "/", "", headers, body)


def complaint(cbor: bool, status: int, body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if status >= 500 or status < 200:
        return f"status {status}: {body[:300]!r}"
    if cbor and status < 400:
        # Moments in milliseconds, as the SDKs for Java want them, are no dates to others.
        return ""
    answer = (cbor2.loads(body) if cbor else json.loads(body)) if body else {}
    if status >= 400 and not answer.get("__type"):
        return f"{status} without __type: {body[:300]!r}"
    return ""


async def furnish(emulator: Emulator) -> None:
    """Make the streams that the fuzzer knows by name, with some records."""
    arn = f"{_ARN}/one"
    records = [{"Data": "eA==", "PartitionKey": f"{n}"} for n in range(10)]
    for operation, body in (
        ("CreateStream", {"StreamName": "one", "ShardCount": 2}),
        ("CreateStream", {"StreamName": "two"}),
        ("RegisterStreamConsumer", {"StreamARN": arn, "ConsumerName": "c"}),
        ("PutRecords", {"StreamName": "one", "Records": records}),
    ):
        made = FuzzedRequest(
            operation, "POST", "/", "", {"host": "localhost"}, json.dumps(body).encode()
        )
        await send_to(emulator.router, signed(made, cbor=False))


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
@pytest.mark.parametrize(
    ("count", "seed"),
    [(500, 1), pytest.param(15_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int, cbor: bool) -> None:
    settings = Settings(port=0, drain_seconds=0, kinesis_limits=False)
    fuzzer = Fuzzer(MODEL, known(), seed, OPERATIONS)
    found = await fuzz(
        settings,
        count,
        lambda: signed(fuzzer.request(), cbor),
        furnish,
        partial(complaint, cbor),
    )
    assert found.complaints == [], f"seed {seed}"
    assert found.statuses[200] > count / 50
    assert len(found.succeeded) > len(OPERATIONS) / 2
