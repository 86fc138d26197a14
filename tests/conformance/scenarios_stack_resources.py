"""Scenarios of what stacks make of resources, as their services and CloudFormation show it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.replay import new_name, zip_of
from tests.conformance.scenarios_stacks import PARAMETER, TOPIC
from tests.conformance.stack_updates import CAPABILITIES, StackScenario

_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ],
}
_LANGUAGE = "AWS::LanguageExtensions"


def _made(it: StackScenario, template: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """Make a stack; return its description."""
    it.client.create_stack(
        StackName=it.stack,
        TemplateBody=json.dumps(template),
        Parameters=_parameters(parameters),
        Capabilities=sorted(CAPABILITIES),
    )
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    return _stack(it)


def _stack(it: StackScenario) -> dict[str, Any]:
    stack: dict[str, Any] = it.client.describe_stacks(StackName=it.stack)["Stacks"][0]
    return stack


def _parameters(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs") or []}


def _physical(it: StackScenario, logical: str) -> str:
    found = it.client.describe_stack_resource(StackName=it.stack, LogicalResourceId=logical)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def _one(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Resources": {"R": _resource(kind, **properties)}}


def _listed(it: StackScenario, step: str) -> None:
    it.match(step, it.client.describe_stack_resources(StackName=it.stack))


def event_types(it: StackScenario) -> None:
    queue_policy = {
        "Queues": [{"Ref": "Q"}],
        "PolicyDocument": {
            "Statement": [
                {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
            ]
        },
    }
    subscription = {
        "TopicArn": {"Ref": "T"},
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": ["Q", "Arn"]},
    }
    resources = {
        "T": TOPIC,
        "Q": _resource("AWS::SQS::Queue"),
        "P": _resource("AWS::SQS::QueuePolicy", **queue_policy),
        "S": _resource("AWS::SNS::Subscription", **subscription),
    }
    _made(it, {"Resources": resources})
    events = it.client.describe_stack_events(StackName=it.stack)["StackEvents"]
    it.match("resource_types", sorted({each["ResourceType"] for each in events}))


def subnets(it: StackScenario) -> None:
    template = {
        "Parameters": {"P": {"Type": "CommaDelimitedList"}},
        "Resources": {"T": TOPIC},
        "Outputs": {"ParamValue": {"Value": {"Fn::Join": ["|", {"Ref": "P"}]}}},
    }
    it.match("outputs", _outputs(_made(it, template, P="subnet-id-1,subnet-id-2")))


def to_json(it: StackScenario) -> None:
    template = {
        "Transform": _LANGUAGE,
        "Resources": {
            "MyObjectParameter": _resource(
                "AWS::SSM::Parameter",
                Type="String",
                Value={"Fn::ToJsonString": {"a": "foo", "b": "bar"}},
            ),
            "MyArrayParameter": _resource(
                "AWS::SSM::Parameter", Type="String", Value={"Fn::ToJsonString": ["a", "b", "c"]}
            ),
        },
        "Outputs": {
            "ObjectName": {"Value": {"Ref": "MyObjectParameter"}},
            "ArrayName": {"Value": {"Ref": "MyArrayParameter"}},
        },
    }
    outputs = _outputs(_made(it, template))
    ssm = it.clients("ssm")
    for step, name in (("array-value", "ArrayName"), ("object-value", "ObjectName")):
        it.match(step, ssm.get_parameter(Name=outputs[name])["Parameter"]["Value"])
    _language_resources(it)


def _language_resources(it: StackScenario) -> None:
    """Compare resources and the processed template; the recording has its own stack's names."""
    recorded = it.comparison.recorded("resources")["StackResources"]
    own = it.client.describe_stack_resources(StackName=it.stack)
    identity = recorded[0]["StackId"].rpartition("/")[2]
    for each in own["StackResources"]:
        each["StackId"] = each["StackId"].rpartition("/")[0] + f"/{identity}"
    it.match("resources", own)
    processed = it.client.get_template(StackName=it.stack, TemplateStage="Processed")
    it.match("transformed", processed["TemplateBody"])


def loops(it: StackScenario) -> None:
    def parameter(name: str) -> dict[str, Any]:
        return _resource("AWS::SSM::Parameter", Type="String", Value=f"my value {name}")

    def inner(name: str) -> dict[str, Any]:
        loop = [
            "Letter",
            ["A", "B", "C"],
            {f"My{name}Parameter${{Letter}}": parameter("${Letter}")},
        ]
        return {f"Fn::ForEach::{name}": loop}

    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": _LANGUAGE,
        "Resources": {
            "Fn::ForEach::Names": [
                "Name",
                ["Foo", "Bar"],
                {"My${Name}Parameter": parameter("${Name}")},
            ],
            **inner("Foo"),
            **inner("Bar"),
        },
    }
    _made(it, template)
    _language_resources(it)


