"""What stacks tell of their resources and give them: tags, reasons, ids, attributes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import zip_of
from tests.api.stacks import ROLE, Stacks, function, outputs, queue, template

_CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
_TOLD = re.compile(
    r'Resource handler returned message: "(?P<text>.*)" \(RequestToken: [0-9a-f-]{36},'
    r" HandlerErrorCode: (?P<code>\w+)\)"
)


def _trust(service: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _tags(found: list[dict[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in found}


def _failure(stacks: Stacks, name: str) -> str:
    events = stacks.client.describe_stack_events(StackName=name)["StackEvents"]
    return next(
        str(each["ResourceStatusReason"])
        for each in reversed(events)
        if each["ResourceStatus"].endswith("_FAILED")
    )


def test_resources_have_the_tags_of_cloudformation_and_of_their_stack(stacks: Stacks) -> None:
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": "tagged", "AssumeRolePolicyDocument": _trust("lambda")},
    }
    resources = {
        "F": function(FunctionName="tagged", Tags=[{"Key": "own", "Value": "f"}]),
        "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "tagged"}},
        "R": role,
    }
    body = template(resources)
    options = {"StackName": "tagged", "TemplateBody": body, "Capabilities": _CAPABILITIES}
    stacks.client.create_stack(**options, Tags=[{"Key": "team", "Value": "one"}])
    stack = stacks.settled("tagged")
    client = stacks.running.client

    def found() -> tuple[dict[str, str], ...]:
        return (
            client("lambda").get_function(FunctionName="tagged")["Tags"],
            _tags(client("s3").get_bucket_tagging(Bucket="tagged")["TagSet"]),
            _tags(client("iam").list_role_tags(RoleName="tagged")["Tags"]),
        )

    own = {
        "aws:cloudformation:stack-name": "tagged",
        "aws:cloudformation:logical-id": "F",
        "aws:cloudformation:stack-id": stack["StackId"],
    }
    team = {"team": "one"}
    of_bucket = {**own, "aws:cloudformation:logical-id": "B"}
    # The schema of roles says that they have none of CloudFormation's.
    assert found() == ({**own, **team, "own": "f"}, {**of_bucket, **team}, team)

    stacks.client.update_stack(**options, Tags=[{"Key": "colour", "Value": "red"}])
    assert stacks.settled("tagged")["StackStatus"] == "UPDATE_COMPLETE"
    colour = {"colour": "red"}
    assert found() == ({**own, **colour, "own": "f"}, {**of_bucket, **colour}, colour)

    bad = {**resources, "Q": {**queue(VisibilityTimeout=-1), "DependsOn": ["F", "B", "R"]}}
    options["TemplateBody"] = template(bad)
    stacks.client.update_stack(**options, Tags=[{"Key": "size", "Value": "2"}])
    assert stacks.settled("tagged")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert found() == ({**own, **colour, "own": "f"}, {**of_bucket, **colour}, colour)

    reserved = {"aws:cloudformation:stack-name": "mine"}
    with pytest.raises(ClientError, match="aws:"):
        client("lambda").tag_resource(
            Resource=client("lambda").get_function_configuration(FunctionName="tagged")[
                "FunctionArn"
            ],
            Tags=reserved,
        )
    tag = {"Key": "aws:cloudformation:stack-name", "Value": "mine"}
    with pytest.raises(ClientError, match="System tags"):
        client("s3").put_bucket_tagging(Bucket="tagged", Tagging={"TagSet": [tag]})


def test_a_version_shows_no_tags(stacks: Stacks) -> None:
    version = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}}}
    stacks.create("versioned", {"F": function(FunctionName="versioned"), "V": version})
    client = stacks.running.client("lambda")
    assert "Tags" in client.get_function(FunctionName="versioned")
    assert "Tags" not in client.get_function(FunctionName="versioned", Qualifier="1")


def test_a_handler_tells_what_a_service_refused(stacks: Stacks) -> None:
    stack = stacks.create("refused", {"Q": queue(VisibilityTimeout=-1)})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    told = _TOLD.fullmatch(_failure(stacks, "refused"))
    assert told is not None
    assert told["code"] == "InvalidRequest"
    pattern = r"Invalid value .* \(Service: Sqs, Status Code: 400, Request ID: [0-9a-f-]{36}\)"
    assert re.fullmatch(pattern, told["text"])


def test_what_is_missing_is_not_found(stacks: Stacks) -> None:
    alias = {
        "Type": "AWS::Lambda::Alias",
        "Properties": {"FunctionName": "nobody", "FunctionVersion": "1", "Name": "a"},
    }
    stacks.create("missing", {"A": alias})
    told = _TOLD.fullmatch(_failure(stacks, "missing"))
    assert told is not None
    assert told["code"] == "NotFound"


def test_names_that_are_taken_by_nobody_and_by_a_stack(stacks: Stacks) -> None:
    url = stacks.running.client("sqs").create_queue(QueueName="alone")["QueueUrl"]
    stacks.create("lonely", {"Q": queue(QueueName="alone")})
    told = _TOLD.fullmatch(_failure(stacks, "lonely"))
    assert told is not None
    taken = f"Resource of type 'AWS::SQS::Queue' with identifier '{url}' already exists."
    assert told.groups() == (taken, "AlreadyExists")
    owner = stacks.create("owner", {"Q": queue(QueueName="owned")})
    url = stacks.physical("owner")["Q"]
    stacks.create("second", {"Q": queue(QueueName="owned")})
    assert _failure(stacks, "second") == f"{url} already exists in stack {owner['StackId']}"


def test_properties_that_a_type_does_not_have(stacks: Stacks) -> None:
    stack = stacks.create("unknown", {"Q": queue(Visibility=3, Colour="red")})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert _failure(stacks, "unknown") == (
        "Property validation failure: [Encountered unsupported properties in {/}: [Visibility,"
        " Colour]]"
    )


def test_properties_that_nothing_acts_on_are_told(stacks: Stacks) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"KmsKeyId": "arn:aws:kms:x:1:key/k"}}
    stack = stacks.create("partly", {"G": group})
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    note = "localfaas does not act on KmsKeyId of AWS::Logs::LogGroup: it is noted, no more."
    assert note in stacks.reasons("partly")
    (shown,) = stacks.client.describe_stack_resources(StackName="partly")["StackResources"]
    assert "ResourceStatusReason" not in shown


def test_a_resource_without_metadata_shows_an_empty_object(stacks: Stacks) -> None:
    stacks.create("bare", {"Q": queue()})
    found = stacks.client.describe_stack_resource(StackName="bare", LogicalResourceId="Q")
    assert found["StackResourceDetail"]["Metadata"] == "{}"


@pytest.mark.parametrize("operation", ["create_stack", "update_stack", "create_change_set"])
def test_a_role_that_does_not_trust_cloudformation(stacks: Stacks, operation: str) -> None:
    iam = stacks.running.client("iam")
    name = f"distrustful-{operation.replace('_', '-')}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_trust("lambda")))
    arn = arn["Role"]["Arn"]
    options = {"StackName": name, "TemplateBody": template({"Q": queue(DelaySeconds=1)})}
    if operation == "create_change_set":
        options |= {"ChangeSetName": "c", "ChangeSetType": "CREATE"}
    if operation == "update_stack":
        stacks.create(name, {"Q": queue()})
    refusal = f"Role {arn} is invalid or cannot be assumed"
    with pytest.raises(ClientError, match=re.escape(refusal)):
        getattr(stacks.client, operation)(**options, RoleARN=arn)
    trust = json.dumps(_trust("cloudformation"))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    getattr(stacks.client, operation)(**options, RoleARN=arn)


def test_conditions_of_trust_do_not_keep_cloudformation_out(stacks: Stacks) -> None:
    trust = _trust("cloudformation")
    (allowed,) = trust["Statement"]
    of_account = {"StringEquals": {"aws:SourceAccount": "000000000000"}}
    of_stacks = {"ArnLike": {"aws:SourceArn": "arn:aws:cloudformation:*:000000000000:stack/*"}}
    others = {"StringNotEquals": {"aws:SourceAccount": "000000000000"}}
    trust["Statement"] = [
        {**allowed, "Condition": of_account | of_stacks},
        {**allowed, "Effect": "Deny", "Condition": others},
    ]
    arn = stacks.running.client("iam").create_role(
        RoleName="careful", AssumeRolePolicyDocument=json.dumps(trust)
    )["Role"]["Arn"]
    body = template({"Q": queue()})
    stacks.client.create_stack(StackName="careful", TemplateBody=body, RoleARN=arn)
    assert stacks.settled("careful")["StackStatus"] == "CREATE_COMPLETE"


def test_a_role_that_is_not_here_is_taken(stacks: Stacks) -> None:
    arn = "arn:aws:iam::000000000000:role/of-a-pipeline"
    body = template({"Q": queue()})
    stacks.client.create_stack(StackName="piped", TemplateBody=body, RoleARN=arn)
    assert stacks.settled("piped")["StackStatus"] == "CREATE_COMPLETE"


def test_a_permission_of_a_layer(stacks: Stacks) -> None:
    s3 = stacks.running.client("s3")
    s3.create_bucket(Bucket="layers")
    s3.put_object(Bucket="layers", Key="l.zip", Body=zip_of(a__py="x = 1"))
    layer = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {"Content": {"S3Bucket": "layers", "S3Key": "l.zip"}},
    }
    permission = {
        "Type": "AWS::Lambda::LayerVersionPermission",
        "Properties": {
            "Action": "lambda:GetLayerVersion",
            "LayerVersionArn": {"Ref": "L"},
            "Principal": "*",
        },
    }
    stack = stacks.create("shared", {"L": layer, "P": permission})
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("shared")
    physical = stacks.physical("shared")
    arn, _, statement = physical["P"].partition("#")
    assert arn == physical["L"]
    name, _, number = arn.rpartition(":")
    client = stacks.running.client("lambda")
    policy = client.get_layer_version_policy(LayerName=name, VersionNumber=int(number))
    (found,) = json.loads(policy["Policy"])["Statement"]
    assert found["Sid"] == statement
    stacks.update("shared", {"L": layer})
    with pytest.raises(ClientError, match="No policy is associated"):
        client.get_layer_version_policy(LayerName=name, VersionNumber=int(number))


def test_policies_and_members_of_iam_by_themselves(stacks: Stacks) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }

    def policy(kind: str, to: str, action: str) -> dict[str, Any]:
        text = json.loads(json.dumps(document).replace("s3:GetObject", action))
        properties = {f"{kind}Name": {"Ref": to}, "PolicyName": "p", "PolicyDocument": text}
        return {"Type": f"AWS::IAM::{kind}Policy", "Properties": properties}

    def resources(action: str, users: list[str]) -> dict[str, Any]:
        return {
            "R": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": _trust("lambda")},
            },
            "U": {"Type": "AWS::IAM::User"},
            "V": {"Type": "AWS::IAM::User"},
            "G": {"Type": "AWS::IAM::Group"},
            "RP": policy("Role", "R", action),
            "UP": policy("User", "U", action),
            "GP": policy("Group", "G", action),
            "M": {
                "Type": "AWS::IAM::UserToGroupAddition",
                "Properties": {"GroupName": {"Ref": "G"}, "Users": [{"Ref": u} for u in users]},
            },
        }

    options = {"StackName": "members", "Capabilities": _CAPABILITIES}
    first, second = resources("s3:GetObject", ["U"]), resources("s3:PutObject", ["V"])
    stacks.client.create_stack(**options, TemplateBody=template(first))
    assert stacks.settled("members")["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("members")
    stacks.client.update_stack(**options, TemplateBody=template(second))
    assert stacks.settled("members")["StackStatus"] == "UPDATE_COMPLETE"
    iam, ids = stacks.running.client("iam"), stacks.physical("members")
    assert ids["RP"] == f"p|{ids['R']}"
    assert [u["UserName"] for u in iam.get_group(GroupName=ids["G"])["Users"]] == [ids["V"]]
    for found in (
        iam.get_role_policy(RoleName=ids["R"], PolicyName="p"),
        iam.get_user_policy(UserName=ids["U"], PolicyName="p"),
        iam.get_group_policy(GroupName=ids["G"], PolicyName="p"),
    ):
        assert found["PolicyDocument"]["Statement"][0]["Action"] == "s3:PutObject"
    kept = {name: body for name, body in second.items() if name in "RUVG"}
    stacks.client.update_stack(**options, TemplateBody=template(kept))
    assert stacks.settled("members")["StackStatus"] == "UPDATE_COMPLETE"
    assert iam.list_role_policies(RoleName=ids["R"])["PolicyNames"] == []
    assert iam.get_group(GroupName=ids["G"])["Users"] == []


def test_updates_of_iam_are_told_and_leave_nothing_behind(stacks: Stacks) -> None:
    def body(action: str, path: str, name: str) -> str:
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        inline = {"PolicyName": name, "PolicyDocument": document, "Users": [{"Ref": "U"}]}
        return template(
            {
                "U": {"Type": "AWS::IAM::User", "Properties": {"UserName": "told", "Path": path}},
                "M": {
                    "Type": "AWS::IAM::ManagedPolicy",
                    "Properties": {"PolicyDocument": document},
                },
                "P": {"Type": "AWS::IAM::Policy", "Properties": inline},
            },
            Outputs={
                "Arn": {"Value": {"Fn::GetAtt": "U.Arn"}},
                "Version": {"Value": {"Fn::GetAtt": "M.DefaultVersionId"}},
            },
        )

    options = {"StackName": "told", "Capabilities": _CAPABILITIES}
    stacks.client.create_stack(**options, TemplateBody=body("s3:GetObject", "/a/", "one"))
    assert outputs(stacks.settled("told")) == {
        "Arn": "arn:aws:iam::000000000000:user/a/told",
        "Version": "v1",
    }
    stacks.client.update_stack(**options, TemplateBody=body("s3:PutObject", "/b/", "two"))
    assert outputs(stacks.settled("told")) == {
        "Arn": "arn:aws:iam::000000000000:user/b/told",
        "Version": "v2",
    }
    iam = stacks.running.client("iam")
    assert iam.list_user_policies(UserName="told")["PolicyNames"] == ["two"]


def test_a_group_moves_and_a_domain_name_gets_another_endpoint(stacks: Stacks) -> None:
    def body(path: str, endpoint: str) -> str:
        group = {"GroupName": "moving", "Path": path}
        domain = {"DomainName": "cfn.example.com", "EndpointConfiguration": {"Types": [endpoint]}}
        return template(
            {
                "G": {"Type": "AWS::IAM::Group", "Properties": group},
                "D": {"Type": "AWS::ApiGateway::DomainName", "Properties": domain},
            },
            Outputs={
                "Arn": {"Value": {"Fn::GetAtt": "G.Arn"}},
                "Regional": {"Value": {"Fn::Sub": "<${D.RegionalDomainName}>"}},
                "Edge": {"Value": {"Fn::Sub": "<${D.DistributionDomainName}>"}},
            },
        )

    options = {"StackName": "moving", "Capabilities": _CAPABILITIES}
    stacks.client.create_stack(**options, TemplateBody=body("/a/", "EDGE"))
    first = outputs(stacks.settled("moving"))
    assert first["Regional"] == "<>"
    stacks.client.update_stack(**options, TemplateBody=body("/b/", "REGIONAL"))
    stack = stacks.settled("moving")
    assert stack["StackStatus"] == "UPDATE_COMPLETE", stacks.reasons("moving")
    assert outputs(stack)["Arn"] == "arn:aws:iam::000000000000:group/b/moving"
    assert outputs(stack)["Edge"] == "<>"
    assert outputs(stack)["Regional"].endswith(".execute-api.us-east-1.amazonaws.com>")


def test_what_an_update_has_not_done_is_not_undone(stacks: Stacks) -> None:
    def body(path: str, **more: Any) -> str:
        role = {"RoleName": "undoing", "AssumeRolePolicyDocument": _trust("lambda"), **more}
        group = {"GroupName": "undoing", "Path": path}
        return template(
            {
                "R": {"Type": "AWS::IAM::Role", "Properties": role},
                "G": {"Type": "AWS::IAM::Group", "Properties": group},
            }
        )

    options, iam = (
        {"StackName": "undoing", "Capabilities": _CAPABILITIES},
        stacks.running.client("iam"),
    )
    stacks.client.create_stack(**options, TemplateBody=body("/a/", Description="first"))
    stacks.settled("undoing")
    # Refused at once: there is nothing to undo.
    stacks.client.update_stack(**options, TemplateBody=body("b", Description="first"))
    assert stacks.settled("undoing")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert iam.get_group(GroupName="undoing")["Group"]["Path"] == "/a/"
    events = stacks.client.describe_stack_events(StackName="undoing")["StackEvents"]
    (failed,) = [each for each in events if each["ResourceStatus"] == "UPDATE_FAILED"]
    assert json.loads(failed["ResourceProperties"])["Path"] == "b"
    # Refused half-way: its first half is undone.
    wrong = body(
        "/a/", Description="second", ManagedPolicyArns=["arn:aws:iam::000000000000:policy/none"]
    )
    stacks.client.update_stack(**options, TemplateBody=wrong)
    assert stacks.settled("undoing")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert iam.get_role(RoleName="undoing")["Role"]["Description"] == "first"
    stacks.client.update_stack(**options, TemplateBody=body("/a/", Description="third"))
    assert stacks.settled("undoing")["StackStatus"] == "UPDATE_COMPLETE"


def test_attributes_of_resources(stacks: Stacks) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
    resources = {
        "F": function(),
        "P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}},
        "S": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}},
        "R": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["a"]}}},
        "G": {"Type": "AWS::Scheduler::ScheduleGroup"},
    }
    wanted = (
        "F.SnapStartResponse.ApplyOn", "F.SnapStartResponse.OptimizationStatus",
        "P.DefaultVersionId", "P.AttachmentCount", "S.Arn", "R.RuleName", "G.State",
    )  # fmt: skip
    told = {each.replace(".", ""): {"Value": {"Fn::GetAtt": each}} for each in wanted}
    stacks.client.create_stack(
        StackName="telling",
        TemplateBody=template(resources, Outputs=told),
        Capabilities=_CAPABILITIES,
    )
    found, ids = outputs(stacks.settled("telling")), stacks.physical("telling")
    assert found == {
        "FSnapStartResponseApplyOn": "None",
        "FSnapStartResponseOptimizationStatus": "Off",
        "PDefaultVersionId": "v1",
        "PAttachmentCount": "0",
        "SArn": f"arn:aws:ssm:us-east-1:000000000000:parameter/{ids['S']}",
        "RRuleName": ids["R"],
        "GState": "ACTIVE",
    }


def test_a_nested_stack_has_tags_of_its_own(stacks: Stacks) -> None:
    s3 = stacks.running.client("s3")
    s3.create_bucket(Bucket="nested-tags")
    s3.put_object(Bucket="nested-tags", Key="c.json", Body=template({"Q": queue()}))
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {
            "TemplateURL": "https://nested-tags.s3.amazonaws.com/c.json",
            "Tags": [{"Key": "own", "Value": "1"}],
        },
    }
    stacks.create("nesting", {"N": nested})
    child = stacks.physical("nesting")["N"]
    assert _tags(stacks.settled(child)["Tags"]) == {"own": "1"}


def test_roles_are_written_by_their_arn(stacks: Stacks) -> None:
    """A role of another account is nobody's here to look at."""
    other = ROLE.replace("000000000000", "222222222222")
    body = template({"Q": queue()})
    stacks.client.create_stack(StackName="foreign", TemplateBody=body, RoleARN=other)
    assert stacks.settled("foreign")["StackStatus"] == "CREATE_COMPLETE"


def test_what_is_tagged_only_where_it_is_made_is_not_replaced(stacks: Stacks) -> None:
    consumer = {"ConsumerName": "tagged", "StreamARN": {"Fn::GetAtt": "S.Arn"}}
    resources = {
        "S": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}},
        "C": {"Type": "AWS::Kinesis::StreamConsumer", "Properties": consumer},
    }
    options = {"StackName": "consumed", "TemplateBody": template(resources)}
    stacks.client.create_stack(**options, Tags=[{"Key": "team", "Value": "one"}])
    stacks.settled("consumed")
    ids = stacks.physical("consumed")
    stacks.client.update_stack(**options, Tags=[{"Key": "team", "Value": "two"}])
    assert stacks.settled("consumed")["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical("consumed") == ids
    tags = stacks.running.client("kinesis").list_tags_for_stream(StreamName=ids["S"])["Tags"]
    assert _tags(tags)["team"] == "two"
