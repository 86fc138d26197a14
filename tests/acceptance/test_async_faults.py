"""What becomes of asynchronous events, as AWS shows it: rows F20 to F24 of the list of faults.

Everything is real but the minutes between attempts, which are a hundredth of a second each.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.drivers import settings
from tests.acceptance.test_faults import UUID, whole_log
from tests.api.conftest import Running, create, zip_of
from tests.api.conftest import Running as Emulator
from tests.patience import PATIENCE_S

ACCOUNT, REGION = "000000000000", "us-east-1"
FAILS = zip_of(app__py="def handler(event, context):\n    raise ValueError('no luck')\n")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    running = Emulator(settings("process", async_retry_scale=1 / 6000))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(emulator: Running) -> Any:
    return emulator.client("lambda")


class Told:
    """A queue that is told how events end."""

    def __init__(self, emulator: Emulator, name: str) -> None:
        self._sqs = emulator.client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def message(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            answer = self._sqs.receive_message(
                QueueUrl=self._url, WaitTimeSeconds=5, MessageAttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                handle = message["ReceiptHandle"]
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=handle)
                return message
        raise AssertionError("nothing was told")

    def record(self) -> dict[str, Any]:
        return json.loads(self.message()["Body"])


def function(
    client: Any, name: str, told: Told, code: bytes = FAILS, config: Any = None, **fields: Any
) -> None:
    create(client, name, Code={"ZipFile": code}, MemorySize=1769, **fields)
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    destination = {"Destination": told.arn}
    client.put_function_event_invoke_config(
        FunctionName=name,
        DestinationConfig={"OnSuccess": destination, "OnFailure": destination},
        **(config or {}),
    )


def send(client: Any, name: str, event: Any) -> str:
    answer = client.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
    )
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    return answer["ResponseMetadata"]["RequestId"]


def test_f20_three_attempts_then_dead_letter_and_record(emulator: Running, client: Any) -> None:
    told, dead = Told(emulator, "f20-told"), Told(emulator, "f20-dead")
    function(client, "f20", told, DeadLetterConfig={"TargetArn": dead.arn})
    request_id = send(client, "f20", {"order": 7})
    record = told.record()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
    failure = record.pop("responsePayload")
    assert (failure["errorType"], failure["errorMessage"]) == ("ValueError", "no luck")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f20:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"order": 7},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
    }
    letter = dead.message()
    assert json.loads(letter["Body"]) == {"order": 7}
    assert {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()} == {
        "RequestID": request_id,
        "ErrorCode": "200",
        "ErrorMessage": "no luck",
    }
    log = "".join(whole_log(emulator, "f20"))
    assert re.findall(f"START RequestId: ({UUID})", log) == [request_id] * 3
    assert re.findall(f"END RequestId: ({UUID})", log) == [request_id] * 3


def test_f21_an_event_that_would_grow_too_old(emulator: Running, client: Any) -> None:
    told = Told(emulator, "f21-told")
    # The next attempt, a minute later, would be after its age.
    function(client, "f21", told, config={"MaximumEventAgeInSeconds": 60})
    send(client, "f21", {})
    context = told.record()["requestContext"]
    assert context["condition"] == "EventAgeExceeded"
    assert context["approximateInvokeCount"] == 1


def test_f22_reserved_concurrency_of_zero(emulator: Running, client: Any) -> None:
    told = Told(emulator, "f22-told")
    function(client, "f22", told)
    client.put_function_concurrency(FunctionName="f22", ReservedConcurrentExecutions=0)
    send(client, "f22", {"n": 1})
    record = told.record()
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record
    assert "responseContext" not in record


def test_f23_throttled_events_wait_for_their_turn(emulator: Running, client: Any) -> None:
    told = Told(emulator, "f23-told")
    code = "import time\ndef handler(event, context):\n    time.sleep(0.3)\n    return event\n"
    # Were a throttle counted, none would be tried again.
    function(client, "f23", told, zip_of(app__py=code), config={"MaximumRetryAttempts": 0})
    client.put_function_concurrency(FunctionName="f23", ReservedConcurrentExecutions=1)
    for n in range(4):
        send(client, "f23", n)
    records = [told.record() for _ in range(4)]
    assert {each["requestContext"]["condition"] for each in records} == {"Success"}
    assert {each["requestContext"]["approximateInvokeCount"] for each in records} == {1}
    assert sorted(each["responsePayload"] for each in records) == [0, 1, 2, 3]


def test_f24_what_waits_runs_on_the_new_code(emulator: Running, client: Any) -> None:
    told = Told(emulator, "f24-told")
    old = """
import socket
def handler(event, context):
    with socket.create_connection(("127.0.0.1", event)) as gate:
        gate.recv(1)
    return "old"
"""
    function(client, "f24", told, zip_of(app__py=old), Timeout=120)
    client.put_function_concurrency(FunctionName="f24", ReservedConcurrentExecutions=1)
    with socket.create_server(("127.0.0.1", 0)) as gate:
        gate.settimeout(PATIENCE_S)
        for _ in range(2):
            send(client, "f24", gate.getsockname()[1])
        first, _ = gate.accept()
        # It goes on when there is new code, and not before.
        with first:
            new = zip_of(app__py="def handler(event, context):\n    return 'new'\n")
            client.update_function_code(FunctionName="f24", ZipFile=new)
            client.get_waiter("function_updated_v2").wait(FunctionName="f24")
    assert sorted(told.record()["responsePayload"] for _ in range(2)) == ["new", "old"]


def test_a_function_is_told_as_any_other_event(emulator: Running, client: Any) -> None:
    told = Told(emulator, "chain-told")
    create(
        client, "chain-end", Code={"ZipFile": zip_of(app__py="def handler(e, c):\n  return e\n")}
    )
    client.get_waiter("function_active_v2").wait(FunctionName="chain-end")
    client.put_function_event_invoke_config(
        FunctionName="chain-end", DestinationConfig={"OnSuccess": {"Destination": told.arn}}
    )
    end = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:chain-end"
    create(client, "chain-start", Code={"ZipFile": FAILS})
    client.get_waiter("function_active_v2").wait(FunctionName="chain-start")
    client.put_function_event_invoke_config(
        FunctionName="chain-start",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": end}},
    )
    request_id = send(client, "chain-start", {"n": 1})
    record = told.record()
    assert record["requestPayload"]["requestContext"]["requestId"] == request_id
    assert record["requestPayload"]["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responsePayload"] == record["requestPayload"]
