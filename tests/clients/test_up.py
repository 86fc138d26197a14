"""What localfaas itself makes of the sample: served from the folder, order by order."""

from __future__ import annotations

import json
import time

import pytest

from tests.acceptance.conftest import localfaas_up
from tests.clients.conftest import SAMPLE

pytestmark = [pytest.mark.clients, pytest.mark.slow]


def test_an_order_is_accepted_and_processed() -> None:
    with localfaas_up(SAMPLE / "template.yaml", "--no-watch", "--parameter", "Currency=CHF") as up:
        event = json.dumps({"items": [{"price": 12, "quantity": 2}]})
        answer = up.client().invoke(FunctionName="CreateOrder", Payload=event)
        accepted = json.loads(json.load(answer["Payload"])["body"])
        assert (accepted["total"], accepted["currency"]) == (24, "CHF")
        logs = up.client("logs")
        end = time.monotonic() + 50
        wanted = f'"processing order {accepted["orderId"]}"'
        while True:
            try:
                found = logs.filter_log_events(
                    logGroupName="/aws/lambda/ProcessOrder", filterPattern=wanted
                )["events"]
            except logs.exceptions.ResourceNotFoundException:
                found = []
            if found:
                break
            assert time.monotonic() < end, "the order was never processed"
            time.sleep(0.05)
