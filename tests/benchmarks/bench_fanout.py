"""The benchmark of fan-out: PutEvents before many rules, and Publish; part of ``make bench``.

The emulator is a process of its own with a state folder: what is acknowledged is on the disk.
"""

from __future__ import annotations

import argparse
import json
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config

from tests.benchmarks import load
from tests.benchmarks.bench_events import drive
from tests.benchmarks.bench_invoke import emulator, write_functions
from tests.benchmarks.figures import CONNECTIONS, Row, run

_HANDLER = """
import time
def handler(event, context):
    text = event["Records"][0]["Sns"]["Message"] if "Records" in event else event["detail"]["at"]
    if float(text):
        print("DELAY", time.time() - float(text))
"""
_RULES = (100, 1000)
_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/{}/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


def _put_events(count: int) -> bytes:
    detail = {"order": {"id": 17, "customer": "c-42", "total": 99.5}, "at": "0"}
    entry = {"Source": "bench", "DetailType": "ordered", "Detail": json.dumps(detail),
             "EventBusName": "bench"}  # fmt: skip
    lines = (
        "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AWSEvents.PutEvents\r\n"
        f"Authorization: {_AUTHORIZATION.format('events')}\r\n"
    )
    return load.http_post("/", json.dumps({"Entries": [entry] * count}).encode(), lines)


def _publish(topic: str, message: str = "0") -> bytes:
    return _sns("Publish", TopicArn=topic, Message=message)


def _sns(action: str, **members: str) -> bytes:
    form = {"Action": action, "Version": "2010-03-31", **members}
    lines = (
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Authorization: {_AUTHORIZATION.format('sns')}\r\n"
    )
    return load.http_post("/", urlencode(form).encode(), lines)


class _Clients:
    def __init__(self, port: int) -> None:
        def client(service: str) -> Any:
            return boto3.client(
                service,
                endpoint_url=f"http://localhost:{port}",
                region_name="us-east-1",
                aws_access_key_id="000000000000",
                aws_secret_access_key="x",
                config=Config(retries={"max_attempts": 0}),
            )

        self.events, self.sns, self.sqs, self.logs = map(client, ("events", "sns", "sqs", "logs"))

    def queue(self, name: str) -> str:
        self.sqs.create_queue(QueueName=name)
        return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def _bus(port: int, seconds: float) -> dict[str, Any]:
    """Return events put a second before many rules, of which one wants them."""
    clients, found = _Clients(port), {}
    clients.events.create_event_bus(Name="bench")
    target = {"Id": "1", "Arn": clients.queue("events")}
    made = 0
    for most in _RULES:
        for number in range(made, most):
            pattern = {
                "source": ["bench"],
                "detail-type": ["ordered"],
                "detail": {
                    "order": {"customer": [f"c-{number}"], "total": [{"numeric": [">", 9]}]}
                },
            }
            name = f"r{number}"
            clients.events.put_rule(
                Name=name, EventBusName="bench", EventPattern=json.dumps(pattern)
            )
            clients.events.put_targets(Rule=name, EventBusName="bench", Targets=[target])
        made = most
        one = drive(port, _put_events(1), 8, seconds=seconds).per_second
        ten = drive(port, _put_events(10), 8, seconds=seconds).per_second * 10
        found[str(most)] = [round(one), round(ten)]
    return found


def _topic(port: int, seconds: float) -> dict[str, Any]:
    """Return publishes a second to three queues and a function, and how soon that begins."""
    clients = _Clients(port)
    topic = clients.sns.create_topic(Name="bench")["TopicArn"]
    for number in range(3):
        arn = clients.queue(f"topic{number}")
        clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    function = "arn:aws:lambda:us-east-1:000000000000:function:echo"
    clients.sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    for _ in range(60):
        # No SDK: what a client takes to write its request is not ours.
        load.run(port, _publish(topic, str(time.time())), connections=1, count=1)
        time.sleep(0.03)
    time.sleep(1)
    told = clients.logs.filter_log_events(logGroupName="/aws/lambda/echo", filterPattern="DELAY")
    delays = [float(each["message"].split()[1]) * 1000 for each in told["events"]]
    rate = drive(port, _publish(topic), 8, seconds=seconds).per_second
    return {"per_second": round(rate), "begins_ms": round(median(delays[10:]), 2)}


def _subscribe_all(port: int, topic: str, queues: Sequence[str]) -> None:
    """Subscribe queues to a topic, over eight connections."""

    def work(begin: int) -> None:
        with closing(socket.create_connection(("127.0.0.1", port))) as connection:
            for arn in queues[begin :: CONNECTIONS[1]]:
                request = _sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn)
                connection.sendall(request)
                connection.recv(65536)

    with ThreadPoolExecutor(CONNECTIONS[1]) as pool:
        list(pool.map(work, range(CONNECTIONS[1])))


def _crowd(port: int, seconds: float, count: int) -> dict[str, Any]:
    """Return how long a Publish takes alone, and while a message goes to very many."""
    clients = _Clients(port)
    small = clients.sns.create_topic(Name="small")["TopicArn"]
    clients.sns.subscribe(TopicArn=small, Protocol="sqs", Endpoint=clients.queue("small"))
    crowd = clients.sns.create_topic(Name="crowd")["TopicArn"]
    _subscribe_all(port, crowd, [clients.queue(f"crowd{each}") for each in range(count)])
    drive(port, _publish(crowd), 1, count=1)
    alone = drive(port, _publish(small), 1, seconds=seconds)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(drive, port, _publish(crowd), 1, seconds=seconds)
        beside = drive(port, _publish(small), 1, seconds=seconds)
        sending.result()
    return {
        "subscriptions": count,
        "alone_ms": round(alone.p50, 2),
        "beside_ms": round(beside.p50, 2),
        "beside_p99_ms": round(beside.percentile(99), 2),
    }


def measure(seconds: float, subscriptions: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_functions(folder, {"echo": _HANDLER})
        figures: dict[str, Any] = {}
        with emulator(folder, "--state", f"{name}/bus") as (port, _, _):
            figures["events"] = _bus(port, seconds)
        with emulator(folder, "--state", f"{name}/topic") as (port, _, _):
            figures["topic"] = _topic(port, seconds)
        with emulator(folder, "--state", f"{name}/crowd") as (port, _, _):
            figures["crowd"] = _crowd(port, seconds, subscriptions)
    return figures


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    for rules, (one, ten) in figures["events"].items():
        yield Row(
            f"events put a second at 8, {int(rules):,} rules, one wants them: alone / by tens",
            f"{one:,} / {ten:,}",
            "≥ 2,000" if rules == "100" else "",
            max(one, ten) >= 2000,
        )
    topic = figures["topic"]
    yield Row(
        "Publish a second at 8 to 3 queues and a function, durable",
        f"{topic['per_second']:,}",
        "≥ 1,500",
        topic["per_second"] >= 1500,
    )
    yield Row(
        "from Publish to the handler's start, p50",
        f"{topic['begins_ms']} ms",
        "≤ 5 ms",
        topic["begins_ms"] <= 5,
    )

    crowd = figures["crowd"]
    yield Row(
        f"Publish to a queue, p50: alone / while messages go to {crowd['subscriptions']:,} others",
        f"{crowd['alone_ms']} / {crowd['beside_ms']} ms",
        "≤ 4 times as long",
        crowd["beside_ms"] <= 4 * crowd["alone_ms"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one load run")
    parser.add_argument("--subscriptions", type=int, default=10_000, help="of the great topic")
    run("fanout", lambda it: measure(it.seconds, it.subscriptions), parser)


if __name__ == "__main__":
    main()
