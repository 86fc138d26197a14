"""What the sweep changes of resource types: EventBridge, Scheduler, Pipes and Step Functions."""

from __future__ import annotations

import json
from typing import Any

from tests.api.kind_cases.case import ARN_OF_Q, TAGS, Also, Ask, Case, Clients, Q, queue, resource
from tests.api.stacks import ROLE


def _read_rule(clients: Clients, name: str) -> Any:
    client = clients("events")
    found = client.describe_rule(Name=name)
    return (
        found,
        client.list_targets_by_rule(Rule=name)["Targets"],
        client.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"],
    )


def _read_bus(clients: Clients, name: str) -> Any:
    client = clients("events")
    found = client.describe_event_bus(Name=name)
    return found, client.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]


def _read_machine(clients: Clients, arn: str) -> Any:
    client = clients("stepfunctions")
    tags = client.list_tags_for_resource(resourceArn=arn)["tags"]
    return client.describe_state_machine(stateMachineArn=arn), tags


def _read_schedule(clients: Clients, name: str) -> Any:
    return clients("scheduler").get_schedule(Name=name)


def _read_group(clients: Clients, name: str) -> Any:
    client = clients("scheduler")
    arn = client.get_schedule_group(Name=name)["Arn"]
    return client.list_tags_for_resource(ResourceArn=arn)["Tags"]


def _read_pipe(clients: Clients, name: str) -> Any:
    return clients("pipes").describe_pipe(Name=name)


_STATES = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})


_OTHER_STATES = _STATES.replace("Succeed", "Fail")


_BUSES = {
    name: resource("AWS::Events::EventBus", Name=f"policed-{name.lower()}")
    for name in ("Bus", "Other")
}

_CONNECTION = {
    "AuthorizationType": "API_KEY",
    "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}},
}
_BUS_OF_POLICY = {"Bus": resource("AWS::Events::EventBus", Name="of-policy")}
_VERSIONS = {
    "M": resource("AWS::StepFunctions::StateMachine", DefinitionString=_STATES, RoleArn=ROLE),
    "V": resource("AWS::StepFunctions::StateMachineVersion", StateMachineArn={"Ref": "M"}),
}


