"""What may be done to stacks, and when: policies, exports, cancelled and continued operations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from tests.api.conftest import Running
from tests.api.functions import Calls
from tests.api.stacks import Stacks, function, outputs, queue, template
from tests.patience import until

BAD = queue(DelaySeconds=99999)
WAIT: dict[str, Any] = {
    "H": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
    "W": {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "H"}, "Timeout": "600"},
    },
}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, transition_seconds=0), driver=Calls().driver)
    yield running
    running.stop()


def deny(*actions: str, resource: str = "LogicalResourceId/Kept") -> str:
    allow = {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}
    no = {"Effect": "Deny", "Principal": "*", "Action": list(actions), "Resource": resource}
    return json.dumps({"Statement": [allow, no]})


@pytest.mark.parametrize(
    ("action", "resources"),
    [
        ("Update:Modify", {"Kept": queue(DelaySeconds=2)}),
        ("Update:Replace", {"Kept": queue(QueueName="policy-other")}),
        ("Update:Delete", {"Other": queue()}),
    ],
)
def test_a_stack_policy_protects(stacks: Stacks, action: str, resources: dict[str, Any]) -> None:
    name = action.replace(":", "-")
    stacks.client.create_stack(
        StackName=name,
        TemplateBody=template({"Kept": queue(DelaySeconds=1)}),
        StackPolicyBody=deny(action),
    )
    before = stacks.settled(name) and stacks.physical(name)
    stack = stacks.update(name, resources)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.physical(name) == before
    denied = f"Action denied by stack policy: Statement [#2] does not allow [{action}]"
    assert any(reason.startswith(denied) for reason in stacks.reasons(name))
    # A policy for this update alone lets it pass; the stack's own stays.
    stacks.client.update_stack(
        StackName=name,
        TemplateBody=template(resources),
        StackPolicyDuringUpdateBody=deny("Update:*", resource="LogicalResourceId/None"),
    )
    assert stacks.settled(name)["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.client.get_stack_policy(StackName=name)["StackPolicyBody"] == deny(action)


def test_a_stack_policy_that_is_none(stacks: Stacks) -> None:
    stacks.create("no-policy", {"Q": queue()})
    for text in ("{", "[]", '{"Statement": [{"Effect": "Maybe"}]}'):
        with pytest.raises(ClientError, match="Error validating stack policy"):
            stacks.client.set_stack_policy(StackName="no-policy", StackPolicyBody=text)


def test_exports_in_use_neither_change_nor_go(stacks: Stacks) -> None:
    def out(value: Any) -> dict[str, Any]:
        return {"Outputs": {"O": {"Value": value, "Export": {"Name": "used"}}}}

    stacks.create("exporter", {"Q": queue()}, **out("a"))
    stacks.create("importer", {"P": queue(QueueName={"Fn::ImportValue": "used"})})
    for more, says in (
        (out("b"), "Export used cannot be updated as it is in use by importer"),
        ({}, "Export used cannot be deleted as it is in use by importer"),
    ):
        stack = stacks.update("exporter", {"Q": queue()}, **more)
        assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert outputs(stack) == {"O": "a"}
        assert says in stacks.reasons("exporter")
    taken = stacks.create("thief", {"Q": queue()}, **out("x"))
    assert taken["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = " ".join(stacks.reasons("thief"))
    assert "Export with name used is already exported by stack exporter" in reasons
    stacks.create("lost", {"P": queue(QueueName={"Fn::ImportValue": "none"})})
    lost = "No export named none found. Rollback requested by user."
    assert lost in stacks.reasons("lost")


def test_an_update_is_cancelled(stacks: Stacks) -> None:
    stacks.create("cancelled", {"Q": queue(DelaySeconds=1)})
    stacks.client.update_stack(
        StackName="cancelled", TemplateBody=template({"Q": queue(DelaySeconds=2), **WAIT})
    )
    with pytest.raises(ClientError, match="is in UPDATE_IN_PROGRESS state and can not be updated"):
        stacks.client.update_stack(StackName="cancelled", TemplateBody=template({"Q": queue()}))
    stacks.client.cancel_update_stack(StackName="cancelled")
    assert stacks.settled("cancelled")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    url = stacks.physical("cancelled")["Q"]
    attributes = stacks.running.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["DelaySeconds"]
    )["Attributes"]
    assert attributes == {"DelaySeconds": "1"}
    assert stacks.physical("cancelled").keys() == {"Q"}


def test_a_stack_is_deleted_while_it_is_created(stacks: Stacks) -> None:
    stacks.client.create_stack(StackName="early", TemplateBody=template({"Q": queue(), **WAIT}))
    stack_id = stacks.client.list_stacks()["StackSummaries"][0]["StackId"]
    stacks.client.delete_stack(StackName="early")
    assert stacks.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert "QueueUrls" not in stacks.running.client("sqs").list_queues(QueueNamePrefix="early-")


def test_a_creation_that_takes_too_long(stacks: Stacks, running: Running) -> None:
    stacks.client.create_stack(
        StackName="late", TemplateBody=template({"Q": queue(), **WAIT}), TimeoutInMinutes=1
    )
    running.call(_overdue(running, "late"))
    stack = stacks.settled("late")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(
        reason.startswith("Stack creation time exceeded the specified timeout.")
        for reason in stacks.reasons("late")
    )


def _overdue(running: Running, name: str) -> Any:
    """Return what lets a stack's minute pass at once."""

    async def pass_minute() -> None:
        state = await running.emulator.table.state("cloudformation")
        stack = state.store.find("000000000000", "us-east-1", name)
        work, _ = state.engine._running[stack.stack_id]
        work.be_overdue("Stack creation time exceeded the specified timeout. ")

    return pass_minute


