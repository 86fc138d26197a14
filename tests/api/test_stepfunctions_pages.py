"""The dashboard's pages of workflows."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from emulator.services.table import Table
from tests.api.state_machines import ROLE, chain, start, until_over

from .conftest import Running, create
from .test_dashboard import page


def test_an_execution_is_drawn(scripted: Running) -> None:
    status, _, text = page(scripted, "ui/workflows")
    assert status == 200
    assert "There is no state machine yet." in text
    client = scripted.client("stepfunctions")
    inner = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": True}}}
    each = {"Type": "Map", "ItemProcessor": inner}
    evil = {"Type": "Fail", "Error": "<script>E</script>", "Cause": "<b>"}
    arn = client.create_state_machine(
        name="drawn", definition=chain({"Type": "Pass"}, each, evil), roleArn=ROLE
    )["stateMachineArn"]
    execution = start(client, arn, [1, 2])
    until_over(client, execution, "FAILED")
    _, _, text = page(scripted, "ui/workflows")
    assert quote(execution) in text or execution.rpartition(":")[2] in text
    status, _, text = page(scripted, f"ui/workflows?execution={quote(execution)}")
    assert status == 200
    assert "<script>E" not in text
    assert text.count('class="box') == 4
    assert "2 ×" in text
    assert text.count('class="bar"') == 5
    status, _, text = page(scripted, f"ui/workflows?execution={quote(arn)}")
    assert status == 404
    client.close()


def test_an_execution_is_joined_with_its_functions_environments(scripted: Running) -> None:
    functions, client = scripted.client("lambda"), scripted.client("stepfunctions")
    create(functions, "joined")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:joined"
    by_arn = {"Type": "Task", "Resource": arn}
    missing = {**by_arn, "Resource": arn.replace("joined", "absent")}
    optimised = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "joined", "Payload.$": "$"},
    }
    caught = {**missing, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "D"}]}
    inner = {"StartAt": "Inner", "States": {"Inner": {**by_arn, "End": True}}}
    each = {"Type": "Map", "ItemProcessor": inner, "ItemsPath": "$$.Execution.Input.items"}
    definition = chain(by_arn, optimised, caught, each)
    machine = client.create_state_machine(name="joined", definition=definition, roleArn=ROLE)
    execution = start(client, machine["stateMachineArn"], {"items": [1, 2]})
    until_over(client, execution, "SUCCEEDED")
    path = f"_emulator/executions/timeline?execution={quote(execution)}"
    found = json.loads(urlopen(f"{scripted.url}/{path}").read())
    assert found["execution"]["status"] == "SUCCEEDED"
    states = found["states"]
    assert [(s["state"], s["index"]) for s in states] == [
        ("A", None),
        ("B", None),
        ("C", None),
        ("D", None),
        ("Inner", 0),
        ("Inner", 1),
    ]
    assert all(s["entered"] <= s["left"] for s in states)
    invoked = [s["attempts"][0]["invocation"] for s in states if s["type"] == "Task"]
    assert invoked[0]["cold"] is True
    assert invoked[0]["why"]["cause"] == "first call"
    assert invoked[1]["cold"] is False
    assert invoked[1]["environment"] == invoked[0]["environment"]
    assert invoked[2] is None
    assert states[2]["attempts"][0]["error"] == "Lambda.ResourceNotFoundException"
    assert all(each["function"] == "joined" for each in invoked[3:])
    history = client.get_execution_history(executionArn=execution)
    assert "localfaas" not in json.dumps(history, default=str)
    _, _, text = page(scripted, f"ui/workflows?execution={quote(execution)}")
    assert invoked[0]["environment"][:8] in text
    assert '<span class="tag">cold</span>' in text
    assert 'class="under' in text
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{scripted.url}/{path}x")
    refused.value.close()
    assert refused.value.code == 404
    functions.close()
    client.close()


def test_machines_beyond_the_first_page_are_listed_with_two_questions(
    scripted: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = scripted.client("stepfunctions")
    definition = chain({"Type": "Pass"})
    arns = [
        client.create_state_machine(name=f"many-{at:04}", definition=definition, roleArn=ROLE)
        for at in range(5)
    ]
    execution = start(client, arns[-1]["stateMachineArn"])
    until_over(client, execution, "SUCCEEDED")
    call, asked = Table.call, []

    async def counting(self: Table, service: str, operation: str, request: Any, **more: Any) -> Any:
        asked.append(operation)
        if operation == "ListStateMachines":
            request = {**request, "maxResults": 2}
        return await call(self, service, operation, request, **more)

    monkeypatch.setattr(Table, "call", counting)
    _, _, text = page(scripted, "ui/workflows?part=1")
    assert all(f"many-{at:04}" in text for at in range(5))
    assert execution.rpartition(":")[2] in text
    assert set(asked) == {"ListStateMachines"}
    client.close()


def test_one_that_waits_is_shown_running(scripted: Running) -> None:
    client = scripted.client("stepfunctions")
    definition = json.loads(chain({"Type": "Wait", "Seconds": 900}))
    arn = client.create_state_machine(
        name="waits", definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    _, _, text = page(scripted, f"ui/workflows?execution={quote(start(client, arn))}")
    assert "1 running" in text
    client.close()
