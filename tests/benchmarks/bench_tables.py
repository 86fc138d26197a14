"""The benchmark of tables: reads and durable writes of one item; in ``make bench``.

The emulator is a process of its own with a state folder, so every write is on the disk before it is
answered. ``--against PORT`` measures another DynamoDB in the same way, to compare.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import load
from tests.benchmarks.bench_invoke import cpu_seconds, emulator, write_functions
from tests.benchmarks.figures import Figures, Row, at_most, run

_ITEM = {"id": {"S": "one"}, "name": {"S": "x" * 100}, "count": {"N": "12345"}}
_REQUESTS: dict[str, dict[str, Any]] = {
    "GetItem": {"TableName": "bench", "Key": {"id": {"S": "one"}}},
    "PutItem": {"TableName": "bench", "Item": _ITEM},
    "UpdateItem": {
        "TableName": "bench",
        "Key": {"id": {"S": "one"}},
        "UpdateExpression": "SET visits = if_not_exists(visits, :z) + :o",
        "ExpressionAttributeValues": {":z": {"N": "0"}, ":o": {"N": "1"}},
    },
}

_HEADERS = (
    "Content-Type: application/x-amz-json-1.0\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/dynamodb/"
    "aws4_request, SignedHeaders=host, Signature=0\r\n"
    "X-Amz-Date: 20260101T000000Z\r\n"
    "X-Amz-Target: DynamoDB_20120810.{}\r\n"
)


def _call(port: int, operation: str, **request: Any) -> None:
    lines = (line.split(": ", 1) for line in _HEADERS.format(operation).splitlines())
    asked = urllib.request.Request(
        f"http://localhost:{port}/", json.dumps(request).encode(), dict(lines)
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        answer.read()


def _make(port: int) -> None:
    _call(
        port,
        "CreateTable",
        TableName="bench",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    _call(port, "PutItem", **_REQUESTS["PutItem"])


def measure_at(port: int, pid: int | None, seconds: float) -> dict[str, float]:
    """Return, for each operation, p50 at one connection, the rate at 16, and the CPU of one."""
    _make(port)
    found: dict[str, float] = {}
    for name, request in _REQUESTS.items():
        body = load.http_post("/", json.dumps(request).encode(), _HEADERS.format(name))
        load.run(port, body, connections=1, seconds=0.3)
        alone = load.run(port, body, connections=1, seconds=seconds)
        before = cpu_seconds(pid)[0] if pid else 0.0
        many = load.run(port, body, connections=16, seconds=seconds)
        used = cpu_seconds(pid)[0] - before if pid else 0.0
        assert not alone.errors
        assert not many.errors
        found[f"{name}_p50_ms"] = round(alone.p50, 3)
        found[f"{name}_per_second"] = round(many.per_second)
        found[f"{name}_cpu_ms"] = round(used / (many.per_second * seconds) * 1000, 3)
    return found


def measure(options: argparse.Namespace) -> Figures:
    """Return the figures of the emulator, or of what listens at another port."""
    if options.against:
        return {**measure_at(options.against, None, options.seconds)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_functions(folder, {"none": "def handler(event, context): ..."})
        with emulator(folder, "--state", f"{name}/state") as (port, pid, _):
            return {**measure_at(port, pid, options.seconds)}


def rows(figures: Figures) -> Iterator[Row]:
    """Return what is expected of the figures."""
    yield at_most("DynamoDB: GetItem, one connection, p50", figures["GetItem_p50_ms"], 0.6, "ms")
    yield at_most("DynamoDB: CPU of a GetItem", figures["GetItem_cpu_ms"], 0.4, "ms")
    yield at_most("DynamoDB: CPU of an UpdateItem", figures["UpdateItem_cpu_ms"], 0.6, "ms")
    rate = figures["UpdateItem_per_second"]
    name = "DynamoDB: UpdateItem of one item by 16 connections a second, durable"
    yield Row(name, f"{rate:,}", "≥ 400", rate >= 400)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each run")
    parser.add_argument("--against", type=int, default=0, help="the port of another DynamoDB")
    run("tables", measure, parser)
