"""The benchmark of Kinesis: what streams take and how soon functions have it; in ``make bench``.

The emulator is a process of its own with a state folder, so everything is durable.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import load
from tests.benchmarks.bench_invoke import call as rest
from tests.benchmarks.bench_invoke import cpu_seconds, emulator, write_functions
from tests.benchmarks.figures import Figures, Row, at_most, run

_TOGETHER, _CONNECTIONS, _SHARDS = 500, 4, 1000
_TELL = """
import base64, time
def handler(event, context):
    began = time.time()
    for record in event["Records"]:
        print("WAITED", (began - float(base64.b64decode(record["kinesis"]["data"]))) * 1000)
"""
_MAPPINGS = "/2015-03-31/event-source-mappings/"
_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/{}/aws4_request,"
    " SignedHeaders=host, Signature=0"
)


def _headers(target: str, service: str = "kinesis") -> dict[str, str]:
    return {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": target,
        "Authorization": _AUTHORIZATION.format(service),
    }


def call(port: int, target: str, service: str = "kinesis", **request: Any) -> dict[str, Any]:
    """Do an operation: "Kinesis_20131202.PutRecord"."""
    asked = urllib.request.Request(
        f"http://localhost:{port}/", json.dumps(request).encode(), _headers(target, service)
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        found: dict[str, Any] = json.loads(answer.read() or b"{}")
        return found


def _kinesis(port: int, operation: str, **request: Any) -> dict[str, Any]:
    return call(port, f"Kinesis_20131202.{operation}", **request)


def records_per_second(port: int, seconds: float) -> float:
    """Return how many records of 100 bytes a second are taken, 500 at once."""
    _kinesis(port, "CreateStream", StreamName="filled", ShardCount=8)
    data = b64encode(b"x" * 100).decode()
    records = [{"Data": data, "PartitionKey": f"key-{n}"} for n in range(_TOGETHER)]
    body = json.dumps({"StreamName": "filled", "Records": records}).encode()
    lines = "".join(f"{k}: {v}\r\n" for k, v in _headers("Kinesis_20131202.PutRecords").items())
    request = load.http_post("/", body, lines)
    found = load.run(port, request, connections=_CONNECTIONS, seconds=seconds)
    assert not found.errors
    return found.per_second * _TOGETHER


def _map(port: int, function: str, stream: str) -> None:
    arn = stream
    if not stream.startswith("arn:"):
        arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
    body = {"FunctionName": function, "EventSourceArn": arn, "StartingPosition": "TRIM_HORIZON"}
    status, answer = rest(port, "POST", _MAPPINGS, json.dumps(body).encode())
    assert status == 202, answer


def latencies(port: int, count: int) -> list[float]:
    """Return the milliseconds from each put's begin to the handler's, environments being there."""
    _kinesis(port, "CreateStream", StreamName="single", ShardCount=1)
    _map(port, "tell", "single")
    told: list[float] = []
    for batch in (30, count):
        since = int(time.time() * 1000)
        for _ in range(batch):
            data = b64encode(repr(time.time()).encode()).decode()
            _kinesis(port, "PutRecord", StreamName="single", Data=data, PartitionKey="k")
            time.sleep(0.005)
        time.sleep(1)
        told = _told(port, since)
    assert len(told) == count, (len(told), count)
    return sorted(told)


_TELL_TABLE = """
import time
def handler(event, context):
    began = time.time()
    for record in event["Records"]:
        print("WAITED", (began - float(record["dynamodb"]["NewImage"]["sent"]["N"])) * 1000)
"""


def table_latencies(port: int, count: int) -> list[float]:
    """Return the milliseconds from each item's put to the handler's start."""
    call_table = functools.partial(call, port, service="dynamodb")
    made = call_table(
        "DynamoDB_20120810.CreateTable",
        TableName="single",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    _map(port, "telltable", made["TableDescription"]["LatestStreamArn"])
    told: list[float] = []
    for batch in (30, count):
        since = int(time.time() * 1000)
        for n in range(batch):
            item = {"id": {"N": str(n)}, "sent": {"N": repr(time.time())}}
            call_table("DynamoDB_20120810.PutItem", TableName="single", Item=item)
            time.sleep(0.005)
        time.sleep(1)
        told = _told(port, since, "telltable")
    assert len(told) == count, (len(told), count)
    return sorted(told)


def _told(port: int, since: int, function: str = "tell") -> list[float]:
    request = {
        "logGroupName": f"/aws/lambda/{function}", "filterPattern": "WAITED", "startTime": since,
    }  # fmt: skip
    found: list[float] = []
    while True:
        answer = call(port, "Logs_20140328.FilterLogEvents", "logs", **request)
        found += [float(event["message"].split()[1]) for event in answer["events"]]
        if "nextToken" not in answer:
            return found
        request["nextToken"] = answer["nextToken"]


def idle_percent(port: int, pid: int, seconds: float) -> float:
    """Return the CPU that polling a stream of many shards takes while nothing comes."""
    _kinesis(port, "CreateStream", StreamName="wide", ShardCount=_SHARDS)
    _map(port, "tell", "wide")
    time.sleep(3)
    before = cpu_seconds(pid)[0]
    time.sleep(seconds)
    return (cpu_seconds(pid)[0] - before) / seconds * 100


def measure(options: argparse.Namespace) -> Figures:
    """Return the rate, the latencies and what idling takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_functions(folder, {"tell": _TELL, "telltable": _TELL_TABLE})
        state = ("--state", f"{name}/state", "--no-kinesis-limits")
        with emulator(folder, *state) as (port, pid, _):
            waited = latencies(port, 200)
            from_tables = table_latencies(port, 200)
            idle = idle_percent(port, pid, options.seconds)
            rates = [records_per_second_of(port, options.seconds, n) for n in range(3)]
    return {
        "records_per_second": round(statistics.median(rates)),
        "latency_p50_ms": round(statistics.median(waited), 2),
        "latency_p99_ms": round(waited[int(len(waited) * 0.99)], 2),
        "table_p50_ms": round(statistics.median(from_tables), 2),
        "table_p99_ms": round(from_tables[int(len(from_tables) * 0.99)], 2),
        "idle_percent": round(idle, 2),
    }


def records_per_second_of(port: int, seconds: float, round_: int) -> float:
    """Measure the rate on a stream of its own."""
    if round_:
        _kinesis(port, "DeleteStream", StreamName="filled")
    return records_per_second(port, seconds)


def rows(figures: Figures) -> Iterator[Row]:
    """Yield the rows of the table of figures."""
    rate = figures["records_per_second"]
    name = "Kinesis: records of 100 bytes a second by PutRecords, durable"
    yield Row(name, f"{rate:,}", "≥ 20,000", rate >= 20_000)
    yield Row(
        "one Kinesis record, from put to the handler's start, p50 / p99",
        f"{figures['latency_p50_ms']} / {figures['latency_p99_ms']} ms",
        "p50 ≤ 5 ms",
        figures["latency_p50_ms"] <= 5,
    )
    yield Row(
        "one change of a table, from put to the handler's start, p50 / p99",
        f"{figures['table_p50_ms']} / {figures['table_p99_ms']} ms",
        "p50 ≤ 10 ms",
        figures["table_p50_ms"] <= 10,
    )
    name = f"Kinesis: CPU of polling {_SHARDS:,} shards while nothing comes"
    yield at_most(name, figures["idle_percent"], 1, "%")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of the load run")
    run("kinesis", measure, parser)
