"""The benchmark of events: asynchronous invokes and SQS, durable; part of ``make bench``.

Starts the emulator as a process of its own, with a state folder, and drives it over HTTP from
this one. A small write with ``fsync`` is timed in the same run: nothing durable is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import load
from tests.benchmarks.bench_invoke import _HANDLER, emulator, write_functions
from tests.benchmarks.figures import CONNECTIONS, Row, run, several

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
BODY = "x" * 200


def headers(operation: str) -> dict[str, str]:
    return {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Authorization": AUTHORIZATION,
    }


def call(port: int, operation: str, **request: object) -> dict[str, Any]:
    asked = urllib.request.Request(
        f"http://localhost:{port}/", json.dumps(request).encode(), headers(operation)
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        found: dict[str, Any] = json.loads(answer.read() or b"{}")
        return found


def raw(operation: str, **request: object) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers(operation).items())
    return load.http_post("/", json.dumps(request).encode(), lines)


def drive(port: int, request: bytes, connections: int, **options: Any) -> load.Result:
    result = load.run(port, request, connections=connections, **options)
    if result.errors:
        raise SystemExit(f"{result.errors} errors under load")
    return result


def syncs_per_second(folder: Path, seconds: float = 1.0) -> int:
    """Return how many small synced writes a second the disk takes, one after the other."""
    count, until = 0, time.perf_counter() + seconds
    with (folder / "floor").open("wb", buffering=0) as file:
        while time.perf_counter() < until:
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            count += 1
    return round(count / seconds)


def accepts(port: int, seconds: float) -> dict[str, int]:
    """Return asynchronous invokes accepted a second, by connections."""
    path = "/2015-03-31/functions/echo/invocations"
    request = load.http_post(path, b'{"order": 1}', "X-Amz-Invocation-Type: Event\r\n")
    drive(port, request, 8, count=30)
    return {
        str(connections): round(drive(port, request, connections, seconds=seconds).per_second)
        for connections in CONNECTIONS
    }


def queues(port: int, seconds: float, deep: int) -> dict[str, Any]:
    shallow = call(port, "CreateQueue", QueueName="shallow")["QueueUrl"]
    url = call(port, "CreateQueue", QueueName="deep")["QueueUrl"]
    sending = raw("SendMessage", QueueUrl=shallow, MessageBody=BODY)
    figures: dict[str, Any] = {"send": {}}
    for connections in CONNECTIONS:
        result = drive(port, sending, connections, seconds=seconds)
        figures["send"][str(connections)] = round(result.per_second)
    entries = [{"Id": str(n), "MessageBody": BODY} for n in range(10)]
    filling = raw("SendMessageBatch", QueueUrl=url, Entries=entries)
    filled = drive(port, filling, 8, count=deep // 80)
    figures["batch_10_messages"] = round(filled.per_second * 10)
    told = call(port, "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    figures["depth"] = int(told["Attributes"]["ApproximateNumberOfMessages"])
    for name, queue in (("shallow", shallow), ("deep", url)):
        if queue == shallow:
            call(port, "PurgeQueue", QueueUrl=shallow)
            drive(port, sending, 8, count=125)
        request = raw("SendMessage", QueueUrl=queue, MessageBody=BODY)
        figures[f"send_8_{name}"] = round(drive(port, request, 8, seconds=seconds).per_second)
        request = raw("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10)
        result = drive(port, request, 1, count=100)
        figures[f"receive_10_{name}_ms"] = round(result.p50, 3)
    return figures


def measure(seconds: float, deep: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        figures: dict[str, Any] = {"syncs_per_second": syncs_per_second(folder)}
        write_functions(folder, {"echo": _HANDLER})
        with emulator(folder, "--state", f"{name}/invokes") as (port, _, _):
            figures["accepts"] = accepts(port, seconds)
        with emulator(folder, "--state", f"{name}/queues") as (port, _, _):
            figures["queues"] = queues(port, seconds, deep)
    return figures


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    accepted, found = figures["accepts"], figures["queues"]
    yield Row(
        "asynchronous invokes accepted a second at 1 / 8 / 32, durable, while they run",
        several(accepted.values()),
        "≥ 2,500 at 32",
        accepted["32"] >= 2500,
    )
    yield Row(
        "SendMessage a second at 1 / 8 / 32, durable",
        several(found["send"].values()),
        "≥ 2,500 at 8",
        found["send"]["8"] >= 2500,
    )
    yield Row(
        "messages sent a second in batches of 10 at 8, durable", f"{found['batch_10_messages']:,}"
    )
    yield Row(
        f"SendMessage a second at 8, 1,000 and {found['depth']:,} deep",
        f"{found['send_8_shallow']:,} / {found['send_8_deep']:,}",
        "the same",
        found["send_8_deep"] >= 0.8 * found["send_8_shallow"],
    )
    yield Row(
        "ReceiveMessage of 10, the same depths",
        f"{found['receive_10_shallow_ms']} / {found['receive_10_deep_ms']} ms",
        "the same",
        found["receive_10_deep_ms"] <= 1.2 * found["receive_10_shallow_ms"],
    )
    yield Row("floor: synced writes of 4 KB a second", f"{figures['syncs_per_second']:,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one load run")
    parser.add_argument("--deep", type=int, default=1_000_000, help="messages of the deep queue")
    run("events", lambda it: measure(it.seconds, it.deep), parser)


if __name__ == "__main__":
    main()
