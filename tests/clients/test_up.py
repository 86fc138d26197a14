"""What localfaas itself makes of the sample: served from the folder, order by order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.conftest import localfaas_up
from tests.clients.conftest import SAMPLE
from tests.patience import until

pytestmark = [pytest.mark.clients, pytest.mark.slow]


def test_an_order_is_accepted_and_processed() -> None:
    with localfaas_up(SAMPLE / "template.yaml", "--no-watch", "--parameter", "Currency=CHF") as up:
        # A start waits for a stack, but not for as long as a busy machine may take to translate it.
        stacks = up.client("cloudformation")
        until(stacks.describe_stacks, lambda found: "CREATE_COMPLETE" in str(found["Stacks"]))
        event = json.dumps({"items": [{"price": 12, "quantity": 2}]})
        answer = up.client().invoke(FunctionName="CreateOrder", Payload=event)
        accepted = json.loads(json.load(answer["Payload"])["body"])
        assert (accepted["total"], accepted["currency"]) == (24, "CHF")
        logs = up.client("logs")
        wanted = f'"processing order {accepted["orderId"]}"'

        def processed() -> Any:
            try:
                return logs.filter_log_events(
                    logGroupName="/aws/lambda/ProcessOrder", filterPattern=wanted
                )["events"]
            except logs.exceptions.ResourceNotFoundException:
                return []

        until(processed)
