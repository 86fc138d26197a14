"""TestState and ValidateStateMachineDefinition, through boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver

from .conftest import Running

TASK = {
    "Type": "Task",
    "QueryLanguage": "JSONata",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Arguments": {"FunctionName": "foo", "Payload": "{% $states.input.payload %}"},
    "Output": "{% $states.result.Payload %}",
    "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 2}],
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Rescue"}],
    "Next": "Done",
}


@pytest.fixture(scope="module")
def sfn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    state: Path = tmp_path_factory.mktemp("trials") / "state"
    running = Running(Settings(port=0, state=state, transition_seconds=0), driver=ScriptedDriver())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
        client = running.client("stepfunctions")
    yield client
    client.close()
    running.stop()


def _try(sfn: Any, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    more.setdefault("input", '{"payload": 1}')
    answer = sfn.test_state(definition=json.dumps(state), inspectionLevel="DEBUG", **more)
    answer.pop("ResponseMetadata")
    return answer


def test_a_mocked_task_shows_its_steps(sfn: Any) -> None:
    mock = {"result": '{"Payload": 7, "StatusCode": 200}'}
    answer = _try(sfn, TASK, input='{"payload": 1}', mock=mock)
    assert answer == {
        "output": "7",
        "nextState": "Done",
        "status": "SUCCEEDED",
        "inspectionData": {
            "input": '{"payload": 1}',
            "afterArguments": '{"FunctionName":"foo","Payload":1}',
            "result": '{"Payload": 7, "StatusCode": 200}',
        },
    }


def test_a_mocked_error_is_tried_again_and_then_caught(sfn: Any) -> None:
    mock = {"errorOutput": {"error": "Busy", "cause": "so it is"}}
    again = _try(sfn, TASK, mock=mock, stateConfiguration={"retrierRetryCount": 1})
    assert again["status"] == "RETRIABLE"
    details = {"retryIndex": 0, "retryBackoffIntervalSeconds": 4}
    assert again["inspectionData"]["errorDetails"] == details
    caught = _try(sfn, TASK, mock=mock, stateConfiguration={"retrierRetryCount": 2})
    assert (caught["status"], caught["nextState"]) == ("CAUGHT_ERROR", "Rescue")
    assert json.loads(caught["output"]) == {"Error": "Busy", "Cause": "so it is"}
    assert caught["inspectionData"]["errorDetails"] == {"catchIndex": 0}


def test_a_task_without_a_mock_is_done(sfn: Any) -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:listActivities",
        "End": True,
    }
    answer = _try(sfn, state)
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"]) == {"Activities": []}


@pytest.mark.parametrize(
    ("state", "more", "message"),
    [
        ({"Type": "Succeed"}, {"mock": {"result": "1"}}, "State type 'Succeed' is not supported"),
        (TASK, {"mock": {"result": "{"}}, "Mocked result must be valid JSON"),
        (TASK, {"stateName": "Other"}, "State not found in definition"),
        (TASK, {"context": '{"Map": {}}'}, "'Map' field is not supported"),
        (
            TASK,
            {"mock": {"result": '{"StatusCode": "200"}'}},
            "Mock result schema validation error: Field 'StatusCode' must be a number",
        ),
    ],
)
def test_a_wrong_trial_is_refused(
    sfn: Any, state: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as caught:
        _try(sfn, state, **more)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert message in caught.value.response["Error"]["Message"]


def test_a_definition_is_validated(sfn: Any) -> None:
    good = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    answer = sfn.validate_state_machine_definition(definition=json.dumps(good))
    assert (answer["result"], answer["diagnostics"], answer["truncated"]) == ("OK", [], False)
    bad = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}
    answer = sfn.validate_state_machine_definition(definition=json.dumps(bad))
    assert answer["result"] == "FAIL"
    assert answer["diagnostics"][0] == {
        "severity": "ERROR",
        "code": "MISSING_TRANSITION_TARGET",
        "message": "Missing 'Next' target: B",
        "location": "/States/A/Next",
    }


def test_a_state_on_trial_fails_without_words_about_an_event(sfn: Any) -> None:
    state = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $abs('x') %}", "End": True}
    found = sfn.test_state(definition=json.dumps(state))
    assert found["error"] == "States.QueryEvaluationError"
    assert found["cause"] == (
        "The JSONata expression '$abs('x')' specified for the field 'Output' threw an error during"
        ' evaluation. T0410: Argument 1 of function "abs" does not match function signature'
    )


def test_an_error_without_a_message_is_null_as_in_the_sdk_for_java(sfn: Any) -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter",
        "Parameters": {"Name": "nothing"},
        "End": True,
    }
    found = sfn.test_state(definition=json.dumps(state))
    assert found["error"] == "Ssm.ParameterNotFoundException"
    assert found["cause"].startswith("null (Service: Ssm, Status Code: 400, Request ID: ")
