"""Which calls there are, by the names that ``aws-sdk`` integrations use."""

from __future__ import annotations

import pytest

from emulator.services import sdk_shapes
from emulator.services.sdk_shapes import members
from emulator.wire.model import service_names


@pytest.mark.parametrize(
    ("service", "action", "member"),
    [
        ("dynamodb", "getItem", "tablename"),
        ("sfn", "startExecution", "statemachinearn"),
        ("eventbridge", "putEvents", "entries"),
        ("cloudwatchlogs", "createLogStream", "loggroupname"),
        ("ec2", "describeInstances", "instanceids"),
        ("rds", "describeDBInstances", "dbinstanceidentifier"),
        ("config", "describeConfigRules", "configrulenames"),
        ("configservice", "describeConfigRules", "configrulenames"),
        ("elasticloadbalancing", "describeLoadBalancers", "loadbalancernames"),
        ("elasticloadbalancingv2", "describeLoadBalancers", "loadbalancerarns"),
        ("cognitoidentityprovider", "adminGetUser", "userpoolid"),
        ("s3", "listBuckets", "prefix"),
    ],
)
def test_what_there_is(service: str, action: str, member: str) -> None:
    assert member in members(service, action).names


@pytest.mark.parametrize(
    ("service", "action"),
    [
        ("dynamodb", "GetItem"),
        ("dynamodb", "getThing"),
        ("dynamodb", ""),
        ("stepfunctions", "startExecution"),
        ("logs", "createLogStream"),
        ("DynamoDB", "getItem"),
        ("nope", "getItem"),
        ("../s3", "getObject"),
        ("", "getItem"),
    ],
)
def test_what_there_is_not(service: str, action: str) -> None:
    with pytest.raises(LookupError):
        members(service, action)


def test_every_service_has_a_name() -> None:
    # Two models have one title; the SDK for Java has one of them.
    assert set(service_names()) - set(sdk_shapes._by_title().values()) == {"pinpoint-sms-voice"}
