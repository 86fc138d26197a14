"""Bad input for DynamoDB: AWS's kind of answer, never a 5xx, never a hang."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

_CREDENTIAL = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/dynamodb/aws4_request,"
    " SignedHeaders=host, Signature=0"
)
_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table"
_KEY = {"id": {"S": "a"}, "seq": {"N": "1"}}
_TABLES = ["pair", "pair", "pair", "single", "missing", f"{_ARN}/pair", "x", ""]
_CONDITIONS = [
    "attribute_exists(id)",
    "attribute_not_exists(id) AND n > :a",
    "#n = :a OR NOT contains(#n, :b)",
    "n BETWEEN :a AND :b",
    "size(l[0].m) IN (:a, :b)",
    "begins_with(id, :b)",
    "((n = :a))",
    "n = ",
    "#",
    "(" * 200,
]


def known() -> dict[str, list[Any]]:
    return {
        "TableName": _TABLES,
        "IndexName": ["by-n", "none"],
        "Key": [_KEY, {"id": {"S": "a"}}, {"id": {"N": "1"}}, {}],
        "Keys": [[_KEY], [_KEY, _KEY], [{"id": {"S": "b"}}]],
        "ExclusiveStartKey": [_KEY, {"id": {"S": "a"}}, {}],
        "Item": [
            {**_KEY, "n": {"N": "5"}, "l": {"L": [{"M": {"m": {"S": "x"}}}]}},
            {**_KEY, "b": {"B": "AAE="}, "s": {"SS": ["a", "b"]}, "n": {"N": "1e125"}},
            {"id": {"S": "a"}, "n": {"N": "x"}},
            {**_KEY, "v": {}},
            {**_KEY, "v": {"S": "x", "N": "1"}},
        ],
        "ConditionExpression": _CONDITIONS,
        "FilterExpression": _CONDITIONS,
        "KeyConditionExpression": [
            *["id = :b", "id = :b AND seq > :a"] * 2,
            "id = :b AND begins_with(seq, :a)",
            *_CONDITIONS,
        ],
        "UpdateExpression": [
            "SET n = n + :a",
            "SET #n = if_not_exists(#n, :a), l[3] = :b REMOVE m.x",
            "ADD n :a",
            "DELETE s :b",
            "SET l = list_append(l, :b)",
            "SET id = :a",
            "SET",
        ],
        "ProjectionExpression": ["id, n", "l[0].m, #n", "id, id", "l[99999999999999999999]", ","],
        "ExpressionAttributeNames": [{"#n": "n"}, {"#n": "n.a"}, {}, {"x": "y"}],
        "ExpressionAttributeValues": [
            *[{":a": {"N": "1"}}, {":b": {"S": "a"}}, {":a": {"N": "1"}, ":b": {"S": "a"}}] * 2,
            {":a": {"L": []}, ":b": {"SS": ["a"]}},
            {":a": {}},
            {},
        ],
        "AttributeUpdates": [{"n": {"Action": "ADD", "Value": {"N": "1"}}}, {"n": {}}],
        "Expected": [{"n": {"Exists": False}}, {"n": {"ComparisonOperator": "BETWEEN"}}],
        "KeyConditions": [
            {"id": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}},
            {
                "id": {
                    "ComparisonOperator": "BETWEEN",
                    "AttributeValueList": [{"S": "a"}, {"N": "1"}],
                }
            },
        ],
        "RequestItems": [
            {"pair": [{"PutRequest": {"Item": _KEY}}]},
            {"pair": {"Keys": [_KEY]}},
            {"single": [{"DeleteRequest": {"Key": {"id": {"S": "a"}}}}]},
            {"missing": []},
        ],
        "TransactItems": [
            [{"Put": {"TableName": "pair", "Item": _KEY}}],
            [{"Get": {"TableName": "pair", "Key": _KEY}}],
            [{"Update": {"TableName": "pair", "Key": _KEY, "UpdateExpression": "ADD n :a"}}],
            [{}],
        ],
        "Statement": [
            "SELECT * FROM pair WHERE id = 'a' AND seq = 1",
            'SELECT n FROM "pair"."by-n" WHERE n > 1 OR s IS MISSING',
            "INSERT INTO pair VALUE {'id': 'a', 'seq': 2, 'x': <<1, 2>>}",
            "UPDATE pair SET n = n + 1 WHERE id = 'a' AND seq = 1 RETURNING ALL NEW *",
            "DELETE FROM pair WHERE id = ? AND seq = ?",
            "SELECT",
            "'",
        ],
        "Statements": [[{"Statement": "SELECT * FROM pair WHERE id = 'a' AND seq = 1"}], [{}]],
        "TransactStatements": [[{"Statement": "DELETE FROM pair WHERE id = 'a' AND seq = 1"}]],
        "Parameters": [[{"S": "a"}, {"N": "1"}], [{}], []],
        "AttributeDefinitions": [
            [{"AttributeName": "id", "AttributeType": "S"}],
            [{"AttributeName": "n", "AttributeType": "N"}],
        ],
        "KeySchema": [[{"AttributeName": "id", "KeyType": "HASH"}], []],
        "BillingMode": ["PAY_PER_REQUEST", "PROVISIONED"],
        "ResourceArn": [f"{_ARN}/pair", f"{_ARN}/none", "x"],
        "BackupArn": [f"{_ARN}/pair/backup/1-a", "x" * 40],
        "NextToken": ["", "e30=", "!"],
        "Segment": [0, 1],
        "TotalSegments": [1, 2],
        "Limit": [1, 10],
        "ReturnConsumedCapacity": ["TOTAL", "INDEXES"],
        "ClientRequestToken": ["token"],
    }


def _call(operation: str, body: Any) -> FuzzedRequest:
    return FuzzedRequest(operation, "POST", "/", "", _headers(operation), json.dumps(body).encode())


def _headers(operation: str) -> dict[str, str]:
    return {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "authorization": _CREDENTIAL,
    }


def _furniture() -> list[FuzzedRequest]:
    pair: dict[str, Any] = {
        "TableName": "pair",
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "seq", "AttributeType": "N"},
            {"AttributeName": "n", "AttributeType": "N"},
        ],
        "KeySchema": [
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "seq", "KeyType": "RANGE"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-n",
                "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }
    single = {
        "TableName": "single",
        "AttributeDefinitions": pair["AttributeDefinitions"][:1],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    return [_call("CreateTable", body) for body in (pair, single)]


@pytest.mark.parametrize(
    ("count", "seed"),
    [(600, 3), pytest.param(8_000, 4, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int) -> None:
    emulator = Emulator(Settings(port=0, drain_seconds=0), driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    fuzzer = Fuzzer(codec("dynamodb").model, known(), seed)
    complaints: list[str] = []
    statuses: dict[int, int] = {}
    try:
        for number in range(count):
            if number % 100 == 0:
                for request in _furniture():
                    await send_to(emulator.router, request)
            made = fuzzer.request()
            request = replace(made, headers={**made.headers, **_headers(made.operation)})
            try:
                async with asyncio.timeout(60):
                    status, _, body = await send_to(emulator.router, request)
            except Exception as error:  # noqa: BLE001 (each is a finding)
                complaints.append(f"{request}: {type(error).__name__}: {error}"[:900])
                continue
            statuses[status // 100] = statuses.get(status // 100, 0) + 1
            if status >= 500 or (status >= 400 and b"__type" not in body):
                complaints.append(f"{request.operation} {request.body!r}: {status} {body!r}"[:900])
        assert complaints == []
        assert statuses[2] > count / 100, statuses
    finally:
        emulator.stop()
        emulator.stop()
        await running
