"""The samples of fan-out and fan-in, and of routing by content."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.conftest import ROOT, localfaas_up
from tests.patience import until

pytestmark = pytest.mark.slow


def outputs(up: Any) -> dict[str, str]:
    """Return the outputs of the one stack, once it is there."""
    client = up.client("cloudformation")

    def look() -> dict[str, str]:
        return {
            each["OutputKey"]: each["OutputValue"]
            for stack in client.describe_stacks()["Stacks"]
            if stack["StackStatus"] == "CREATE_COMPLETE"
            for each in stack.get("Outputs") or []
        }

    found: dict[str, str] = until(look)
    client.close()
    return found


def received(sqs: Any, url: str, count: int) -> list[str]:
    bodies: list[str] = []

    def look() -> bool:
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
        bodies.extend(each["Body"] for each in answer.get("Messages", []))
        return len(bodies) >= count

    until(look)
    return bodies


def test_parts_of_a_quote_come_together() -> None:
    with localfaas_up(ROOT / "samples" / "quote-requests", "--no-watch") as up:
        known = outputs(up)
        sns, sqs = up.client("sns"), up.client("sqs")
        for name, items in (("r1", {"bolt": 20, "plate": 1}), ("r2", {"nut": 3})):
            message = json.dumps({"request": name, "items": items})
            sns.publish(TopicArn=known["TopicArn"], Message=message)
        quotes = {json.dumps(json.loads(each)) for each in received(sqs, known["QuotesUrl"], 2)}
        assert quotes == {
            json.dumps({"request": "r1", "price": 80, "days": 9}),
            json.dumps({"request": "r2", "price": 3, "days": 1}),
        }
        for client in (sns, sqs):
            client.close()


def test_events_go_where_their_content_says() -> None:
    with localfaas_up(ROOT / "samples" / "event-routing", "--no-watch") as up:
        known = outputs(up)
        events, sqs = up.client("events"), up.client("sqs")

        def order(id: str, total: int, country: str, orders: int) -> dict[str, Any]:
            customer = {"orders": orders, "email": f"{id}@example.com"}
            detail = {"id": id, "total": total, "country": country, "customer": customer}
            return {
                "EventBusName": known["BusName"],
                "Source": "shop.orders",
                "DetailType": "order placed",
                "Detail": json.dumps(detail),
                "Time": 1_700_000_000,
            }

        orders = [order("o1", 1500, "DE", 4), order("o2", 20, "US", 1), order("o3", 20, "FR", 2)]
        assert events.put_events(Entries=orders)["FailedEntryCount"] == 0
        reviews = [json.loads(each) for each in received(sqs, known["ReviewUrl"], 2)]
        assert sorted(reviews, key=lambda each: each["review"]) == [
            {"review": "o1", "total": 1500, "since": "2023-11-14T22:13:20Z"},
            {"review": "o2", "total": 20, "since": "2023-11-14T22:13:20Z"},
        ]
        assert received(sqs, known["WelcomedUrl"], 1) == ["Welcome, o2@example.com!"]
        (archive,) = events.list_archives()["Archives"]
        name = archive["ArchiveName"]
        until(lambda: events.describe_archive(ArchiveName=name)["EventCount"] == 3)
        for client in (events, sqs):
            client.close()
