"""Step Functions over HTTP: machines, versions, aliases, activities, executions."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.errors import StorageError
from emulator.services.context import Parts
from emulator.services.stepfunctions.engine import keeping
from emulator.services.stepfunctions.engine.execution import Execution
from emulator.services.stepfunctions.engine.journal import Done, Journal
from emulator.settings import Settings
from emulator.testing import ScriptedDriver

from .conftest import Running, create

ROLE = "arn:aws:iam::000000000000:role/workflows"
_NUMBERS = count()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = tmp_path_factory.mktemp("workflows") / "state"
    running = Running(Settings(port=0, state=state, transition_seconds=0), driver=ScriptedDriver())
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
        client = running.client("stepfunctions")
    yield client
    client.close()


def chain(*states: dict[str, Any], **more: Any) -> str:
    """Return a definition of states that follow one another: A, B, C …"""
    names = [chr(ord("A") + index) for index in range(len(states))]
    made = {}
    for name, following, state in zip(names, [*names[1:], None], states, strict=True):
        follows: dict[str, Any] = {"Next": following} if following else {"End": True}
        if state["Type"] in ("Choice", "Succeed", "Fail"):
            follows = {}
        made[name] = {**follows, **state}
    return json.dumps({"StartAt": names[0], "States": made, **more})


PASS = {"Type": "Pass", "Result": {"done": True}}
WAIT = {"Type": "Wait", "Seconds": 3600}


def machine(client: Any, definition: str = "", **fields: Any) -> str:
    """Create a machine and return its ARN."""
    fields.setdefault("name", f"machine-{next(_NUMBERS)}")
    made = client.create_state_machine(definition=definition or chain(PASS), roleArn=ROLE, **fields)
    arn: str = made["stateMachineArn"]
    return arn


def until_over(client: Any, arn: str, status: str = "") -> dict[str, Any]:
    """Wait for the end of an execution and return what describing it says."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found: dict[str, Any] = client.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            assert not status or found["status"] == status, found
            return found
        time.sleep(0.01)
    raise AssertionError(f"{arn} does not end")


def start(client: Any, arn: str, value: Any = None, **fields: Any) -> str:
    text = json.dumps({} if value is None else value)
    found: str = client.start_execution(stateMachineArn=arn, input=text, **fields)["executionArn"]
    return found


def run(client: Any, definition: str, value: Any = None, status: str = "SUCCEEDED") -> Any:
    """Run a definition to its end; return its output, or its error and cause."""
    found = until_over(client, start(client, machine(client, definition), value), status)
    return json.loads(found["output"]) if status == "SUCCEEDED" else found


def types(client: Any, arn: str) -> list[str]:
    return [each["type"] for each in client.get_execution_history(executionArn=arn)["events"]]


def refused(code: str, call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    message: str = caught.value.response["Error"]["Message"]
    return message


# -- machines -----------------------------------------------------------------------------------


def test_a_machine_is_made_once(client: Any) -> None:
    arn = machine(client, name="once", tags=[{"key": "a", "value": "b"}])
    assert machine(client, name="once") == arn
    text = refused(
        "StateMachineAlreadyExists",
        client.create_state_machine,
        name="once",
        definition=chain(PASS, PASS),
        roleArn=ROLE,
    )
    assert text == f"State Machine Already Exists: '{arn}'"
    found = client.describe_state_machine(stateMachineArn=arn)
    assert found["status"] == "ACTIVE"
    assert found["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}
    assert "revisionId" not in found
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "b"}]
    client.tag_resource(resourceArn=arn, tags=[{"key": "c", "value": "d"}])
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "c", "value": "d"}]
    assert arn in [
        each["stateMachineArn"] for each in client.list_state_machines()["stateMachines"]
    ]
    client.delete_state_machine(stateMachineArn=arn)
    client.delete_state_machine(stateMachineArn=arn)
    refused("StateMachineDoesNotExist", client.describe_state_machine, stateMachineArn=arn)


def test_bad_machines_are_refused(client: Any) -> None:
    create_machine = client.create_state_machine
    text = refused("InvalidName", create_machine, name="a b", definition=chain(PASS), roleArn=ROLE)
    assert text == "Invalid Name: 'a b'"
    refused("InvalidDefinition", create_machine, name="bad", definition="{}", roleArn=ROLE)
    refused("InvalidDefinition", create_machine, name="bad", definition="no", roleArn=ROLE)
    refused("InvalidArn", create_machine, name="bad", definition=chain(PASS), roleArn="role")
    refused(
        "InvalidLoggingConfiguration",
        create_machine,
        name="bad",
        definition=chain(PASS),
        roleArn=ROLE,
        loggingConfiguration={"level": "ALL"},
    )
    refused(
        "ValidationException",
        create_machine,
        name="bad",
        definition=chain(PASS),
        roleArn=ROLE,
        versionDescription="of none",
    )
    text = refused("InvalidArn", client.describe_state_machine, stateMachineArn="machine")
    assert text == "Invalid Arn: 'Invalid ARN prefix: machine'"


