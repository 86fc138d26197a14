"""The sample of an order processor: queue, function, partial failure, redrive, dead letters."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.acceptance.conftest import ROOT, localfaas_up
from tests.patience import until

pytestmark = pytest.mark.slow


def test_orders_are_charged_once_and_bad_ones_become_dead_letters() -> None:
    with localfaas_up(ROOT / "sample_functions", "--no-watch") as up:
        sqs, logs = up.client("sqs"), up.client("logs")
        urls = {name: until(partial(_url, sqs, name)) for name in ("orders", "orders-dlq")}
        orders = [
            {"order_id": "A-1", "amount": 20},
            {"order_id": "A-2", "amount": 0},
            {"order_id": "A-1", "amount": 20},
            {"order_id": "A-3", "amount": 7},
        ]
        entries = [{"Id": str(n), "MessageBody": json.dumps(o)} for n, o in enumerate(orders)]
        sqs.send_message_batch(QueueUrl=urls["orders"], Entries=entries)

        def dead() -> list[Any]:
            return sqs.receive_message(
                QueueUrl=urls["orders-dlq"],
                WaitTimeSeconds=2,
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])

        (letter,) = until(dead)
        assert json.loads(letter["Body"]) == orders[1]
        # Received twice from its queue, and once here.
        assert letter["Attributes"]["ApproximateReceiveCount"] == "3"
        assert letter["Attributes"]["DeadLetterQueueSourceArn"].endswith(":orders")
        told = logs.filter_log_events(logGroupName="/aws/lambda/orders", filterPattern="charged")
        charged = sorted(event["message"].strip() for event in told["events"])
        assert charged == ["charged A-1: 20", "charged A-3: 7"]
        told = logs.filter_log_events(logGroupName="/aws/lambda/orders", filterPattern="failed")
        failed = [event["message"].strip() for event in told["events"]]
        assert failed == ["failed: order A-2: nothing to charge"] * 2

        # The bug is mended: what was dead is sent again, and nothing that was done is repeated.
        sqs.change_message_visibility(
            QueueUrl=urls["orders-dlq"], ReceiptHandle=letter["ReceiptHandle"], VisibilityTimeout=0
        )
        arn = "arn:aws:sqs:us-east-1:000000000000:orders-dlq"
        sqs.start_message_move_task(SourceArn=arn)
        (letter,) = until(dead)
        assert json.loads(letter["Body"]) == orders[1]
        counts = sqs.get_queue_attributes(QueueUrl=urls["orders"], AttributeNames=["All"])
        assert counts["Attributes"]["ApproximateNumberOfMessages"] == "0"
        assert counts["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"


def _url(sqs: Any, name: str) -> str | None:
    try:
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist:
        return None
