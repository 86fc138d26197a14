"""The recorded scenarios of Step Functions that are more than pure states, by how they go."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.conformance.replay import ACCOUNT, REGION, new_name
from tests.conformance.replay_workflows import HISTORY, ROLE, Workflow

Replay = Callable[[Workflow], None]
ECHO = "def handler(event, context):\n    return event\n"
RAISES = 'def handler(event, context):\n    raise Exception("Some exception was raised.")\n'
SLEEPS = "import time\ndef handler(event, context):\n    time.sleep(20)\n"
HELLO = "def handler(event, context):\n    return 'HelloWorld!'\n"
PASS = {
    "Comment": "BASE_PASS_RESULT",
    "StartAt": "State_1",
    "States": {"State_1": {"Type": "Pass", "Result": {"Arg1": "argument1"}, "End": True}},
}


def with_text(definition: Any, **texts: str) -> dict[str, Any]:
    """Return a definition with other texts."""
    text = json.dumps(definition)
    for old, new in texts.items():
        text = text.replace(old, new)
    found: dict[str, Any] = json.loads(text)
    return found


def plain(w: Workflow) -> None:
    w.run(w.definition)


def by_arn(code: str) -> Replay:
    def replay(w: Workflow) -> None:
        arn = w.function(code)
        given = json.dumps(w.input_of()) if isinstance(w.input_of(), dict) else w.input_of()
        given = given.replace("<lambda_function_name>", arn.rpartition(":")[2])
        w.run(with_text(w.definition, __tbd__=arn), given)

    return replay


def by_name(code: str, member: str = "FunctionName") -> Replay:
    def replay(w: Workflow) -> None:
        name = w.function(code).rpartition(":")[2]
        w.run(w.definition, {**w.input_of(), member: name})

    return replay


def selected(w: Workflow) -> None:
    place = {"%CONTEXT_OBJECT_LITERAL_PLACEHOLDER%": "$$.Execution.Input"}
    name = w.function(ECHO).rpartition(":")[2]
    w.run(with_text(w.definition, **place), {**w.input_of(), "FunctionName": name})


def no_function(w: Workflow) -> None:
    name = new_name("fn")
    w.comparison.know("<lambda_function_name>", name)
    w.run(w.definition, {**w.input_of(), "FunctionName": f"no_such_{name}"})


def heartbeat(w: Workflow) -> None:
    w.function(ECHO)
    w.run(w.definition)


def task_token(w: Workflow) -> None:
    queues, url = w.queue()
    execution = w.start(w.machine(w.definition), {**w.input_of(), "QueueUrl": url})
    token = w.token(queues, url)
    answer = w.comparison.recorded(HISTORY)["events"][5]
    details = answer.get("taskSucceededEventDetails")
    if "heartbeat" in str(w.definition) or "Heartbeat" in json.dumps(w.definition):
        w.client.send_task_heartbeat(taskToken=token)
    output = details["output"]
    output = output if isinstance(output, str) else json.dumps(output)
    w.client.send_task_success(taskToken=token, output=output.replace("<task_token:1>", token))
    w.over(execution)
    w.history(execution)
    queues.close()


def token_failure(w: Workflow) -> None:
    queues, url = w.queue()
    failed = w.comparison.recorded(HISTORY)["events"][5]["taskFailedEventDetails"]
    body = with_text(w.definition, **{"<%WaitForTaskTokenFailureErrorName%>": failed["error"]})
    execution = w.start(w.machine(body), {**w.input_of(), "QueueUrl": url})
    fields = {key: failed[key] for key in ("error", "cause") if key in failed}
    w.client.send_task_failure(taskToken=w.token(queues, url), **fields)
    w.over(execution)
    w.history(execution)
    queues.close()


def token_times_out(w: Workflow) -> None:
    queues, url = w.queue()
    body = json.loads(json.dumps(w.definition))
    body["States"]["SendMessageWithWait"].pop("TimeoutSeconds", None)
    w.run(body, {**w.input_of(), "QueueUrl": url})
    queues.close()


def messages(w: Workflow) -> None:
    queues, url = w.queue()
    w.run(w.definition, {**w.input_of(), "QueueUrl": url})
    queues.close()


def nested(w: Workflow) -> None:
    target = w.machine(PASS)
    definition = next(each for each in w.definitions if "Task" in json.dumps(each))
    w.run(definition, {**w.input_of(), "StateMachineArn": target})


def topic(*, there: bool) -> Replay:
    def replay(w: Workflow) -> None:
        topics = w.clients("sns")
        arn = topics.create_topic(Name=new_name("topic"))["TopicArn"]
        if not there:
            topics.delete_topic(TopicArn=arn)
        w.run(w.definition, {**w.input_of(), "TopicArn": arn})
        topics.close()

    return replay


def read_object(body: bytes) -> Replay:
    def replay(w: Workflow) -> None:
        s3, bucket = w.bucket(file_key=body)
        w.comparison.know("<key>", "file_key")
        w.run(w.definition, {"Bucket": bucket, "Key": "file_key"})
        s3.close()

    return replay


def put_object(w: Workflow) -> None:
    s3, bucket = w.bucket()
    w.comparison.know("<key>", "file-key")
    given = {**w.input_of(), "Bucket": bucket, "Key": "file-key"}
    w.run(w.definition, given)
    answer = s3.get_object(Bucket=bucket, Key="file-key", ChecksumMode="ENABLED")
    w.match("get-s3-object", answer)
    s3.close()


def table(w: Workflow) -> None:
    w.run(w.definition, {**w.input_of(), "TableName": new_name("table")})


def items(body: bytes | None) -> Replay:
    def replay(w: Workflow) -> None:
        given = w.input_of()
        key = given.get("Key", "")
        content = body
        if body is None:
            outputs = w.comparison.recorded(HISTORY)["events"][-1]
            rows = json.loads(outputs["executionSucceededEventDetails"]["output"])
            content = json.dumps(rows).encode()
        s3, bucket = w.bucket(**{key.replace(".", "__"): content or b""})
        w.run(w.definition, {**given, "Bucket": bucket})
        s3.close()

    return replay


def from_input(w: Workflow) -> None:
    s3, bucket = w.bucket(file__json=b"[[0]]")
    loaded = w.comparison.recorded(HISTORY)["events"][2]["stateExitedEventDetails"]["output"]
    body = with_text(w.definition, **{"from-previous-item-0": loaded["from_previous"][0]})
    w.run(body, {**w.input_of(), "Bucket": bucket})
    s3.close()


def distributed(w: Workflow) -> None:
    definition = w.definition
    if "_tbd_" in json.dumps(definition):
        definition = with_text(definition, __tbd__=w.function(ECHO), _tbd_=w.function(ECHO))
    w.run(definition)


def activity(w: Workflow) -> None:
    made = w.client.create_activity(name=new_name("activity"))
    w.match("create_activity_output", made)
    arn = made["activityArn"]
    body = with_text(w.definitions[0], __tbd__=arn)
    execution = w.start(w.machine(body), w.input_of())
    worker = w.comparison.recorded(HISTORY)["events"][3]["activityStartedEventDetails"]
    task = w.client.get_activity_task(activityArn=arn, workerName=worker["workerName"])
    w.client.send_task_success(taskToken=task["taskToken"], output=task["input"])
    w.over(execution)
    w.history(execution)


# -- the API ------------------------------------------------------------------------------------


def activity_name(w: Workflow) -> None:
    name = w.parameter.encode().decode("unicode_escape")
    w.call("invalid_name", "create_activity", name=name)


def activity_life(w: Workflow) -> None:
    made = w.call("create_activity_response", "create_activity", name=w.parameter)
    arn = made["activityArn"]
    w.call("create_activity_response_duplicate", "create_activity", name=w.parameter)
    w.call("describe_activity_response", "describe_activity", activityArn=arn)
    w.call("delete_activity_response", "delete_activity", activityArn=arn)
    w.call("delete_activity_response_2", "delete_activity", activityArn=arn)


def activity_gone(w: Workflow) -> None:
    arn = w.client.create_activity(name=new_name("activity"))["activityArn"]
    w.client.delete_activity(activityArn=arn)
    w.comparison.know("<activity>", arn)
    answer = _answer(w, "describe_activity", activityArn=arn)
    text = json.dumps(answer, default=str).replace(arn, "activity_arn")
    w.match("no_such_activity", json.loads(text))


def _answer(w: Workflow, operation: str, **request: Any) -> Any:
    from botocore.exceptions import ClientError

    try:
        return getattr(w.client, operation)(**request)
    except ClientError as error:
        return error.response


def _create(w: Workflow, step: str, definition: Any = None, **fields: Any) -> Any:
    text = json.dumps(PASS if definition is None else definition)
    request = {"name": new_name("machine"), "definition": text, "roleArn": ROLE, **fields}
    return w.call(step, "create_state_machine", **request)


def duplicate(w: Workflow) -> None:
    name = new_name("machine")
    arn = _create(w, "creation_resp_1", name=name)["stateMachineArn"]
    w.call("describe_resp_1", "describe_state_machine", stateMachineArn=arn)
    other = json.loads(json.dumps(PASS).replace("argument1", "argument2"))
    _create(w, "already_exists_1", other, name=name)


def punctuation(w: Workflow) -> None:
    arn = _create(w, "creation_resp")["stateMachineArn"]
    started = w.call(
        "exec_resp", "start_execution", stateMachineArn=arn, input="{}", name="state.machine_1.0"
    )
    w.over(started["executionArn"])
    w.call("describe_execution", "describe_execution", executionArn=started["executionArn"])


def for_execution(w: Workflow) -> None:
    arn = _create(w, "creation_resp")["stateMachineArn"]
    started = w.call("exec_resp", "start_execution", stateMachineArn=arn, input="{}")
    w.call(
        "describe_resp",
        "describe_state_machine_for_execution",
        executionArn=started["executionArn"],
    )


def for_execution_of_version(w: Workflow) -> None:
    made = _create(w, "creation_resp_1", publish=True)
    arn = made["stateMachineVersionArn"]
    started = w.call("execution_resp", "start_execution", stateMachineArn=arn, input="{}")
    w.call(
        "describe_resp",
        "describe_state_machine_for_execution",
        executionArn=started["executionArn"],
    )


def bad_inputs(w: Workflow) -> None:
    arn = _create(w, "creation_resp")["stateMachineArn"]
    for step, text in {
        "start_exec_not_json_inp": "{'not_json': '\"'}",
        "start_exec_str_inp": "not some json",
        "start_res_empty": "",
        "start_res_num": "2",
        "start_res_str": '"some text"',
        "start_res_null": "null",
    }.items():
        w.call(step, "start_execution", stateMachineArn=arn, input=text)


def listed(w: Workflow) -> None:
    made = [_create(w, f"creation_resp_{index}")["stateMachineArn"] for index in range(3)]

    def own() -> list[Any]:
        found = w.client.list_state_machines(maxResults=1000)["stateMachines"]
        return [each for each in found if each["stateMachineArn"] in made]

    w.match("lst_resp_filter", own())
    for index, arn in enumerate(made):
        w.call(f"deletion_resp_{index}", "delete_state_machine", stateMachineArn=arn)
    w.match("lst_resp_del_filter", own())


def invalid_arn(step: str, operation: str, member: str, arn: str) -> Replay:
    def replay(w: Workflow) -> None:
        w.call(step, operation, **{member: arn})

    return replay


def sync_of_standard(w: Workflow) -> None:
    arn = _create(w, "creation_response")["stateMachineArn"]
    w.call("start_sync_execution_error", "start_sync_execution", stateMachineArn=arn, input="{}")


def alias_life(w: Workflow) -> None:
    made = w.client.create_state_machine(
        name=new_name("machine"), definition=json.dumps(PASS), roleArn=ROLE, publish=True
    )
    arn, version = made["stateMachineArn"], made["stateMachineVersionArn"]
    w.call(
        "list_state_machine_aliases_response_empty",
        "list_state_machine_aliases",
        stateMachineArn=arn,
    )
    routes = [{"stateMachineVersionArn": version, "weight": 100}]
    alias = w.call(
        "create_state_machine_alias_response",
        "create_state_machine_alias",
        name="state_machine_alias_name",
        routingConfiguration=routes,
    )["stateMachineAliasArn"]
    for step, target in (("alias", alias), ("version_arn", version)):
        started = w.call(
            f"start_execution_response_through_{step}",
            "start_execution",
            stateMachineArn=target,
            input="{}",
        )
        w.over(started["executionArn"])
        w.call(
            f"describe_execution_response_through_{step}",
            "describe_execution",
            executionArn=started["executionArn"],
        )
    w.call("list_executions_response", "list_executions", stateMachineArn=arn)


def alias_of_machine(w: Workflow) -> None:
    arn = w.machine(PASS)
    routes = [{"stateMachineVersionArn": arn, "weight": 100}]
    w.call("exception", "create_state_machine_alias", name="alias", routingConfiguration=routes)


def no_alias(w: Workflow) -> None:
    made = w.client.create_state_machine(
        name=new_name("machine"), definition=json.dumps(PASS), roleArn=ROLE, publish=True
    )
    routes = [{"stateMachineVersionArn": made["stateMachineVersionArn"], "weight": 100}]
    arn = w.call(
        "create_state_machine_alias_response",
        "create_state_machine_alias",
        name="state_machine_alias_name",
        routingConfiguration=routes,
    )["stateMachineAliasArn"]
    w.client.delete_state_machine_alias(stateMachineAliasArn=arn)
    w.call(
        "update_no_such_alias_arn",
        "update_state_machine_alias",
        stateMachineAliasArn=arn,
        description="d",
    )


def express_life(w: Workflow) -> None:
    arn = _create(w, "creation_response", type="EXPRESS")["stateMachineArn"]
    w.call("describe_response", "describe_state_machine", stateMachineArn=arn)
    w.call("deletion_response", "delete_state_machine", stateMachineArn=arn)


def express_activity(w: Workflow) -> None:
    arn = w.call("create_activity_output", "create_activity", name=new_name("activity"))
    body = with_text(w.definition, __tbd__=arn["activityArn"])
    _create(w, "creation_error", body, type="EXPRESS")


def express_callback(w: Workflow) -> None:
    body = next(each for each in w.definitions if ".sync" in json.dumps(each))
    _create(w, "creation_error", body, type="EXPRESS")


def express_sync(code: str | None) -> Replay:
    def replay(w: Workflow) -> None:
        given: Any = {}
        if code is not None:
            given = {"FunctionName": w.function(code).rpartition(":")[2], "Payload": None}
        arn = _create(w, "creation_response", w.definition, type="EXPRESS")["stateMachineArn"]
        answer = w.client.start_sync_execution(stateMachineArn=arn, input=json.dumps(given))
        # How long it takes is this machine's.
        recorded = w.comparison.recorded("start_execution_sync_response")["billingDetails"]
        w.match("start_execution_sync_response", {**answer, "billingDetails": recorded})

    return replay


def logging(w: Workflow) -> None:
    level, _, data = w.parameter.partition("-")
    logs = w.clients("logs")
    name = new_name("group")
    logs.create_log_group(logGroupName=name)
    w.comparison.know("<log-group>", name)
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"
    configuration = {
        "level": level,
        "includeExecutionData": data == "True",
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
    }
    made = _create(w, "creation_resp", loggingConfiguration=configuration)
    w.call("describe_resp", "describe_state_machine", stateMachineArn=made["stateMachineArn"])
    logs.close()


def incomplete_logging(w: Workflow) -> None:
    made = _create(w, "creation_resp", loggingConfiguration={"level": "OFF", "destinations": []})
    w.call("describe_resp", "describe_state_machine", stateMachineArn=made["stateMachineArn"])


def log_group_gone(w: Workflow) -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{new_name('group')}:*"
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]
    configuration = {"level": "ALL", "destinations": destinations}
    _create(w, "exception", loggingConfiguration=configuration)


def tags(w: Workflow) -> None:
    arn = _create(w, "creation_resp_1")["stateMachineArn"]
    recorded = w.comparison.recorded("list_resources_res")["tags"]
    w.call(
        "tag_resource_resp",
        "tag_resource",
        resourceArn=arn,
        tags=[{"key": "key1", "value": "value1"}] if recorded or "untag" in w.parameter else [],
    )
    if "untag_resource_resp" in w.comparison._steps:
        keys = [] if recorded else ["key1"]
        w.call("untag_resource_resp", "untag_resource", resourceArn=arn, tagKeys=keys)
    w.call("list_resources_res", "list_tags_for_resource", resourceArn=arn)


def references(w: Workflow) -> None:
    recorded = w.comparison.recorded("describe_response")["definition"]
    arn = w.machine(recorded)
    w.call("describe_response", "describe_state_machine", stateMachineArn=arn)
    execution = w.start(arn, "{}")
    w.call(
        "describe_for_execution_response",
        "describe_state_machine_for_execution",
        executionArn=execution,
    )


def published(kind: str) -> Replay:
    def replay(w: Workflow) -> None:
        _create(w, "creation_resp_1", publish=True, type=kind)

    return replay


def undescribed(w: Workflow) -> None:
    _create(w, "validation_exception", versionDescription="of none")


def global_timeout(w: Workflow) -> None:
    body = {**w.definition, "TimeoutSeconds": 1}
    execution = w.start(w.machine(body), "{}", name=new_name("run"))
    w.match("describe_execution", w.over(execution))


def credentials(w: Workflow) -> None:
    _create(w, "invalid_definition", w.definitions[0])


#: By parts of names; the first that fits.
REPLAYS: dict[str, Replay] = {
    "test_activity_task": activity,
    "test_base_cases[BASE_LAMBDA_EMPTY]": by_arn(ECHO),
    "test_result_selector": selected,
    "TestTaskLambda::test_invoke_json_values": by_arn(ECHO),
    "TestTaskLambda::test_invoke_string_payload": by_arn(ECHO),
    "TestTaskLambda::test_raise_exception": by_arn(RAISES),
    "TestTaskServiceLambda::test_raise_exception": by_name(RAISES),
    "TestTaskServiceLambda::test_invoke_json_values": by_name(ECHO),
    "TestTaskServiceLambda::test_invoke_bytes_payload": by_name(HELLO),
    "TestTaskServiceLambda::test_invoke_timeout": by_name(SLEEPS),
    "TestTaskServiceLambda::test_no_such_function": no_function,
    "test_sqs_wait_for_task_token": task_token,
    "test_multiple_heartbeat_notifications": task_token,
    "test_sqs_failure_in_wait_for_task_tok": token_failure,
    "test_heartbeat_no_timeout": token_times_out,
    "test_send_message_attributes": messages,
    "test_start_execution_input_json": nested,
    "test_publish_base[]": topic(there=True),
    "test_publish_base_error_topic_arn": topic(there=False),
    "test_s3_get_object[str]": read_object(b"text data"),
    "test_s3_get_object[empty_binary]": read_object(b""),
    "test_s3_put_object[dict]": put_object,
    "test_put_item_invalid_table_name": plain,
    "test_dynamodb_put_item_no_such_table": table,
    "test_invalid_secret_name": plain,
    "test_map_item_reader_base_json_with_items_path": from_input,
    "test_map_item_reader_base_json": items(None),
    "test_map_state_catch_legacy": plain,
    "test_map_state_config_inline_item_selector": distributed,
    "test_map_state_item_selector": plain,
    "test_map_state_legacy_config": distributed,
    "test_map_state_nested_config_distributed": distributed,
    "test_map_state_nested": plain,
    "test_map_state_parameters_singleton_legacy": plain,
    "test_map_state_tolerated_failure": distributed,
    "test_reference_in_map_state": distributed,
    "test_base_map[": plain,
    "test_base_map_from_input": plain,
    "test_create_activity_invalid_name": activity_name,
    "test_create_describe_delete_activity": activity_life,
    "test_describe_deleted_activity": activity_gone,
    "test_create_duplicate_sm_name": duplicate,
    "test_describe_execution_arn_containing_punctuation": punctuation,
    "test_describe_state_machine_for_execution_of_version": for_execution_of_version,
    "test_describe_state_machine_for_execution": for_execution,
    "test_invalid_start_execution_input": bad_inputs,
    "test_list_sms": listed,
    "test_describe_execution_invalid_arn": invalid_arn(
        "exception", "describe_execution", "executionArn", "invalid_state_machine_arn"
    ),
    "test_publish_state_machine_version_invalid_arn": invalid_arn(
        "exception", "publish_state_machine_version", "stateMachineArn", "invalid_arn"
    ),
    "TestSnfApi::test_start_sync_execution": sync_of_standard,
    "test_base_lifecycle_create_invoke_describe_list": alias_life,
    "test_error_create_alias_with_state_machine_arn": alias_of_machine,
    "test_update_no_such_alias_arn": no_alias,
    "test_sfn_api_express.py::TestSfnApiExpress::test_create_describe_delete": express_life,
    "test_illegal_activity_task": express_activity,
    "test_illegal_callbacks": express_callback,
    "TestExpressSync::test_base": express_sync(None),
    "TestExpressSync::test_catch": express_sync(RAISES),
    "test_logging_configuration": logging,
    "test_incomplete_logging_configuration": incomplete_logging,
    "test_deleted_log_group": log_group_gone,
    "TestSnfApiTagging::test_tag_state_machine": tags,
    "test_base_variable_references_in_assign_templates": references,
    "test_create_express_with_publish": published("EXPRESS"),
    "test_create_with_publish": published("STANDARD"),
    "test_create_with_version_description_no_publish": undescribed,
    "test_global_timeout": global_timeout,
    "test_invalid_credentials_field": credentials,
}


def replay_of(name: str) -> Replay | None:
    """Return how a scenario is replayed here; None: it is not."""
    from tests.conformance import scenarios_neighbours

    replays = {**REPLAYS, **scenarios_neighbours.REPLAYS}
    return next((replay for part, replay in replays.items() if part in name), None)