def test_an_update_makes_a_revision(client: Any) -> None:
    arn = machine(client)
    refused("MissingRequiredParameter", client.update_state_machine, stateMachineArn=arn)
    first = client.update_state_machine(stateMachineArn=arn, definition=chain(PASS, PASS))
    found = client.describe_state_machine(stateMachineArn=arn)
    assert found["revisionId"] == first["revisionId"]
    assert found["definition"] == chain(PASS, PASS)
    again = client.update_state_machine(stateMachineArn=arn, definition=chain(PASS, PASS))
    assert again["revisionId"] == first["revisionId"]


def test_versions_and_aliases(client: Any) -> None:
    arn = machine(client)
    one = client.publish_state_machine_version(stateMachineArn=arn, revisionId="INITIAL")
    assert one["stateMachineVersionArn"] == f"{arn}:1"
    again = client.publish_state_machine_version(stateMachineArn=arn)
    assert again["stateMachineVersionArn"] == f"{arn}:1"
    two = client.update_state_machine(
        stateMachineArn=arn, definition=chain(PASS, PASS), publish=True, versionDescription="two"
    )
    assert two["stateMachineVersionArn"] == f"{arn}:2"
    refused(
        "ConflictException",
        client.publish_state_machine_version,
        stateMachineArn=arn,
        revisionId="another",
    )
    listed = client.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [each["stateMachineVersionArn"] for each in listed] == [f"{arn}:2", f"{arn}:1"]
    found = client.describe_state_machine(stateMachineArn=f"{arn}:1")
    assert found["definition"] == chain(PASS)
    assert found["stateMachineArn"] == f"{arn}:1"
    routes = [
        {"stateMachineVersionArn": f"{arn}:1", "weight": 50},
        {"stateMachineVersionArn": f"{arn}:2", "weight": 50},
    ]
    alias = client.create_state_machine_alias(name="live", routingConfiguration=routes)
    assert alias["stateMachineAliasArn"] == f"{arn}:live"
    refused(
        "ValidationException",
        client.create_state_machine_alias,
        name="sum",
        routingConfiguration=[{"stateMachineVersionArn": f"{arn}:1", "weight": 50}],
    )
    through = start(client, f"{arn}:live")
    found = until_over(client, through)
    assert found["stateMachineAliasArn"] == f"{arn}:live"
    assert found["stateMachineVersionArn"] in (f"{arn}:1", f"{arn}:2")
    only = client.list_executions(stateMachineArn=f"{arn}:live")["executions"]
    assert [each["executionArn"] for each in only] == [through]
    text = refused(
        "ConflictException",
        client.delete_state_machine_version,
        stateMachineVersionArn=f"{arn}:1",
    )
    assert "[live]" in text
    client.update_state_machine_alias(
        stateMachineAliasArn=f"{arn}:live",
        routingConfiguration=[{"stateMachineVersionArn": f"{arn}:2", "weight": 100}],
    )
    found = client.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:live")
    assert len(found["routingConfiguration"]) == 1
    client.delete_state_machine_version(stateMachineVersionArn=f"{arn}:1")
    listed = client.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"]
    assert [each["stateMachineAliasArn"] for each in listed] == [f"{arn}:live"]
    client.delete_state_machine_alias(stateMachineAliasArn=f"{arn}:live")
    refused(
        "ResourceNotFound",
        client.describe_state_machine_alias,
        stateMachineAliasArn=f"{arn}:live",
    )


# -- executions ---------------------------------------------------------------------------------


def test_an_execution_passes_through_its_states(client: Any) -> None:
    arn = machine(client, chain(PASS, {"Type": "Pass"}, {"Type": "Succeed"}))
    execution = start(client, arn, {"a": 1}, name="run")
    found = until_over(client, execution, "SUCCEEDED")
    assert json.loads(found["output"]) == {"done": True}
    assert json.loads(found["input"]) == {"a": 1}
    assert found["redriveStatus"] == "NOT_REDRIVABLE"
    events = client.get_execution_history(executionArn=execution)["events"]
    assert [(each["id"], each["previousEventId"], each["type"]) for each in events] == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "PassStateEntered"),
        (3, 2, "PassStateExited"),
        (4, 3, "PassStateEntered"),
        (5, 4, "PassStateExited"),
        (6, 5, "SucceedStateEntered"),
        (7, 6, "SucceedStateExited"),
        (8, 7, "ExecutionSucceeded"),
    ]
    assert events[1]["stateEnteredEventDetails"]["input"] == '{"a": 1}'
    named = client.describe_state_machine_for_execution(executionArn=execution)
    assert named["stateMachineArn"] == arn
    assert named["definition"].startswith("{")


