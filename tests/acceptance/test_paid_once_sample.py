"""The sample of orders that are paid once: Powertools' idempotency, batch, logs and metrics."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.acceptance.conftest import ROOT, localfaas_up
from tests.patience import until

pytestmark = pytest.mark.slow


def test_an_order_that_comes_twice_is_paid_once() -> None:
    with localfaas_up(ROOT / "samples" / "paid-once", "--no-watch") as up:
        dynamodb, sqs, logs = (up.client(name) for name in ("dynamodb", "sqs", "logs"))
        tables = until(lambda: dynamodb.list_tables()["TableNames"][1:] and dynamodb.list_tables())
        kept, paid = (
            next(name for name in tables["TableNames"] if part in name)
            for part in ("Idempotency", "Payments")
        )
        urls = until(lambda: sqs.list_queues().get("QueueUrls", [])[1:] and sqs.list_queues())
        orders = next(url for url in urls["QueueUrls"] if "FailedOrders" not in url)
        failed = next(url for url in urls["QueueUrls"] if "FailedOrders" in url)
        sent = [("A-1", 20), ("A-2", 0), ("A-1", 20), ("A-3", 7)]
        bodies = [json.dumps({"orderId": o, "customer": "ann", "amount": a}) for o, a in sent]
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
        sqs.send_message_batch(QueueUrl=orders, Entries=entries)

        def dead() -> list[Any]:
            return sqs.receive_message(QueueUrl=failed, WaitTimeSeconds=2).get("Messages", [])

        (letter,) = until(dead)
        assert json.loads(letter["Body"])["orderId"] == "A-2"
        # A duplicate that ran beside its original is tried again; it charges nothing.
        sqs.send_message(QueueUrl=orders, MessageBody=bodies[0])

        def balance() -> dict[str, Any]:
            return dynamodb.get_item(TableName=paid, Key={"customer": {"S": "ann"}}).get("Item", {})

        wanted = {"customer": {"S": "ann"}, "paid": {"N": "27"}, "orders": {"N": "2"}}
        until(lambda: balance() == wanted)
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        until(
            lambda: (
                set(
                    sqs.get_queue_attributes(QueueUrl=orders, AttributeNames=counts)[
                        "Attributes"
                    ].values()
                )
                == {"0"}
            ),
        )
        assert balance() == wanted
        records = dynamodb.scan(TableName=kept)["Items"]
        assert sorted(each["status"]["S"] for each in records) == ["COMPLETED", "COMPLETED"]
        assert all(int(each["expiration"]["N"]) > time.time() for each in records)
        (group,) = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
        told = logs.filter_log_events(logGroupName=group["logGroupName"], filterPattern="charged")
        lines = [json.loads(event["message"]) for event in told["events"]]
        assert sorted(line["order"] for line in lines if "order" in line) == ["A-1", "A-3"]
        assert all(line["service"] == "payments" for line in lines if "order" in line)
        # What Powertools wrote into the log is a metric, with the cold start.
        cloudwatch = up.client("cloudwatch")

        def measured(namespace: str, name: str) -> float:
            found = cloudwatch.list_metrics(Namespace=namespace, MetricName=name)["Metrics"]
            now = time.time()
            return sum(
                each["Sum"]
                for metric in found[:1]
                for each in cloudwatch.get_metric_statistics(
                    **metric,
                    StartTime=now - 3600,
                    EndTime=now + 60,
                    Period=7200,
                    Statistics=["Sum"],
                )["Datapoints"]
            )

        until(lambda: measured("Shop", "OrdersCharged") == 2)
        assert measured("Shop", "ColdStart") >= 1
        assert measured("AWS/Lambda", "Invocations") >= 1
        # Powertools' Tracer has told what the function did, and which tables it asked for what.
        xray = up.client("xray")

        def told_of() -> set[str]:
            now = time.time()
            found = xray.get_trace_summaries(StartTime=now - 3600, EndTime=now + 60)
            ids = [each["Id"] for each in found["TraceSummaries"]][:5]
            traces = xray.batch_get_traces(TraceIds=ids)["Traces"] if ids else ()
            segments = [segment for trace in traces for segment in trace["Segments"]]
            return set().union(*(_names(json.loads(each["Document"])) for each in segments))

        until(lambda: told_of() >= {"Invocation", "## handler", "## app.handle", "dynamodb"})


def _names(document: dict[str, Any]) -> set[str]:
    """Return the names of a segment and of all below it."""
    below = [_names(each) for each in document.get("subsegments", ())]
    return {document["name"]}.union(*below)
