"""Step Functions over HTTP: machines, versions, aliases, activities, executions."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from emulator.services.stepfunctions import definitions
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

from .conftest import Running, create

__all__ = ["client", "running"]


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


def test_what_a_check_has_compiled_is_run(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(text: str) -> None:
        raise AssertionError("it is compiled already")

    monkeypatch.setattr(definitions, "compile_kept", again)
    arn = machine(client, chain({**PASS, "Result": "compiled once"}))
    until_over(client, start(client, arn, {}), "SUCCEEDED")


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


@pytest.mark.parametrize(
    ("resource", "arguments", "says"),
    [
        ("aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"}, ""),
        ("aws-sdk:ec2:describeInstances", {"InstanceIds.$": "$.ids"}, ""),
        ("aws-sdk:rds:describeDBInstances", {"DbInstanceIdentifier": "x"}, ""),
        ("sqs:sendMessage", {"QueueUrl": "q", "MessageBody.$": "$"}, ""),
        ("lambda:invoke", {"FunctionName": "f", "Payload": {"x": 1}}, ""),
        ("aws-sdk:s3:GetObject", {}, "is not recognized"),
        ("aws-sdk:s3:getThing", {}, "is not recognized"),
        ("aws-sdk:nothing:getObject", {}, "is not recognized"),
        ("aws-sdk:stepfunctions:startExecution", {}, "is not recognized"),
        (
            "aws-sdk:s3:getObject",
            {"Bucket": "b", "Kee": "k"},
            "The field 'Kee' is not supported by",
        ),
        ("aws-sdk:s3:getObject", {"bucket": "b"}, "The field 'bucket' is not supported by"),
        ("dynamodb:getItem", {"Table.$": "$", "TableName": "t"}, "The field 'Table' is not"),
        ("dynamodb:getItem", {"TableName": "t"}, "The field 'Key' is required but was missing"),
        ("lambda:invoke", {"Payload": {}}, "The field 'FunctionName' is required but was missing"),
    ],
)
def test_calls_of_services_are_those_that_there_are(
    client: Any, resource: str, arguments: Any, says: str
) -> None:
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}"}
    given = [chain({**task, "Parameters": arguments})]
    if not any(each.endswith(".$") for each in arguments):
        given.append(chain({**task, "Arguments": arguments}, QueryLanguage="JSONata"))
    for definition in given:
        found = client.validate_state_machine_definition(definition=definition)
        told = [each["message"] for each in found["diagnostics"]]
        assert (found["result"] == "OK") is (says == ""), told
        assert says in " ".join(told)
        if says:
            refused(
                "InvalidDefinition",
                client.create_state_machine,
                name="refused",
                definition=definition,
                roleArn=ROLE,
            )


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