def test_a_history_is_paged_from_both_ends(client: Any) -> None:
    execution = start(client, machine(client, chain(*[PASS] * 7)))
    until_over(client, execution)
    whole = client.get_execution_history(executionArn=execution)["events"]
    assert len(whole) == 16
    for reverse in (False, True):
        pages: list[Any] = []
        token: dict[str, str] = {}
        while True:
            page = client.get_execution_history(
                executionArn=execution, maxResults=5, reverseOrder=reverse, **token
            )
            pages += page["events"]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        assert pages == (whole[::-1] if reverse else whole)
    bare = client.get_execution_history(executionArn=execution, includeExecutionData=False)
    assert "input" not in bare["events"][1]["stateEnteredEventDetails"]
    refused(
        "InvalidToken",
        client.get_execution_history,
        executionArn=execution,
        nextToken="none",
    )


def test_names_are_idempotent_while_an_execution_runs(client: Any) -> None:
    arn = machine(client, chain(WAIT))
    execution = start(client, arn, {"a": 1}, name="same")
    assert start(client, arn, {"a": 1}, name="same") == execution
    text = refused(
        "ExecutionAlreadyExists",
        client.start_execution,
        stateMachineArn=arn,
        name="same",
        input="{}",
    )
    assert text == f"Execution Already Exists: '{execution}'"
    stopped = client.stop_execution(executionArn=execution, error="E", cause="C")
    found = until_over(client, execution, "ABORTED")
    assert (found["error"], found["cause"]) == ("E", "C")
    assert found["stopDate"] == stopped["stopDate"]
    assert types(client, execution)[-1] == "ExecutionAborted"
    refused(
        "ExecutionAlreadyExists",
        client.start_execution,
        stateMachineArn=arn,
        name="same",
        input='{"a": 1}',
    )


def test_bad_inputs_are_refused(client: Any) -> None:
    arn = machine(client)
    text = refused("InvalidExecutionInput", client.start_execution, stateMachineArn=arn, input="{'")
    assert text == (
        "Invalid State Machine Execution Input: 'Unexpected character (''' (code 39)): "
        "was expecting double-quote to start field name'"
    )
    refused("InvalidExecutionInput", client.start_execution, stateMachineArn=arn, input="")
    refused("StateMachineDoesNotExist", client.start_execution, stateMachineArn=f"{arn}-none")
    refused("StateMachineDoesNotExist", client.start_execution, stateMachineArn=f"{arn}:none")
    refused("StateMachineTypeNotSupported", client.start_sync_execution, stateMachineArn=arn)
    express = arn.replace("stateMachine", "express") + ":a:b"
    text = refused("InvalidArn", client.describe_execution, executionArn=express)
    assert text == "Invalid Arn: 'Resource type not valid in this context: express'"
    none = arn.replace("stateMachine", "execution") + ":none"
    refused("ExecutionDoesNotExist", client.describe_execution, executionArn=none)


def test_executions_are_listed_the_latest_first(client: Any) -> None:
    arn = machine(client)
    made = [start(client, arn, name=f"run-{index}") for index in range(5)]
    page = client.list_executions(stateMachineArn=arn, maxResults=3)
    rest = client.list_executions(stateMachineArn=arn, nextToken=page["nextToken"])
    listed = [each["executionArn"] for each in page["executions"] + rest["executions"]]
    assert listed == made[::-1]
    assert client.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"] == []
    refused("InvalidToken", client.list_executions, stateMachineArn=arn, nextToken="x")
    places: tuple[Any, ...] = ([1], [2**70, 1], ["a", "b"], [None, 1], {}, 5)
    for place in places:
        token = base64.urlsafe_b64encode(json.dumps(["executions", place]).encode()).decode()
        refused("InvalidToken", client.list_executions, stateMachineArn=arn, nextToken=token)


