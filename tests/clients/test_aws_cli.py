"""The AWS CLI deploys, changes, fails to change and removes the sample."""

from __future__ import annotations

import sys
import time

import pytest

from tests.clients.conftest import Client

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(1800)]

STACK = "orders-cli"
PACKAGED = "packaged.yaml"
#: The command. Its waiters rest for 30 s where a stack is under way for longer than the emulator
#: holds who asks, which a busy machine may take for it.
_CLI = """
import sys, time
rest = time.sleep
time.sleep = lambda seconds: rest(min(seconds, 0.1))
from awscli.clidriver import main
sys.exit(main())
"""


def _aws(client: Client, *words: str, status: int = 0) -> str:
    return client.run(sys.executable, "-c", _CLI, *words, status=status)


def _deploy(client: Client, *overrides: str, status: int = 0) -> str:
    stack = ("--stack-name", STACK, "--capabilities", "CAPABILITY_IAM")
    options = ("--no-fail-on-empty-changeset", "--parameter-overrides", *overrides)
    template = ("--template-file", PACKAGED)
    # It names its change sets after the second, and leaves those that change nothing.
    time.sleep(1 - time.time() % 1)
    return _aws(client, "cloudformation", "deploy", *template, *stack, *options, status=status)


def test_the_life_of_a_stack(client: Client) -> None:
    client.up.client("s3").create_bucket(Bucket="artifacts")
    files = ("--template-file", "template.yaml", "--output-template-file", PACKAGED)
    _aws(client, "cloudformation", "package", *files, "--s3-bucket", "artifacts")
    assert "Successfully created/updated" in _deploy(client, "Currency=EUR")
    function = client.outputs(STACK)["CreateOrderFunction"]
    assert client.order(function)["currency"] == "EUR"

    assert "No changes to deploy" in _deploy(client, "Currency=EUR")

    _deploy(client, "Currency=USD")
    assert client.order(function)["currency"] == "USD"

    assert "Failed to create/update" in _deploy(client, "MemorySize=99999", status=255)
    assert client.status(STACK) == "UPDATE_ROLLBACK_COMPLETE"
    assert client.order(function)["currency"] == "USD"

    events = _aws(client, "cloudformation", "describe-stack-events", "--stack-name", STACK)
    assert "localfaas does not serve" not in events
    listed = _aws(client, "cloudformation", "list-stack-resources", "--stack-name", STACK)
    assert '"LogicalResourceId": "ProcessOrder"' in listed
    body = ("--template-body", "file://template.yaml")
    assert "CAPABILITY_AUTO_EXPAND" in _aws(client, "cloudformation", "validate-template", *body)

    _aws(client, "cloudformation", "delete-stack", "--stack-name", STACK)
    _aws(client, "cloudformation", "wait", "stack-delete-complete", "--stack-name", STACK)
    assert client.is_gone(STACK)
