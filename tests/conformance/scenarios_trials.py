"""The recorded scenarios of TestState, by how they go."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.conformance.replay import ACCOUNT, REGION
from tests.conformance.replay_workflows import ROLE, Workflow
from tests.conformance.workflow_definitions import load_definition

Replay = Callable[[Workflow], None]
EMPTY = "def handler(event, context):\n    return {}\n"
HELLO = {"Value": "HelloWorld"}
VALUES = {"Values": ["first", "second", "third"]}
STATE = "test_state/statemachines"
PLACE = "%CONTEXT_OBJECT_LITERAL_PLACEHOLDER%"
MAP: dict[str, Any] = {
    "Type": "Map",
    "QueryLanguage": "JSONata",
    "Items": "{% $states.input.Values %}",
    "ItemProcessor": {
        "StartAt": "Inner",
        "States": {"Inner": {"Type": "Pass", "Output": 1, "End": True}},
    },
    "ToleratedFailureCount": 1,
    "Retry": [
        {"ErrorEquals": ["Other"], "IntervalSeconds": 5},
        {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1},
    ],
    "End": True,
}


def definition(name: str) -> dict[str, Any]:
    return load_definition(f"{STATE}/{name}.json5")


def ask(w: Workflow, step: str, body: Any, given: Any = None, **more: Any) -> None:
    """Try a state and compare the answer."""
    request = {"definition": json.dumps(body), "roleArn": ROLE, **more}
    if given is not None:
        request["input"] = given if isinstance(given, str) else json.dumps(given)
    w.call(step, "test_state", **request)


def tried(
    body: dict[str, Any] | str,
    given: Any = None,
    step: str = "test_case_response",
    **more: Any,
) -> Replay:
    """Return the replay of one call."""

    def replay(w: Workflow) -> None:
        state = definition(body) if isinstance(body, str) else body
        level = next((each for each in ("INFO", "DEBUG", "TRACE") if each in w.parameter), None)
        fields = {**more, **({"inspectionLevel": level} if level else {})}
        if fields.get("inspectionLevel", "INFO") != "INFO" and step == "test_case_response":
            recorded = w.comparison.recorded(step)["inspectionData"]["input"]
            text = recorded if isinstance(recorded, str) else json.dumps(recorded)
            ask(w, step, state, text.replace("<lambda_function_name>", "f"), **fields)
            return
        ask(w, step, state, given, **fields)

    return replay


def mocked(value: Any, **more: Any) -> dict[str, Any]:
    return {"mock": {"result": value if isinstance(value, str) else json.dumps(value), **more}}


def refused_mock(body: str, value: Any, mode: str) -> Replay:
    """Return the replay of a mock that the model of the API refuses."""
    return tried(body, {}, "validation-exception", **mocked(value, fieldValidationMode=mode))


def accepted_mock(mode: str) -> Replay:
    return tried("base_events_put_events", {"Entries": []}, **mocked({}, fieldValidationMode=mode))


def failure_count(w: Workflow) -> None:
    level, _, kind = w.parameter.partition("-")
    body = dict(MAP)
    outputs: list[Any] = [1, 1, 1]
    if kind == "MAP_TASK_STATE":
        outputs = ["pass", "pass", "pass"]
        body |= {
            "Output": {"result": "{% $states.result %}", "failedCount": 0, "successCount": 3},
            "Retry": MAP["Retry"][1:],
        }
    for step, count in (("below_tolerated_failure", 1), ("exceeds_tolerated_failure", 2)):
        settings = {"mapIterationFailureCount": count}
        more = {"stateConfiguration": settings, "inspectionLevel": level, **mocked(outputs)}
        ask(w, step, body, VALUES, **more)


def retry_count(w: Workflow) -> None:
    report = {"error": "MockException", "cause": "Mock the cause of the error."}
    for step, count in (
        ("below_tolerated_retry_count_with_backoff", 4),
        ("exceeds_tolerated_retry_count", 5),
    ):
        ask(
            w,
            step,
            definition("base_task_state_retry"),
            VALUES,
            mock={"errorOutput": report},
            stateConfiguration={"retrierRetryCount": count},
            inspectionLevel=w.parameter,
        )


def caught(w: Workflow) -> None:
    body = definition("base_task_state_catch")
    for step, error, cause in (
        ("test_catch_mock_exception_response", "MockException", "Mock the cause of the error."),
        ("catch_task_failed_response", "States.TaskFailed", "The task failed."),
    ):
        mock = {"errorOutput": {"error": error, "cause": cause}}
        ask(w, step, body, HELLO, mock=mock, inspectionLevel="DEBUG")


def in_context(name: str, context: Any, value: Any, **more: Any) -> Replay:
    """Return the replay of a state that is given a context object."""

    def replay(w: Workflow) -> None:
        body = load_definition(f"context_object/statemachines/{name}.json5")
        path = "$$" if w.parameter in ("ALL", "EMPTY_OBJECTS") else "$$.Execution.Input"
        body = json.loads(json.dumps(body).replace(PLACE, path))
        step = "test_case_response" if "test_case_response" in w.comparison._steps else "exception"
        fields: dict[str, Any] = {"context": json.dumps(context), "inspectionLevel": "DEBUG"}
        ask(w, step, body, value, stateName="TestState", **fields, **more)

    return replay


def wrong_context(context: Any) -> Replay:
    return tried("base_sfn_start_execution", {}, "exception", context=json.dumps(context))


TASK_INPUT = {"FunctionName": "lambda_function_name", "Payload": {"input-value": 0}}
EXECUTION_INPUT = {
    "input-value": 0,
    "message": "test data",
    "values": ["charizard", "pikachu", "bulbasaur"],
}
ITEMS = '["fire", "electricity", "grass"]'
FAIL = {
    "Type": "Fail",
    "Error": "SomeFailure",
    "Cause": "This state machines raises a 'SomeFailure' failure.",
}
CHOICE = {
    "Type": "Choice",
    "Choices": [{"Variable": "$.value", "NumericGreaterThan": 20, "Next": "ValueInTwenties"}],
    "Default": "Other",
}
RESULT = {"Type": "Pass", "Result": {"resultKey": "result value"}, "End": True}
IO_RESULT = {**RESULT, "ResultPath": "$.modifiedData"}
IO_INPUT = {
    "initialData": {"fieldFromInput": "value from input", "otherField": "other"},
    "unrelatedData": {"someOtherField": 1234},
}
PUT_ITEM = {
    "Type": "Task",
    "Resource": "arn:aws:states:::dynamodb:putItem",
    "Parameters": {"TableName.$": "$.TableName", "Item.$": "$.Item"},
    "ResultPath": "$.putItemOutput",
    "End": True,
}
ITEM = {"data": {"S": "HelloWorld"}, "id": {"S": "id1"}}
BRANCHES = '[{"branch1": "result"}, {"branch2": "result"}]'
STARTED = {
    "ExecutionArn": (
        f"arn:aws:states:{REGION}:{ACCOUNT}:execution:TargetStateMachine:TestStartTarget"
    ),
    "StartDate": "start-date",
}
START = {"stateMachineArn": "arn", "name": "TestStartTarget", "targetInput": {}}


def lambda_task(w: Workflow) -> None:
    w.comparison.know("<lambda_function_name>", name := w.function(EMPTY).rpartition(":")[2])
    given = {"FunctionName": name, "Payload": None}
    body = definition("base_lambda_service_task_state")
    ask(w, "test_case_response", body, given, inspectionLevel="DEBUG")


def inspected_map(w: Workflow) -> None:
    body = {**definition("base_map_state"), "ToleratedFailureCount": 1}
    level = w.parameter.rpartition("-")[2]
    ask(
        w,
        "test_case_response",
        body,
        {"Values": [1, 2, 3]},
        inspectionLevel=level,
        **mocked([1, 1, 1]),
    )


def both(w: Workflow) -> None:
    mock = {"result": "{}", "errorOutput": {"error": "E", "cause": "c"}}
    body = definition("base_lambda_service_task_state")
    ask(w, "validation_exception", body, {}, mock=mock)


def not_mocked(w: Workflow) -> None:
    kind, _, state = w.parameter.partition("-")
    mock = {"mock_result": {"result": "{}"}, "mock_error_output": {"errorOutput": {"error": "E"}}}
    body = FAIL if state == "FailState" else {"Type": "Succeed"}
    ask(w, "validation_exception", body, {}, mock=mock[kind])


def counted(**more: Any) -> Replay:
    settings = {"mapIterationFailureCount": 4}
    return tried(
        "base_map_state",
        {"Values": [1]},
        "validation_exception",
        stateConfiguration=settings,
        **more,
    )


#: By parts of names; the first that fits.
REPLAYS: dict[str, Replay] = {
    "test_strict_mode_aws_sdk_s3_task[wrong_long_type_string]": refused_mock(
        "base_aws_api_s3_get_object", {"ContentLength": "1"}, "STRICT"
    ),
    "test_strict_mode_dynamodb_task[wrong_float_type_string]": refused_mock(
        "base_dynamodb_service_task_state",
        {"ConsumedCapacity": {"CapacityUnits": "1"}},
        "STRICT",
    ),
    "test_present_mode_dynamodb_task[wrong_float_type_string]": refused_mock(
        "base_dynamodb_service_task_state",
        {"ConsumedCapacity": {"CapacityUnits": "1"}},
        "PRESENT",
    ),
    "test_strict_mode_sfn_task[field_name_not_in_sfn_case]": refused_mock(
        "base_sfn_start_execution", {"executionArn": "arn", "startDate": "now"}, "STRICT"
    ),
    "test_present_mode_eventbridge_task[wrong_type_nested_field]": refused_mock(
        "base_events_put_events", {"Entries": [{"EventId": 1}]}, "PRESENT"
    ),
    "test_present_mode_sfn_task_validation_fail[wrong_timestamp_type_bool]": refused_mock(
        "base_sfn_start_execution", {"StartDate": True}, "PRESENT"
    ),
    "test_strict_mode_mock_result_field_not_in_api_spec[empty_json]": accepted_mock("STRICT"),
    "test_present_mode_mock_result_field_not_in_api_spec[empty_json]": accepted_mock("PRESENT"),
    "test_map_state_failure_count": failure_count,
    "test_state_configuration_retrier_retry_count": retry_count,
    "test_state_context_object_edge_cases[EMPTY_OBJECTS]": in_context(
        "context_object_result_selector",
        {"Execution": {}, "State": {}, "StateMachine": {}},
        TASK_INPUT,
        **mocked({"pokemon": "pikachu"}),
    ),
    "test_state_context_object_invalid_states[TOKEN_TASK_NOT_SYNC]": in_context(
        "context_object_result_selector", {"Task": {"Token": "t"}}, TASK_INPUT, **mocked({})
    ),
    "[INVALID_EXECUTION_FIELD]": wrong_context({"Execution": {"pokemon": 1}}),
    "[INVALID_EXECUTION_ID_TYPE]": wrong_context({"Execution": {"Id": 1}}),
    "[INVALID_MAP]": wrong_context({"Map": {"Item": {"Index": 0}}}),
    "test_state_map_context_object": in_context(
        "context_object_items_path", {"Execution": {"Input": {}}}, ITEMS, **mocked([])
    ),
    "test_state_task_context_object[EXECUTION_INPUT]": in_context(
        "context_object_result_selector",
        {"Execution": {"Input": EXECUTION_INPUT}},
        TASK_INPUT,
        **mocked({"pokemon": EXECUTION_INPUT["values"]}),
    ),
    "test_both_mock_result_and_mock_error_output_are_set": both,
    "test_map_iteration_failure_count_exceeds_mock_result_items": counted(**mocked([1])),
    "test_map_iteration_failure_count_without_mock": counted(),
    "test_state_type_does_not_accept_mock": not_mocked,
    "test_base_state_name[TRACE-BASE_FAIL_STATE_MACHINE]": tried(
        {"StartAt": "State0", "States": {"State0": FAIL}}, HELLO, stateName="State0"
    ),
    "test_base_state_name_multi_state[INFO-State0]": tried(
        "base_multi_state_machine", HELLO, stateName="State0"
    ),
    "test_base_state_name_validation_failures[dne]": tried(
        "base_pass_state_machine", HELLO, "exception", stateName="dne"
    ),
    "test_base_lambda_service_task_mock_is_not_json_string": tried(
        "base_lambda_service_task_state", {}, "validation-exception", **mocked("not JSON")
    ),
    "test_base_parallel_state_mock_success": tried(
        "base_parallel_state", {"key": "value"}, **mocked(BRANCHES)
    ),
    "test_io_dynamodb_service_task_mock_success[io]": tried(
        PUT_ITEM,
        {"TableName": "table", "Item": ITEM},
        **mocked({"SdkHttpMetadata": {"HttpStatusCode": 200}}),
    ),
    "test_io_jsonata_parallel_state_mock_success[INFO]": tried(
        "io_jsonata_parallel_state", {"parallelInput": {"data": "input_value"}}, **mocked(BRANCHES)
    ),
    "test_sfn_start_execution_success": tried("base_sfn_start_execution", START, **mocked(STARTED)),
    "test_base_inspection_level_debug[BASE_CHOICE_STATE]": tried(CHOICE, inspectionLevel="DEBUG"),
    "test_base_inspection_level_debug[BASE_PASS_STATE]": tried(
        {"Type": "Pass", "End": True}, inspectionLevel="DEBUG"
    ),
    "test_base_inspection_level_info[BASE_RESULT_PASS_STATE]": tried(RESULT, HELLO),
    "test_base_inspection_level_info[IO_RESULT_PASS_STATE]": tried(IO_RESULT, IO_INPUT),
    "test_base_lambda_service_task_state[DEBUG]": lambda_task,
    "test_base_map_state_inspect[TOLERATED_FAILURE_COUNT": inspected_map,
    "test_state_task_catch_error": caught,
}