def test_express_executions_run_at_once(client: Any) -> None:
    arn = machine(client, chain(PASS), type="EXPRESS")
    found = client.start_sync_execution(stateMachineArn=arn, input="{}", name="sync")
    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"]) == {"done": True}
    assert found["billingDetails"]["billedMemoryUsedInMB"] == 64
    assert f":express:{arn.rpartition(':')[2]}:sync:" in found["executionArn"]
    fails = machine(client, chain({"Type": "Fail", "Error": "E", "Cause": "C"}), type="EXPRESS")
    found = client.start_sync_execution(stateMachineArn=fails)
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "E", "C")
    assert ":express:" in start(client, arn)
    refused("StateMachineTypeNotSupported", client.list_executions, stateMachineArn=arn)


def test_a_machine_has_a_time_of_its_own(client: Any) -> None:
    tag = {"key": "localfaas:time-scale", "value": "36000"}
    text = chain({"Type": "Wait", "Seconds": 3600}, PASS)
    quick = machine(client, text, tags=[tag])
    assert until_over(client, start(client, quick), "SUCCEEDED")["output"] == '{"done":true}'
    inner = json.loads(text.replace('"A"', '"I"').replace('"B"', '"J"'))
    inner["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    each = chain({"Type": "Map", "ItemProcessor": inner})
    until_over(client, start(client, machine(client, each, tags=[tag]), [1]), "SUCCEEDED")
    other = start(client, machine(client, text))
    assert client.describe_execution(executionArn=other)["status"] == "RUNNING"
    late = {"Type": "Wait", "Seconds": 36_000_000}
    timed = machine(client, chain(late, TimeoutSeconds=3600), tags=[tag])
    until_over(client, start(client, timed), "TIMED_OUT")
    client.untag_resource(resourceArn=quick, tagKeys=[tag["key"]])
    slow = start(client, quick)
    assert client.describe_execution(executionArn=slow)["status"] == "RUNNING"
    for execution in (other, slow):
        client.stop_execution(executionArn=execution)
    bad = [{**tag, "value": "soon"}]
    refused("ValidationException", client.tag_resource, resourceArn=quick, tags=bad)


def test_a_whole_execution_times_out(client: Any) -> None:
    arn = machine(client, chain(WAIT, TimeoutSeconds=1))
    execution = start(client, arn)
    found = until_over(client, execution, "TIMED_OUT")
    assert found["redriveStatus"] == "REDRIVABLE"
    assert types(client, execution)[-1] == "ExecutionTimedOut"


def test_what_failed_is_tried_again_by_a_redrive(client: Any, running: Running) -> None:
    functions = running.client("lambda")
    task = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:later"}
    execution = start(client, machine(client, chain(PASS, task)), name="again")
    found = until_over(client, execution, "FAILED")
    assert found["error"] == "Lambda.ResourceNotFoundException"
    create(functions, "later")
    client.redrive_execution(executionArn=execution)
    found = until_over(client, execution, "SUCCEEDED")
    assert found["redriveCount"] == 1
    assert "ExecutionRedriven" in types(client, execution)
    refused("ExecutionNotRedrivable", client.redrive_execution, executionArn=execution)
    functions.close()


def test_a_machine_that_is_deleted_ends_its_executions(client: Any) -> None:
    arn = machine(client, chain(WAIT))
    execution = start(client, arn)
    client.delete_state_machine(stateMachineArn=arn)
    assert until_over(client, execution)["status"] == "ABORTED"


# -- activities and tokens ----------------------------------------------------------------------


def test_an_activity_is_worked_on(client: Any) -> None:
    activity = client.create_activity(name="work")["activityArn"]
    assert client.create_activity(name="work")["activityArn"] == activity
    assert client.describe_activity(activityArn=activity)["name"] == "work"
    assert [each["name"] for each in client.list_activities()["activities"]] == ["work"]
    definition = chain({"Type": "Task", "Resource": activity, "HeartbeatSeconds": 60})
    execution = start(client, machine(client, definition), {"n": 1})
    task = client.get_activity_task(activityArn=activity, workerName="me")
    assert json.loads(task["input"]) == {"n": 1}
    client.send_task_heartbeat(taskToken=task["taskToken"])
    client.send_task_success(taskToken=task["taskToken"], output='{"n": 2}')
    assert json.loads(until_over(client, execution, "SUCCEEDED")["output"]) == {"n": 2}
    assert types(client, execution)[2:5] == [
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
    ]
    refused("TaskTimedOut", client.send_task_success, taskToken=task["taskToken"], output="{}")
    refused("InvalidToken", client.send_task_heartbeat, taskToken="none")
    execution = start(client, machine(client, definition), {"n": 1})
    task = client.get_activity_task(activityArn=activity)
    client.send_task_failure(taskToken=task["taskToken"], error="E", cause="C")
    assert until_over(client, execution, "FAILED")["error"] == "E"
    client.delete_activity(activityArn=activity)
    refused("ActivityDoesNotExist", client.describe_activity, activityArn=activity)
    assert refused("InvalidName", client.create_activity, name="a#b") == "Invalid Name: 'a#b'"


def test_a_worker_waits_for_a_task(client: Any, running: Running) -> None:
    activity = client.create_activity(name="waits")["activityArn"]
    taken: list[Any] = []

    def work() -> None:
        worker = running.client("stepfunctions")
        taken.append(worker.get_activity_task(activityArn=activity))
        worker.close()

    thread = threading.Thread(target=work)
    thread.start()
    execution = start(client, machine(client, chain({"Type": "Task", "Resource": activity})))
    thread.join(20)
    client.send_task_success(taskToken=taken[0]["taskToken"], output="1")
    until_over(client, execution, "SUCCEEDED")


def test_a_token_is_waited_for(client: Any, running: Running) -> None:
    queues = running.client("sqs")
    url = queues.create_queue(QueueName="tokens")["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody": {"Token.$": "$$.Task.Token"}},
        "HeartbeatSeconds": 1,
    }
    execution = start(client, machine(client, chain(task)))
    (message,) = queues.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    token = json.loads(message["Body"])["Token"]
    client.send_task_success(taskToken=token, output='"approved"')
    assert until_over(client, execution, "SUCCEEDED")["output"] == '"approved"'
    assert types(client, execution)[2:6] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ]
    execution = start(client, machine(client, chain(task)))
    found = until_over(client, execution, "FAILED")
    assert found["error"] == "States.Timeout"
    queues.close()