def test_a_delete_that_fails_is_done_again(stacks: Stacks) -> None:
    s3 = stacks.running.client("s3")
    stacks.create("full", {
        "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full-bucket"}},
        "Q": queue(),
    })  # fmt: skip
    stack_id = stacks.settled("full")["StackId"]
    s3.put_object(Bucket="full-bucket", Key="k", Body=b"x")
    with pytest.raises(ClientError, match="must be in DELETE_FAILED state: RetainResources"):
        stacks.client.delete_stack(StackName="full", RetainResources=["B"])
    stacks.client.delete_stack(StackName="full")
    stack = stacks.settled("full")
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [B]. "
    with pytest.raises(ClientError, match=r"do not exist in the stack: \[None\]"):
        stacks.client.delete_stack(StackName="full", RetainResources=["None"])
    stacks.client.delete_stack(StackName="full", RetainResources=["B"])
    assert stacks.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert s3.head_bucket(Bucket="full-bucket")

    stacks.create("forced", {
        "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "forced-bucket"}},
    })  # fmt: skip
    stack_id = stacks.settled("forced")["StackId"]
    s3.put_object(Bucket="forced-bucket", Key="k", Body=b"x")
    stacks.client.delete_stack(StackName="forced")
    assert stacks.settled("forced")["StackStatus"] == "DELETE_FAILED"
    stacks.client.delete_stack(StackName="forced", DeletionMode="FORCE_DELETE_STACK")
    assert stacks.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"


def test_a_rollback_that_fails_is_continued(stacks: Stacks) -> None:
    stacks.create("stuck", {"F": function(MemorySize=256), "Q": queue(DelaySeconds=1)})
    name = stacks.physical("stuck")["F"]
    stacks.client.update_stack(
        StackName="stuck",
        TemplateBody=template({
            "F": function(MemorySize=512),
            "Q": queue(DelaySeconds=2),
            "H": WAIT["H"],
            "W": {**WAIT["W"], "DependsOn": ["F", "Q"]},
        }),
    )  # fmt: skip
    until(lambda: "W" in stacks.physical("stuck"))
    stacks.running.client("lambda").delete_function(FunctionName=name)
    stacks.client.cancel_update_stack(StackName="stuck")
    stack = stacks.settled("stuck")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(ClientError, match=r"Resource \[Q\] can not be skipped"):
        stacks.client.continue_update_rollback(StackName="stuck", ResourcesToSkip=["Q"])
    stacks.client.continue_update_rollback(StackName="stuck", ResourcesToSkip=["F"])
    assert stacks.settled("stuck")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_policies_of_resources(stacks: Stacks) -> None:
    keep = {**queue(QueueName="always-kept"), "DeletionPolicy": "Retain"}
    but = {**queue(QueueName="kept-but"), "DeletionPolicy": "RetainExceptOnCreate"}
    stacks.create("undone", {"A": keep, "B": but, "Bad": {**BAD, "DependsOn": ["A", "B"]}})
    sqs = stacks.running.client("sqs")
    assert sqs.get_queue_url(QueueName="always-kept")
    with pytest.raises(ClientError, match="does not exist"):
        sqs.get_queue_url(QueueName="kept-but")
    replaced = {**queue(QueueName="replaced-1"), "UpdateReplacePolicy": "Retain"}
    stacks.create("replaced", {"A": replaced})
    stacks.update("replaced", {"A": {**replaced, "Properties": {"QueueName": "replaced-2"}}})
    names = sqs.list_queues(QueueNamePrefix="replaced-")["QueueUrls"]
    assert len(names) == 2
    with pytest.raises(ClientError, match="Unrecognized DeletionPolicy Keep for resource A"):
        stacks.create("wrong", {"A": {**queue(), "DeletionPolicy": "Keep"}})


