"""The samples of workflows, through ``localfaas up``."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.acceptance.conftest import ROOT, Up, localfaas_up
from tests.acceptance.test_event_samples import command, outputs, receive
from tests.patience import until

pytestmark = pytest.mark.slow


def execute(up: Up, arn: str, given: Any, name: str = "") -> str:
    request = {"stateMachineArn": arn, "input": json.dumps(given)}
    if name:
        request["name"] = name
    found: str = up.client("stepfunctions").start_execution(**request)["executionArn"]
    return found


def over(up: Up, arn: str, status: str) -> dict[str, Any]:
    client = up.client("stepfunctions")

    def look() -> Any:
        found = client.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = until(look)
    assert found["status"] == status, json.dumps(found, default=str)
    return found


def test_an_order_is_shipped_or_taken_back(tmp_path: Path) -> None:
    with localfaas_up(ROOT / "samples" / "order-saga", "--no-watch", "--time-scale", "10") as up:
        names = outputs(up)
        order = {"item": "book", "quantity": 2, "price": 15, "busy": 1}
        execution = execute(up, names["Orders"], order, "first")
        shipped = json.loads(over(up, execution, "SUCCEEDED")["output"])
        assert shipped == {
            "status": "shipped",
            "payment": "payment-of-30",
            "parcel": "parcel-with-book",
            "total": 30,
        }
        history = command(up, "workflow", "history", "orders:first")
        assert "ServiceBusy" in history
        assert "SUCCEEDED" in command(up, "workflow", "list", "orders")
        assert "payment-of-30" in command(up, "workflow", "show", "orders")
        failed = over(up, execute(up, names["Orders"], {**order, "item": "unicorn"}), "FAILED")
        assert (failed["error"], failed["cause"]) == ("OrderRejected", "OutOfStock")
        assert receive(up, names["Rejected"])["reason"] == "OutOfStock"
        assert "refunded payment-of-30" in command(up, "logs")
        detail = json.dumps({"item": "pen", "quantity": 1, "price": 1})
        entry = {"Source": "shop", "DetailType": "OrderPlaced", "Detail": detail}
        assert up.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
        until(lambda: "pen" in command(up, "workflow", "show", "orders"))
        definition = tmp_path / "double.asl.json"
        definition.write_text(
            json.dumps(
                {
                    "QueryLanguage": "JSONata",
                    "StartAt": "Double",
                    "States": {
                        "Double": {
                            "Type": "Pass",
                            "Output": "{% $states.input.n * 2 %}",
                            "End": True,
                        }
                    },
                }
            )
        )
        shown = command(up, "workflow", "test", str(definition), "--input", '{"n": 21}')
        assert shown.splitlines()[-1] == "42"
        tried = command(
            up, "workflow", "test", str(definition), "--input", '{"n": 1}', "--state", "Double"
        )
        assert json.loads(tried)["output"] == "2"


def test_a_person_approves() -> None:
    with localfaas_up(ROOT / "samples" / "approval", "--no-watch") as up:
        names = outputs(up)
        for answer, status in (("yes", "SUCCEEDED"), ("no", "FAILED")):
            execution = execute(up, names["Approval"], {"what": "a holiday"})
            token = receive(up, names["Requests"])["token"]
            query = {"token": token, "answer": answer, "by": "ann", "why": "too long"}
            # Its host may not resolve on this machine.
            host = urlsplit(names["Decide"]).netloc
            asked = urllib.request.Request(f"{up.url}/?{urlencode(query)}", headers={"Host": host})
            with urllib.request.urlopen(asked) as found:
                assert found.read() == b"Thank you."
            ended = over(up, execution, status)
        assert (ended["error"], ended["cause"]) == ("Rejected", "too long")


def test_the_words_of_many_files_are_counted() -> None:
    with localfaas_up(ROOT / "samples" / "word-count", "--no-watch") as up:
        names = outputs(up)
        s3 = up.client("s3")
        for n in range(5):
            s3.put_object(Bucket=names["Texts"], Key=f"texts/{n}.txt", Body=b"word " * n)
        found = over(up, execute(up, names["Words"], {}), "SUCCEEDED")
        place = json.loads(found["output"])["ResultWriterDetails"]
        manifest = json.loads(s3.get_object(**place)["Body"].read())
        (file,) = manifest["ResultFiles"]["SUCCEEDED"]
        records = json.loads(s3.get_object(Bucket=names["Texts"], Key=file["Key"])["Body"].read())
        counted = {
            json.loads(each["Output"])["key"]: json.loads(each["Output"]) for each in records
        }
        assert [counted[f"texts/{n}.txt"]["words"] for n in range(5)] == list(range(5))
