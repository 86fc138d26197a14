"""The CDK bootstraps, deploys, swaps code in, compares and removes the sample, in two languages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.clients import tools
from tests.clients.conftest import Client

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(1800)]

_AGREED = ("--require-approval", "never")


@pytest.fixture
def cdk(client: Client) -> Client:
    client.has(tools.programs("cdk"))
    client.environ["ORDERS_SOURCE"] = str(client.folder / "src")
    modules = tools.folder("cdk") / "node_modules"
    os.symlink(modules, client.folder / "cdk" / "node_modules")
    client.run("cdk", "bootstrap", "aws://000000000000/us-east-1", cwd="cdk")
    return client


def _set(**values: object) -> list[str]:
    return [word for key, value in values.items() for word in ("-c", f"{key}={value}")]


def test_the_life_of_a_stack(cdk: Client) -> None:
    def run(*words: str, status: int = 0) -> str:
        return cdk.run("cdk", *words, cwd="cdk", status=status)

    run("deploy", *_AGREED)
    function = cdk.outputs("Orders")["CreateOrderFunction"]
    assert cdk.order(function)["currency"] == "EUR"

    assert "(no changes)" in run("deploy", *_AGREED)

    changed = _set(currency="USD")
    assert "USD" in run("diff", *changed)
    run("deploy", *_AGREED, *changed)
    assert cdk.order(function)["currency"] == "USD"

    assert "99999" in run("deploy", *_AGREED, *_set(currency="GBP", memory=99999), status=1)
    assert cdk.status("Orders") == "UPDATE_ROLLBACK_COMPLETE"
    assert cdk.order(function)["currency"] == "USD"

    cdk.change_code()
    run("deploy", "--hotswap", *_AGREED, *changed)
    assert cdk.order(function)["version"] == 2

    run("destroy", "--force")
    assert cdk.is_gone("Orders")


def test_an_app_in_python(cdk: Client) -> None:
    python = tools.programs("cdk-python") / "python"
    app = ("--app", f"{python} {Path('app.py')}")

    def run(*words: str) -> str:
        return cdk.run("cdk", *words, *app, cwd="cdk-python")

    run("deploy", *_AGREED)
    function = cdk.outputs("OrdersPython")["CreateOrderFunction"]
    assert cdk.order(function)["currency"] == "EUR"
    run("deploy", *_AGREED, *_set(currency="USD"))
    assert cdk.order(function)["currency"] == "USD"
    run("destroy", "--force")
    assert cdk.is_gone("OrdersPython")
