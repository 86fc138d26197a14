"""How long the AWS wire codec takes: ``python -m tests.benchmarks.bench_codec``.

Prints the minimum of several rounds: on a shared machine the others measure the neighbours.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import timeit
from collections.abc import Callable, Iterator
from typing import Any

from emulator import wire
from emulator.services.table import Table
from emulator.wire import model
from tests.benchmarks.figures import Row, run

_ROUNDS = 15

_LOADING = """
import resource, time, orjson, gzip
def peak(): return int(open('/proc/self/statm').read().split()[1]) * 4
t = time.perf_counter()
from emulator.services.table import Table
imported = time.perf_counter() - t
before = peak(); t = time.perf_counter()
Table().find('lambda').codec()
loaded = time.perf_counter() - t
print(imported * 1e3, loaded * 1e3, peak() - before)
"""


def round_trip(
    our: wire.ServiceCodec,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    result: Any,
) -> Callable[[], None]:
    """Return match + parse + validate + serialise of one request."""

    def once() -> None:
        operation, params = our.match(method, path, "")
        request = our.parse(operation, params=params, query="", headers=headers, body=body)
        our.validate(operation, request)
        our.serialise(operation, result, "0f3c2f0e-9a43-4b0c-8a52-2b6c3a3c8a53")

    return once


def microseconds(call: Callable[[], None], number: int = 2000) -> float:
    call()
    return min(timeit.repeat(call, number=number, repeat=_ROUNDS)) / number * 1e6


def measure() -> dict[str, Any]:
    lambda_ = Table().find("lambda").codec()
    headers = {"content-type": "application/json", "x-amz-invocation-type": "RequestResponse"}
    invoke = round_trip(
        lambda_,
        "POST",
        "/2015-03-31/functions/my-function/invocations",
        headers,
        b'{"hello":"world"}',
        {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": b'{"ok":true}'},
    )
    figures = {"invoke_us": round(microseconds(invoke), 1)}

    configuration = {
        "FunctionName": "my-function",
        "Runtime": "python3.12",
        "Role": "arn:aws:iam::000000000000:role/lambda",
        "Handler": "handler.handler",
        "Timeout": 30,
        "MemorySize": 256,
        "Description": "A function",
        "Environment": {"Variables": {"STAGE": "dev", "TABLE": "t", "LEVEL": "info"}},
        "Architectures": ["x86_64"],
        "Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:one:1"],
        "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"},
    }
    code = base64.b64encode(os.urandom(4096)).decode()
    tags = {"team": "x", "stage": "dev"}
    request = {**configuration, "Code": {"ZipFile": code}, "Tags": tags, "Publish": True}
    state = {"State": "Active", "CodeSize": 4096, "CodeSha256": "x" * 44, "Version": "1"}
    result = {**configuration, **state, "LastModified": "2026-01-01T00:00:00.000+0000"}
    result["Layers"] = [{"Arn": "arn:aws:lambda:us-east-1:000000000000:layer:one:1", "CodeSize": 1}]
    create = round_trip(
        lambda_, "POST", "/2015-03-31/functions", headers, json.dumps(request).encode(), result
    )
    figures["create_function_us"] = round(microseconds(create), 1)

    sqs = Table().find("sqs").codec()
    send = sqs.operation("SendMessage")
    body = b'{"QueueUrl":"http://localhost:4566/000000000000/q","MessageBody":"hello"}'
    sent = {"MessageId": "x" * 36, "MD5OfMessageBody": "x" * 32}

    def send_message() -> None:
        request = sqs.parse(send, params={}, query="", headers={}, body=body)
        sqs.validate(send, request)
        sqs.serialise(send, sent, "r")

    figures["send_message_us"] = round(microseconds(send_message), 1)

    def load() -> None:
        model.load.cache_clear()
        model.load("lambda")

    figures["load_model_ms"] = round(microseconds(load, 3) / 1e3, 1)
    output = subprocess.check_output([sys.executable, "-c", _LOADING], text=True).split()
    imported, loaded, memory = map(float, output)
    figures |= {"import_ms": round(imported, 1), "first_load_ms": round(loaded, 1)}
    figures["load_kib"] = round(memory)
    return figures


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    invoke, create = figures["invoke_us"], figures["create_function_us"]
    yield Row(
        "parse, validate and serialise: Invoke / CreateFunction",
        f"{invoke} / {create} µs",
        "≤ 10 / 60 µs",
        invoke <= 10 and create <= 60,
    )


def main() -> None:
    run("codec", lambda it: measure())


if __name__ == "__main__":
    main()
