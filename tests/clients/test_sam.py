"""SAM CLI deploys, synchronises, calls, reads logs of, lists and removes the sample."""

from __future__ import annotations

import json

import pytest

from tests.clients import tools
from tests.clients.conftest import Client

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(1800)]

STACK = "orders-sam"


@pytest.fixture
def sam(client: Client) -> Client:
    client.has(tools.programs("sam"))
    return client


def _deploy(sam: Client, *parameters: str, status: int = 0) -> str:
    options = ("--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset")
    overrides = ("--parameter-overrides", *parameters) if parameters else ()
    return sam.run("sam", "deploy", "--stack-name", STACK, *options, *overrides, status=status)


def test_the_life_of_a_stack(sam: Client) -> None:
    assert "Successfully created/updated stack" in _deploy(sam)
    function = sam.outputs(STACK)["CreateOrderFunction"]
    accepted = sam.order(function)
    assert accepted["currency"] == "EUR"

    assert "No changes to deploy" in _deploy(sam, status=1)

    _deploy(sam, "Currency=USD")
    assert sam.order(function)["currency"] == "USD"

    assert "99999" in _deploy(sam, "Currency=GBP MemorySize=99999", status=1)
    assert sam.status(STACK) == "UPDATE_ROLLBACK_COMPLETE"
    assert sam.order(function)["currency"] == "USD"

    event = json.dumps({"items": [{"price": 1, "quantity": 1}]})
    stack = ("--stack-name", STACK)
    assert '"statusCode": 202' in sam.run(
        "sam", "remote", "invoke", "CreateOrder", *stack, "-e", event
    )
    assert f"accepted order {accepted['orderId']}" in sam.run(
        "sam", "logs", *stack, "-n", "CreateOrder"
    )
    listed = json.loads(sam.run("sam", "list", "resources", *stack, "--output", "json"))
    assert "OrdersQueue" in [each["LogicalResourceId"] for each in listed]
    shown = sam.run("sam", "list", "stack-outputs", *stack, "--output", "json")
    assert function in shown

    sam.change_code()
    once = ("--no-watch", "--no-dependency-layer")
    sam.run("sam", "sync", *stack, "--code", *once, typed="y\n")
    assert sam.order(function)["version"] == 2

    sam.run("sam", "delete", *stack, "--no-prompts")
    assert sam.is_gone(STACK)