def test_names_that_are_taken(stacks: Stacks) -> None:
    stacks.running.client("sqs").create_queue(QueueName="taken")
    stack = stacks.create("taker", {"Q": queue(QueueName="taken")})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("already exists" in reason for reason in stacks.reasons("taker"))
    # What was there before is not the stack's to remove.
    assert stacks.running.client("sqs").get_queue_url(QueueName="taken")
    stacks.create("named", {"Q": queue(QueueName="same")})
    stack = stacks.update("named", {"Q": queue(QueueName="same", FifoQueue=False)})
    assert stack["StackStatus"] in ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def test_a_creation_that_fails_half_way_leaves_nothing(stacks: Stacks) -> None:
    topic = {
        "TopicName": "half-way",
        "Subscription": [{"Protocol": "sqs", "Endpoint": "no queue"}],
    }
    resources = {"T": {"Type": "AWS::SNS::Topic", "Properties": topic}}
    stacks.client.create_stack(
        StackName="half-way", TemplateBody=template(resources), OnFailure="DO_NOTHING"
    )
    assert stacks.settled("half-way")["StackStatus"] == "CREATE_FAILED"
    assert stacks.physical("half-way") == {"T": ""}
    assert stacks.running.client("sns").list_topics()["Topics"] == []


def test_two_at_once(stacks: Stacks) -> None:
    body = template({"Q": queue()})

    def create(_: int) -> str:
        try:
            Stacks(stacks.running).client.create_stack(StackName="race", TemplateBody=body)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "made"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(create, range(4)))
    assert answers == ["AlreadyExistsException"] * 3 + ["made"]
    token = {"ClientRequestToken": "once"}
    first = stacks.client.create_stack(StackName="token", TemplateBody=body, **token)
    again = stacks.client.create_stack(StackName="token", TemplateBody=body, **token)
    assert first["StackId"] == again["StackId"]


def test_addresses_of_function_urls_are_local(stacks: Stacks) -> None:
    url = {
        "Type": "AWS::Lambda::Url",
        "Properties": {"AuthType": "NONE", "TargetFunctionArn": {"Ref": "F"}},
    }
    stack = stacks.create("urls", {"F": function(), "U": url},
                          Outputs={"U": {"Value": {"Fn::GetAtt": "U.FunctionUrl"}}})  # fmt: skip
    there = outputs(stack)["U"]
    url_id = there.removeprefix("http://").partition(".")[0]
    theirs = f"https://{url_id}.lambda-url.us-east-1.on.aws/path"
    none = "https://none.execute-api.us-east-1.amazonaws.com/Prod"
    variables = {"Variables": {"URL": theirs, "OTHER": none}}
    stack = stacks.create(
        "users", {"F": function(Environment=variables)}, Outputs={"U": {"Value": theirs}}
    )
    assert outputs(stack)["U"] == f"{there}path"
    name = stacks.physical("users")["F"]
    found = stacks.running.client("lambda").get_function_configuration(FunctionName=name)
    assert found["Environment"]["Variables"] == {"URL": f"{there}path", "OTHER": none}
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.update(
            "users", {"F": function(Environment=variables)}, Outputs={"U": {"Value": theirs}}
        )


def test_names_of_stacks(stacks: Stacks) -> None:
    with pytest.raises(ClientError) as raised:
        stacks.create("under_score", {"Q": queue()})
    assert raised.value.response["Error"]["Message"] == (
        "1 validation error detected: Value 'under_score' at 'stackName' failed to satisfy"
        " constraint: Member must satisfy regular expression pattern:"
        " [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
    )


def test_change_sets_show_values_and_hide_secrets(stacks: Stacks) -> None:
    parameters = {"S": {"Type": "String", "NoEcho": True, "Default": "hush"}}
    stacks.create("shown", {"Q": queue(DelaySeconds=1)}, Parameters=parameters)
    stacks.client.create_change_set(
        StackName="shown",
        ChangeSetName="c",
        TemplateBody=template(
            {"Q": queue(DelaySeconds=2, Tags=[{"Key": "s", "Value": {"Ref": "S"}}])},
            Parameters=parameters,
        ),
    )
    names = {"StackName": "shown", "ChangeSetName": "c"}
    found = stacks.client.describe_change_set(**names, IncludePropertyValues=True)
    (change,) = [each["ResourceChange"] for each in found["Changes"]]
    details = {each["Target"]["Name"]: each["Target"] for each in change["Details"] if
               "Name" in each["Target"]}  # fmt: skip
    assert (details["DelaySeconds"]["BeforeValue"], details["DelaySeconds"]["AfterValue"]) == (
        "1",
        "2",
    )
    assert "hush" not in json.dumps(change)
    plain = stacks.client.describe_change_set(**names)
    assert "BeforeContext" not in plain["Changes"][0]["ResourceChange"]
    body = stacks.client.get_template(**names)["TemplateBody"]
    assert body["Resources"]["Q"]["Properties"]["DelaySeconds"] == 2