def test_a_token_is_answered_once(client: Any, running: Running) -> None:
    queues = running.client("sqs")
    url = queues.create_queue(QueueName="answered-once")["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody": {"Token.$": "$$.Task.Token"}},
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 900, "MaxAttempts": 2}],
    }
    execution = start(client, machine(client, chain(task)))
    (message,) = queues.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    token = json.loads(message["Body"])["Token"]
    client.send_task_failure(taskToken=token, error="Bad")
    refused("TaskTimedOut", client.send_task_failure, taskToken=token, error="Bad")
    refused("TaskTimedOut", client.send_task_success, taskToken=token, output="1")
    assert types(client, execution).count("TaskFailed") == 1
    client.stop_execution(executionArn=execution)
    beyond = base64.b64encode(b'[9223372036854775808,"",""]').decode()
    refused("InvalidToken", client.send_task_heartbeat, taskToken=beyond)
    queues.close()


# -- integrations -------------------------------------------------------------------------------


def test_functions_are_tasks(client: Any, running: Running) -> None:
    functions = running.client("lambda")
    create(functions, "echo")
    by_arn = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:echo"}
    assert run(client, chain(by_arn), {"a": 1}) == {"a": 1}
    invoke = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "echo", "Payload.$": "$"},
    }
    found = run(client, chain(invoke), {"b": 2})
    assert found["Payload"] == {"b": 2}
    assert found["StatusCode"] == 200
    assert found["SdkHttpMetadata"]["HttpStatusCode"] == 200
    event = {**invoke, "Parameters": {"FunctionName": "echo", "InvocationType": "Event"}}
    assert run(client, chain(event))["StatusCode"] == 202
    functions.close()


def test_services_are_tasks(client: Any, running: Running) -> None:
    queues = running.client("sqs")
    url = queues.create_queue(QueueName="sent")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": url, "MessageBody.$": "$"},
    }
    found = run(client, chain(send), {"a": 1})
    assert found["MessageId"]
    assert found["SdkResponseMetadata"]["RequestId"]
    (message,) = queues.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert json.loads(message["Body"]) == {"a": 1}
    sdk = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sqs:listQueues", "Parameters": {}}
    assert url in run(client, chain(sdk))["QueueUrls"]
    publish = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": "arn:aws:sns:us-east-1:000000000000:none", "Message": "x"},
    }
    failed = run(client, chain(publish), status="FAILED")
    assert failed["error"] == "SNS.NotFoundException"
    assert failed["cause"].startswith(
        "Topic does not exist (Service: AmazonSNS; Status Code: 404; Error Code: NotFound; "
    )
    queues.close()