def disabled_references(it: StackScenario) -> None:
    toggle = it.comparison.name.rpartition("[")[2].rstrip("]")
    value = {"Ref": "ParameterValue"}
    conditional = {
        **_resource("AWS::SSM::Parameter", Type="String", Value=value),
        "Condition": "Yes",
    }
    reference = {"Fn::If": ["Yes", {"Fn::GetAtt": ["ConditionalParameter", "Value"]}, value]}
    template = {
        "Parameters": {"Toggle": {"Type": "String"}, "ParameterValue": {"Type": "String"}},
        "Conditions": {"Yes": {"Fn::Equals": [{"Ref": "Toggle"}, "yes"]}},
        "Resources": {
            "BaseParameter": _resource("AWS::SSM::Parameter", Type="String", Value=reference),
            "ConditionalParameter": conditional,
            "AnotherResource": {
                **_resource(
                    "AWS::SSM::Parameter", Type="String", Value={"Ref": "ConditionalParameter"}
                ),
                "Condition": "Yes",
            },
        },
        "Outputs": {
            "ConditionalParameterValue": {
                "Condition": "Yes",
                "Value": {"Fn::GetAtt": ["ConditionalParameter", "Value"]},
            }
        },
    }
    made = it.client.create_change_set(
        StackName=it.stack,
        ChangeSetName=it.change_set,
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
        Parameters=_parameters({"Toggle": toggle, "ParameterValue": new_name("value")}),
        Capabilities=sorted(CAPABILITIES),
    )
    it.client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
    it.client.execute_change_set(ChangeSetName=made["Id"])
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    described = it.client.describe_stacks(StackName=it.stack)
    for members in ("Capabilities", "Parameters"):
        stack = described["Stacks"][0]
        stack[members] = sorted(stack[members], key=lambda each: str(each))
    it.match("stack-description", described)
    _listed(it, "resources-description")


def table_mode(it: StackScenario) -> None:
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    provisioned = {"Fn::Equals": [{"Ref": "Mode"}, "PROVISIONED"]}
    template = {
        "Parameters": {"Mode": {"Type": "String"}},
        "Conditions": {"Provisioned": provisioned},
        **_one(
            "AWS::DynamoDB::Table",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode={"Ref": "Mode"},
            ProvisionedThroughput={"Fn::If": ["Provisioned", throughput, {"Ref": "AWS::NoValue"}]},
            StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
        ),
    }
    _made(it, template, Mode="PROVISIONED")
    it.match(
        "table_description", it.clients("dynamodb").describe_table(TableName=_physical(it, "R"))
    )


def encrypted_table(it: StackScenario) -> None:
    template = _one(
        "AWS::DynamoDB::Table",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        SSESpecification={"SSEEnabled": True},
        TimeToLiveSpecification={"AttributeName": "expire_at", "Enabled": True},
    )
    _made(it, template)
    it.match(
        "table_description", it.clients("dynamodb").describe_table(TableName=_physical(it, "R"))
    )


def rules(it: StackScenario) -> None:
    bus, name = new_name("bus"), new_name("rule")
    pattern = {"source": ["test"]}
    template = {
        "Resources": {
            "Bus": _resource("AWS::Events::EventBus", Name=bus),
            "Named": _resource(
                "AWS::Events::Rule", Name=name, EventBusName={"Ref": "Bus"}, EventPattern=pattern
            ),
            "Unnamed": _resource(
                "AWS::Events::Rule", EventBusName={"Ref": "Bus"}, EventPattern=pattern
            ),
            "Usual": _resource("AWS::Events::Rule", EventPattern=pattern),
        },
        "Outputs": {
            f"Rule{what}{kind}": {"Value": value}
            for what, logical in (
                ("WithName", "Named"),
                ("WithoutName", "Unnamed"),
                ("WithoutBus", "Usual"),
            )
            for kind, value in (
                ("Ref", {"Ref": logical}),
                ("Arn", {"Fn::GetAtt": [logical, "Arn"]}),
            )
        },
    }
    outputs = _outputs(_made(it, template))
    it.comparison.know("<event-bus-name>", bus)
    it.match("outputs", outputs)


def stream(it: StackScenario) -> None:
    _made(it, _one("AWS::Kinesis::Stream", ShardCount=1))
    described = it.clients("kinesis").describe_stream(StreamName=_physical(it, "R"))
    it.match("describe_stream", described)


