"""The sample of one trace from an API over functions and a queue to a table."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from typing import Any

import pytest

from tests.acceptance.conftest import ROOT, localfaas_up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_one_trace_leads_from_the_api_to_the_table() -> None:
    with localfaas_up(ROOT / "samples" / "traced-order", "--no-watch") as up:
        rest = up.client("apigateway")
        (api,) = rest.get_rest_apis()["items"]
        rest.close()
        url = f"{up.url}/restapis/{api['id']}/shop/_user_request_/orders"
        order = json.dumps({"id": "A-1"}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, order), timeout=60) as answer:
            root = answer.headers["x-amzn-trace-id"].partition(";")[0].removeprefix("Root=")

        def look() -> dict[str, Any]:
            with urllib.request.urlopen(f"{up.url}/_emulator/traces/{root}") as found:
                return dict(json.load(found))

        end = time.monotonic() + 90
        kinds: list[str] = []
        names: list[str] = []
        # The handler of the function that stores is the last to be told.
        while names.count("## handler") < 2 or "AWS::DynamoDB::Table" not in kinds:
            assert time.monotonic() < end, (kinds, names)
            time.sleep(0.1)
            found = look()
            kinds = [row["kind"] for row in found["rows"]]
            names = [row["name"] for row in found["rows"]]
        segments = [row["kind"] for row in found["rows"] if row["is_segment"]]
        assert segments == [
            "AWS::ApiGateway::Stage",
            "AWS::Lambda",
            "AWS::Lambda::Function",
            "AWS::SQS::Queue",
            "AWS::Lambda",
            "AWS::Lambda::Function",
            "AWS::DynamoDB::Table",
        ]
        rows = {row["id"]: row for row in found["rows"]}

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
        shown = subprocess.run(
            [sys.executable, "-m", "emulator", "trace", "last", "--endpoint", up.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        assert root in shown
        assert "PutItem" in shown
        assert all(len(line) <= 80 for line in shown.splitlines())
