"""The sample of a REST service: authorizer, validation, provisioned concurrency, a stream."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import ROOT, Up, localfaas_up
from tests.browser import chromium, new_page
from tests.needs import need
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    need("node")
    with localfaas_up(ROOT / "samples" / "rest-orders", "--no-watch") as up:
        yield up


@pytest.fixture(scope="module")
def outputs(up: Up) -> dict[str, str]:
    (stack,) = up.client("cloudformation").describe_stacks()["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def call(
    up: Up, api_id: str, path: str, method: str = "GET", body: Any = None, **headers: str
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("localhost", up.port, timeout=PATIENCE_S)
    host = f"{api_id}.execute-api.us-east-1.localhost:{up.port}"
    sent = {"Host": host, "Content-Type": "application/json", **headers}
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, sent)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "null")
    finally:
        connection.close()


def test_orders_are_read_and_placed_by_those_who_may(up: Up, outputs: dict[str, str]) -> None:
    api_id = outputs["OrdersApi"]
    token = {"Authorization": "Bearer let-me-in"}
    assert call(up, api_id, "/Prod/orders/1") == (401, {"message": "Unauthorized"})
    assert call(up, api_id, "/Prod/orders/1", Authorization="Bearer no")[0] == 403
    status, order = call(up, api_id, "/Prod/orders/1", **token)
    assert (status, order) == (200, {"id": "1", "item": "book", "quantity": 2})
    assert call(up, api_id, "/Prod/orders/none", **token)[0] == 404
    wrong = {"item": "pen", "quantity": 0}
    assert call(up, api_id, "/Prod/orders", "POST", wrong, **token) == (
        400,
        {"message": "Invalid request body"},
    )
    status, order = call(
        up, api_id, "/Prod/orders", "POST", {"item": "pen", "quantity": 3}, **token
    )
    assert (status, order["item"]) == (201, "pen")
    assert call(up, api_id, f"/Prod/orders/{order['id']}", **token) == (200, order)


def test_a_browser_uses_the_service_and_watches_the_stream(up: Up, outputs: dict[str, str]) -> None:
    orders = f"http://{outputs['OrdersApi']}.execute-api.us-east-1.localhost:{up.port}/Prod/orders"
    ticker = f"http://{outputs['TickerApi']}.execute-api.us-east-1.localhost:{up.port}/Prod"
    with chromium() as browser:
        page = new_page(browser)
        # A page of another origin: the API's own CORS lets it in.
        page.goto(f"{ticker}?count=1&pause=0")
        placed = page.evaluate(
            """async (url) => {
                const answer = await fetch(url, {method: "POST", headers: {
                    "Authorization": "Bearer let-me-in", "Content-Type": "application/json"},
                    body: JSON.stringify({item: "pen", quantity: 1})});
                return [answer.status, (await answer.json()).item];
            }""",
            orders,
        )
        assert placed == [201, "pen"]
        # The first tick is there while the function still writes.
        page.goto(f"{ticker}?count=400&pause=20", wait_until="commit")
        for count in (1, 20):
            found = page.wait_for_function(
                f"document.querySelectorAll('#ticks li').length >= {count}"
                " && [document.querySelector('#end')]"
            )
            assert found.json_value() == [None]
        browser.close()