def layers(it: StackScenario) -> None:
    layer, function = new_name("layer"), new_name("function")
    s3, bucket = it.clients("s3"), new_name("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="layer.zip", Body=zip_of(python_l__py="x = 1\n"))
    code = {"ZipFile": "def handler(event, context):\n    return event\n"}
    template = {
        "Resources": {
            "Layer": _resource(
                "AWS::Lambda::LayerVersion",
                LayerName=layer,
                Content={"S3Bucket": bucket, "S3Key": "layer.zip"},
            ),
            "Fn": _resource(
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
    it.match("cfn-output", _outputs(_made(it, template)))
    it.match("layer-name", layer)


def object_locks(it: StackScenario) -> None:
    rule = {"DefaultRetention": {"Days": 2, "Mode": "GOVERNANCE"}}
    configured = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    template = {
        "Resources": {
            "A": _resource("AWS::S3::Bucket", ObjectLockEnabled=True),
            "B": _resource(
                "AWS::S3::Bucket", ObjectLockEnabled=True, ObjectLockConfiguration=configured
            ),
        }
    }
    _made(it, template)
    s3 = it.clients("s3")
    for logical, step in (("A", "only-enabled"), ("B", "with-configuration")):
        found = s3.get_object_lock_configuration(Bucket=_physical(it, logical))
        it.match(f"object-lock-info-{step}", found)


def website(it: StackScenario) -> None:
    rule = {
        "RoutingRuleCondition": {
            "HttpErrorCodeReturnedEquals": "404",
            "KeyPrefixEquals": "out1/",
        },
        "RedirectRule": {"ReplaceKeyWith": "redirected.html"},
    }
    configuration = {
        "IndexDocument": "index.html",
        "ErrorDocument": "error.html",
        "RoutingRules": [rule],
    }
    _made(it, _one("AWS::S3::Bucket", WebsiteConfiguration=configuration))
    it.match("get_bucket_website", it.clients("s3").get_bucket_website(Bucket=_physical(it, "R")))


def secret_policy(it: StackScenario) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "secretsmanager:ReplicateSecretToRegions",
        "Resource": "*",
        "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    template = {
        "Resources": {
            "Secret": _resource("AWS::SecretsManager::Secret", SecretString="s"),
            "Policy": _resource(
                "AWS::SecretsManager::ResourcePolicy",
                SecretId={"Ref": "Secret"},
                ResourcePolicy=policy,
            ),
        },
        "Outputs": {
            "SecretId": {"Value": {"Ref": "Secret"}},
            "SecretPolicyArn": {"Value": {"Ref": "Policy"}},
        },
    }
    outputs = _outputs(_made(it, template))
    it.match("outputs", outputs)
    secrets = it.clients("secretsmanager")
    it.match("resource_policy", secrets.get_resource_policy(SecretId=outputs["SecretId"]))


def remote_topic(it: StackScenario) -> None:
    region = "us-east-2"
    topic = it.clients("sns", region_name=region).create_topic(Name=new_name("topic"))["TopicArn"]
    subscription = {
        "TopicArn": topic,
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": ["Q", "Arn"]},
        "Region": region,
        "RawMessageDelivery": True,
    }
    template = {
        "Resources": {
            "Q": _resource("AWS::SQS::Queue"),
            "S": _resource("AWS::SNS::Subscription", **subscription),
        }
    }
    _made(it, template)
    sns = it.clients("sns", region_name=region)
    found = sns.get_subscription_attributes(SubscriptionArn=_physical(it, "S"))
    it.comparison.know("<region2>", region)
    # Whoever calls here is the account itself.
    root = "arn:aws:iam::111111111111:root"
    assert found["Attributes"]["SubscriptionPrincipal"] == root
    found["Attributes"]["SubscriptionPrincipal"] = "arn:aws:iam::111111111111:user/someone"
    it.match("subscription-1", found)


def changed_reference(it: StackScenario) -> None:
    def template(value: str) -> dict[str, Any]:
        first = {**PARAMETER, "Properties": {"Type": "String", "Value": value}}
        second = {"Type": "String", "Value": {"Fn::GetAtt": ["A", "Value"]}}
        return {"Resources": {"A": first, "B": _resource("AWS::SSM::Parameter", **second)}}

    ssm = it.clients("ssm")
    values = (new_name("value"), new_name("value"))
    _made(it, template(values[0]))
    name = _physical(it, "B")
    it.comparison.know("<name-1>", values[0])
    it.comparison.know("<name-2>", values[1])
    it.match("before-value", ssm.get_parameter(Name=name)["Parameter"]["Value"])
    it.client.update_stack(StackName=it.stack, TemplateBody=json.dumps(template(values[1])))
    it.client.get_waiter("stack_update_complete").wait(StackName=it.stack)
    it.match("after-value", ssm.get_parameter(Name=name)["Parameter"]["Value"])


def nested_outputs(it: StackScenario) -> None:
    s3, bucket, role = it.clients("s3"), new_name("bucket"), new_name("role")
    s3.create_bucket(Bucket=bucket)

    def child(key: str, template: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(template))
        url = f"https://{bucket}.s3.amazonaws.com/{key}"
        return _resource("AWS::CloudFormation::Stack", TemplateURL=url, Parameters=parameters)

    text = {"Type": "String"}
    statement = {"Effect": "Allow", "Action": ["sns:Publish"], "Resource": [{"Ref": "Topic"}]}
    policy = {
        "PolicyName": "PolicyA",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "Roles": [{"Ref": "Role"}],
    }
    topics = {
        "Resources": {"T": TOPIC},
        "Outputs": {"Arn": {"Value": {"Ref": "T"}}},
    }
    roles = {
        "Parameters": {"Topic": text, "Role": text},
        "Resources": {
            "R": _resource("AWS::IAM::Role", RoleName=role, AssumeRolePolicyDocument=_ASSUME),
            "P": {**_resource("AWS::IAM::Policy", **policy), "DependsOn": "R"},
        },
    }
    arn = {"Fn::GetAtt": ["Topics", "Outputs.Arn"]}
    template = {
        "Resources": {
            "Topics": child("topics.json", topics),
            "Roles": child("roles.json", roles, Topic=arn, Role=role),
        }
    }
    _made(it, template)
    iam = it.clients("iam")
    it.match("get_role_response", iam.get_role(RoleName=role))
    it.match("role_policies", iam.list_role_policies(RoleName=role))
    it.match("actual_policy", iam.get_role_policy(RoleName=role, PolicyName="PolicyA"))


def without_parameters(it: StackScenario) -> None:
    def topic(name: str) -> str:
        return json.dumps({"Resources": {"topic123": _resource("AWS::SNS::Topic", TopicName=name)}})

    it.client.create_stack(StackName=it.stack, TemplateBody=topic(new_name("topic")))
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    made = it.client.create_change_set(
        StackName=it.stack,
        ChangeSetName=it.change_set,
        ChangeSetType="UPDATE",
        TemplateBody=topic(new_name("topic")),
    )
    it.match("create_change_set", made)
    # Each answer's names were numbered on their own.
    it.comparison.forget("<resource:1>")
    it.client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
    described = it.client.describe_change_set(ChangeSetName=made["Id"])
    for change in described["Changes"]:
        # Since 2024 answers tell more.
        change["ResourceChange"].pop("PolicyAction", None)
        for detail in change["ResourceChange"]["Details"]:
            detail["Target"] = {
                name: detail["Target"][name] for name in ("Attribute", "Name", "RequiresRecreation")
            }
    it.match("describe_change_set", described)
    it.match("list_change_set", it.client.list_change_sets(StackName=it.stack))


def drift(it: StackScenario) -> None:
    variables = {"ENDPOINT_URL": "aws.amazon.com"}
    resources = {
        "Role": _resource("AWS::IAM::Role", AssumeRolePolicyDocument=_ASSUME),
        "Function": _resource(
            "AWS::Lambda::Function",
            Code={"ZipFile": "def handler(event, context):\n    return event\n"},
            Description="function to test lambda function url",
            Environment={"Variables": variables},
            Handler="index.handler",
            Role={"Fn::GetAtt": ["Role", "Arn"]},
            Runtime="python3.9",
        ),
    }
    _made(it, {"Resources": resources})
    name = _physical(it, "Function")
    it.clients("lambda").update_function_configuration(
        FunctionName=name,
        Description="different description",
        Environment={"Variables": {"ENDPOINT_URL": "localhost.localstack.cloud"}},
        Runtime="python3.8",
    )
    answer = it.client.detect_stack_resource_drift(StackName=it.stack, LogicalResourceId="Function")
    # The recording has its own stack's names.
    recorded = it.comparison.recorded("drift_detection")["StackResourceDrift"]
    found = answer["StackResourceDrift"]
    assert found["PhysicalResourceId"] == name
    found["PhysicalResourceId"] = recorded["PhysicalResourceId"]
    found["StackId"] = found["StackId"].replace(it.stack, "stack-0d03b713")
    it.match("drift_detection", answer)


def alarm(it: StackScenario) -> None:
    properties = {
        "Namespace": "n",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    template = {
        "Resources": {"A": _resource("AWS::CloudWatch::Alarm", **properties)},
        "Outputs": {
            "AlarmName": {"Value": {"Ref": "A"}},
            "AlarmArnFromAtt": {"Value": {"Fn::GetAtt": ["A", "Arn"]}},
        },
    }
    it.match("alarm_outputs", _outputs(_made(it, template)))


def updated_queue(it: StackScenario) -> None:
    def template(**properties: Any) -> str:
        return json.dumps(
            {"Resources": {"StandardQueue": _resource("AWS::SQS::Queue", **properties)}}
        )

    name, sqs = new_name("queue"), it.clients("sqs")
    changed = {
        "MaximumMessageSize": 4321,
        "MessageRetentionPeriod": 17539,
        "ReceiveMessageWaitTimeSeconds": 17,
    }
    it.client.create_stack(StackName=it.stack, TemplateBody=template(QueueName=name))
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    url = _physical(it, "StandardQueue")

    def show(step: str) -> None:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        it.match(step, found)

    show("queue-attributes-1")
    for number, properties in ((2, changed), (3, {})):
        it.client.update_stack(
            StackName=it.stack, TemplateBody=template(QueueName=name, **properties)
        )
        it.client.get_waiter("stack_update_complete").wait(StackName=it.stack)
        show(f"queue-attributes-{number}")
    events = it.client.describe_stack_events(StackName=it.stack)["StackEvents"]
    kept = (
        "LogicalResourceId",
        "PhysicalResourceId",
        "ResourceStatus",
        "ResourceType",
        "Timestamp",
    )
    recorded = it.comparison.recorded("events")
    own = [
        {key: each[key] for key in kept}
        for each in reversed(events)
        if each["LogicalResourceId"] == "StandardQueue" and each["PhysicalResourceId"]
    ]
    for each in own:
        # The addresses of queues are this machine's.
        assert each["PhysicalResourceId"] == url
        each["PhysicalResourceId"] = f"https://sqs.us-east-1.amazonaws.com/111111111111/{name}"
    assert len(own) == len(recorded)
    it.match("events", own)


def described_after_deletion(it: StackScenario) -> None:
    template = {
        "Parameters": {"TopicName": {"Type": "String"}},
        "Resources": {
            "topic123": _resource("AWS::SNS::Topic", TopicName={"Ref": "TopicName"}),
        },
    }

    def change_set(name: str, kind: str, topic: str) -> str:
        made = it.client.create_change_set(
            StackName=it.stack,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=json.dumps(template),
            Parameters=_parameters({"TopicName": topic}),
        )
        it.client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
        return str(made["Id"])

    first, topics = it.change_set, (new_name("topic"), new_name("topic"))
    it.client.execute_change_set(ChangeSetName=change_set(first, "CREATE", topics[0]))
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    it.comparison.know("<cs-1-name>", first)
    it.comparison.know("<topic-2-name>", topics[1])
    second = change_set(new_name("change-set"), "UPDATE", topics[1])
    described = it.client.describe_change_set(ChangeSetName=second)
    it.comparison.know("<change-set-name:1>", described["ChangeSetName"])
    it.match("describe-2", described)
    it.client.delete_change_set(StackName=it.stack, ChangeSetName=first)
    try:
        it.client.describe_change_set(StackName=it.stack, ChangeSetName=first)
    except ClientError as error:
        it.match("describe-deleted-cs", error.response)


#: By the recordings' names.
RESOURCES: dict[str, Callable[[StackScenario], None]] = {
    "test_drift_detection_on_lambda": drift,
    "test_alarm_creation": alarm,
    "test_queue_update": updated_queue,
    "test_describe_changeset_after_delete": described_after_deletion,
    "test_events_resource_types": event_types,
    "test_subnet_id_parameter_type": subnets,
    "test_transform_to_json_string": to_json,
    "test_transform_foreach_multiple_resources": loops,
    "test_references_to_disabled_resources[no]": disabled_references,
    "test_references_to_disabled_resources[yes]": disabled_references,
    "test_billing_mode_as_conditional[PROVISIONED]": table_mode,
    "test_table_with_ttl_and_sse": encrypted_table,
    "test_rule_properties": rules,
    "test_default_parameters_kinesis": stream,
    "test_lambda_layer_crud": layers,
    "test_object_lock_configuration": object_locks,
    "test_website_configuration": website,
    "test_cfn_secret_policy[default]": secret_policy,
    "test_sns_subscription_region": remote_topic,
    "test_execute_with_ref": changed_reference,
    "test_nested_output_in_params": nested_outputs,
    "test_create_change_set_update_without_parameters": without_parameters,
}