@pytest.mark.parametrize(
    "resource",
    ["ecs:runTask.sync", "glue:startJobRun.sync", "aws-sdk:braket:createJob", "batch:submitJob"],
)
def test_what_is_not_served_fails_in_words(client: Any, resource: str) -> None:
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}"}
    failed = run(client, chain(task), status="FAILED")
    assert failed["error"] == "States.TaskFailed"
    assert "localfaas does not serve" in failed["cause"]
    caught = {**task, "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "B"}]}
    assert run(client, chain(caught, {"Type": "Pass"}))["Error"] == "States.TaskFailed"


@pytest.mark.parametrize(
    "resource",
    [
        "sqs:deleteMessage",
        "sqs:sendMessage.sync",
        "dynamodb:query",
        "dynamodb:getItem.waitForTaskToken",
        "http:invoke.sync",
        "lambda:invoke.sync",
        "aws-sdk:sqs:sendMessage.sync",
        "nothing:do",
    ],
)
def test_what_no_integration_is_is_refused_at_once(client: Any, resource: str) -> None:
    text = chain({"Type": "Task", "Resource": f"arn:aws:states:::{resource}"})
    message = refused(
        "InvalidDefinition", client.create_state_machine, name="none", definition=text, roleArn=ROLE
    )
    assert "is not recognized" in message


def test_executions_start_executions(client: Any) -> None:
    inner = machine(client, chain(PASS))
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": inner, "Input": {"a": 1}},
    }
    found = run(client, chain(task))
    assert found["Status"] == "SUCCEEDED"
    assert found["Output"] == {"done": True}
    task["Resource"] = "arn:aws:states:::states:startExecution.sync"
    assert run(client, chain(task))["Output"] == '{"done":true}'
    fails = machine(client, chain({"Type": "Fail", "Error": "E"}))
    task["Parameters"] = {"StateMachineArn": fails}
    assert run(client, chain(task), status="FAILED")["error"] == "States.TaskFailed"
    task["Resource"] = "arn:aws:states:::states:startExecution"
    assert run(client, chain(task))["ExecutionArn"]


def test_errors_are_retried_and_caught(client: Any) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:000000000000:function:not-there",
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B", "ResultPath": "$.error"}],
    }
    execution = start(client, machine(client, chain(task, {"Type": "Pass"})), {"a": 1})
    found = json.loads(until_over(client, execution, "SUCCEEDED")["output"])
    assert found["a"] == 1
    assert found["error"]["Error"] == "Lambda.ResourceNotFoundException"
    assert types(client, execution).count("LambdaFunctionScheduled") == 2


# -- branches and iterations --------------------------------------------------------------------


