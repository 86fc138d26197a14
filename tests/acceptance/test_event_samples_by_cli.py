"""The samples of events through the AWS CLI alone, as a user of a shell drives them."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import ROOT, Up, localfaas_up
from tests.acceptance.test_event_samples import picture
from tests.patience import until

pytestmark = pytest.mark.slow


def asked(up: Up, *words: str) -> Any:
    """Return what the AWS CLI answers."""
    done = up.aws(*words, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "{}")


def outputs(up: Up) -> dict[str, str]:
    def look() -> dict[str, str]:
        stacks = asked(up, "cloudformation", "describe-stacks")["Stacks"]
        return {
            each["OutputKey"]: each["OutputValue"]
            for stack in stacks
            if stack["StackStatus"] == "CREATE_COMPLETE"
            for each in stack["Outputs"]
        }

    found: dict[str, str] = until(look)
    return found


def received(up: Up, url: str) -> Any:
    """Return what the next message of a queue says."""
    words = ("sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "10")
    (message,) = until(lambda: asked(up, *words).get("Messages"))
    return message["Body"]


def test_fan_out_and_fan_in() -> None:
    with localfaas_up(ROOT / "samples" / "quote-requests", "--no-watch") as up:
        known = outputs(up)
        message = json.dumps({"request": "r1", "items": {"bolt": 20, "plate": 1}})
        words = ("--topic-arn", known["TopicArn"], "--message", message)
        assert asked(up, "sns", "publish", *words)["MessageId"]
        quote = json.loads(received(up, known["QuotesUrl"]))
        assert quote == {"request": "r1", "price": 80, "days": 9}


def test_routing_by_content() -> None:
    with localfaas_up(ROOT / "samples" / "event-routing", "--no-watch") as up:
        known = outputs(up)
        detail = {"id": "o1", "total": 20, "country": "DE",
                  "customer": {"orders": 1, "email": "o1@example.com"}}  # fmt: skip
        entry = {"EventBusName": known["BusName"], "Source": "shop.orders",
                 "DetailType": "order placed", "Detail": json.dumps(detail)}  # fmt: skip
        answer = asked(up, "events", "put-events", "--entries", json.dumps([entry]))
        assert answer["FailedEntryCount"] == 0
        assert received(up, known["WelcomedUrl"]) == "Welcome, o1@example.com!"


def test_a_schedule() -> None:
    with localfaas_up(ROOT / "samples" / "nightly-report", "--no-watch") as up:
        names = outputs(up)
        asked(up, "sqs", "send-message", "--queue-url", names["Visits"], "--message-body", "/")
        target = asked(up, "scheduler", "get-schedule", "--name", "nightly-report")["Target"]
        # The same target, now.
        now = time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime())
        asked(
            up,
            *("scheduler", "create-schedule", "--name", "once", "--schedule-expression", now),
            *("--flexible-time-window", "Mode=OFF", "--target", json.dumps(target)),
            *("--action-after-completion", "DELETE"),
        )
        assert json.loads(received(up, names["Reports"]))["pages"] == {"/": 1}
        until(lambda: up.aws("scheduler", "get-schedule", "--name", "once").returncode)


def test_an_upload(tmp_path: Path) -> None:
    with localfaas_up(ROOT / "samples" / "thumbnails", "--no-watch") as up:
        names = outputs(up)
        large, small = tmp_path / "cat.png", tmp_path / "small.png"
        large.write_bytes(picture(200, 100))
        copied = up.aws("s3", "cp", str(large), f"s3://{names['Pictures']}/cat.png")
        assert copied.returncode == 0, copied.stderr
        where = f"s3://{names['Thumbnails']}/cat.png"
        until(lambda: up.aws("s3", "cp", where, str(small)).returncode == 0)
        assert struct.unpack(">II", small.read_bytes()[16:24]) == (64, 32)
