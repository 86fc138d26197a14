"""The sample of a view that a stream keeps up to date."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.conftest import ROOT, localfaas_up
from tests.patience import until

pytestmark = pytest.mark.slow


def test_balances_follow_the_payments() -> None:
    with localfaas_up(ROOT / "samples" / "account-view", "--no-watch") as up:
        kinesis, dynamodb, sqs = (up.client(name) for name in ("kinesis", "dynamodb", "sqs"))
        (stream,) = until(lambda: kinesis.list_streams()["StreamNames"])
        (table,) = until(lambda: dynamodb.list_tables()["TableNames"])
        urls = until(lambda: sqs.list_queues().get("QueueUrls", [])[1:] and sqs.list_queues())
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

        until(lambda: balances() == {"ann": "10", "bob": "12"})
        received = until(
            lambda: sqs.receive_message(QueueUrl=alerts, WaitTimeSeconds=2).get("Messages"),
        )
        assert [message["Body"] for message in received] == ["ann"]
        (failure,) = until(
            lambda: sqs.receive_message(QueueUrl=bad, WaitTimeSeconds=2).get("Messages"),
        )
        body = json.loads(failure["Body"])
        assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert body["KinesisBatchInfo"]["batchSize"] == 1
        for client in (kinesis, dynamodb, sqs):
            client.close()
