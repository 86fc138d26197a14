"""Stacks with functions that run: versions, sources of events, roles, waiting."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from tests.conformance.replay import new_name, zip_of
from tests.conformance.stack_scenario_parts import (
    ASSUME,
    describe_stack,
    list_resources,
    make_stack,
    outputs_of,
    resource_of,
)
from tests.conformance.stack_updates import StackScenario


def layers(it: StackScenario) -> None:
    layer, function = new_name("layer"), new_name("function")
    s3, bucket = it.clients("s3"), new_name("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="layer.zip", Body=zip_of(python_l__py="x = 1\n"))
    code = {"ZipFile": "def handler(event, context):\n    return event\n"}
    template = {
        "Resources": {
            "Layer": resource_of(
                "AWS::Lambda::LayerVersion",
                LayerName=layer,
                Content={"S3Bucket": bucket, "S3Key": "layer.zip"},
            ),
            "Fn": resource_of(
                "AWS::Lambda::Function",
                FunctionName=function,
                Code=code,
                Handler="index.handler",
                Runtime="python3.12",
                Role="arn:aws:iam::111111111111:role/r",
                Layers=[{"Ref": "Layer"}],
            ),
        },
        "Outputs": {
            "LambdaArn": {"Value": {"Fn::GetAtt": ["Fn", "Arn"]}},
            "LambdaName": {"Value": {"Ref": "Fn"}},
            "LayerVersionArn": {"Value": {"Fn::GetAtt": ["Layer", "LayerVersionArn"]}},
            "LayerVersionRef": {"Value": {"Ref": "Layer"}},
        },
    }
    it.match("cfn-output", outputs_of(make_stack(it, template)))
    it.match("layer-name", layer)


def wait_condition(it: StackScenario) -> None:
    resources = {
        "WaitHandle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "WaitCondition": resource_of(
            "AWS::CloudFormation::WaitCondition",
            Handle={"Ref": "WaitHandle"},
            Timeout="60",
            Count=1,
        ),
    }
    outputs = {"WaitConditionName": {"Value": {"Ref": "WaitCondition"}}}
    it.client.create_stack(
        StackName=it.stack, TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs})
    )
    url = ""
    while not url:
        # Each look is a request: by the next one more has been made.
        found = it.client.describe_stack_resources(StackName=it.stack)["StackResources"]
        ids = {each["LogicalResourceId"]: each.get("PhysicalResourceId") for each in found}
        url = ids.get("WaitHandle") or ""
    signal = {"Status": "SUCCESS", "Reason": "r", "UniqueId": "1", "Data": "d"}
    put = Request(url, json.dumps(signal).encode(), method="PUT")
    with urlopen(put, timeout=60) as answer:
        assert answer.status == 200
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    found = outputs_of(describe_stack(it))
    # The recording has its own stack's names.
    stack_id = describe_stack(it)["StackId"]
    recorded = it.comparison.recorded("waitcondition_ref")["WaitConditionName"]
    own = recorded.partition(":stack/")[2].rpartition("/")[0]
    found["WaitConditionName"] = found["WaitConditionName"].replace(
        stack_id.partition(":stack/")[2], own
    )
    it.match("waitcondition_ref", found)


def version(it: StackScenario) -> None:
    code = {"ZipFile": _TELLS_VERSION}
    resources = {
        "fnServiceRole5D180AFD": _role(),
        "fn5FF616E3": _function(Runtime="python3.12", Code=code),
        "fnVersion7BF8AE5A": resource_of(
            "AWS::Lambda::Version",
            FunctionName={"Ref": "fn5FF616E3"},
            Description="test description",
        ),
    }
    told = {
        "FunctionName": {"Value": {"Ref": "fn5FF616E3"}},
        "FunctionVersion": {"Value": {"Fn::GetAtt": ["fnVersion7BF8AE5A", "Version"]}},
    }
    outputs = outputs_of(make_stack(it, {"Resources": resources, "Outputs": told}))
    client, name = it.clients("lambda"), outputs["FunctionName"]
    it.match(
        "invoke_result",
        client.invoke(FunctionName=name, Qualifier=outputs["FunctionVersion"], Payload=b"{}"),
    )
    list_resources(it, "stack_resources")
    it.match("versions_by_fn", client.list_versions_by_function(FunctionName=name))
    it.match("get_function_version", client.get_function(FunctionName=name, Qualifier="1"))


_TELLS_VERSION = """
def handler(event, context):
    return {"function_version": context.function_version}
