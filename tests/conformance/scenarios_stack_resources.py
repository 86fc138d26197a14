"""Scenarios of what stacks make of resources, as their services and CloudFormation show it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.replay import new_name
from tests.conformance.scenarios_stack_functions import (
    filtered_source,
    layers,
    queue_source,
    stream_source,
    version,
    wait_condition,
)
from tests.conformance.scenarios_stack_language import (
    changed_reference,
    disabled_references,
    loops,
    nested_conditions,
    nested_outputs,
    to_json,
    without_parameters,
)
from tests.conformance.scenarios_stacks import TOPIC
from tests.conformance.stack_scenario_parts import (
    ASSUME,
    describe_stack,
    lone,
    make_stack,
    outputs_of,
    parameters_of,
    physical_id,
    resource_of,
)
from tests.conformance.stack_updates import StackScenario


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
        "Q": resource_of("AWS::SQS::Queue"),
        "P": resource_of("AWS::SQS::QueuePolicy", **queue_policy),
        "S": resource_of("AWS::SNS::Subscription", **subscription),
    }
    make_stack(it, {"Resources": resources})
    events = it.client.describe_stack_events(StackName=it.stack)["StackEvents"]
    it.match("resource_types", sorted({each["ResourceType"] for each in events}))


def subnets(it: StackScenario) -> None:
    template = {
        "Parameters": {"P": {"Type": "CommaDelimitedList"}},
        "Resources": {"T": TOPIC},
        "Outputs": {"ParamValue": {"Value": {"Fn::Join": ["|", {"Ref": "P"}]}}},
    }
    it.match("outputs", outputs_of(make_stack(it, template, P="subnet-id-1,subnet-id-2")))


def table_mode(it: StackScenario) -> None:
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    provisioned = {"Fn::Equals": [{"Ref": "Mode"}, "PROVISIONED"]}
    template = {
        "Parameters": {"Mode": {"Type": "String"}},
        "Conditions": {"Provisioned": provisioned},
        **lone(
            "AWS::DynamoDB::Table",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode={"Ref": "Mode"},
            ProvisionedThroughput={"Fn::If": ["Provisioned", throughput, {"Ref": "AWS::NoValue"}]},
            StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
        ),
    }
    make_stack(it, template, Mode="PROVISIONED")
    it.match(
        "table_description", it.clients("dynamodb").describe_table(TableName=physical_id(it, "R"))
    )


def encrypted_table(it: StackScenario) -> None:
    template = lone(
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
    make_stack(it, template)
    it.match(
        "table_description", it.clients("dynamodb").describe_table(TableName=physical_id(it, "R"))
    )


def rules(it: StackScenario) -> None:
    bus, name = new_name("bus"), new_name("rule")
    pattern = {"source": ["test"]}
    template = {
        "Resources": {
            "Bus": resource_of("AWS::Events::EventBus", Name=bus),
            "Named": resource_of(
                "AWS::Events::Rule", Name=name, EventBusName={"Ref": "Bus"}, EventPattern=pattern
            ),
            "Unnamed": resource_of(
                "AWS::Events::Rule", EventBusName={"Ref": "Bus"}, EventPattern=pattern
            ),
            "Usual": resource_of("AWS::Events::Rule", EventPattern=pattern),
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
    outputs = outputs_of(make_stack(it, template))
    it.comparison.know("<event-bus-name>", bus)
    it.match("outputs", outputs)


def stream(it: StackScenario) -> None:
    make_stack(it, lone("AWS::Kinesis::Stream", ShardCount=1))
    described = it.clients("kinesis").describe_stream(StreamName=physical_id(it, "R"))
    it.match("describe_stream", described)


def object_locks(it: StackScenario) -> None:
    rule = {"DefaultRetention": {"Days": 2, "Mode": "GOVERNANCE"}}
    configured = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    template = {
        "Resources": {
            "A": resource_of("AWS::S3::Bucket", ObjectLockEnabled=True),
            "B": resource_of(
                "AWS::S3::Bucket", ObjectLockEnabled=True, ObjectLockConfiguration=configured
            ),
        }
    }
    make_stack(it, template)
    s3 = it.clients("s3")
    for logical, step in (("A", "only-enabled"), ("B", "with-configuration")):
        found = s3.get_object_lock_configuration(Bucket=physical_id(it, logical))
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
    make_stack(it, lone("AWS::S3::Bucket", WebsiteConfiguration=configuration))
    it.match("get_bucket_website", it.clients("s3").get_bucket_website(Bucket=physical_id(it, "R")))


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
            "Secret": resource_of("AWS::SecretsManager::Secret", SecretString="s"),
            "Policy": resource_of(
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
    outputs = outputs_of(make_stack(it, template))
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
            "Q": resource_of("AWS::SQS::Queue"),
            "S": resource_of("AWS::SNS::Subscription", **subscription),
        }
    }
    make_stack(it, template)
    sns = it.clients("sns", region_name=region)
    found = sns.get_subscription_attributes(SubscriptionArn=physical_id(it, "S"))
    it.comparison.know("<region2>", region)
    # Whoever calls here is the account itself.
    root = "arn:aws:iam::111111111111:root"
    assert found["Attributes"]["SubscriptionPrincipal"] == root
    found["Attributes"]["SubscriptionPrincipal"] = "arn:aws:iam::111111111111:user/someone"
    it.match("subscription-1", found)


def drift(it: StackScenario) -> None:
    variables = {"ENDPOINT_URL": "aws.amazon.com"}
    resources = {
        "Role": resource_of("AWS::IAM::Role", AssumeRolePolicyDocument=ASSUME),
        "Function": resource_of(
            "AWS::Lambda::Function",
            Code={"ZipFile": "def handler(event, context):\n    return event\n"},
            Description="function to test lambda function url",
            Environment={"Variables": variables},
            Handler="index.handler",
            Role={"Fn::GetAtt": ["Role", "Arn"]},
            Runtime="python3.9",
        ),
    }
    make_stack(it, {"Resources": resources})
    name = physical_id(it, "Function")
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
        "Resources": {"A": resource_of("AWS::CloudWatch::Alarm", **properties)},
        "Outputs": {
            "AlarmName": {"Value": {"Ref": "A"}},
            "AlarmArnFromAtt": {"Value": {"Fn::GetAtt": ["A", "Arn"]}},
        },
    }
    it.match("alarm_outputs", outputs_of(make_stack(it, template)))


def updated_queue(it: StackScenario) -> None:
    def template(**properties: Any) -> str:
        return json.dumps(
            {"Resources": {"StandardQueue": resource_of("AWS::SQS::Queue", **properties)}}
        )

    name, sqs = new_name("queue"), it.clients("sqs")
    changed = {
        "MaximumMessageSize": 4321,
        "MessageRetentionPeriod": 17539,
        "ReceiveMessageWaitTimeSeconds": 17,
    }
    it.client.create_stack(StackName=it.stack, TemplateBody=template(QueueName=name))
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    url = physical_id(it, "StandardQueue")

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
            "topic123": resource_of("AWS::SNS::Topic", TopicName={"Ref": "TopicName"}),
        },
    }

    def change_set(name: str, kind: str, topic: str) -> str:
        made = it.client.create_change_set(
            StackName=it.stack,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=json.dumps(template),
            Parameters=parameters_of({"TopicName": topic}),
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


def rest_api(it: StackScenario) -> None:
    types = ["image/jpg", "image/png"]
    template = lone("AWS::ApiGateway::RestApi", Name="DemoApi_dev", BinaryMediaTypes=types)
    make_stack(it, template)
    apis = it.clients("apigateway").get_rest_apis(limit=500)["items"]
    own = physical_id(it, "R")
    it.match("rest-api", next(each for each in apis if each["id"] == own))


def generated_secret(it: StackScenario) -> None:
    name = new_name("secret")
    generated = {
        "SecretStringTemplate": json.dumps({"username": "localstack"}),
        "GenerateStringKey": "password",
        "PasswordLength": 30,
    }
    template = {
        "Resources": {
            "Secret": resource_of(
                "AWS::SecretsManager::Secret",
                Name=name,
                Description="Aurora Password",
                GenerateSecretString=generated,
            )
        },
        "Outputs": {"SecretARN": {"Value": {"Ref": "Secret"}}},
    }
    outputs = outputs_of(make_stack(it, template))
    found = it.clients("secretsmanager").describe_secret(SecretId=outputs["SecretARN"])
    # The recording has its own stack's names, and its own version.
    recorded = it.comparison.recorded("secret")
    (version,) = recorded["VersionIdsToStages"]
    found["VersionIdsToStages"] = {version: next(iter(found["VersionIdsToStages"].values()))}
    names = {each["Key"].rpartition(":")[2]: each["Value"] for each in recorded["Tags"]}
    own = names["stack-id"].partition(":stack/")[2]
    stack_id = describe_stack(it)["StackId"].partition(":stack/")[2]
    for each in found["Tags"]:
        each["Value"] = each["Value"].replace(stack_id, own).replace(it.stack, names["stack-name"])
    it.match("secret", found)


def patch_baseline(it: StackScenario) -> None:
    baseline = resource_of("AWS::SSM::PatchBaseline", Name=new_name("baseline"))
    template = {"Resources": {"myPatchBaseline": baseline}}
    make_stack(it, template)
    found = it.client.describe_stack_resource(
        StackName=it.stack, LogicalResourceId="myPatchBaseline"
    )
    it.match("patch_baseline", found["StackResourceDetail"])


def powerless_role(it: StackScenario) -> None:
    def template(value: str) -> str:
        return json.dumps({"Resources": {"T": {**TOPIC, "Properties": {"DisplayName": value}}}})

    it.client.create_stack(StackName=it.stack, TemplateBody=template("a"))
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    trust = json.loads(json.dumps(ASSUME).replace("lambda.amazonaws.com", "s3.amazonaws.com"))
    recorded = it.comparison.recorded("error")["Error"]["Message"]
    name = recorded.partition("role/")[2].split()[0]
    made = it.clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    try:
        it.client.update_stack(
            StackName=it.stack, TemplateBody=template("b"), RoleARN=made["Role"]["Arn"]
        )
    except ClientError as error:
        it.match("error", error.response)


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
    "test_nested_conditions[prod-bucket-policy]": nested_conditions,
    "test_nested_conditions[test-bucket-nopolicy]": nested_conditions,
    "test_cfn_apigateway_rest_api": rest_api,
    "test_waitcondition": wait_condition,
    "test_cfn_lambda_sqs_source": queue_source,
    "test_cfn_lambda_kinesis_source": stream_source,
    "test_lambda_w_dynamodb_event_filter_update": filtered_source,
    "test_cfn_secretsmanager_gen_secret": generated_secret,
    "test_deploy_patch_baseline": patch_baseline,
    "test_update_with_role_without_permissions": powerless_role,
}

#: Those whose functions really run.
RUNNING: dict[str, Callable[[StackScenario], None]] = {"test_lambda_version": version}
