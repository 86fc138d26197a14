"""Tenant isolation through boto3: a call names its tenant, and nothing that can't calls at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from tests.api.conftest import Running, create, zip_of

_PER_TENANT = {"TenantIsolationMode": "PER_TENANT"}
_COUNTS = zip_of(
    app__py="""
calls = []
def handler(event, context):
    calls.append(context.tenant_id)
    return calls
"""
)


@pytest.fixture
def client(scripted: Running) -> Any:
    return scripted.client("lambda")


def _refused(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return caught.value.response["Error"]["Message"]


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
def test_a_call_names_its_tenant_where_there_are_tenants(client: Any, kind: str) -> None:
    create(client, "isolated", TenancyConfig=_PER_TENANT)
    create(client, "plain")
    assert _refused(client.invoke, FunctionName="isolated", InvocationType=kind) == (
        "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in "
        "your request and try again."
    )
    assert "Remove the tenant ID" in _refused(
        client.invoke, FunctionName="plain", InvocationType=kind, TenantId="blue"
    )
    answer = client.invoke(FunctionName="isolated", InvocationType=kind, TenantId="blue")
    answer["Payload"].read()
    assert answer["StatusCode"] < 300


def test_what_names_no_tenant_is_refused(client: Any) -> None:
    create(client, "isolated", TenancyConfig=_PER_TENANT, Publish=True)
    assert "tenant isolation" in _refused(
        client.create_function_url_config, FunctionName="isolated", AuthType="NONE"
    )
    assert "tenant isolation" in _refused(
        client.put_provisioned_concurrency_config,
        FunctionName="isolated",
        Qualifier="1",
        ProvisionedConcurrentExecutions=1,
    )
    assert "tenant isolation" in _refused(
        client.create_event_source_mapping,
        FunctionName="isolated",
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:queue",
    )
    with pytest.raises(ClientError, match="tenant isolation"):
        create(
            client,
            "snap",
            TenancyConfig=_PER_TENANT,
            SnapStart={"ApplyOn": "PublishedVersions"},
        )


def test_an_environment_serves_one_tenant() -> None:
    running = Running(Settings(port=0))
    try:
        client = running.client("lambda")
        create(client, "counts", Code={"ZipFile": _COUNTS}, TenancyConfig=_PER_TENANT)
        seen = [
            json.load(client.invoke(FunctionName="counts", TenantId=tenant)["Payload"])
            for tenant in ("blue", "green", "blue", "blue", "green")
        ]
        assert seen == [
            ["blue"],
            ["green"],
            ["blue"] * 2,
            ["blue"] * 3,
            ["green"] * 2,
        ]
    finally:
        running.stop()
