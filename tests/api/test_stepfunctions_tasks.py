"""What executions wait for: activities, tokens, functions, services, other executions."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import Any

import pytest

from emulator.services.stepfunctions.engine.engine import Engine
from emulator.services.stepfunctions.tasks import runner
from tests.api.state_machines import (
    PASS,
    ROLE,
    chain,
    client,
    machine,
    refused,
    run,
    running,
    start,
    types,
    until_over,
)
from tests.messages import taken
from tests.patience import PATIENCE_S

from .conftest import Running, create

__all__ = ["client", "running"]


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
    thread.join(60)
    client.send_task_success(taskToken=taken[0]["taskToken"], output="1")
    until_over(client, execution, "SUCCEEDED")


def test_a_token_is_waited_for(client: Any, running: Running) -> None:
    queues = running.client("sqs")
    url = queues.create_queue(QueueName="tokens")["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody": {"Token.$": "$$.Task.Token"}},
        "HeartbeatSeconds": 600,
    }
    execution = start(client, machine(client, chain(task)))
    message = taken(queues, url)
    token = json.loads(message["Body"])["Token"]
    client.send_task_success(taskToken=token, output='"approved"')
    assert until_over(client, execution, "SUCCEEDED")["output"] == '"approved"'
    assert types(client, execution)[2:6] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ]
    execution = start(client, machine(client, chain({**task, "HeartbeatSeconds": 1})))
    found = until_over(client, execution, "FAILED")
    assert found["error"] == "States.Timeout"
    queues.close()


def test_an_answer_that_is_quicker_than_the_call_comes_after_it(
    client: Any, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform, awaited, answered = runner.perform, Engine.awaited, threading.Event()

    async def arrive(engine: Engine, token: str) -> Any:
        found = await awaited(engine, token)
        answered.set()
        return found

    async def slowly(task: Any) -> Any:
        result = await perform(task)
        await asyncio.to_thread(answered.wait, PATIENCE_S)
        return result

    monkeypatch.setattr(Engine, "awaited", arrive)
    monkeypatch.setattr(runner, "perform", slowly)
    queues = running.client("sqs")
    url = queues.create_queue(QueueName="quick-answers")["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody": {"Token.$": "$$.Task.Token"}},
    }
    execution = start(client, machine(client, chain(task)))
    message = taken(queues, url)
    client.send_task_success(taskToken=json.loads(message["Body"])["Token"], output="1")
    until_over(client, execution, "SUCCEEDED")
    assert types(client, execution)[4:6] == ["TaskSubmitted", "TaskSucceeded"]
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
    message = taken(queues, url)
    token = json.loads(message["Body"])["Token"]
    client.send_task_failure(taskToken=token, error="Bad")
    refused("TaskTimedOut", client.send_task_failure, taskToken=token, error="Bad")
    refused("TaskTimedOut", client.send_task_success, taskToken=token, output="1")
    assert types(client, execution).count("TaskFailed") == 1
    client.stop_execution(executionArn=execution)
    beyond = base64.b64encode(b'[9223372036854775808,"",""]').decode()
    refused("InvalidToken", client.send_task_heartbeat, taskToken=beyond)
    queues.close()


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
    for given in ("no base64", base64.b64encode(b"x\r\nLambda-Runtime-Deadline-Ms: 0").decode()):
        context = {"FunctionName": "echo", "ClientContext": given}
        failed = run(client, chain({**invoke, "Parameters": context}), status="FAILED")
        assert failed["error"] == "Lambda.InvalidRequestContentException"
        assert "Client context must be a valid Base64-encoded JSON object." in failed["cause"]
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
    message = taken(queues, url)
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
