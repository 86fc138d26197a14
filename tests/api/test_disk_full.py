"""A disk that takes nothing for a while: errors, nothing half-way, and then it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.errors import StorageFull
from tests.api.conftest import ECHO, Running, create

ROLE = "arn:aws:iam::000000000000:role/role"


def _template(logical: str) -> str:
    return json.dumps(
        {"Resources": {logical: {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
    )


_TEMPLATE, _OTHER = _template("Handle"), _template("Other")


class Disk:
    """The documents' disk of an emulator, which can be full."""

    def __init__(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        documents = running.emulator.parts.registry._documents._documents
        assert documents is not None
        write = documents.write

        async def written(*changes: Any) -> None:
            if self.is_full:
                raise StorageFull("the disk is full")
            await write(*changes)

        monkeypatch.setattr(documents, "write", written)

    def refuses(self, call: Callable[..., Any], **request: Any) -> None:
        """Make a call while the disk is full: its error is the service's, for SDKs to try again."""
        self.is_full = True
        with pytest.raises(ClientError, match="not kept: the disk is full") as caught:
            call(**request)
        self.is_full = False
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


@pytest.fixture
def disk(scripted_state: Running, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(scripted_state, monkeypatch)


def test_a_function_that_was_not_kept_can_be_made_again(
    scripted_state: Running, disk: Disk
) -> None:
    client = scripted_state.client("lambda")
    request = {
        "FunctionName": "again",
        "Runtime": "python3.12",
        "Role": ROLE,
        "Handler": "app.handler",
        "Code": {"ZipFile": ECHO},
    }
    disk.refuses(client.create_function, **request)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="again")
    client.create_function(**request)
    client.get_waiter("function_active_v2").wait(FunctionName="again")


def test_a_function_is_not_on_its_way_for_ever(scripted_state: Running, disk: Disk) -> None:
    client = scripted_state.client("lambda")
    create(client, "moves")
    disk.refuses(client.update_function_configuration, FunctionName="moves", Description="new")
    client.get_waiter("function_updated_v2").wait(FunctionName="moves")
    disk.refuses(client.update_function_code, FunctionName="moves", ZipFile=ECHO, Publish=True)
    client.get_waiter("function_updated_v2").wait(FunctionName="moves")
    disk.refuses(client.publish_version, FunctionName="moves", Description="another")
    client.update_function_configuration(FunctionName="moves", Description="newer")
    client.get_waiter("function_updated_v2").wait(FunctionName="moves")
    assert client.get_function(FunctionName="moves")["Configuration"]["Description"] == "newer"


def test_what_a_table_keeps_is_as_before(scripted_state: Running, disk: Disk) -> None:
    ssm = scripted_state.client("ssm")
    ssm.put_parameter(Name="there", Value="1", Type="String")
    disk.refuses(ssm.put_parameter, Name="there", Value="2", Type="String", Overwrite=True)
    disk.refuses(ssm.delete_parameter, Name="there")
    disk.refuses(ssm.put_parameter, Name="new", Value="1", Type="String")
    found = ssm.describe_parameters()["Parameters"]
    assert [(each["Name"], each["Version"]) for each in found] == [("there", 1)]


def test_what_a_stack_was_to_begin_is_not_begun(scripted_state: Running, disk: Disk) -> None:
    client = scripted_state.client("cloudformation")
    disk.refuses(client.create_stack, StackName="full", TemplateBody=_TEMPLATE)
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_stacks(StackName="full")
    client.create_stack(StackName="full", TemplateBody=_TEMPLATE)
    client.get_waiter("stack_create_complete").wait(StackName="full", WaiterConfig={"Delay": 1})
    events = client.describe_stack_events(StackName="full")["StackEvents"]

    other = {"StackName": "full", "TemplateBody": _OTHER, "ClientRequestToken": "one"}
    disk.refuses(client.update_stack, **other)
    disk.refuses(client.delete_stack, StackName="full")
    (stack,) = client.describe_stacks(StackName="full")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert client.describe_stack_events(StackName="full")["StackEvents"] == events

    made = {"StackName": "full", "ChangeSetName": "change"}
    disk.refuses(client.create_change_set, **made, TemplateBody=_OTHER)
    client.create_change_set(**made, TemplateBody=_OTHER)
    client.get_waiter("change_set_create_complete").wait(**made, WaiterConfig={"Delay": 1})
    disk.refuses(client.execute_change_set, **made)
    disk.refuses(client.delete_change_set, **made)
    client.execute_change_set(**made)
    client.get_waiter("stack_update_complete").wait(StackName="full", WaiterConfig={"Delay": 1})

    # The token of what was refused begins it all the same when it is asked for again.
    again = {**other, "TemplateBody": _TEMPLATE, "ClientRequestToken": "two"}
    disk.refuses(client.update_stack, **again)
    client.update_stack(**again)
    client.get_waiter("stack_update_complete").wait(StackName="full", WaiterConfig={"Delay": 1})
    assert client.describe_stack_resource(StackName="full", LogicalResourceId="Handle")


def test_a_stack_whose_disk_fills_up_on_the_way_comes_to_an_end(
    scripted_state: Running, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = scripted_state.client("cloudformation")
    table = scripted_state.emulator.table
    store = scripted_state.call(lambda: table.state("cloudformation")).store
    record = store.record

    async def filling(stack: Any, *more: Any, **others: Any) -> None:
        await record(stack, *more, **others)
        disk.is_full = True

    monkeypatch.setattr(store, "record", filling)
    client.create_stack(StackName="way", TemplateBody=_TEMPLATE)
    with pytest.raises(Exception, match="CREATE_FAILED"):
        client.get_waiter("stack_create_complete").wait(StackName="way", WaiterConfig={"Delay": 1})
    monkeypatch.setattr(store, "record", record)
    disk.is_full = False
    client.delete_stack(StackName="way")
    client.get_waiter("stack_delete_complete").wait(StackName="way", WaiterConfig={"Delay": 1})
