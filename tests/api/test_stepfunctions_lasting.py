"""What of executions lasts, is logged and announced: restarts, resets, rules, bugs."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import StorageError
from emulator.services.context import Parts
from emulator.services.stepfunctions import definitions
from emulator.services.stepfunctions.engine import keeping
from emulator.services.stepfunctions.engine.execution import Execution
from emulator.services.stepfunctions.engine.journal import Done, Journal
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from emulator.workflows import program as programs
from tests.api.state_machines import (
    PASS,
    ROLE,
    WAIT,
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
from tests.patience import PATIENCE_S, until

from .conftest import Running

__all__ = ["client", "running"]


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


def test_what_was_kept_is_not_held_against_new_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    loop = {
        "StartAt": "Ask",
        "States": {
            "Ask": {"Type": "Wait", "SecondsPath": "$.wait", "Next": "Again"},
            "Again": {"Type": "Choice", "Choices": [
                {"Variable": "$.fails", "IsPresent": True, "Next": "Other"},
            ], "Default": "Ask"},
            "Other": {"Type": "Wait", "SecondsPath": "$.never", "Next": "Ask"},
        },
    }  # fmt: skip
    first = Running(settings, driver=ScriptedDriver())
    client = first.client("stepfunctions")
    with monkeypatch.context() as before:
        # When this was given, a machine without an end had a warning only.
        before.setattr(programs, "check", lambda *given: [])
        arn = machine(client, json.dumps(loop))
    runs = start(client, arn, {"wait": 1})
    failed = start(client, arn, {"wait": 0, "fails": True})
    until_over(client, failed, "FAILED")
    client.close()
    first.stop()
    definitions._programs.clear()
    second = Running(settings, driver=ScriptedDriver())
    client = second.client("stepfunctions")
    assert client.describe_execution(executionArn=failed)["status"] == "FAILED"
    again = start(client, arn, {"wait": 0, "fails": True})
    until_over(client, again, "FAILED")
    entered = types(client, runs).count("WaitStateEntered")
    until(lambda: types(client, runs).count("WaitStateEntered") > entered)
    client.stop_execution(executionArn=runs)
    until_over(client, runs, "ABORTED")
    assert client.describe_state_machine(stateMachineArn=arn)["definition"] == json.dumps(loop)
    changed = json.dumps({**loop, "Comment": "changed"})
    refused(
        "InvalidDefinition", client.update_state_machine, stateMachineArn=arn, definition=changed
    )
    client.close()
    second.stop()


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
    found = until(
        lambda: logs.filter_log_events(logGroupName="workflows")["events"],
        lambda events: len(events) >= 4,
    )
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
    found = until(
        lambda: logs.filter_log_events(logGroupName="once")["events"],
        lambda events: events and "ExecutionSucceeded" in events[-1]["message"],
    )
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
    end = time.monotonic() + PATIENCE_S
    while len(seen) < 2 and time.monotonic() < end:
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
    found = until(lambda: client.list_executions(stateMachineArn=arn)["executions"])
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
    until(lambda: "TaskSubmitted" in types(client, execution))
    client.close()
    first.stop()
    second = Running(settings, driver=ScriptedDriver())
    client = second.client("stepfunctions")
    found = json.loads(until_over(client, execution, "SUCCEEDED")["output"])
    assert found["Output"] == {"done": True}
    client.close()
    second.stop()
