"""Recorded scenarios in which the language meets functions, buckets and CreateStateMachine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from emulator.services.stepfunctions.tags import TIME_SCALE
from tests.conformance.replay import ACCOUNT
from tests.conformance.replay_workflows import HISTORY, Workflow
from tests.conformance.scenarios_workflows import ECHO, RAISES, _create, with_text

Replay = Callable[[Workflow], None]
FUNCTION = "%LAMBDA_FUNCTION_ARN_LITERAL_PLACEHOLDER%"


def plain(w: Workflow) -> None:
    w.run(w.definition)


def with_function(code: str, **fields: Any) -> Replay:
    """Return the replay of a definition that names a function."""

    def replay(w: Workflow) -> None:
        arn = w.function(code)
        w.comparison.know("<lambda-function-name>", arn.rpartition(":")[2])
        body = with_text(w.definition, **{FUNCTION: arn, "__tbd__": arn})
        for state in body["States"].values():
            if state["Type"] == "Task":
                state |= fields
        # A second is too short for a function's start on a busy machine.
        slower = [{"key": TIME_SCALE, "value": "0.001"}] if "HeartbeatSeconds" in fields else []
        w.run(body, tags=slower)

    return replay


def retried(w: Workflow) -> None:
    """Run a task that fails four times; the recorded waits are 1, 2 and 4 seconds."""
    name = w.function(RAISES).rpartition(":")[2]
    w.comparison.know("<lambda_function_1_name>", name)
    w.run(w.definition, {**w.input_of(), "FunctionName": name})


def no_such_function(w: Workflow) -> None:
    arn = w.function(RAISES)
    name = arn.rpartition(":")[2]
    body = with_text(w.definition, __tbd__=arn)
    w.run(body, {**w.input_of(), "FunctionName": f"no_such_{name}"})


def pipe(w: Workflow) -> None:
    one = w.function("def handler(event, context):\n    return {'Return': 'HelloWorld'}\n")
    w.comparison.know("<lambda_function_1_name>", one.rpartition(":")[2])
    other = w.function(ECHO)
    w.comparison.know("<lambda_function_1_name>", one.rpartition(":")[2])
    w.comparison.know("<lambda_function_2_name>", other.rpartition(":")[2])
    body = json.loads(json.dumps(w.definition))
    for state, arn in zip(body["States"].values(), (one, other), strict=True):
        state["Resource"] = arn
    w.run(body)


def csv(*, extra: bool = False) -> Replay:
    """Return the replay that writes the rows that came out into a file, and reads them.

    Args:
        extra: The rows have more fields than headers are declared.
    """

    def replay(w: Workflow) -> None:
        given = w.input_of()
        end = w.comparison.recorded(HISTORY)["events"][-1]["executionSucceededEventDetails"]
        rows = json.loads(end["output"])
        names, lines = list(rows[0]), [list(row.values()) for row in rows]
        text = json.dumps(w.definition)
        if "__TBD__" in text:
            text = text.replace('"__TBD__"', json.dumps(names))
            lines = [[*line, "more"] for line in lines] if extra else lines
        else:
            lines = [names, *lines]
            if '"MaxItems": 2' in text:
                most = int(w.parameter)
                text = text.replace('"MaxItems": 2', f'"MaxItems": {most}')
                lines += [["Value9", "Value10"]] if most else []
        content = "".join(",".join(line) + "\n" for line in lines).encode()
        s3, bucket = w.bucket(**{given["Key"].replace(".", "__"): content})
        w.run(json.loads(text), {**given, "Bucket": bucket})
        s3.close()

    return replay


def listing(w: Workflow) -> None:
    s3, bucket = w.bucket(**{f"file_{at}__txt": b"file_content" for at in range(3)})
    w.run(w.definition, {"Bucket": bucket})
    s3.close()


def wrong_time(w: Workflow) -> None:
    texts = {"INVALID_TIME": "2016-12-05T25:29:29Z", "JSONATA": "{% '2016-12-05T21:29:29Z' %}"}
    texts |= {"INVALID_DATE": "2016-13-05T21:29:29Z", "INVALID_ISO": "05-12-2016T21:29:29Z"}
    body = with_text(w.definition, **{"2016-03-14T01:59:00Z": texts.get(w.parameter, w.parameter)})
    _create(w, "exception", body)


def label(w: Workflow) -> None:
    character = w.parameter.encode().decode("unicode_escape")
    _create(w, "map_state_label_invalid_char_fail", labelled(w.definition, character))


def labelled(body: Any, character: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(body))
    made["States"]["MapState"]["Label"] = f"label_{character}"
    return made


def with_role(w: Workflow) -> None:
    """Run a task as another role; the account is the same one here."""
    arn = w.function("def handler(event, context):\n    return event\n")
    name = arn.rpartition(":")[2]
    role = f"arn:aws:iam::{ACCOUNT}:role/trusted"
    w.comparison.know("<trusted_role_arn>", role)
    w.comparison.know("<test_aws_account_id>", ACCOUNT)
    given = {**w.input_of(), "CredentialsRoleArn": role}
    if "FunctionName" in given:
        given["FunctionName"] = name
    w.run(with_text(w.definition, __tbd__=arn), given)


def untagged(w: Workflow) -> None:
    arn = _create(w, "creation_resp_1")["stateMachineArn"]
    tags = [{"key": "key1", "value": "value1"}]
    w.call("tag_resource_resp", "tag_resource", resourceArn=arn, tags=tags)
    keys = [] if w.comparison.recorded("list_resources_res")["tags"] else ["key1"]
    w.call("untag_resource_resp", "untag_resource", resourceArn=arn, tagKeys=keys)
    w.call("list_resources_res", "list_tags_for_resource", resourceArn=arn)


#: By parts of names; the first that fits.
REPLAYS: dict[str, Replay] = {
    "[BASE_UNDEFINED_ARGUMENTS]": plain,
    "test_base_task[HEARTBEAT_SECONDS]": with_function(
        "def handler(event, context):\n    return {}\n", HeartbeatSeconds=1
    ),
    "test_base_task_from_input[HEARTBEAT_SECONDS]": with_function(
        "def handler(event, context):\n    return {}\n",
        HeartbeatSeconds="{% $states.input.input_value %}",
    ),
    "test_lambda_task_resource_data_flow": with_function(ECHO),
    "test_catch_error_variable_sampling": with_function(RAISES),
    "test_task_catch_error_with_retry": with_function(RAISES),
    "test_lambda_service_invoke_with_retry_extended_input": retried,
    "test_no_such_function_catch": no_such_function,
    "test_invoke_pipe": pipe,
    "csv_headers_decl_extra_fields": csv(extra=True),
    "test_map_item_reader_base_csv": csv(),
    "test_map_item_reader_csv": csv(),
    "test_map_item_reader_base_list_objects_v2": listing,
    "test_wait_timestamp_invalid": wrong_time,
    "test_cross_account_lambda_task": with_role,
    "test_cross_account_service_lambda_invoke": with_role,
    "test_untag_state_machine": untagged,
    "test_map_state_label_invalid_char_fail": label,
}