_PRIVATE = "arn:aws:vpc-lattice:us-east-1:000000000000:resourceconfiguration/rcfg-0123456789abcdef0"
CASES: dict[str, Case] = {
    "AWS::Events::ApiDestination": Case(
        {
            "ConnectionArn": {"Fn::GetAtt": "C.Arn"},
            "HttpMethod": "GET",
            "InvocationEndpoint": "https://a.example",
        },
        {
            "ConnectionArn": {"Fn::GetAtt": "D.Arn"},
            "Description": "d",
            "HttpMethod": "POST",
            "InvocationEndpoint": "https://b.example",
            "InvocationRateLimitPerSecond": 9,
        },
        (Ask("events", "describe_api_destination", {"Name": "{R}"}),),
        {name: resource("AWS::Events::Connection", **_CONNECTION) for name in "CD"},
        replaces={"Name": "other-swept"},
    ),
    "AWS::Events::Archive": Case(
        {"SourceArn": {"Fn::GetAtt": "Bus.Arn"}},
        {
            "Description": "d",
            "EventPattern": {"source": ["a"]},
            "KmsKeyIdentifier": "alias/aws/events",
            "RetentionDays": 9,
        },
        (Ask("events", "describe_archive", {"ArchiveName": "{R}"}),),
        {
            name: resource("AWS::Events::EventBus", Name=f"archived-{name.lower()}")
            for name in ("Bus", "Other")
        },
        replaces={"ArchiveName": "other-swept", "SourceArn": {"Fn::GetAtt": "Other.Arn"}},
    ),
    "AWS::Events::Connection": Case(
        _CONNECTION,
        {
            "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "l", "ApiKeyValue": "v"}},
            "AuthorizationType": Also(
                AuthorizationType="BASIC",
                AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"}},
            ),
            # There is no VPC Lattice: only the description shows.
            "InvocationConnectivityParameters": Also(
                InvocationConnectivityParameters={
                    "ResourceParameters": {"ResourceConfigurationArn": _PRIVATE}
                },
                Description="private",
            ),
            "Description": "d",
            "KmsKeyIdentifier": "alias/aws/events",
        },
        (Ask("events", "describe_connection", {"Name": "{R}"}),),
        replaces={"Name": "other-swept"},
    ),
    "AWS::Events::EventBusPolicy": Case(
        {
            "EventBusName": {"Ref": "Bus"},
            "StatementId": "swept",
            "Statement": {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "events:PutEvents",
                "Resource": {"Fn::GetAtt": "Bus.Arn"},
            },
        },
        {
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                "Action": "events:PutEvents",
                "Resource": {"Fn::GetAtt": "Bus.Arn"},
            },
        },
        (Ask("events", "describe_event_bus", {"Name": "{Bus}"}, ("Policy",)),),
        _BUSES,
        replaces={"EventBusName": {"Ref": "Other"}, "StatementId": "other"},
    ),
    "AWS::Events::EventBusPolicy in parts": Case(
        {
            "EventBusName": {"Ref": "Bus"},
            "StatementId": "swept",
            "Action": "events:PutEvents",
            "Principal": "*",
        },
        {
            "Condition": {
                "Type": "StringEquals",
                "Key": "aws:PrincipalOrgID",
                "Value": "o-1234567890",
            },
            "Principal": "123456789012",
        },
        (Ask("events", "describe_event_bus", {"Name": "{Bus}"}, ("Policy",)),),
        _BUSES,
        replaces={"EventBusName": {"Ref": "Other"}, "StatementId": "other"},
        unseen={"Action": "there is one only"},
    ),
    "AWS::StepFunctions::Activity": Case(
        {"Name": "swept"},
        {"Tags": TAGS},
        (
            Ask("stepfunctions", "describe_activity", {"activityArn": "{R}"}),
            Ask("stepfunctions", "list_tags_for_resource", {"resourceArn": "{R}"}),
        ),
        replaces={
            "EncryptionConfiguration": Also(
                Name="encrypted",
                EncryptionConfiguration={
                    "Type": "CUSTOMER_MANAGED_KMS_KEY",
                    "KmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/k",
                },
            ),
            "Name": "other",
        },
    ),
    "AWS::StepFunctions::StateMachineAlias": Case(
        {
            "Name": "swept",
            "RoutingConfiguration": [{"StateMachineVersionArn": {"Ref": "V"}, "Weight": 100}],
        },
        {"Description": "d"},
        (Ask("stepfunctions", "describe_state_machine_alias", {"stateMachineAliasArn": "{R}"}),),
        _VERSIONS,
        replaces={"Name": "other"},
        unseen={
            "DeploymentPreference": "a template has one version of a machine",
            "RoutingConfiguration": "a template has one version of a machine",
            "StateMachineArn": "the versions tell the machine",
        },
    ),
    "AWS::StepFunctions::StateMachineVersion": Case(
        {"StateMachineArn": {"Ref": "M"}},
        {},
        (Ask("stepfunctions", "describe_state_machine", {"stateMachineArn": "{R}"}),),
        dict.fromkeys("MN", _VERSIONS["M"]),
        replaces={"StateMachineArn": {"Ref": "N"}},
        unseen={
            "Description": "a version like the last one is none",
            "StateMachineRevisionId": "it is compared, and kept nowhere",
        },
    ),
    "AWS::Events::Rule": Case(
        {"EventPattern": {"source": ["a"]}},
        {
            "Description": "d",
            "EventPattern": {"source": ["b"]},
            "RoleArn": ROLE,
            "State": "DISABLED",
            "Tags": TAGS,
            "Targets": [{"Id": "q", "Arn": ARN_OF_Q}],
        },
        _read_rule,
        Q,
    ),
    "AWS::Events::EventBus": Case(
        {"Name": "swept"},
        {
            "DeadLetterConfig": {"Arn": ARN_OF_Q},
            "Description": "d",
            "Tags": TAGS,
        },
        _read_bus,
        Q,
    ),
    "AWS::StepFunctions::StateMachine": Case(
        {"DefinitionString": _STATES, "RoleArn": ROLE},
        {
            "DefinitionString": _OTHER_STATES,
            "Tags": TAGS,
            "TracingConfiguration": {"Enabled": True},
        },
        _read_machine,
    ),
    "AWS::Scheduler::Schedule": Case(
        {
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": "rate(1 day)",
            "Target": {"Arn": ARN_OF_Q, "RoleArn": ROLE},
        },
        {
            "Description": "d",
            "EndDate": "2099-01-01T00:00:00Z",
            "ScheduleExpression": "rate(2 days)",
            "ScheduleExpressionTimezone": "Europe/Berlin",
            "State": "DISABLED",
        },
        _read_schedule,
        Q,
    ),
    "AWS::Scheduler::ScheduleGroup": Case({}, {"Tags": TAGS}, _read_group),
    "AWS::Pipes::Pipe": Case(
        {"RoleArn": ROLE, "Source": ARN_OF_Q, "Target": {"Fn::GetAtt": "T.Arn"}},
        {"Description": "d", "DesiredState": "STOPPED", "Tags": {"a": "b"}},
        _read_pipe,
        {**Q, "T": queue()},
    ),
}