def _sub(*states: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(chain(*states))
    return found


def test_branches_and_iterations(client: Any) -> None:
    parallel = {
        "Type": "Parallel",
        "Branches": [
            {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": 1, "End": True}}},
            {"StartAt": "Q", "States": {"Q": {"Type": "Wait", "Seconds": 0, "End": True}}},
        ],
    }
    assert run(client, chain(parallel), {"a": 1}) == [1, {"a": 1}]
    inner = {"StartAt": "I", "States": {"I": {"Type": "Wait", "Seconds": 0, "End": True}}}
    each = {"Type": "Map", "ItemProcessor": inner, "MaxConcurrency": 2}
    assert run(client, chain(each), [1, 2, 3, 4, 5]) == [1, 2, 3, 4, 5]
    assert run(client, chain(each), []) == []
    fails = {"StartAt": "I", "States": {"I": {"Type": "Fail", "Error": "E"}}}
    caught = {
        **each,
        "ItemProcessor": fails,
        "Catch": [{"ErrorEquals": ["E"], "Next": "B"}],
    }
    assert run(client, chain(caught, {"Type": "Pass"}), [1, 2]) == {"Error": "E", "Cause": ""}


def test_a_distributed_map_has_children(client: Any) -> None:
    inner = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "I",
        "States": {"I": {"Type": "Pass", "End": True}},
    }
    each = {"Type": "Map", "ItemProcessor": inner, "Label": "Each", "MaxConcurrency": 3}
    execution = start(client, machine(client, chain(each)), [1, 2, 3, 4])
    found = json.loads(until_over(client, execution, "SUCCEEDED")["output"])
    assert found == [1, 2, 3, 4]
    (run_,) = client.list_map_runs(executionArn=execution)["mapRuns"]
    shown = client.describe_map_run(mapRunArn=run_["mapRunArn"])
    assert shown["status"] == "SUCCEEDED"
    assert shown["itemCounts"]["succeeded"] == 4
    children = client.list_executions(mapRunArn=run_["mapRunArn"])["executions"]
    assert len(children) == 4
    assert "/Each:" in children[0]["executionArn"]
    refused("ValidationException", client.update_map_run, mapRunArn=run_["mapRunArn"])
    assert types(client, execution)[2:5] == ["MapStateStarted", "MapRunStarted", "MapRunSucceeded"]


# -- what lasts ---------------------------------------------------------------------------------


def test_executions_go_on_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    first = Running(settings, driver=ScriptedDriver())
    client = first.client("stepfunctions")
    activity = client.create_activity(name="work")["activityArn"]
    until = "2099-01-01T00:00:00Z"
    waits = start(client, machine(client, chain({"Type": "Wait", "Seconds": 2}, PASS)))
    far = start(client, machine(client, chain({"Type": "Wait", "Timestamp": until})))
    worked = start(client, machine(client, chain({"Type": "Task", "Resource": activity})))
    taken = start(client, machine(client, chain({"Type": "Task", "Resource": activity})))
    task = client.get_activity_task(activityArn=activity)
    client.close()
    first.stop()
    second = Running(settings, driver=ScriptedDriver())
    client = second.client("stepfunctions")
    until_over(client, waits, "SUCCEEDED")
    assert client.describe_execution(executionArn=far)["status"] == "RUNNING"
    other = client.get_activity_task(activityArn=activity)
    assert other["taskToken"] != task["taskToken"]
    client.send_task_success(taskToken=task["taskToken"], output="1")
    client.send_task_success(taskToken=other["taskToken"], output="2")
    assert {until_over(client, each)["output"] for each in (worked, taken)} == {"1", "2"}
    client.close()
    second.stop()


def test_a_definition_is_validated(client: Any) -> None:
    validate = client.validate_state_machine_definition
    good = validate(definition=chain(PASS))
    assert (good["result"], good["diagnostics"], good["truncated"]) == ("OK", [], False)
    found = validate(definition='{"States": {}}')
    assert found["result"] == "FAIL"
    assert found["diagnostics"][0]["severity"] == "ERROR"


def test_variables_are_listed(client: Any) -> None:
    uses = {"Type": "Pass", "Parameters": {"x.$": "$x"}}
    arn = machine(client, chain({"Type": "Pass", "Assign": {"x": 1}}, uses))
    found = client.describe_state_machine(stateMachineArn=arn)
    assert found["variableReferences"] == {"B": ["x"]}


def test_executions_are_logged(client: Any, running: Running) -> None:
    logs = running.client("logs")
    logs.create_log_group(logGroupName="workflows")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:workflows:*"
    arn = machine(
        client,
        chain(PASS),
        loggingConfiguration={
            "level": "ALL",
            "includeExecutionData": True,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
    )
    execution = start(client, arn)
    until_over(client, execution)
    until = time.monotonic() + 10
    lines: list[Any] = []
    while len(lines) < 4 and time.monotonic() < until:
        found = logs.filter_log_events(logGroupName="workflows")["events"]
        lines = [json.loads(each["message"]) for each in found]
    assert [each["type"] for each in lines] == types(client, execution)
    assert lines[-1]["details"]["output"] == '{"done":true}'
    assert lines[-1]["execution_arn"] == execution
    logs.close()


def test_what_the_disk_did_not_take_at_once_is_logged_once(
    client: Any, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Journal.commit
    refused: list[int] = []

    def refuse_once(self: Journal, execution: Execution, done: Done) -> None:
        if execution.is_new or refused:
            return commit(self, execution, done)
        refused.append(execution.id)
        execution.fresh, execution.changed, execution.gone = [], set(), set()
        asyncio.get_running_loop().call_soon(done, None, StorageError("the disk is full"))
        return None

    monkeypatch.setattr(Journal, "commit", refuse_once)
    monkeypatch.setattr(keeping, "RETRY_COMMIT_S", 0.01)
    logs = running.client("logs")
    logs.create_log_group(logGroupName="once")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:once:*"
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": group}}
    logging = {"level": "ALL", "destinations": [destination]}
    waits = chain({"Type": "Wait", "Seconds": 1}, PASS)
    arn = machine(client, waits, loggingConfiguration=logging)
    execution = start(client, arn)
    until_over(client, execution, "SUCCEEDED")
    until = time.monotonic() + 10
    lines: list[Any] = []
    while (not lines or lines[-1]["type"] != "ExecutionSucceeded") and time.monotonic() < until:
        found = logs.filter_log_events(logGroupName="once")["events"]
        lines = [json.loads(each["message"]) for each in found]
    assert [each["type"] for each in lines] == types(client, execution)
    assert len(refused) == 1
    logs.close()


@pytest.mark.parametrize(
    ("output", "included"),
    [("a" * 1000, (True, True)), ("a" * 150_000, (False, True)), ("é" * 130_000, (False, False))],
)
def test_an_announcement_leaves_out_what_is_too_large(
    client: Any, running: Running, output: str, included: tuple[bool, bool]
) -> None:
    seen: list[dict[str, Any]] = []

    def hear(source: str, kind: str, detail: dict[str, Any], *_: Any, **__: Any) -> None:
        seen.append(detail)

    given = "b" * (1000 if included[0] else 120_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Parts, "announce", lambda self, *given, **more: hear(*given, **more))
        patch.setattr(Parts, "announcers", [hear], raising=False)
        run(client, chain({"Type": "Pass", "Result": output}), given)
    detail = next(each for each in seen if each["status"] == "SUCCEEDED")
    assert (detail["inputDetails"]["included"], detail["outputDetails"]["included"]) == included
    assert (detail["input"] is not None, detail["output"] is not None) == included


def test_executions_are_announced(client: Any, running: Running) -> None:
    events, queues = running.client("events"), running.client("sqs")
    url = queues.create_queue(QueueName="announced")["QueueUrl"]
    arn = machine(client, chain(PASS))
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [arn]}}
    events.put_rule(Name="executions", EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:000000000000:announced"}
    events.put_targets(Rule="executions", Targets=[target])
    execution = start(client, arn)
    seen: list[str] = []
    until = time.monotonic() + 10
    while len(seen) < 2 and time.monotonic() < until:
        found = queues.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
        for message in found.get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            assert detail["executionArn"] == execution
            seen.append(detail["status"])
            queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert sorted(seen) == ["RUNNING", "SUCCEEDED"]
    events.close()
    queues.close()


def test_a_rule_starts_executions(client: Any, running: Running) -> None:
    events = running.client("events")
    arn = machine(client, chain({"Type": "Pass"}))
    events.put_rule(Name="starts", EventPattern=json.dumps({"source": ["shop"]}))
    target = {"Id": "machine", "Arn": arn, "RoleArn": ROLE, "InputPath": "$.detail"}
    events.put_targets(Rule="starts", Targets=[target])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "t", "Detail": '{"a": 1}'}])
    until = time.monotonic() + 10
    found: list[Any] = []
    while not found and time.monotonic() < until:
        found = client.list_executions(stateMachineArn=arn)["executions"]
    assert json.loads(until_over(client, found[0]["executionArn"])["output"]) == {"a": 1}
    events.close()


