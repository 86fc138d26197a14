"""EventBridge Scheduler answers as AWS was recorded to."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import Running
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION, new_name

FILE = "scheduler"
_VALID = "test_create_schedule_with_valid_cron_expressions"
_INVALID = "tests_create_schedule_with_invalid_schedule_expression"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}")


def _recordings() -> dict[str, dict[str, Any]]:
    return load(FILE) if FOLDER.is_dir() else {}


@pytest.mark.parametrize("name", _recordings())
def test_scenario(name: str, talkative: Running) -> None:
    test, _, rest = name.rpartition("::")[2].partition("[")
    expression = rest.removesuffix("]")
    client = talkative.client("scheduler", ACCOUNT, REGION)
    comparison = Comparison(_recordings()[name])
    request = {
        "Name": new_name("schedule"),
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:nobody",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/role",
        },
    }
    step = {_VALID: "create-schedule", _INVALID: "invalid-schedule-expression"}[test]
    try:
        answer = client.create_schedule(**request)
    except ClientError as error:
        answer = error.response
    comparison.match(step, answer)
    comparison.finish()
    RESULTS.setdefault(FILE, {})[name] = comparison.differences
    assert comparison.differences == []
