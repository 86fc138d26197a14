"""The whole emulator is killed at random points under load: nothing acknowledged is lost."""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import create
from tests.patience import PATIENCE_S, until
from tests.reliability.emulator_process import Emulator
from tests.reliability.kills import kills

CREDENTIAL = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/sqs/aws4_request, x=y"
TOLD = "arn:aws:sqs:us-east-1:000000000000:told"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the process driver runs on Linux")


class Connection:
    """Calls over one connection until the emulator is gone."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    def close(self) -> None:
        self._connection.close()

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """Return the answer's JSON, or None where none came.

        Raises:
            ConnectionError: The emulator is gone.
        """
        try:
            self._connection.request("POST", path, body, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionError from error
        assert response.status < 300, content
        return json.loads(content or b"null")

    def sqs(self, operation: str, **request: Any) -> Any:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{operation}",
            "Authorization": CREDENTIAL,
        }
        return self.post("/", json.dumps(request).encode(), headers)


class Load:
    """What is done to the emulator, and what it acknowledged."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.events: set[str] = set()
        self.sent: set[str] = set()
        self.leaving: set[str] = set()
        self.deleted: set[str] = set()
        self._run = 0

    @property
    def acknowledged(self) -> int:
        return len(self.events) + len(self.sent) + len(self.deleted)

    def has(self, count: int) -> bool:
        """Say whether so much was acknowledged."""
        return self.acknowledged >= count

    def begin(self, port: int) -> list[threading.Thread]:
        """Start the load; its threads end when the emulator is gone."""
        self._run += 1
        work = [*[self._invoke] * 3, *[self._send] * 2, self._receive]
        threads = []
        for number, each in enumerate(work):
            arguments = (each, port, f"{self._run}-{number}")
            threads.append(threading.Thread(target=self._until_gone, args=arguments))
        for thread in threads:
            thread.start()
        return threads

    def _until_gone(self, work: Callable[[Connection, str], None], port: int, name: str) -> None:
        connection = Connection(port)
        try:
            for n in range(1_000_000):
                work(connection, f"{name}-{n}")
        except ConnectionError:
            return
        finally:
            connection.close()

    def _invoke(self, connection: Connection, name: str) -> None:
        path = "/2015-03-31/functions/hello/invocations"
        connection.post(
            path, json.dumps({"name": name}).encode(), {"X-Amz-Invocation-Type": "Event"}
        )
        self.events.add(name)

    def _send(self, connection: Connection, name: str) -> None:
        connection.sqs("SendMessage", QueueUrl=self.url, MessageBody=name)
        self.sent.add(name)

    def _receive(self, connection: Connection, name: str) -> None:
        found = connection.sqs("ReceiveMessage", QueueUrl=self.url, MaxNumberOfMessages=5)
        for message in found.get("Messages", [])[:3]:
            self.leaving.add(message["Body"])
            connection.sqs(
                "DeleteMessage", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
            )
            self.deleted.add(message["Body"])


def _drain(port: int, url: str, wanted: set[str], name: Callable[[str], str]) -> set[str]:
    """Receive and delete until ``wanted`` has been seen; returns all that was seen."""
    connection, end = Connection(port), time.monotonic() + PATIENCE_S
    seen: set[str] = set()
    try:
        while wanted - seen:
            assert time.monotonic() < end, f"{len(wanted - seen)} of {len(wanted)} lost"
            found = connection.sqs(
                "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2
            ).get("Messages", [])
            seen |= {name(message["Body"]) for message in found}
            if found:
                entries = [
                    {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                    for n, message in enumerate(found)
                ]
                connection.sqs("DeleteMessageBatch", QueueUrl=url, Entries=entries)
    finally:
        connection.close()
    return seen


def _kill_often(state: Path, kills: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    emulator = Emulator(state)
    try:
        sqs, functions = emulator.client("sqs"), emulator.client("lambda")
        told = sqs.create_queue(QueueName="told")["QueueUrl"]
        url = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "1"})[
            "QueueUrl"
        ]
        create(functions)
        functions.get_waiter("function_active_v2").wait(FunctionName="hello")
        destination = {"OnSuccess": {"Destination": TOLD}}
        functions.put_function_event_invoke_config(
            FunctionName="hello", DestinationConfig=destination
        )
        sqs.close()
        functions.close()
        load = Load(url)
        for _ in range(kills):
            threads = load.begin(emulator.port)
            # Points in the work, not in time: how much is done in a while is the machine's affair.
            until(partial(load.has, load.acknowledged + choose.randrange(20, 200)))
            time.sleep(choose.uniform(0.0, 0.005))
            emulator.kill()
            for thread in threads:
                thread.join()
            with sqlite3.connect(state / "state.db") as database:
                assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            database.close()
            emulator = Emulator(state)
        print(
            f"{kills} kills, {len(load.events)} events and {len(load.sent)} messages acknowledged"
        )
        assert load.events
        assert load.deleted
        kept = load.sent - load.leaving
        assert not load.deleted & _drain(emulator.port, url, kept, str)
        _drain(
            emulator.port,
            told,
            load.events,
            lambda body: json.loads(body)["requestPayload"]["name"],
        )
    finally:
        emulator.kill()


@pytest.mark.slow
@kills(few=10)
def test_kills_lose_nothing(tmp_path: Path, kills: int) -> None:
    _kill_often(tmp_path / "state", kills)
