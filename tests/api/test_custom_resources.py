"""Custom resources, wait conditions, nested stacks and macros, through boto3."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from tests.api.conftest import Running, create
from tests.api.functions import Calls
from tests.api.stacks import Stacks, outputs, queue, template
from tests.patience import until

_macros = itertools.count(1)


def put(url: str, answer: Any) -> int:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    request = urllib.request.Request(url, body, {"content-type": ""}, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


class Maker:
    """A function that makes custom resources: ``answers`` says what it puts for a request."""

    def __init__(self) -> None:
        self.calls = Calls()
        self.clock = JumpingClock()
        settings = Settings(port=0, transition_seconds=0)
        self.running = Running(settings, driver=self.calls.driver, clock=self.clock)
        self.stacks = Stacks(self.running)
        self.arn = create(self.running.client("lambda"), "maker")["FunctionArn"]
        self.answers: Callable[[Any], Any] = lambda event: {"PhysicalResourceId": "made"}
        self.calls.answer = self._answer

    def _answer(self, event: Any) -> Any:
        answer = self.answers(event)
        if answer is None or isinstance(answer, Exception) or "ResponseURL" not in event:
            return answer
        if isinstance(answer, dict):
            answer = {"Status": "SUCCESS", **answer}

        async def send() -> None:
            await asyncio.to_thread(put, event["ResponseURL"], answer)

        return send()

    def resource(self, **properties: Any) -> dict[str, Any]:
        return {"Type": "Custom::Thing", "Properties": {"ServiceToken": self.arn, **properties}}

    def requests(self) -> list[Any]:
        return [event for _, event in self.calls.all]

    def begin(self, answers: Callable[[Any], Any]) -> None:
        self.calls.all.clear()
        self.answers = answers


@pytest.fixture(scope="module")
def maker() -> Iterator[Maker]:
    maker = Maker()
    yield maker
    maker.running.stop()


def test_a_custom_resource_from_birth_to_end(maker: Maker) -> None:
    maker.begin(lambda event: {
        "PhysicalResourceId": f"thing-{event['ResourceProperties']['Kind']}",
        "Data": {"Size": 5, "Deep": {"Is": "x"}},
    })  # fmt: skip
    values = {"Outputs": {
        "Size": {"Value": {"Fn::GetAtt": "Thing.Size"}},
        "Deep": {"Value": {"Fn::GetAtt": ["Thing", "Deep.Is"]}},
        "Id": {"Value": {"Ref": "Thing"}},
    }}  # fmt: skip
    stack = maker.stacks.create("thing", {"Thing": maker.resource(Kind="a", N=1, T=True)}, **values)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack) == {"Size": "5", "Deep": "x", "Id": "thing-a"}
    (request,) = maker.requests()
    assert (
        request.items()
        >= {
            "RequestType": "Create",
            "StackId": stack["StackId"],
            "LogicalResourceId": "Thing",
            "ResourceType": "Custom::Thing",
            "ServiceToken": maker.arn,
        }.items()
    )
    properties = {"ServiceToken": maker.arn, "Kind": "a", "N": "1", "T": "true"}
    assert request["ResourceProperties"] == properties
    # Its answers are taken once.
    assert put(request["ResponseURL"], {"Status": "SUCCESS"}) == 403

    # Another id in the answer to an update is a replacement: the old one is deleted afterwards.
    maker.stacks.update("thing", {"Thing": maker.resource(Kind="b", N=1, T=True)}, **values)
    requests = maker.requests()[1:]
    assert [each["RequestType"] for each in requests] == ["Update", "Delete"]
    assert requests[0]["OldResourceProperties"] == properties
    assert [each["PhysicalResourceId"] for each in requests] == ["thing-a", "thing-a"]
    assert requests[1]["ResourceType"] == "Custom::Thing"
    maker.stacks.client.delete_stack(StackName="thing")
    assert maker.stacks.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert maker.requests()[-1]["RequestType"] == "Delete"
    assert maker.requests()[-1]["PhysicalResourceId"] == "thing-b"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            {"Status": "FAILED", "Reason": "no room", "PhysicalResourceId": "x"},
            r"Received response status \[FAILED\] from custom resource. Message returned: no room"
            r" \(RequestId: ",
        ),
        (ValueError("boom"), "The function of the custom resource failed: ValueError: boom$"),
        ({"PhysicalResourceId": ""}, "Invalid PhysicalResourceId"),
        (b"{", "Response is not valid JSON"),
        ({"Status": "MAYBE"}, "Invalid response status: MAYBE"),
        ({"PhysicalResourceId": "x", "Data": "a" * 4096}, "Response object is too long."),
    ],
)  # fmt: skip
def test_a_custom_resource_that_fails(maker: Maker, answer: Any, says: str) -> None:
    maker.begin(lambda event: answer if event["RequestType"] == "Create" else {})
    stack = maker.stacks.create("failing", {"Thing": maker.resource()})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [each for each in maker.stacks.reasons("failing") if each]
    assert any(re.search(says, reason) for reason in reasons), reasons
    # As on AWS, the function is told to delete what it could not create.
    assert [each["RequestType"] for each in maker.requests()] == ["Create", "Delete"]
    maker.stacks.client.delete_stack(StackName="failing")
    maker.stacks.settled(stack["StackId"])


def test_a_custom_resource_that_does_not_answer(maker: Maker) -> None:
    maker.begin(lambda event: None if event["RequestType"] == "Create" else {})
    body = template({"Thing": maker.resource(ServiceTimeout=3600)})
    maker.stacks.client.create_stack(StackName="mute", TemplateBody=body)
    told = maker.running.console.infos
    until(lambda: any("maker has ended and put no answer" in text for text in told))
    maker.running.call(lambda: maker.clock.jump(3600))
    assert maker.stacks.settled("mute")["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = " ".join(maker.stacks.reasons("mute"))
    assert "CloudFormation did not receive a response from your Custom Resource." in reasons


def test_what_a_custom_resource_hides_is_not_in_events(maker: Maker) -> None:
    maker.begin(lambda event: {"PhysicalResourceId": "p", "NoEcho": True, "Data": {"S": "se-cret"}})
    resources = {
        "Thing": maker.resource(),
        "Q": {**queue(Tags=[{"Key": "a", "Value": {"Fn::GetAtt": "Thing.S"}}])},
        "P": {**queue(Tags=[{"Key": "a", "Value": {"Ref": "Hidden"}}])},
    }
    parameters = {"Hidden": {"Type": "String", "NoEcho": True, "Default": "also-se-cret"}}
    maker.stacks.create("quiet", resources, Parameters=parameters)
    events = maker.stacks.client.describe_stack_events(StackName="quiet")["StackEvents"]
    shown = [e["ResourceProperties"] for e in events if e["LogicalResourceId"] in "QP"]
    assert shown
    assert all("****" in each and "se-cret" not in each for each in shown)
    url = maker.stacks.physical("quiet")["Q"]
    tags = maker.running.client("sqs").list_queue_tags(QueueUrl=url)["Tags"]
    assert tags["a"] == "se-cret"


def test_an_attribute_that_a_custom_resource_has_not(maker: Maker) -> None:
    maker.begin(lambda event: {"PhysicalResourceId": "p"})
    stack = maker.stacks.create(
        "less",
        {"Thing": maker.resource(), "Q": queue(QueueName={"Fn::GetAtt": "Thing.None"})},
    )
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = " ".join(maker.stacks.reasons("less"))
    assert "CustomResource attribute error: Vendor response doesn't contain None" in reasons


def test_tokens_that_are_no_function(maker: Maker) -> None:
    topic = "arn:aws:sns:us-east-1:000000000000:topic"
    thing = {"Type": "Custom::Thing", "Properties": {"ServiceToken": topic}}
    maker.stacks.create("topic", {"Thing": thing})
    assert "Topic does not exist" in " ".join(maker.stacks.reasons("topic"))


def test_a_rolled_back_update_gets_the_custom_resource_its_properties_again(maker: Maker) -> None:
    maker.begin(lambda event: {"PhysicalResourceId": event["ResourceProperties"]["Kind"]})
    maker.stacks.create("again", {"Thing": maker.resource(Kind="a")})
    bad = {**queue(VisibilityTimeout=-5), "DependsOn": "Thing"}
    stack = maker.stacks.update("again", {"Thing": maker.resource(Kind="b"), "Bad": bad})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    sent = [(e["RequestType"], e.get("PhysicalResourceId")) for e in maker.requests()]
    assert sent == [("Create", None), ("Update", "a"), ("Update", "b"), ("Delete", "b")]
    assert maker.stacks.physical("again") == {"Thing": "a"}


def test_a_stack_that_waits_for_signals(maker: Maker) -> None:
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    condition = {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Count": "2", "Timeout": "20"},
    }
    maker.stacks.client.create_stack(
        StackName="signals",
        TemplateBody=template(
            {"Handle": handle, "Wait": condition},
            Outputs={"Data": {"Value": {"Fn::GetAtt": "Wait.Data"}}},
        ),
    )
    url = _handle(maker, "signals")
    assert put(url, b"[") == 400
    assert put(url.replace("Handle", "Other"), {}) == 403
    one = {"Status": "SUCCESS", "UniqueId": "1", "Data": "ready", "Reason": "r"}
    assert put(url, one) == 200
    # The same id again does not count.
    assert put(url, {**one, "Data": "again"}) == 200
    assert put(url, {**one, "UniqueId": "2", "Data": "too"}) == 200
    stack = maker.stacks.settled("signals")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert json.loads(outputs(stack)["Data"]) == {"1": "ready", "2": "too"}


def _handle(maker: Maker, stack: str) -> str:
    for _ in range(1000):
        url = maker.stacks.physical(stack).get("Handle")
        if url:
            return url
    raise AssertionError("no handle was made")


@pytest.mark.parametrize(
    ("signal", "says"),
    [
        (
            {"Status": "FAILURE", "UniqueId": "7", "Reason": "no disk"},
            "WaitCondition received failed message: 'no disk' for uniqueId: 7",
        ),
        (None, "WaitCondition timed out. Received 0 conditions when expecting 1"),
    ],
)
def test_a_stack_that_waits_in_vain(maker: Maker, signal: Any, says: str) -> None:
    condition = {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": 20 if signal else 0},
    }
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    resources = {"Handle": handle, "Wait": condition}
    maker.stacks.client.create_stack(StackName="vain", TemplateBody=template(resources))
    if signal:
        assert put(_handle(maker, "vain"), signal) == 200
    stack = maker.stacks.settled("vain")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert says in maker.stacks.reasons("vain")
    maker.stacks.client.delete_stack(StackName="vain")
    maker.stacks.settled(stack["StackId"])


def test_macros_change_a_template_and_its_parts(maker: Maker) -> None:
    def answers(event: Any) -> Any:
        fragment = copy.deepcopy(event["fragment"])
        if event["params"].get("Delay"):
            fragment["DelaySeconds"] = event["params"]["Delay"]
        else:
            fragment["Resources"]["More"] = queue()
        return {"requestId": event["requestId"], "status": "success", "fragment": fragment}

    maker.begin(answers)
    macro = {
        "Type": "AWS::CloudFormation::Macro",
        "Properties": {"Name": "Grow", "FunctionName": maker.arn},
    }
    maker.stacks.create("macro", {"Macro": macro})
    body = template(
        {"Q": queue(**{"Fn::Transform": {"Name": "Grow", "Parameters": {"Delay": {"Ref": "D"}}}})},
        Transform="Grow",
        Parameters={"D": {"Type": "String", "Default": "7"}},
    )
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_AUTO_EXPAND\]"):
        maker.stacks.client.create_stack(StackName="grown", TemplateBody=body)
    expand = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    maker.stacks.client.create_stack(StackName="grown", TemplateBody=body, **expand)
    assert maker.stacks.settled("grown")["StackStatus"] == "CREATE_COMPLETE"
    inner, whole = maker.requests()
    assert inner["fragment"] == {}
    assert inner["params"] == {"Delay": "7"}
    assert inner["templateParameterValues"] == {"D": "7"}
    assert inner["transformId"] == "000000000000::Grow"
    assert (inner["accountId"], inner["region"]) == ("000000000000", "us-east-1")
    assert whole["fragment"].keys() == {"Parameters", "Resources"}
    assert maker.stacks.physical("grown").keys() == {"Q", "More"}
    processed = maker.stacks.client.get_template(StackName="grown", TemplateStage="Processed")
    assert processed["TemplateBody"]["Resources"]["Q"]["Properties"] == {"DelaySeconds": "7"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": "failed", "errorMessage": "no"}, "Transform {} failed with: no"),
        ({"status": "failed"}, "Transform {} failed without an error message."),
        ({"status": "success"}, "Received malformed response from transform {}"),
        ({"status": "success", "fragment": "x"}, "Template format error: unsupported structure."),
        ({"requestId": "other", "status": "success", "fragment": {}},
         "Received malformed response from transform {}"),
        (["garbage"], "Received malformed response from transform {}"),
        (ValueError("x"), "Received malformed response from transform {}"),
        ({"status": "success", "fragment": {"Resources": {"Q": {"Type": "No::Such"}}}},
         "Template format error: Unrecognized resource types: [No::Such]"),
    ],
)  # fmt: skip
def test_a_macro_that_fails_fails_what_asked_for_it(maker: Maker, answer: Any, says: str) -> None:
    # Another macro for each case: a stack that is deleted takes its time.
    number = next(_macros)
    macro, broken, whole = f"Break{number}", f"broken-{number}", f"whole-{number}"
    says = says.format(f"000000000000::{macro}")

    def wrong(event: Any) -> Any:
        if not isinstance(answer, dict):
            return answer
        return {"requestId": event["requestId"], **answer}

    maker.begin(wrong)
    client = maker.stacks.client
    properties = {"Name": macro, "FunctionName": maker.arn}
    there = {"Macro": {"Type": "AWS::CloudFormation::Macro", "Properties": properties}}
    expand = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    body = template({"Q": queue()}, Transform=macro)
    maker.stacks.create(f"macro-{number}", there)

    client.create_stack(StackName=broken, TemplateBody=body, **expand)
    assert maker.stacks.settled(broken)["StackStatus"] == "ROLLBACK_COMPLETE"
    asked = f"{says}. Rollback requested by user."
    assert asked in maker.stacks.reasons(broken)

    maker.stacks.create(whole, {"Q": queue()})
    client.update_stack(StackName=whole, TemplateBody=body, **expand)
    assert maker.stacks.settled(whole)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert asked in maker.stacks.reasons(whole)
    assert client.get_template(StackName=whole)["TemplateBody"] == {"Resources": {"Q": queue()}}

    names = {"StackName": whole, "ChangeSetName": "c"}
    client.create_change_set(**names, TemplateBody=body)
    found = client.describe_change_set(**names)
    shown = (found["Status"], found["ExecutionStatus"], found["StatusReason"])
    assert shown == ("FAILED", "UNAVAILABLE", says)
    assert len(maker.requests()) == 3


def test_a_macro_that_is_not_there_or_not_named_as_such(maker: Maker) -> None:
    client, expand = maker.stacks.client, {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    other = template({"Q": queue()}, Transform="Other")
    client.create_stack(StackName="no-macro", TemplateBody=other, **expand)
    assert maker.stacks.settled("no-macro")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(
        reason.startswith("No transform named 000000000000::Other found")
        for reason in maker.stacks.reasons("no-macro")
    )
    for transform, says in (
        ({"Name": {"Ref": "AWS::Region"}}, "Key Name of transform definition must be a string."),
        ({"Name": "Other", "Parameters": {"P": {"Fn::GetAtt": "Q.Arn"}}},
         "The value of parameter P under transform Other must resolve to a string, number, boolean"
         " or a list of any of these."),
    ):  # fmt: skip
        for body in (
            template({"Q": queue(**{"Fn::Transform": transform})}),
            template({"Q": queue()}, Transform=transform),
        ):
            with pytest.raises(ClientError, match=re.escape(says)):
                client.create_stack(StackName="nameless", TemplateBody=body, **expand)


def test_parts_of_templates_are_included_from_a_bucket(maker: Maker) -> None:
    s3 = maker.running.client("s3")
    s3.create_bucket(Bucket="parts")
    s3.put_object(Bucket="parts", Key="q.yaml", Body="Delay: {Type: 'AWS::SQS::Queue'}\n")
    include = {"Name": "AWS::Include", "Parameters": {"Location": {"Ref": "Where"}}}
    body = json.dumps(
        {
            "Parameters": {"Where": {"Type": "String", "Default": "s3://parts/q.yaml"}},
            "Resources": {"Fn::Transform": include, "Own": queue()},
        }
    )
    expand = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    maker.stacks.client.create_stack(StackName="parts", TemplateBody=body, **expand)
    assert maker.stacks.settled("parts")["StackStatus"] == "CREATE_COMPLETE"
    assert maker.stacks.physical("parts").keys() == {"Own", "Delay"}
    missing = body.replace("q.yaml", "none.yaml")
    maker.stacks.client.create_stack(StackName="no-parts", TemplateBody=missing, **expand)
    assert maker.stacks.settled("no-parts")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(
        reason.startswith("Transform AWS::Include failed with: S3 error: ")
        for reason in maker.stacks.reasons("no-parts")
    )


def test_nested_stacks_rise_and_fall_with_their_parent(maker: Maker) -> None:
    s3 = maker.running.client("s3")
    s3.create_bucket(Bucket="nested")

    def child(**more: Any) -> None:
        body = template(
            {"Q": queue(DelaySeconds={"Ref": "D"}), **more},
            Parameters={"D": {"Type": "Number", "Default": 1}},
            Outputs={"Url": {"Value": {"Ref": "Q"}}},
        )
        s3.put_object(Bucket="nested", Key="child.json", Body=body)

    def parent(delay: int, **more: Any) -> dict[str, Any]:
        url = f"{maker.running.url}/nested/child.json"
        properties = {"TemplateURL": url, "Parameters": {"D": delay}}
        return {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": properties}, **more}

    child()
    out = {"Outputs": {"Url": {"Value": {"Fn::GetAtt": "Child.Outputs.Url"}}}}
    stack = maker.stacks.create("parent", parent(2), **out)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    child_id = maker.stacks.physical("parent")["Child"]
    found = maker.stacks.settled(child_id)
    assert (found["ParentId"], found["RootId"]) == (stack["StackId"], stack["StackId"])
    url = outputs(stack)["Url"]

    def delay() -> str:
        attributes = maker.running.client("sqs").get_queue_attributes(
            QueueUrl=url, AttributeNames=["DelaySeconds"]
        )
        return str(attributes["Attributes"]["DelaySeconds"])

    assert delay() == "2"
    with pytest.raises(ClientError, match="Termination Protection cannot be updated on nested"):
        maker.stacks.client.update_termination_protection(
            StackName=child_id, EnableTerminationProtection=True
        )
    # What lies at the child's address has changed, too: a rollback brings back what was there.
    child(More=queue())
    bad = {**queue(VisibilityTimeout=-5), "DependsOn": "Child"}
    failed = maker.stacks.update("parent", parent(3, Bad=bad), **out)
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert delay() == "2"
    assert maker.stacks.physical(child_id).keys() == {"Q"}
    updated = maker.stacks.update("parent", parent(4), **out)
    assert updated["StackStatus"] == "UPDATE_COMPLETE"
    assert delay() == "4"
    maker.stacks.client.delete_stack(StackName="parent")
    assert maker.stacks.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert maker.stacks.settled(child_id)["StackStatus"] == "DELETE_COMPLETE"

    # A nested stack that fails says why, and nothing is left of it.
    child(Bad=queue(VisibilityTimeout=-5))
    stack = maker.stacks.create("parent", parent(1))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = " ".join(maker.stacks.reasons("parent"))
    assert "was not successfully created: The following resource(s) failed to create: [Bad]" in (
        reasons
    )
    alive = [
        each["StackName"]
        for each in maker.stacks.client.list_stacks()["StackSummaries"]
        if each["StackStatus"] != "DELETE_COMPLETE"
    ]
    assert [name for name in alive if name.startswith("parent")] == ["parent"]


def test_a_macro_of_another_name_takes_the_place_of_one(maker: Maker) -> None:
    def macro(name: str) -> dict[str, Any]:
        properties = {"Name": name, "FunctionName": maker.arn}
        return {"Macro": {"Type": "AWS::CloudFormation::Macro", "Properties": properties}}

    maker.begin(lambda event: {
        "requestId": event["requestId"], "status": "success", "fragment": event["fragment"]
    })  # fmt: skip
    maker.stacks.create("renamed", macro("Before"))
    assert maker.stacks.update("renamed", macro("After"))["StackStatus"] == "UPDATE_COMPLETE"
    assert maker.stacks.physical("renamed") == {"Macro": "After"}
    expand = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    for name, ends in (("Before", "ROLLBACK_COMPLETE"), ("After", "CREATE_COMPLETE")):
        body = template({"Q": queue()}, Transform=name)
        stack = f"with-{name}"
        maker.stacks.client.create_stack(StackName=stack, TemplateBody=body, **expand)
        assert maker.stacks.settled(stack)["StackStatus"] == ends


def test_macros_get_short_functions_in_their_long_form(maker: Maker) -> None:
    maker.begin(lambda event: {
        "requestId": event["requestId"], "status": "success", "fragment": event["fragment"]
    })  # fmt: skip
    macro = {"Name": "Same", "FunctionName": maker.arn}
    maker.stacks.create("same", {"M": {"Type": "AWS::CloudFormation::Macro", "Properties": macro}})
    body = """
Transform: Same
Resources: {Q: {Type: AWS::SQS::Queue}}
Outputs: {Arn: {Value: !GetAtt Q.Arn}, Name: {Value: !Sub "${Q.QueueName}"}}
"""
    expand = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    maker.stacks.client.create_stack(StackName="long", TemplateBody=body, **expand)
    assert maker.stacks.settled("long")["StackStatus"] == "CREATE_COMPLETE"
    (event,) = maker.requests()
    assert event["fragment"]["Outputs"] == {
        "Arn": {"Value": {"Fn::GetAtt": ["Q", "Arn"]}},
        "Name": {"Value": {"Fn::Sub": "${Q.QueueName}"}},
    }
