"""The sample of a view that a stream keeps up to date."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.conftest import ROOT, localfaas_up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def until(look: Callable[[], Any], what: str) -> Any:
    """Wait until ``look`` gives something true, and return that."""
    end = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < end, f"never {what}"
        time.sleep(0.05)
    return found


def test_balances_follow_the_payments() -> None:
    with localfaas_up(ROOT / "samples" / "account-view", "--no-watch") as up:
        kinesis, dynamodb, sqs = (up.client(name) for name in ("kinesis", "dynamodb", "sqs"))
        (stream,) = until(lambda: kinesis.list_streams()["StreamNames"], "a stream")
        (table,) = until(lambda: dynamodb.list_tables()["TableNames"], "a table")
        urls = until(
            lambda: sqs.list_queues().get("QueueUrls", [])[1:] and sqs.list_queues(), "two queues"
        )
        alerts, bad = (
            next(url for url in urls["QueueUrls"] if part in url)
            for part in ("Alerts", "BadPayments")
        )
        payments = [("ann", 20), ("bob", 5), ("ann", -50), ("bob", 7), ("ann", 40)]
        for account, amount in payments:
            data = json.dumps({"account": account, "amount": amount})
            kinesis.put_record(StreamName=stream, Data=data, PartitionKey=account)
        kinesis.put_record(StreamName=stream, Data=b"no payment", PartitionKey="bob")

        def balances() -> dict[str, str]:
            items = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
            return {item["account"]["S"]: item["balance"]["N"] for item in items}

        until(lambda: balances() == {"ann": "10", "bob": "12"}, "the balances")
        received = until(
            lambda: sqs.receive_message(QueueUrl=alerts, WaitTimeSeconds=2).get("Messages"),
            "an alert",
        )
        assert [message["Body"] for message in received] == ["ann"]
        (failure,) = until(
            lambda: sqs.receive_message(QueueUrl=bad, WaitTimeSeconds=2).get("Messages"),
            "a record of a failure",
        )
        body = json.loads(failure["Body"])
        assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert body["KinesisBatchInfo"]["batchSize"] == 1
        for client in (kinesis, dynamodb, sqs):
            client.close()
