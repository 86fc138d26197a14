"""Expressions of workflows that take long: nobody waits for them but their own execution."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.services.stepfunctions.engine import questions
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.state_machines import chain, machine, start, types, until_over

from .conftest import Running

#: Some 12,000 steps: more than a loop may stand still for.
LONG = "{% $sum([1..4000].($ * 2)) %}"
TOTAL = 16_004_000


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
        client = running.client("stepfunctions")
    yield client
    client.close()


def run(client: Any, *states: dict[str, Any], value: Any = None) -> Any:
    arn = start(client, machine(client, chain(*states, QueryLanguage="JSONata")), value)
    return until_over(client, arn, "SUCCEEDED") | {"types": types(client, arn)}


@pytest.mark.parametrize("field", ["Output", "Assign"])
def test_a_long_expression_is_worked_out_beside_the_loop(client: Any, field: str) -> None:
    longer = LONG.replace("4000", "20000")
    value = longer if field == "Output" else {"found": longer}
    then = {} if field == "Output" else {"Output": "{% $found %}"}
    states: list[dict[str, Any]] = [{"Type": "Pass", field: value}, {"Type": "Pass", **then}]
    arn = start(client, machine(client, chain(*states, QueryLanguage="JSONata")))
    # Had the loop worked it out, this would have been answered after its end.
    assert client.describe_execution(executionArn=arn)["status"] == "RUNNING"
    assert json.loads(until_over(client, arn, "SUCCEEDED")["output"]) == 400_020_000
    assert types(client, arn) == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]


def test_each_place_of_an_expression_may_take_long(client: Any) -> None:
    caught = {
        "Type": "Map",
        "Items": "{% [1, 2, 3] %}",
        "ItemSelector": {"item": "{% $states.context.Map.Item.Value %}", "total": LONG},
        "ItemProcessor": {
            "StartAt": "I",
            "States": {
                "I": {
                    "Type": "Choice",
                    "Choices": [{"Condition": "{% $states.input.item = 2 %}", "Next": "F"}],
                    "Default": "P",
                },
                "P": {"Type": "Pass", "End": True},
                "F": {"Type": "Fail", "Error": "Two"},
            },
        },
        "Catch": [{"ErrorEquals": ["Two"], "Next": "B", "Output": LONG}],
    }
    whole = {key: value for key, value in caught.items() if key != "Catch"}
    whole["ItemProcessor"] = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    found = run(client, caught, {"Type": "Pass"})
    assert json.loads(found["output"]) == TOTAL
    assert "MapStateFailed" in found["types"]
    whole["Output"] = "{% {'items': $states.result, 'total': " + LONG[3:-3] + "} %}"
    assert json.loads(run(client, whole)["output"]) == {
        "items": [{"item": each, "total": TOTAL} for each in (1, 2, 3)],
        "total": TOTAL,
    }


def test_an_expression_that_fails_late_is_told_of_as_any_other(client: Any) -> None:
    text = f"{{% ({LONG[3:-3]}; $error('late')) %}}"
    arn = start(
        client, machine(client, chain({"Type": "Pass", "Output": text}, QueryLanguage="JSONata"))
    )
    until_over(client, arn, "FAILED")
    assert types(client, arn) == [
        "ExecutionStarted",
        "PassStateEntered",
        "EvaluationFailed",
        "ExecutionFailed",
    ]


def test_a_state_on_trial_and_an_express_execution_may_take_long(client: Any) -> None:
    definition = json.dumps(
        {"Type": "Pass", "QueryLanguage": "JSONata", "Output": LONG, "End": True}
    )
    answer = client.test_state(definition=definition, input="{}")
    assert json.loads(answer["output"]) == TOTAL
    arn = machine(
        client, chain({"Type": "Pass", "Output": LONG}, QueryLanguage="JSONata"), type="EXPRESS"
    )
    found = client.start_sync_execution(stateMachineArn=arn, input="{}")
    assert json.loads(found["output"]) == TOTAL


def test_an_expression_goes_on_after_an_end_of_the_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of an emulator that was at it is taken over by another one."""
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    running = Running(settings, driver=ScriptedDriver())
    client = running.client("stepfunctions")
    body = chain(
        {"Type": "Pass", "Assign": {"a": 1}},
        {"Type": "Pass", "Output": LONG},
        QueryLanguage="JSONata",
    )
    copied = tmp_path / "copy"
    decide = questions.decision

    def copying(*given: Any) -> Any:
        # Its question is on the disk by now.
        shutil.copytree(tmp_path / "state", copied, ignore=shutil.ignore_patterns("*.lock", "lock"))
        return decide(*given)

    monkeypatch.setattr("emulator.services.stepfunctions.engine.running.decision", copying)
    arn = start(client, machine(client, body))
    until_over(client, arn, "SUCCEEDED")
    first = types(client, arn)
    client.close()
    running.stop()
    monkeypatch.undo()
    running = Running(Settings(port=0, state=copied, transition_seconds=0), driver=ScriptedDriver())
    client = running.client("stepfunctions")
    assert json.loads(until_over(client, arn, "SUCCEEDED")["output"]) == TOTAL
    assert types(client, arn) == first
    client.close()
    running.stop()
