"""The benchmark of event source mappings: queues drained through functions; part of ``make bench``.

Starts the emulator as a process of its own, with a state folder (so everything is durable), and
drives it over HTTP from this one.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_events import call, drive, headers, raw, syncs_per_second
from tests.benchmarks.bench_invoke import call as rest
from tests.benchmarks.bench_invoke import emulator, write_functions
from tests.benchmarks.figures import Row, run

_COUNT = "def handler(event, context):\n    return None\n"
_TELL = """
import time
def handler(event, context):
    began = time.time()
    for record in event["Records"]:
        print("WAITED", (began - float(record["body"])) * 1000)
"""
_MAPPINGS = "/2015-03-31/event-source-mappings/"


def mapping(port: int, function: str, queue: str, **fields: Any) -> str:
    arn = f"arn:aws:sqs:us-east-1:000000000000:{queue}"
    body = {"FunctionName": function, "EventSourceArn": arn, **fields}
    status, answer = rest(port, "POST", _MAPPINGS, json.dumps(body).encode())
    assert status == 202, answer
    return str(json.loads(answer)["UUID"])


def switch(port: int, uuid: str, enabled: bool) -> None:
    status, answer = rest(port, "PUT", _MAPPINGS + uuid, json.dumps({"Enabled": enabled}).encode())
    assert status == 202, answer
    wanted = "Enabled" if enabled else "Disabled"
    while json.loads(rest(port, "GET", _MAPPINGS + uuid)[1])["State"] != wanted:
        time.sleep(0.001)


def left(port: int, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = call(port, "GetQueueAttributes", QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(told[name]) for name in names)


def drains(port: int, messages: int, rounds: int) -> list[float]:
    """Return the messages a second of each drain; before the first there is no environment."""
    url = call(port, "CreateQueue", QueueName="drained")["QueueUrl"]
    uuid = mapping(port, "count", "drained", Enabled=False)
    entries = [{"Id": str(n), "MessageBody": "x" * 200} for n in range(10)]
    filling = raw("SendMessageBatch", QueueUrl=url, Entries=entries)
    figures = []
    for _ in range(rounds):
        drive(port, filling, 4, count=messages // 40)
        began = time.perf_counter()
        switch(port, uuid, True)
        while left(port, url):
            time.sleep(0.005)
        figures.append(messages / (time.perf_counter() - began))
        switch(port, uuid, False)
    return figures


def latencies(port: int, count: int) -> list[float]:
    """Return the milliseconds from each send's begin to the handler's, environments being there."""
    url = call(port, "CreateQueue", QueueName="single")["QueueUrl"]
    mapping(port, "tell", "single")
    send(port, url, 30)
    since = int(time.time() * 1000)
    send(port, url, count)
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    told: list[float] = []
    request = {"logGroupName": "/aws/lambda/tell", "filterPattern": "WAITED", "startTime": since}
    kind = {
        **headers("FilterLogEvents"),
        "X-Amz-Target": "Logs_20140328.FilterLogEvents",
        "Content-Type": "application/x-amz-json-1.1",
    }
    while True:
        asked.request("POST", "/", json.dumps(request), kind)
        answer = json.loads(asked.getresponse().read())
        told += [float(event["message"].split()[1]) for event in answer["events"]]
        if "nextToken" not in answer:
            break
        request["nextToken"] = answer["nextToken"]
    asked.close()
    assert len(told) == count, (len(told), count)
    return sorted(told)


def send(port: int, url: str, count: int) -> None:
    """Send single messages that say when they were sent; returns when they are processed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(count):
        body = json.dumps({"QueueUrl": url, "MessageBody": repr(time.time())})
        connection.request("POST", "/", body, headers("SendMessage"))
        connection.getresponse().read()
        time.sleep(0.005)
    connection.close()
    while left(port, url):
        time.sleep(0.01)


def measure(messages: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        floor = syncs_per_second(folder)
        write_functions(folder, {"count": _COUNT, "tell": _TELL})
        with emulator(folder, "--state", f"{name}/state") as (port, _, _):
            cold, *warm = drains(port, messages, rounds)
            waited = latencies(port, 300)
    return {
        "syncs_per_second": floor,
        "messages": messages,
        "drain_cold": round(cold),
        "drain_warm": round(statistics.median(warm)),
        "latency_p50_ms": round(statistics.median(waited), 2),
        "latency_p99_ms": round(waited[int(len(waited) * 0.99)], 2),
    }


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    yield Row(
        f"{figures['messages']:,} SQS messages in batches of 10 through a Python function, "
        "durable, a second (cold)",
        f"{figures['drain_warm']:,} ({figures['drain_cold']:,})",
        "≥ 5,000",
        figures["drain_warm"] >= 5000,
    )
    yield Row(
        "one SQS message, from send to the handler's start, p50 / p99",
        f"{figures['latency_p50_ms']} / {figures['latency_p99_ms']} ms",
        "p50 ≤ 5 ms",
        figures["latency_p50_ms"] <= 5,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=8)
    run("mappings", lambda it: measure(it.messages, it.rounds), parser)


if __name__ == "__main__":
    main()
