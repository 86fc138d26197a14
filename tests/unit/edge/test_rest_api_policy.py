"""Resource policies of REST APIs: who may call, by address and principal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.edge.http_fronts.authorizers.base import Grant
from emulator.edge.http_fronts.rest_api.access import _check_policy
from emulator.services.apigateway.execution.call import GatewayFailure, MethodCall

ARN = "arn:aws:execute-api:us-east-1:1:api/dev/GET/x"


def call(policy: Any, user: str | None = None) -> MethodCall:
    parts: Any = None
    return MethodCall(
        parts=parts, account="1", region="us-east-1", api_id="api",
        snapshot={"api": {"policy": json.dumps(policy)} if policy else {}}, resource={"path": "/x"},
        method={}, http_method="GET", path="/x", path_parameters={}, query=[], headers=[], body=b"",
        is_binary=False, stage_variables={}, trace_id="", request_id="",
        context={"identity": {"sourceIp": "10.0.0.1", "userArn": user}},
    )  # fmt: skip


def statement(effect: str, **more: Any) -> dict[str, Any]:
    return {
        "Effect": effect, "Principal": "*", "Action": "execute-api:Invoke",
        "Resource": "execute-api:/dev/GET/*", **more,
    }  # fmt: skip


OFFICE = {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
ELSEWHERE = {"Condition": {"IpAddress": {"aws:SourceIp": "192.168.0.0/16"}}}


@pytest.mark.parametrize(
    "policy",
    [
        None,
        {"Statement": [statement("Allow")]},
        {"Statement": statement("Allow", **OFFICE)},
        {"Statement": [statement("Allow"), statement("Deny", **ELSEWHERE)]},
    ],
)
def test_who_may_call(policy: Any) -> None:
    _check_policy(call(policy), "dev", Grant())


@pytest.mark.parametrize(
    ("policy", "explicit"),
    [
        ({"Statement": [statement("Allow", **ELSEWHERE)]}, False),
        ({"Statement": [statement("Allow"), statement("Deny", **OFFICE)]}, True),
        ({"Statement": [statement("Allow", Resource="execute-api:/prod/*")]}, False),
    ],
)
def test_who_may_not(policy: Any, explicit: bool) -> None:
    with pytest.raises(GatewayFailure) as caught:
        _check_policy(call(policy), "dev", Grant())
    said = f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {ARN}"
    assert caught.value.message == said + " with an explicit deny" * explicit
    assert caught.value.kind == "ACCESS_DENIED"


def test_whom_an_account_trusts_need_not_be_named() -> None:
    policy = {"Statement": [statement("Allow", Principal={"AWS": "222222222222"})]}
    signed = call(policy, "arn:aws:iam::1:root")
    _check_policy(signed, "dev", Grant(account="1"))
    with pytest.raises(GatewayFailure):
        _check_policy(call(policy, "arn:aws:iam::3:root"), "dev", Grant(account="3"))