"""
_ECHO = "def handler(event, context):\n    return event\n"
_BASIC = {
    "Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}


def _role() -> dict[str, Any]:
    return resource_of(
        "AWS::IAM::Role", AssumeRolePolicyDocument=ASSUME, ManagedPolicyArns=[_BASIC]
    )


def _function(**properties: Any) -> dict[str, Any]:
    return resource_of(
        "AWS::Lambda::Function",
        **{
            "Code": {"ZipFile": _ECHO},
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["fnServiceRole5D180AFD", "Arn"]},
            "Runtime": "python3.9",
            **properties,
        },
    )


def _fed(
    it: StackScenario,
    source: tuple[str, dict[str, Any]],
    mapping: tuple[str, dict[str, Any]],
    statements: list[dict[str, Any]],
) -> dict[str, str]:
    """Make what CDK makes of a function and a source; compare all but the source."""
    policy = "fnServiceRoleDefaultPolicy0ED5D3E5"
    document = {"Version": "2012-10-17", "Statement": statements}
    arn = {"Fn::GetAtt": [source[0], "Arn"]}
    fed = {"EventSourceArn": arn, "FunctionName": {"Ref": "fn5FF616E3"}, **mapping[1]}
    resources = {
        source[0]: source[1],
        "fnServiceRole5D180AFD": _role(),
        policy: resource_of(
            "AWS::IAM::Policy",
            PolicyName=policy,
            PolicyDocument=document,
            Roles=[{"Ref": "fnServiceRole5D180AFD"}],
        ),
        "fn5FF616E3": {
            **_function(),
            "DependsOn": [policy, "fnServiceRole5D180AFD"],
        },
        mapping[0]: resource_of("AWS::Lambda::EventSourceMapping", **fed),
    }
    make_stack(it, {"Resources": resources})
    found = it.client.describe_stack_resources(StackName=it.stack)["StackResources"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
    recorded = it.comparison.recorded("stack_resources")["StackResources"]
    listed = it.client.describe_stack_resources(StackName=it.stack)
    assert len(recorded) == len(listed["StackResources"])
    for each in listed["StackResources"]:
        if each["ResourceType"] == "AWS::SQS::Queue":
            # The addresses of queues are this machine's.
            name = each["PhysicalResourceId"].rpartition("/")[2]
            host = "https://sqs.us-east-1.amazonaws.com"
            each["PhysicalResourceId"] = f"{host}/111111111111/{name}"
    it.match("stack_resources", listed)
    client, iam = it.clients("lambda"), it.clients("iam")
    it.match("get_function_result", client.get_function(FunctionName=ids["fn5FF616E3"]))
    shown = client.get_event_source_mapping(UUID=ids[mapping[0]])
    it.match("get_esm_result", shown)
    role = ids["fnServiceRole5D180AFD"]
    it.match("get_role_result", iam.get_role(RoleName=role))
    it.match("list_attached_role_policies_result", iam.list_attached_role_policies(RoleName=role))
    inline = iam.list_role_policies(RoleName=role)
    it.match("list_inline_role_policies_result", inline)
    policies = [
        iam.get_role_policy(RoleName=role, PolicyName=each) for each in inline["PolicyNames"]
    ]
    for each in policies:
        each["ResponseMetadata"] = "<response-metadata>"
    it.match("role_policies", {"policies": policies})
    return ids


def queue_source(it: StackScenario) -> None:
    actions = "ReceiveMessage ChangeMessageVisibility GetQueueUrl DeleteMessage GetQueueAttributes"
    statement = {
        "Effect": "Allow",
        "Action": [f"sqs:{each}" for each in actions.split()],
        "Resource": {"Fn::GetAtt": ["q14836DC8", "Arn"]},
    }
    ids = _fed(
        it,
        ("q14836DC8", {"Type": "AWS::SQS::Queue"}),
        ("fnSqsEventSourceLambdaSqsSourceStackq2097017B53C3FF8C", {"BatchSize": 1}),
        [statement],
    )
    found = it.clients("sqs").get_queue_attributes(
        QueueUrl=ids["q14836DC8"], AttributeNames=["All"]
    )
    it.match("get_queue_atts_result", found)


def stream_source(it: StackScenario) -> None:
    actions = (
        "DescribeStreamSummary GetRecords GetShardIterator ListShards SubscribeToShard"
        " DescribeStream ListStreams"
    )
    arn = {"Fn::GetAtt": ["stream19075594", "Arn"]}
    statements = [
        {
            "Effect": "Allow",
            "Action": [f"kinesis:{each}" for each in actions.split()],
            "Resource": arn,
        },
        {"Effect": "Allow", "Action": "kinesis:DescribeStream", "Resource": arn},
    ]
    fed = {
        "BatchSize": 1,
        "MaximumBatchingWindowInSeconds": 10,
        "StartingPosition": "TRIM_HORIZON",
    }
    ids = _fed(
        it,
        (
            "stream19075594",
            resource_of("AWS::Kinesis::Stream", ShardCount=1, RetentionPeriodHours=24),
        ),
        ("fnKinesisEventSourceLambdaKinesisSourceStackstream996A3395ED86A30E", fed),
        statements,
    )
    kinesis = it.clients("kinesis")
    described = kinesis.describe_stream(StreamName=ids["stream19075594"])
    # Of a shard, what varies is not recorded.
    (shard,) = described["StreamDescription"]["Shards"]
    shard["ShardId"] = "shard-id"
    shard["HashKeyRange"] = {"StartingHashKey": "starting_hash", "EndingHashKey": "ending_hash"}
    it.match("describe_stream_result", described)


def filtered_source(it: StackScenario) -> None:
    table, name = new_name("table"), new_name("function")

    def template(wanted: str) -> str:
        pattern = json.dumps({"eventName": [wanted]})
        resources = {
            "fnServiceRole5D180AFD": _role(),
            "fn": _function(FunctionName=name),
            "table": resource_of(
                "AWS::DynamoDB::Table",
                TableName=table,
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
            ),
            "mapping": resource_of(
                "AWS::Lambda::EventSourceMapping",
                FunctionName={"Ref": "fn"},
                EventSourceArn={"Fn::GetAtt": ["table", "StreamArn"]},
                StartingPosition="TRIM_HORIZON",
                BatchSize=1,
                FilterCriteria={"Filters": [{"Pattern": pattern}]},
            ),
        }
        return json.dumps({"Resources": resources})

    it.client.create_stack(
        StackName=it.stack, TemplateBody=template("DELETE"), Capabilities=["CAPABILITY_IAM"]
    )
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    client = it.clients("lambda")
    it.comparison.know("<table_name>", table)
    it.match("source_mappings", client.list_event_source_mappings(FunctionName=name))
    it.client.update_stack(
        StackName=it.stack, TemplateBody=template("MODIFY"), Capabilities=["CAPABILITY_IAM"]
    )
    it.client.get_waiter("stack_update_complete").wait(StackName=it.stack)
    it.match("updated_source_mappings", client.list_event_source_mappings(FunctionName=name))
