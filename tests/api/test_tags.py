"""Tags that services do not take, in the words of each; nothing is made or changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import Running, create
from tests.api.stacks import settled

ROLE = "arn:aws:iam::000000000000:role/r"
MACHINE = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
TEMPLATE = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})
EXTERNAL = "aws: prefixed tag key names are not allowed for external use."


def refused(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**given)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_functions(emptied: Running) -> None:
    client = emptied.client("lambda")
    with pytest.raises(ClientError, match=EXTERNAL) as raised:
        create(client, "f", Tags={"aws:x": "y"})
    assert raised.value.response["Type"] == "User"
    assert client.list_functions()["Functions"] == []
    arn = create(client)["FunctionArn"]
    error = refused(client.tag_resource, Resource=arn, Tags={"AWS:x": "y", "a": "b"})
    assert error == ("InvalidParameterValueException", EXTERNAL)
    assert client.list_tags(Resource=arn)["Tags"] == {}


def test_topics(emptied: Running) -> None:
    sns = emptied.client("sns")
    tags = [{"Key": "aws:x", "Value": "y"}]
    error = ("InvalidParameter", f"Invalid parameter: {EXTERNAL}")
    assert refused(sns.create_topic, Name="t", Tags=tags) == error
    assert sns.list_topics()["Topics"] == []
    arn = sns.create_topic(Name="t")["TopicArn"]
    assert refused(sns.tag_resource, ResourceArn=arn, Tags=tags) == error
    repeated = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert refused(sns.tag_resource, ResourceArn=arn, Tags=repeated)[0] == "InvalidParameter"
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == []


def test_machines(emptied: Running) -> None:
    states = emptied.client("stepfunctions")
    tags = [{"key": "aws:x", "value": "y"}]
    error = ("ValidationException", EXTERNAL)
    machine = {"name": "m", "definition": MACHINE, "roleArn": ROLE}
    assert refused(states.create_state_machine, **machine, tags=tags) == error
    assert refused(states.create_activity, name="a", tags=tags) == error
    assert states.list_state_machines()["stateMachines"] == []
    arn = states.create_state_machine(**machine)["stateMachineArn"]
    assert refused(states.tag_resource, resourceArn=arn, tags=tags) == error
    other = [{"key": "a", "value": "<>"}]
    assert "Unicode letters" in refused(states.tag_resource, resourceArn=arn, tags=other)[1]


def test_stacks(emptied: Running) -> None:
    stacks = emptied.client("cloudformation")
    named = {"StackName": "s", "TemplateBody": TEMPLATE}
    tags = [{"Key": "aws:x", "Value": "y"}]
    error = ("ValidationError", EXTERNAL)
    assert refused(stacks.create_stack, **named, Tags=tags) == error
    change = {**named, "ChangeSetName": "c", "ChangeSetType": "CREATE"}
    assert refused(stacks.create_change_set, **change, Tags=tags) == error
    assert stacks.list_stacks()["StackSummaries"] == []
    stacks.create_stack(**named)
    assert refused(stacks.update_stack, **named, Tags=tags) == error
    many = [{"Key": str(n), "Value": "v"} for n in range(51)]
    assert refused(stacks.create_stack, **named, Tags=many)[0] == "ValidationError"


def test_a_template_can_not_give_a_resource_such_tags_either(emptied: Running) -> None:
    stacks = emptied.client("cloudformation")
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"Tags": [{"Key": "aws:x", "Value": "y"}]}}
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": {"T": topic}}))
    assert settled(stacks, "s")["StackStatus"] == "ROLLBACK_COMPLETE"


def test_rest_apis(emptied: Running) -> None:
    apis = emptied.client("apigateway")
    error = (
        "BadRequestException",
        "Invalid tag key. Tag keys cannot start with 'aws:' (case insensitive)",
    )
    tags = {"Aws:x": "y"}
    for call in (apis.create_rest_api, apis.create_api_key, apis.create_usage_plan):
        assert refused(call, name="n", tags=tags) == error
    assert refused(apis.generate_client_certificate, tags=tags) == error
    assert apis.get_rest_apis()["items"] == []
    api = apis.create_rest_api(name="n", tags={str(n): "" for n in range(49)})["id"]
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}"
    assert refused(apis.tag_resource, resourceArn=arn, tags=tags) == error
    apis.tag_resource(resourceArn=arn, tags={"one": "more"})
    too_many = refused(apis.tag_resource, resourceArn=arn, tags={"another": ""})
    assert too_many == ("BadRequestException", "A resource can have no more than 50 tags")
    assert len(apis.get_tags(resourceArn=arn)["tags"]) == 50


def test_pipes(emptied: Running) -> None:
    queues, pipes = emptied.client("sqs"), emptied.client("pipes")
    for name in ("a", "b"):
        queues.create_queue(QueueName=name)
    source, target = (f"arn:aws:sqs:us-east-1:000000000000:{name}" for name in "ab")
    tags = {str(n): "" for n in range(50)}
    made = pipes.create_pipe(Name="p", Source=source, Target=target, RoleArn=ROLE,
                             DesiredState="STOPPED", Tags=tags)  # fmt: skip
    too_many = refused(pipes.tag_resource, resourceArn=made["Arn"], tags={"more": ""})
    assert too_many[0] == "ValidationException"
    assert pipes.list_tags_for_resource(resourceArn=made["Arn"])["tags"] == tags
