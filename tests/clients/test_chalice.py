"""Chalice deploys, calls, reads logs of and removes the sample."""

from __future__ import annotations

import json

import pytest

from tests.clients import tools
from tests.clients.conftest import Client
from tests.patience import until

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def chalice(client: Client) -> Client:
    client.has(tools.programs("chalice"))
    client.up.client("sqs").create_queue(QueueName="chalice-orders")
    return client


def _set(chalice: Client, **stage: object) -> None:
    path = chalice.folder / "chalice" / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    variables = config["stages"]["dev"]["environment_variables"]
    if "currency" in stage:
        variables["CURRENCY"] = stage.pop("currency")
    config["stages"]["dev"].update(stage)
    path.write_text(json.dumps(config))


def test_the_life_of_an_app(chalice: Client) -> None:
    def run(*words: str, status: int = 0) -> str:
        return chalice.run("chalice", *words, cwd="chalice", status=status)

    run("deploy")
    function = "orders-dev-create"
    assert chalice.order(function)["currency"] == "EUR"

    run("deploy")
    _set(chalice, currency="USD")
    run("deploy")
    assert chalice.order(function)["currency"] == "USD"

    _set(chalice, lambda_memory_size=99999)
    assert "99999" in run("deploy", status=2)
    _set(chalice, lambda_memory_size=256)
    chalice.change_code("chalice/app.py")
    run("deploy")
    accepted = chalice.order(function)
    assert accepted["version"] == 2
    said = f"processing order {accepted['orderId']}"
    until(lambda: run("logs", "-n", "process"), lambda logs: said in logs)

    run("delete")
    client = chalice.up.client()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName=function)
