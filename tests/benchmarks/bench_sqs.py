"""Measures SQS over HTTP, durable: SendMessage a second, flat with depth; receive and delete.

Run: ``python -m tests.benchmarks.bench_sqs [--deep 100000] [--folder DIR] [--url http://...]``.
Without ``--url`` it serves SQS alone, in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks import load

SERVER = """
import asyncio, sys, uvicorn, uvloop
from pathlib import Path
from types import SimpleNamespace
from emulator.control.sqs.queues import Sqs
from emulator.edge.aws import AwsDoor
from emulator.edge.services import SERVED
from emulator.model.clock import SystemClock
from emulator.queues.engine import Engine
from emulator.store.store import Store

async def main():
    for protocol in ("json", "query"):
        SERVED.setdefault(("sqs", protocol), "emulator.control.sqs.operations")
    store = Store.open(Path(sys.argv[1]))
    clock = SystemClock()
    sqs = await Sqs.open(await Engine.open(store.messages, clock))
    services = SimpleNamespace(clock=clock, sqs=sqs)
    door = AwsDoor(services, account="000000000000", region="us-east-1")
    async def application(scope, receive, send):
        await door(scope, dict(scope["headers"]), receive, send)
    await uvicorn.Server(uvicorn.Config(application, port=int(sys.argv[2]), http="httptools",
        lifespan="off", log_config=None, access_log=False)).serve()
uvloop.run(main())
"""
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


def headers(operation: str) -> dict[str, str]:
    return {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Authorization": AUTHORIZATION,
    }


def call(url: str, operation: str, **request: object) -> dict[str, object]:
    body = json.dumps(request).encode()
    asked = urllib.request.Request(url, body, headers(operation))
    with urllib.request.urlopen(asked, timeout=60) as answer:
        found: dict[str, object] = json.loads(answer.read() or b"{}")
        return found


def raw(operation: str, **request: object) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers(operation).items())
    return load.http_post("/", json.dumps(request).encode(), lines)


async def measure(url: str, deep: int) -> None:
    port = urlsplit(url).port or 80
    shallow = call(url, "CreateQueue", QueueName="shallow")["QueueUrl"]
    body = "x" * 200
    for connections in (1, 8, 32):
        request = raw("SendMessage", QueueUrl=shallow, MessageBody=body)
        result = await load.run(port, request, connections=connections, seconds=3.0)
        print(
            f"SendMessage at {connections:2}: {result.per_second:6.0f}/s, "
            f"p50 {result.p50:.2f} ms, p99 {result.percentile(99):.2f} ms, {result.errors} errors"
        )
    deep_queue = call(url, "CreateQueue", QueueName="deep")["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": body} for n in range(10)]
    filling = raw("SendMessageBatch", QueueUrl=deep_queue, Entries=entries)
    filled = await load.run(port, filling, connections=8, count=deep // 80)
    print(f"SendMessageBatch of 10 at 8: {filled.per_second * 10:.0f} messages/s")
    told = call(url, "GetQueueAttributes", QueueUrl=deep_queue, AttributeNames=["All"])
    print("deep:", told["Attributes"]["ApproximateNumberOfMessages"])  # type: ignore[index]
    for queue, name in ((shallow, "shallow"), (deep_queue, "deep")):
        for connections in (1, 8):
            request = raw("SendMessage", QueueUrl=queue, MessageBody=body)
            result = await load.run(port, request, connections=connections, seconds=3.0)
            print(f"SendMessage at {connections}, {name}: {result.per_second:.0f}/s")
            request = raw("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10)
            result = await load.run(port, request, connections=connections, seconds=1.0)
            print(f"ReceiveMessage of 10 at {connections}, {name}: {result.per_second:.0f}/s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--deep", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--url")
    arguments = parser.parse_args()
    if arguments.url:
        asyncio.run(measure(arguments.url, arguments.deep))
        return
    folder = Path(tempfile.mkdtemp(dir=arguments.folder))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://localhost:{port}"
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(folder), str(port)])
    try:
        for _ in range(100):
            time.sleep(0.1)
            try:
                call(url, "ListQueues")
                break
            except OSError:
                continue
        asyncio.run(measure(url, arguments.deep))
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