def test_reset_forgets_an_account(running: Running) -> None:
    other = running.client("stepfunctions", account="222222222222")
    arn = machine(other, chain(WAIT))
    execution = start(other, arn)
    running.call(lambda: running.emulator.table.reset("222222222222"))
    refused("ExecutionDoesNotExist", other.describe_execution, executionArn=execution)
    assert other.list_state_machines()["stateMachines"] == []
    other.close()


def test_a_bug_ends_an_execution_and_not_the_emulator(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("emulator.workflows.decide.enter", broken)
        found = run(client, chain(PASS), status="FAILED")
    assert (found["error"], found["cause"]) == ("States.Runtime", "RuntimeError: a bug")
    invoke = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sqs:listQueues"}
    with monkeypatch.context() as patch:
        patch.setattr("emulator.services.stepfunctions.tasks.integrations.any_service", broken)
        found = run(client, chain(invoke), status="FAILED")
    assert (found["error"], found["cause"]) == ("States.Runtime", "RuntimeError: a bug")
    assert run(client, chain(PASS)) == {"done": True}


def test_a_nested_execution_is_awaited_over_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    first = Running(settings, driver=ScriptedDriver())
    client = first.client("stepfunctions")
    inner = machine(client, chain({"Type": "Wait", "Seconds": 1}, PASS))
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": inner},
    }
    execution = start(client, machine(client, chain(task)))
    until = time.monotonic() + 10
    while "TaskSubmitted" not in types(client, execution):
        assert time.monotonic() < until
    client.close()
    first.stop()
    second = Running(settings, driver=ScriptedDriver())
    client = second.client("stepfunctions")
    found = json.loads(until_over(client, execution, "SUCCEEDED")["output"])
    assert found["Output"] == {"done": True}
    client.close()
    second.stop()


def test_what_a_failed_branch_leaves_is_aborted(client: Any) -> None:
    fails = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}
    waits = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 900, "End": True}}}
    late = {"StartAt": "L", "States": {"L": {"Type": "Wait", "Seconds": 900, "End": True}}}
    both = {"Type": "Parallel", "Branches": [waits, fails, late]}
    execution = start(client, machine(client, chain(both)))
    assert until_over(client, execution, "FAILED")["error"] == "E"
    assert types(client, execution) == [
        "ExecutionStarted",
        "ParallelStateEntered",
        "ParallelStateStarted",
        "WaitStateEntered",
        "FailStateEntered",
        "WaitStateAborted",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]
