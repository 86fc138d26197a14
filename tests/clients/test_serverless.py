"""The Serverless Framework 3 deploys, calls, reads logs of and removes the sample."""

from __future__ import annotations

import json
import os

import pytest

from tests.clients import tools
from tests.clients.conftest import Client

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(1800)]

STACK = "orders-local"


@pytest.fixture
def sls(client: Client) -> Client:
    client.has(tools.programs("serverless"))
    os.symlink(tools.folder("serverless") / "node_modules", client.folder / "node_modules")
    # It looks at a stack every 5 s unless it is told to look more often.
    client.environ["SLS_AWS_MONITORING_FREQUENCY"] = "500"
    return client


def test_the_life_of_a_service(sls: Client) -> None:
    sls.run("serverless", "deploy")
    function = f"{STACK}-create"
    accepted = sls.order(function)
    assert accepted["currency"] == "EUR"

    assert "No changes to deploy" in sls.run("serverless", "deploy")

    sls.run("serverless", "deploy", "--param=currency=USD")
    assert sls.order(function)["currency"] == "USD"

    words = ("serverless", "deploy", "--param=currency=GBP", "--param=memory=99999", "--force")
    assert "99999" in sls.run(*words, status=1)
    assert sls.status(STACK) == "UPDATE_ROLLBACK_COMPLETE"
    assert sls.order(function)["currency"] == "USD"

    event = json.dumps({"items": [{"price": 1, "quantity": 1}]})
    assert '"statusCode": 202' in sls.run("serverless", "invoke", "-f", "create", "-d", event)
    logs = sls.run("serverless", "logs", "-f", "create")
    assert f"accepted order {accepted['orderId']}" in logs
    sls.change_code()
    sls.run("serverless", "deploy", "function", "-f", "create", "--param=currency=USD")
    assert sls.order(function)["version"] == 2

    sls.run("serverless", "remove")
    assert sls.is_gone(STACK)
