"""The sample of one trace from an API over functions and a queue to a table."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.acceptance.conftest import ROOT, localfaas_up
from tests.browser import chromium, new_page
from tests.patience import PATIENCE_S

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("traced-order"),
]


class Traced(NamedTuple):
    """An emulator that has served an order, and the order's trace."""

    url: str
    id: str
    rows: list[dict[str, Any]]


@pytest.fixture(scope="module")
def traced() -> Iterator[Traced]:
    with localfaas_up(ROOT / "samples" / "traced-order", "--no-watch") as up:
        rest = up.client("apigateway")
        (api,) = rest.get_rest_apis()["items"]
        rest.close()
        url = f"{up.url}/restapis/{api['id']}/shop/_user_request_/orders"
        order = json.dumps({"id": "A-1"}).encode()
        with urllib.request.urlopen(
            urllib.request.Request(url, order), timeout=PATIENCE_S
        ) as answer:
            root = answer.headers["x-amzn-trace-id"].partition(";")[0].removeprefix("Root=")
        end = time.monotonic() + PATIENCE_S
        kinds: list[str] = []
        names: list[str] = []
        # The handler of the function that stores is the last to be told.
        while names.count("## handler") < 2 or "AWS::DynamoDB::Table" not in kinds:
            assert time.monotonic() < end, (kinds, names)
            time.sleep(0.1)
            with urllib.request.urlopen(f"{up.url}/_emulator/traces/{root}") as found:
                rows = json.load(found)["rows"]
            kinds = [row["kind"] for row in rows]
            names = [row["name"] for row in rows]
        yield Traced(up.url, root, rows)


def test_one_trace_leads_from_the_api_to_the_table(traced: Traced) -> None:
    assert [row["kind"] for row in traced.rows if row["is_segment"]] == [
        "AWS::ApiGateway::Stage",
        "AWS::Lambda",
        "AWS::Lambda::Function",
        "AWS::SQS::Queue",
        "AWS::Lambda",
        "AWS::Lambda::Function",
        "AWS::DynamoDB::Table",
    ]
    rows = {row["id"]: row for row in traced.rows}

    def above(row: dict[str, Any]) -> list[str]:
        way = []
        while row["parent_id"]:
            row = rows[row["parent_id"]]
            way.append(row["name"])
        return way

    (table,) = [row for row in rows.values() if row["kind"] == "AWS::DynamoDB::Table"
                and row["is_segment"]]  # fmt: skip
    assert above(table)[-1] == "localfaas/shop"
    assert {"Store", "Take", "Invocation", "## handler"} <= set(above(table))


def test_the_command_shows_it_in_eighty_columns(traced: Traced) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "emulator", "trace", "last", "--endpoint", traced.url],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    ).stdout
    assert traced.id in shown
    assert "PutItem" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


#: The rows' kinds, and where their bars begin.
_KINDS_AND_BARS = """() => [
  [...document.querySelectorAll("td[data-label=Kind]")].map((cell) => cell.innerText),
  [...document.querySelectorAll("rect.bar")].map((bar) => bar.getBoundingClientRect().x),
]"""


def test_a_browser_shows_it_as_a_waterfall(traced: Traced, tmp_path: Path) -> None:
    with chromium() as browser:
        page = new_page(browser, viewport={"width": 1200, "height": 800})
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{traced.url}/_emulator/ui/traces")
        page.locator(f"a[href$='{traced.id}']").click()
        page.wait_for_url(f"**/traces/{traced.id}")
        # In one look: every two seconds the page is made anew.
        kinds, bars = page.evaluate(_KINDS_AND_BARS)
        ways = ["ApiGateway::Stage", "Lambda::Function", "SQS::Queue", "DynamoDB::Table"]
        places = [kinds.index(f"AWS::{way}") for way in ways]
        assert places == sorted(places)
        assert len(bars) == len(kinds)
        starts = [bars[at] for at in places]
        # What is called later begins further to the right.
        assert starts == sorted(starts)
        assert starts[0] < starts[-1]
        image = tmp_path / "trace.png"
        page.screenshot(path=image, full_page=True)
        assert image.read_bytes().startswith(b"\x89PNG")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 1200
        assert not wrong
