"""Resource policies of REST APIs: who may call, by address and principal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.edge.http_fronts.rest_api.access import effect_of_policy, refused_by_policy
from emulator.services.apigateway.execution.call import GatewayFailure, MethodCall


def call(policy: Any) -> MethodCall:
    parts: Any = None
    return MethodCall(
        parts=parts, account="123456123456", region="us-east-1", api_id="api",
        snapshot={"api": {"policy": json.dumps(policy)} if policy else {}}, resource={"path": "/x"},
        method={}, http_method="GET", path="/x", path_parameters={}, query=[], headers=[], body=b"",
        is_binary=False, stage_variables={}, trace_id="", request_id="",
        context={"identity": {"sourceIp": "10.0.0.1"}},
    )  # fmt: skip


def statement(effect: str, **more: Any) -> dict[str, Any]:
    return {
        "Effect": effect, "Principal": "*", "Action": "execute-api:Invoke",
        "Resource": "execute-api:/dev/GET/*", **more,
    }  # fmt: skip


OFFICE = {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
ELSEWHERE = {"Condition": {"IpAddress": {"aws:SourceIp": "192.168.0.0/16"}}}


@pytest.mark.parametrize(
    ("policy", "effect"),
    [
        (None, "Allow"),
        ({"Statement": [statement("Allow")]}, "Allow"),
        ({"Statement": statement("Allow", **OFFICE)}, "Allow"),
        ({"Statement": [statement("Allow"), statement("Deny", **ELSEWHERE)]}, "Allow"),
        ({"Statement": [statement("Allow", **ELSEWHERE)]}, None),
        ({"Statement": [statement("Allow"), statement("Deny", **OFFICE)]}, "Deny"),
        ({"Statement": [statement("Allow", Resource="execute-api:/prod/*")]}, None),
        ({"Statement": [statement("Allow", Principal={"AWS": "222222222222"})]}, None),
    ],
)
def test_what_a_policy_says_of_who_has_not_signed(policy: Any, effect: str | None) -> None:
    assert effect_of_policy(call(policy), "dev") == effect


@pytest.mark.parametrize("explicit", [False, True])
def test_a_refusal_hides_the_account(explicit: bool) -> None:
    failure = refused_by_policy(call(None), "dev", "Deny" if explicit else None)
    arn = "arn:aws:execute-api:us-east-1:********3456:api/dev/GET/x"
    said = f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {arn}"
    assert failure.message == said + " with an explicit deny" * explicit
    assert failure.kind == "ACCESS_DENIED"


@pytest.mark.parametrize("text", ["{}", '{"Statement": [{"Effect": "Maybe"}]}', "[" * 100_000])
def test_what_is_no_policy_fails(text: str) -> None:
    asked = call(None)
    asked.snapshot = {"api": {"policy": text}}
    with pytest.raises(GatewayFailure) as caught:
        effect_of_policy(asked, "dev")
    assert caught.value.status == 500
